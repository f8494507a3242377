package unitfile

import "strings"

// Specifiers tells what a % specifier of systemd.unit(5) stands for, by its
// letter: 'n' is the unit's name, 'H' the host name. It is asked only for
// letters the release knows. ok false means that the caller cannot know the
// value, and the words that use it are Unknown. A nil Specifiers knows none.
type Specifiers func(letter byte) (value string, ok bool)

// SystemSpecifiers knows what is the same on every host for a unit of the
// system manager named unit ("docker.service"): names, directories and root.
// Other letters go to more, which may be nil.
func SystemSpecifiers(unit string, more Specifiers) Specifiers {
	name := strings.TrimSuffix(unit, suffix(unit))
	prefix, instance, template := strings.Cut(name, "@")
	last := prefix[strings.LastIndexByte(prefix, '-')+1:]
	path := prefix
	if template {
		path = instance
	}
	known := map[byte]string{
		'n': unit, 'N': name, 'p': prefix, 'P': unescapeName(prefix), 'i': instance, 'I': unescapeName(instance),
		'j': last, 'J': unescapeName(last), 'f': "/" + strings.TrimPrefix(unescapeName(path), "/"),
		'C': "/var/cache", 'D': "/usr/share", 'E': "/etc", 'L': "/var/log", 'S': "/var/lib", 't': "/run",
		'T': "/tmp", 'V': "/var/tmp", 'd': "/run/credentials/" + unit,
		'u': "root", 'U': "0", 'g': "root", 'G': "0", 'h': "/root",
	}
	return func(letter byte) (string, bool) {
		if v, ok := known[letter]; ok {
			return v, true
		}
		if more == nil {
			return "", false
		}
		return more(letter)
	}
}

// unescapeName undoes what systemd-escape(1) does to a path.
func unescapeName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '-':
			b.WriteByte('/')
		case s[i] == '\\' && i+3 < len(s):
			text, n := unescapeOne(s[i+1:])
			b.WriteString(text)
			i += n
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func suffix(unit string) string {
	if i := strings.LastIndexByte(unit, '.'); i >= 0 {
		return unit[i:]
	}
	return ""
}

// letters gives the specifiers of a release: those of src/core/unit-printf.c
// for units, or of config_parse_environ for the manager's own configuration.
func (v version) letters(manager bool) string {
	if manager {
		switch {
		case !v.managerSpecifiers():
			return ""
		case v.credsInManager():
			return v.commonLetters() + "TVguGUhs"
		}
		return v.commonLetters() + "TV"
	}
	known := "nNpPiIfcrRtUuhs" + v.commonLetters()
	for _, added := range []struct {
		since   version
		letters string
	}{{236, "SCL"}, {239, "ETVjJ"}, {240, "gG"}, {251, "yYd"}, {256, "D"}} {
		if v >= added.since {
			known += added.letters
		}
	}
	return known
}

func (v version) commonLetters() string {
	known := "mHbv"
	for _, added := range []struct {
		since   version
		letters string
	}{{246, "l"}, {247, "aBowW"}, {249, "AM"}, {251, "q"}} {
		if v >= added.since {
			known += added.letters
		}
	}
	return known
}

// expansion is a text after specifiers were expanded.
type expansion struct {
	text    string
	from    []int // for each byte of text, and one more, where it comes from
	unknown []int // places in text where a value is missing
	used    []int // places in the source of the specifiers that were replaced
}

// expand replaces the % specifiers of s (specifier_printf of
// src/shared/specifier.c). ok is false when there is one the release does not
// know; then the text is of no use. Without letters % is like any other byte.
func (v version) expand(s, letters string, r Specifiers) (e expansion, ok bool) {
	if letters == "" || strings.IndexByte(s, '%') < 0 {
		return verbatim(s), true
	}
	var b strings.Builder
	write := func(text string, from int) {
		b.WriteString(text)
		for range len(text) {
			e.from = append(e.from, from)
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			write(s[i:i+1], i)
			continue
		}
		if i+1 == len(s) {
			if v.keepsLastPercent() {
				write("%", i)
			}
			break
		}
		i++
		switch c := s[i]; {
		case c == '%':
			write("%", i-1)
		case strings.IndexByte(letters, c) >= 0:
			e.used = append(e.used, i-1)
			value, known := "", false
			if r != nil {
				value, known = r(c)
			}
			if !known {
				value = ""
				e.unknown = append(e.unknown, b.Len())
			}
			write(value, i-1)
		case v.strictSpecifier() && alphanumeric(c):
			return expansion{}, false
		default:
			write(s[i-1:i+1], i-1)
		}
	}
	e.text, e.from = b.String(), append(e.from, len(s))
	return e, true
}

func verbatim(s string) expansion {
	e := expansion{text: s, from: make([]int, len(s)+1)}
	for i := range e.from {
		e.from[i] = i
	}
	return e
}

func alphanumeric(c byte) bool {
	c = lower(c)
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z'
}
