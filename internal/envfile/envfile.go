// Package envfile reads and edits files of NAME=value lines as the programs
// that use them do: EnvironmentFile= of systemd ([Parse]), environment.d of its
// user manager ([ParseEnvironmentD]), /etc/environment as pam_env reads it
// ([ParsePAM]) and Gentoo's /etc/profile.env as OpenRC reads it
// ([ParseProfileEnv]).
//
// None of these is a shell, and they differ from one another. A file that a
// shell sources is package shellfile's, whatever else reads it. The package is
// pure: it opens no file and expands no glob.
//
// Start reading at [Parse]; the editors are [Set] and [Remove], the writer of
// whole files is [Format]. The behaviour is that of src/basic/env-file.c and
// load_env_file in systemd, read in v219 to v257, compared with running 252, 257
// and 262, and described in systemd.exec(5).
package envfile

import (
	"strings"
	"unicode/utf8"
)

// Kind says why systemd drops an assignment.
type Kind string

// The kinds.
const (
	KindTaken  Kind = ""
	KindExport Kind = "export" // "export NAME=value": systemd knows no export
	KindName   Kind = "name"   // no valid variable name before "="
	KindValue  Kind = "value"  // a control character, refused before 248
)

// Skip says why systemd does not take a file at all.
type Skip string

// The reasons.
const (
	SkipNot   Skip = ""
	SkipLarge Skip = "the file is too large"
	SkipNUL   Skip = "a NUL byte in the file"
	SkipUTF8  Skip = "not UTF-8"
)

// Assignment is one NAME=value of a file, in the order of the file. Of several
// with the same name the last one without a Problem counts.
type Assignment struct {
	Name  string // as spelled; with a Problem whatever stands before "="
	Value string // quotes and escapes undone; "" for an empty value
	Line  int    // physical line of the name, 1-based
	// Start and End are byte offsets in the source: from the first byte of
	// the name (or of "export") to the line terminator, which is not included.
	Start, End int
	// Problem says why the reader drops the assignment; "" if it takes it.
	// It never quotes a value.
	Problem string
	// Kind tells the problems of [Parse] apart.
	Kind Kind
	// Unknown: the value refers to a variable that is not known here.
	Unknown bool
	// Unset: the line has no value and takes an earlier variable out
	// (pam_env only).
	Unset bool
}

const (
	blanks      = " \t\n\r" // WHITESPACE of src/basic/string-util.h
	lineEnds    = "\n\r"
	commentSign = "#;"
)

// newest is the release that a systemdVersion of 0 means.
const newest = 262

// Parse reads data as systemd release systemdVersion reads an EnvironmentFile=
// (219 and later; 0 is the newest known). Assignments with a Problem are
// dropped by systemd, the others set the variable. When systemd does not take
// the file at all, skipped says why and there are no assignments: without "-"
// the unit then fails to start, with it nothing is said.
func Parse(data []byte, systemdVersion int) (assigns []Assignment, skipped Skip) {
	v := systemdVersion
	if v <= 0 {
		v = newest
	}
	if len(data) > maxFile(v) {
		return nil, SkipLarge
	}
	text := string(data)
	if i := strings.IndexByte(text, 0); i >= 0 {
		if v >= 240 { // read_full_file refuses NUL since then
			return nil, SkipNUL
		}
		text = text[:i]
	}
	assigns = scan(text, v)
	for i := range assigns {
		a := &assigns[i]
		switch {
		case !validUTF8(a.Name) || !validUTF8(a.Value):
			return nil, SkipUTF8
		case strings.HasPrefix(a.Name, "export") && strings.TrimLeft(a.Name[6:], blanks) != a.Name[6:]:
			a.Problem = "systemd knows no export here and drops the line"
			a.Kind = KindExport
		case !validName(a.Name):
			a.Problem = "not a valid variable name"
			a.Kind = KindName
		case !validValue(a.Value, v):
			a.Problem = "a control character in the value"
			a.Kind = KindValue
		}
	}
	return assigns, ""
}

// maxFile is READ_FULL_BYTES_MAX of src/basic/fileio.c.
func maxFile(v int) int {
	if v >= 249 {
		return 64<<20 - 1
	}
	return 4<<20 - 1
}

// validName is env_name_is_valid of src/basic/env-util.c.
func validName(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// validValue is the part of env_value_is_valid that refused control characters
// before systemd 248: all but tab, and line feed since 239.
func validValue(s string, v int) bool {
	if v >= 248 {
		return true
	}
	for _, c := range []byte(s) {
		if (c < ' ' || c == 0x7f) && c != '\t' && (c != '\n' || v < 239) {
			return false
		}
	}
	return true
}

// validUTF8 is utf8_is_valid of src/basic/utf8.c: like Go's, but the
// non-characters of Unicode are refused too.
func validUTF8(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE {
			return false
		}
	}
	return true
}
