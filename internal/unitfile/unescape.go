package unitfile

import "strings"

// unescapeOne reads the C escape that follows a backslash at the start of s
// (cunescape_one of src/basic/escape.c). It gives the bytes it stands for and
// how many of s it takes; n is 0 when there is no such escape. NUL cannot be
// written.
func unescapeOne(s string) (out string, n int) {
	if s == "" {
		return "", 0
	}
	if i := strings.IndexByte(`abfnrtv\"'s`, s[0]); i >= 0 {
		return "\a\b\f\n\r\t\v\\\"' "[i : i+1], 1
	}
	switch c := s[0]; {
	case c == 'x':
		if u, ok := digits(s, 1, 2, 16); ok && u != 0 {
			return string([]byte{byte(u)}), 3
		}
	case c == 'u':
		if u, ok := digits(s, 1, 4, 16); ok && u != 0 {
			return encodeRune(u), 5
		}
	case c == 'U':
		if u, ok := digits(s, 1, 8, 16); ok && u != 0 && u < 0x110000 && validRune(rune(u)) {
			return encodeRune(u), 9
		}
	case c >= '0' && c <= '7':
		if u, ok := digits(s, 0, 3, 8); ok && u != 0 && u <= 255 {
			return string([]byte{byte(u)}), 3
		}
	}
	return "", 0
}

func digits(s string, at, count int, base uint32) (uint32, bool) {
	if len(s) < at+count {
		return 0, false
	}
	var u uint32
	for _, c := range []byte(s[at : at+count]) {
		d := uint32(strings.IndexByte("0123456789abcdef", lower(c)))
		if d >= base {
			return 0, false
		}
		u = u*base + d
	}
	return u, true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// encodeRune is utf8_encode_unichar: unlike Go's it also encodes what is no
// character (surrogates), which a later check of the whole value refuses.
func encodeRune(u uint32) string {
	if u >= 0xD800 && u <= 0xDFFF {
		return string([]byte{byte(0xE0 | u>>12), byte(0x80 | u>>6&0x3f), byte(0x80 | u&0x3f)})
	}
	return string(rune(u))
}
