package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrUnsafe is wrapped by the errors of [Set] and [Remove] when the edit would
// change what else the file says, or would not be read back: the file ends
// inside a quote, or a comment ends in a backslash. The file is left alone.
var ErrUnsafe = errors.New("the file cannot be edited without changing other lines")

// Set gives data with name set to value. The last assignment of name, also one
// with "export", is replaced in its place and earlier ones are taken out; if
// there is none, a line is appended, with the line end of the file and without
// a final one where the file had none. If name already has the value and no
// other assignment, data itself is returned.
func Set(data []byte, name, value string) ([]byte, error) {
	text, err := line(name, value)
	if err != nil {
		return nil, err
	}
	own := owned(data, []string{name})
	if len(own) == 1 && own[0].Name == name && own[0].Value == value && own[0].Problem == "" {
		if _, skipped := Parse(data, 0); skipped == "" {
			return data, nil
		}
	}
	var out []byte
	if n := len(own); n > 0 {
		last := own[n-1]
		at := removeAll(data[:last.Start], own[:n-1])
		out = slices.Concat(at, []byte(text), data[last.End:])
	} else {
		out = appendLine(data, text)
	}
	if err := checked(data, out, []string{name}, &value); err != nil {
		return nil, err
	}
	return out, nil
}

// Remove gives data without the assignments of names, also those with
// "export", each with its whole line. If there are none, data itself is
// returned. Removing what [Set] appended gives back the bytes that were there
// before.
func Remove(data []byte, names ...string) ([]byte, error) {
	own := owned(data, names)
	if len(own) == 0 {
		return data, nil
	}
	out := removeAll(data, own)
	if err := checked(data, out, names, nil); err != nil {
		return nil, err
	}
	return out, nil
}

// owned finds the assignments of names. The bytes after a NUL are not looked
// at: systemd does not read them either.
func owned(data []byte, names []string) []Assignment {
	text, _, _ := strings.Cut(string(data), "\x00")
	return slices.DeleteFunc(scan(text, newest), func(a Assignment) bool {
		return !slices.Contains(names, plainName(a.Name))
	})
}

// plainName is a name without "export".
func plainName(name string) string {
	if rest, ok := strings.CutPrefix(name, "export"); ok && rest != "" && is(rest[0], blanks) {
		return strings.TrimLeft(rest, blanks)
	}
	return name
}

func appendLine(data []byte, text string) []byte {
	end := "\n"
	if i := bytes.LastIndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		end = "\r\n"
	}
	switch {
	case len(data) == 0:
		return []byte(text + end)
	case bytes.HasSuffix(data, []byte("\n")):
		return slices.Concat(data, []byte(text+end))
	case bytes.HasSuffix(data, []byte("\r")): // which ends a line here, too
		return slices.Concat(data, []byte(text+"\r"))
	}
	return slices.Concat(data, []byte(end+text))
}

// removeAll takes out whole lines. When the last line of a file without a
// final line end goes, the line end before it goes too.
func removeAll(data []byte, own []Assignment) []byte {
	var out []byte
	at := 0
	for _, a := range own {
		start := a.Start - (len(data[at:a.Start]) - len(bytes.TrimRight(data[at:a.Start], " \t")))
		out = append(out, data[at:start]...)
		at = a.End
		switch {
		case at == len(data):
			out = trimLineEnd(out)
		case data[at] == '\r' && at+1 < len(data) && data[at+1] == '\n':
			at += 2
		default:
			at++
		}
	}
	return append(out, data[at:]...)
}

func trimLineEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// checked reads the edited file with every dialect of the reader and compares:
// all other assignments as before, and name set to value, or gone.
func checked(before, after []byte, names []string, value *string) error {
	for _, v := range []int{219, 245, 253, newest} {
		b, _, _ := strings.Cut(string(before), "\x00")
		a, _, _ := strings.Cut(string(after), "\x00")
		was, _ := split(scan(b, v), names)
		is, own := split(scan(a, v), names)
		same := slices.EqualFunc(was, is, func(x, y Assignment) bool { return x.Name == y.Name && x.Value == y.Value })
		done := len(own) == 0
		if value != nil {
			done = len(own) == 1 && own[0].Name == names[0] && own[0].Value == *value
		}
		if !same || !done {
			return fmt.Errorf("as systemd %d reads it: %w", v, ErrUnsafe)
		}
	}
	return nil
}

func split(all []Assignment, names []string) (others, own []Assignment) {
	for _, a := range all {
		if slices.Contains(names, plainName(a.Name)) {
			own = append(own, a)
		} else {
			others = append(others, a)
		}
	}
	return others, own
}
