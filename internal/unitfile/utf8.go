package unitfile

import "unicode/utf8"

// validUTF8 is utf8_is_valid of src/basic/utf8.c: like Go's, but the
// non-characters of Unicode are refused too.
func validUTF8(s string) bool {
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || !validRune(r) {
			return false
		}
		i += size
	}
	return true
}

// validRune is unichar_is_valid.
func validRune(r rune) bool {
	return r >= 0 && r < 0x110000 && r&^0x7ff != 0xD800 && (r < 0xFDD0 || r > 0xFDEF) && r&0xFFFE != 0xFFFE
}
