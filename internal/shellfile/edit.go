package shellfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Var is a variable that Edit is to set.
type Var struct {
	Name  string // as spelled; each spelling is a Var of its own
	Value string // in clear; what a child of the shell, or the unit, must get
}

// Dialect says who reads the file, and so what must hold after an edit. What is written is the same: NAME='value'
// and export NAME on lines of their own, which means the same to sh and to systemd.
type Dialect int8

// The dialects.
const (
	Sourced         Dialect = iota // sh sources it: only exported variables arrive
	EnvironmentFile                // systemd reads it line by line: "export NAME=value" and if mean nothing to it
	Portable                       // both, or not known
)

// Causes of an EditError.
var (
	// ErrConditional: the variable is set in a branch, loop, function or list, where lines cannot be
	// changed without guessing.
	ErrConditional = errors.New("is set where it cannot be edited safely")
	// ErrReferenced: another variable would change with it.
	ErrReferenced = errors.New("is computed from a variable that would change")
	// ErrNotReached: what stands at the end of the file would not take effect.
	ErrNotReached = errors.New("would not take effect at the end of the file")
	// ErrValue: the value cannot be written the same way for sh and systemd.
	ErrValue = errors.New("has a value that cannot be written for sh and systemd alike")
	// ErrName: not the name of a variable, or given twice.
	ErrName = errors.New("is not a variable that can be set, or is given twice")
)

// EditError says which variable stands in the way of an edit, and where. It never holds a value.
type EditError struct {
	Path string
	Line int // 1-based; 0 when no line is to blame
	Name string
	Err  error // one of the Err values of this package
}

// Error returns "path:line: NAME cause".
func (e *EditError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s %v", e.Path, e.Name, e.Err)
	}
	return fmt.Sprintf("%s:%d: %s %v", e.Path, e.Line, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *EditError) Unwrap() error { return e.Err }

// Edit returns data with the wanted variables set and the names in remove gone, both at the top level of the
// file; path only names the file in errors. The last assignment to a wanted variable is replaced where it
// stands and earlier ones are taken out; where that would not win, or there is none, the lines go into a
// marked block at the end. Removing takes the assignments and the exports of the name, and ours with their
// block. No other byte changes: when nothing is to be done the result equals data, and setting what was
// not there and removing it again gives back the same bytes, a missing final newline included. A value that
// was replaced or removed, or a comment moved off its line, cannot be recovered from the bytes alone.
//
// The error is a *ParseError or an *EditError; nothing is to be written then. A file that only systemd reads and
// that is not shell at all is a *ParseError too: it needs an editor of EnvironmentFile= lines. The result has been followed
// like Run does: a name that would come out otherwise than wanted, or another variable that would change with
// it, is an error.
func Edit(path string, data []byte, wanted []Var, remove []string, d Dialect) ([]byte, error) {
	if err := checkRequest(path, wanted, remove); err != nil {
		return nil, err
	}
	f, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	ed := &editor{f: f, d: d, wanted: wanted, remove: remove, plan: map[string]placement{}}
	for _, v := range wanted {
		ed.plan[v.Name] = placeValue
	}
	for {
		out, err := ed.apply()
		if err != nil {
			return nil, err
		}
		edited, err := Parse(path, out)
		if err != nil {
			return nil, err
		}
		failed := ed.unmet(edited)
		if len(failed) == 0 {
			if err := ed.check(edited); err != nil {
				return nil, err
			}
			return cleanBlocks(f, edited), nil
		}
		for _, name := range failed {
			if ed.plan[name] == placeAtEnd {
				return nil, ed.notReached(edited, name)
			}
			ed.plan[name]++
		}
	}
}

// checkRequest refuses names that are none and values that sh and systemd would not read alike. systemd skips a whole
// EnvironmentFile= for one byte that is not UTF-8 (systemd.exec(5), src/basic/env-file.c).
func checkRequest(path string, wanted []Var, remove []string) error {
	var names []string
	for _, v := range wanted {
		names = append(names, v.Name)
		isBad := func(r rune) bool { return r == '\'' || r < 0x20 || r == 0x7f }
		if strings.ContainsFunc(v.Value, isBad) || !utf8.ValidString(v.Value) {
			return &EditError{Path: path, Name: v.Name, Err: ErrValue}
		}
	}
	names = append(names, remove...)
	for i, name := range names {
		if !ValidName(name) || isVolatile(name) || slices.Contains(names[:i], name) {
			return &EditError{Path: path, Name: name, Err: ErrName}
		}
	}
	return nil
}

// placement says how a wanted variable is written; later ones are tried when earlier ones do not win.
type placement int8

const (
	placeValue placement = iota // only the value of the last assignment, when that stands alone
	placeLines                  // both lines in the place of the last assignment
	placeAtEnd                  // both lines in a block at the end
)

// editor is one call of Edit.
type editor struct {
	f      *File
	d      Dialect
	wanted []Var
	remove []string
	plan   map[string]placement
}

// value returns the wanted value of a name.
func (ed *editor) value(name string) (string, bool) {
	for _, v := range ed.wanted {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

// affected reports whether assignments to the name are ours to change.
func (ed *editor) affected(name string) bool {
	_, isWanted := ed.value(name)
	return isWanted || slices.Contains(ed.remove, name)
}

// portableLines are the two lines that set a variable for sh and for systemd, joined by sep.
func portableLines(name, value, sep string) string {
	return name + "='" + value + "'" + sep + "export " + name
}
