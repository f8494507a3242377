// Package unitfile reads and edits systemd unit files, drop-ins and manager
// configuration the way systemd's own reader sees them, keeping every byte it
// does not change.
//
// It is pure: bytes in, values with their place in the file out. It opens no
// file, knows no search path and merges nothing: which drop-ins exist, in
// which order they count and what they add up to is the caller's business.
// The words of an Environment= line are not the lines of an EnvironmentFile=;
// those are package envfile's.
//
// Start reading at [Parse], then [EnvironmentWords]; the editor is
// [File.RemoveEnvironment], the writer [DropIn].
//
// The source of the behaviour is systemd itself, src/shared/conf-parser.c
// (config_parse), src/basic/extract-word.c, src/basic/escape.c,
// src/shared/specifier.c and src/core/load-fragment.c, read in v219 to v257 and
// compared with running 252, 257 and 262; systemd.syntax(7), systemd.exec(5)
// and systemd.unit(5) describe it. Where
// releases differ, the difference is a method in version.go. Release 219
// means Red Hat Enterprise Linux 7, whose reader has later changes in it.
package unitfile

import "sort"

// Kind says what became of the text a Problem is about.
type Kind string

// The kinds of problem.
const (
	// KindIgnored: systemd skips this line and goes on.
	KindIgnored Kind = "ignored"
	// KindStopped: systemd reads no further. The rest of a drop-in is
	// ignored; a unit file itself is not loaded at all.
	KindStopped Kind = "stopped"
	// KindSection: an assignment before any section header, which is skipped.
	KindSection Kind = "section"
	// KindQuote: a quote that is never closed. The rest of this value is
	// ignored.
	KindQuote Kind = "quote"
	// KindEscape: a backslash before what is no escape. The rest of this value
	// is ignored; before 233 only this word.
	KindEscape Kind = "escape"
	// KindSyntax: behind such an error, so that an edit cannot tell words.
	KindSyntax Kind = "syntax"
	// KindSpecifier: this word is dropped, because systemd 236 and later do
	// not know one of its % specifiers.
	KindSpecifier Kind = "specifier"
	// KindInvalid: this word is dropped, because it is not a valid
	// assignment, name or path.
	KindInvalid Kind = "invalid"
	// KindInclude: an .include line, which systemd before 246 followed and
	// this package does not.
	KindInclude Kind = "include"
)

// Problem is something in the file that systemd ignores or stops at.
type Problem struct {
	Kind       Kind
	Line       int    // physical, 1-based
	Start, End int    // byte offsets in the source; equal when only the line is known
	Name       string // the variable concerned, when it can be told
	Msg        string // one clause, lower case; never quotes a value, so it can be shown
	Text       string // what is ignored, as it stands in the file; may hold a password
}

// Assignment is one KEY=VALUE of the file, in the order systemd reads them.
type Assignment struct {
	Section string // the section it stands in, never empty
	Key     string
	Value   string // logical: continuation lines joined by a space, blanks around it gone
	Line    int    // physical line the key starts on, 1-based
	Start   int    // byte offset of the logical line's first byte
	End     int    // byte offset after its last line's terminator

	segments   []segment
	valueStart int // of Value within the logical line
}

// Resets reports whether the assignment is empty, which clears the list built
// up so far, in earlier files too (Environment=, EnvironmentFile=, ExecStart=).
func (a Assignment) Resets() bool { return a.Value == "" }

// Offset maps byte i of Value (0 to len(Value)) to its place in the source.
func (a Assignment) Offset(i int) int {
	s := a.segmentAt(i)
	return s.source + (a.valueStart + i - s.logical)
}

// LineAt gives the physical line, 1-based, that byte i of Value stands on.
func (a Assignment) LineAt(i int) int { return a.segmentAt(i).line }

func (a Assignment) segmentAt(i int) segment {
	at := a.valueStart + i
	n := sort.Search(len(a.segments), func(k int) bool { return a.segments[k].logical > at })
	if n == 0 {
		return segment{source: a.Start, line: a.Line}
	}
	return a.segments[n-1]
}

// segment is one physical line's share of a logical line.
type segment struct {
	logical int // where its text starts in the logical line
	source  int // where its text starts in the source (after a byte order mark)
	end     int // where its text ends in the source, without the final backslash
	stop    int // after the line's terminator
	line    int // physical, 1-based
	joined  bool
}

// File is a parsed unit file. It keeps the source for the editors.
type File struct {
	assignments []Assignment
	problems    []Problem
	stopped     *Problem

	data    []byte
	version version
}

// Assignments gives every assignment, in the order systemd reads them.
func (f *File) Assignments() []Assignment { return f.assignments }

// Problems gives what systemd ignores of the file's lines. What it ignores
// inside a value, the readers of values tell.
func (f *File) Problems() []Problem { return f.problems }

// Stopped gives the problem at which systemd stops reading the file, or nil.
// Assignments has nothing from there on.
func (f *File) Stopped() *Problem { return f.stopped }

// Parse reads data as the newest systemd known to this package does.
func Parse(data []byte) *File { return ParseVersion(data, 0) }

// All gives the assignments of one key of one section, in order.
func (f *File) All(section, key string) []Assignment {
	var found []Assignment
	for _, a := range f.assignments {
		if a.Section == section && a.Key == key {
			found = append(found, a)
		}
	}
	return found
}

// Last gives the last assignment of one key of one section, which is the one
// that counts for keys with a single value (Type=, User=, PIDFile=).
func (f *File) Last(section, key string) (Assignment, bool) {
	all := f.All(section, key)
	if len(all) == 0 {
		return Assignment{}, false
	}
	return all[len(all)-1], true
}

// problem makes a Problem about bytes start to end of the value.
func (a Assignment) problem(kind Kind, start, end int, name, msg string) Problem {
	return Problem{
		Kind: kind, Line: a.LineAt(start), Start: a.Offset(start), End: a.endOffset(end),
		Name: name, Msg: msg, Text: a.Value[start:end],
	}
}

// endOffset maps the end of a range of Value: the byte after its last byte, so
// that a range ending on one physical line does not reach into the next.
func (a Assignment) endOffset(i int) int {
	if i == 0 {
		return a.Offset(0)
	}
	return a.Offset(i-1) + 1
}
