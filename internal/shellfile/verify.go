package shellfile

import (
	"slices"
	"strings"
)

// unmet lists the wanted variables that the edited file would not give to who reads it.
func (ed *editor) unmet(edited *File) []string {
	var out []string
	for _, v := range ed.wanted {
		ok := true
		if ed.d != EnvironmentFile {
			final := edited.Result(nil, v.Name)[0]
			ok = final.Known && final.Exported && final.Value == v.Value
		}
		if ed.d != Sourced {
			lines := edited.assignmentLines(v.Name)
			ok = ok && len(lines) > 0 && edited.isPortable(lines[len(lines)-1], v)
		}
		if !ok {
			out = append(out, v.Name)
		}
	}
	return out
}

// isPortable reports whether systemd reads the line as v. A backslash at the end of the line above, even of a
// comment before v254, would hide it.
func (f *File) isPortable(line int, v Var) bool {
	hidden := line > 1 && endsInBackslash([]byte(f.lineText(line-1)))
	return !hidden && strings.Trim(f.lineText(line), " \t") == v.Name+"='"+v.Value+"'"
}

// assignmentLines returns the lines (1-based) that systemd would take as an assignment to name: it reads line by
// line and knows neither branches nor here-documents (systemd.exec(5), EnvironmentFile=).
func (f *File) assignmentLines(name string) []int {
	var out []int
	for i := range f.lines {
		text := strings.TrimLeft(f.lineText(i+1), " \t")
		if after, ok := strings.CutPrefix(text, name); ok && strings.HasPrefix(strings.TrimLeft(after, " \t"), "=") {
			out = append(out, i+1)
		}
	}
	return out
}

// lineText returns a line without its newline.
func (f *File) lineText(line int) string {
	end := len(f.data)
	if line < len(f.lines) {
		end = f.lines[line] - 1
	}
	return string(f.data[f.lines[line-1]:end])
}

// check refuses an edit that leaves a removed variable set somewhere, or that changes another one.
func (ed *editor) check(edited *File) error {
	for _, name := range ed.remove {
		for _, effect := range edited.Effects([]string{name}) {
			if effect.Kind == Assign || effect.Kind == Opaque && edited.hides(effect, name) {
				return &EditError{Path: ed.f.path, Line: ed.originalLine(edited, effect.Line), Name: name, Err: ErrConditional}
			}
		}
		if lines := edited.assignmentLines(name); ed.d != Sourced && len(lines) > 0 {
			return &EditError{Path: ed.f.path, Line: ed.originalLine(edited, lines[0]), Name: name, Err: ErrConditional}
		}
	}
	return ed.checkOthers(edited)
}

// checkOthers refuses an edit that changes a variable nobody asked to change.
func (ed *editor) checkOthers(edited *File) error {
	var names []string
	for _, effect := range newEvaluator(ed.f, Options{}).logged() {
		if effect.Name != "" && !slices.Contains(names, effect.Name) {
			names = append(names, effect.Name)
		}
	}
	for _, v := range ed.wanted {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	before, after := ed.f.Result(nil, names...), edited.Result(nil, names...)
	for i, was := range before {
		is := after[i]
		same := was.Known == is.Known && was.Set == is.Set && was.Exported == is.Exported && was.Value == is.Value
		switch {
		case ed.affected(was.Name):
			continue
		case !same:
			return &EditError{Path: ed.f.path, Line: was.Line, Name: was.Name, Err: ErrReferenced}
		case !was.Known:
			if line := ed.reference(was, names, before, after); line > 0 {
				return &EditError{Path: ed.f.path, Line: line, Name: was.Name, Err: ErrReferenced}
			}
		}
	}
	return nil
}

// logged runs the file and returns every effect.
func (e *evaluator) logged() []Effect {
	e.file(e.f)
	return e.log
}

// reference returns the line where a value that is not known mentions a variable that changes; 0 when none does.
func (ed *editor) reference(final Final, names []string, before, after []Final) int {
	for _, effect := range final.Candidates {
		text := string(ed.f.data[effect.Start:min(effect.End, len(ed.f.data))])
		for i, name := range names {
			changes := before[i].Known != after[i].Known || before[i].Value != after[i].Value || before[i].Set != after[i].Set
			if ed.affected(name) && changes && mentions(text, name) {
				return effect.Line
			}
		}
	}
	return 0
}

// mentions reports whether text expands the variable.
func mentions(text, name string) bool {
	for {
		_, after, ok := strings.Cut(text, "$")
		if !ok {
			return false
		}
		text = after
		rest, found := strings.CutPrefix(strings.TrimLeft(after, "{#"), name)
		if found && (rest == "" || !ValidName("_"+rest[:1])) {
			return true
		}
	}
}

// hides reports whether an opaque command seems to set the variable: it names it, or it is bash's
// export {http,https}_proxy=value.
func (f *File) hides(effect Effect, name string) bool {
	text := string(f.data[effect.Start:effect.End])
	head, _, _ := strings.Cut(text, "=")
	before, rest, _ := strings.Cut(head, "{")
	list, after, _ := strings.Cut(rest, "}")
	for part := range strings.SplitSeq(list, ",") {
		if part != "" && before+part+after == name {
			return true
		}
	}
	return hasName(text, name)
}

// hasName reports whether name stands in text, not as a part of another name.
func hasName(text, name string) bool {
	for {
		i := strings.Index(text, name)
		if i < 0 {
			return false
		}
		before, after := text[:i], text[i+len(name):]
		if (before == "" || !ValidName("_"+before[i-1:])) && (after == "" || !ValidName("_"+after[:1])) {
			return true
		}
		text = text[i+1:]
	}
}

// originalLine maps a line of the edited file to the one of the original, which the same bytes stand in.
func (ed *editor) originalLine(edited *File, line int) int {
	text := edited.lineText(line)
	nth := 0
	for i := 1; i <= line; i++ {
		if edited.lineText(i) == text {
			nth++
		}
	}
	for i := range ed.f.lines {
		if ed.f.lineText(i+1) == text {
			if nth--; nth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// notReached says why the lines at the end of the file do not win.
func (ed *editor) notReached(edited *File, name string) error {
	for _, effect := range edited.Effects([]string{name}) {
		if effect.Kind == Stop {
			return &EditError{Path: ed.f.path, Line: effect.Line, Name: name, Err: ErrNotReached}
		}
	}
	return &EditError{Path: ed.f.path, Line: edited.Result(nil, name)[0].Line, Name: name, Err: ErrNotReached}
}
