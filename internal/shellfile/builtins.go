package shellfile

import (
	"errors"
	"io/fs"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// exportCmd runs export and readonly.
func (e *evaluator) exportCmd(command string, c *syntax.CallExpr, args []*syntax.Word) tri {
	unexport, status := false, yes
	for len(args) > 0 {
		option := e.f.raw(args[0])
		if !strings.HasPrefix(option, "-") {
			break
		}
		args = args[1:]
		if option == "--" {
			break
		}
		switch {
		case option == "-n" && command == "export":
			unexport, status = true, maybe
		case option == "-p" || option == "-f":
			e.expandAll(args)
			return maybe
		default:
			e.opaque(c)
			return maybe
		}
	}
	values := make([]value, len(args)) // every argument is expanded before the first takes effect
	for i, w := range args {
		values[i] = e.expand(w, exportWord)
	}
	for i, w := range args {
		if !e.exportArg(command, unexport, w, values[i]) || hasCommand(w) {
			status = maybe
		}
	}
	return status
}

// exportArg handles one NAME or NAME=value and reports whether it is certainly accepted.
func (e *evaluator) exportArg(command string, unexport bool, w *syntax.Word, v value) bool {
	start, end := span(w)
	text, isLit := "", false
	if lit, ok := w.Parts[0].(*syntax.Lit); ok {
		text, isLit = e.f.raw(lit), true
	}
	name, _, hasValue := strings.Cut(text, "=")
	if !isLit || !hasValue { // 'NAME=value', "NAME", $NAME: an ordinary argument
		if !v.known || v.expanded {
			e.opaque(w)
			return false
		}
		text = v.text
		name, _, hasValue = strings.Cut(text, "=")
	}
	if hasValue {
		if bare, isAppend := strings.CutSuffix(name, "+"); isAppend { // bash appends, the others stop
			e.maybeAssign(bare, start, end)
			return false
		}
	}
	if !ValidName(name) {
		if isLit && !v.known { // export {http,https}_proxy=v sets both in bash
			e.opaque(w)
		}
		return false // an error: dash and busybox stop, bash goes on with the next
	}
	if hasValue {
		_, after, _ := strings.Cut(v.text, "=")
		// An old dash (before 0.5.11) splits export X=$Y at blanks.
		v.known = v.known && (!v.expanded || !strings.ContainsAny(after, " \t\n"))
		v.text = after
		if !v.known {
			v.text = ""
		}
		e.assignExport(name, v, start, end, command == "export" && !unexport)
	}
	if command == "readonly" {
		state := e.lookup(e.st, name)
		state.readonly = yes
		e.st.vars[name] = state
	} else if unexport || !hasValue {
		e.mark(name, !unexport, start, end)
	}
	return true
}

func (e *evaluator) unsetCmd(c *syntax.CallExpr, args []*syntax.Word) tri {
	functions := false
	for _, w := range args {
		text, ok := e.literal(w)
		if !ok {
			e.expand(w, plainWord)
			e.opaque(c)
			return maybe
		}
		start, end := span(w)
		switch {
		case text == "-f":
			functions = true
		case strings.HasPrefix(text, "-"):
		case functions:
			delete(e.st.funcs, text)
		case ValidName(text):
			e.unset(text, start, end)
			if fn, isFunc := e.st.funcs[text]; isFunc { // bash takes the function when there is no variable
				fn.maybe = true
				e.st.funcs[text] = fn
			}
		}
	}
	return maybe
}

// setCmd runs set, of which only allexport and noexec matter here.
func (e *evaluator) setCmd(args []*syntax.Word) {
	for i := 0; i < len(args); i++ {
		v := e.expand(args[i], plainWord)
		if !v.known || v.expanded {
			e.st.allexport = maybe
			e.expandAll(args[i+1:])
			return
		}
		if v.text == "--" || v.text == "-" || v.text == "" || v.text[0] != '-' && v.text[0] != '+' {
			e.expandAll(args[i+1:])
			return
		}
		on := no
		if v.text[0] == '-' {
			on = yes
		}
		for _, letter := range v.text[1:] {
			option := string(letter)
			if letter == 'o' && i+1 < len(args) {
				i++
				option, _ = e.literal(args[i])
			}
			e.setOption(option, on)
		}
	}
}

func (e *evaluator) setOption(option string, on tri) {
	switch option {
	case "a", "allexport":
		e.st.allexport = on
	case "": // not a literal
		e.st.allexport = maybe
	case "n", "noexec":
		if on == yes {
			e.st.dead = exited
		}
	}
}

// dot runs ". FILE".
func (e *evaluator) dot(c *syntax.CallExpr, args []*syntax.Word) tri {
	start, end := span(c)
	if len(args) > 0 && e.f.raw(args[0]) == "--" {
		args = args[1:]
	}
	e.expandAll(args[min(1, len(args)):])
	v := value{}
	if len(args) > 0 {
		v = e.expand(args[0], plainWord)
	}
	isPath := v.known && !v.expanded && !strings.ContainsAny(v.text, "*?[") && strings.Contains(v.text, "/")
	if v.known && v.expanded && strings.Contains(v.text, "/") && !strings.ContainsAny(v.text, " \t\n*?[") {
		isPath = true
	}
	e.emit(Effect{Kind: Source, Value: v.text, Known: v.known}, start, end)
	if !isPath || e.o.Include == nil || e.depth >= maxDepth {
		e.opaque(c)
		return maybe
	}
	data, err := e.o.Include(v.text)
	if errors.Is(err, fs.ErrNotExist) {
		return maybe // nothing to source; sh stops unless a test was in front
	}
	if err != nil {
		e.opaque(c)
		return maybe
	}
	f, err := Parse(v.text, data)
	if err != nil {
		e.opaque(c)
		return maybe
	}
	e.depth++
	e.file(f)
	e.depth--
	return maybe
}

// localCmd runs local, which all three shells know: the old state comes back when the function ends.
func (e *evaluator) localCmd(c *syntax.CallExpr, args []*syntax.Word) {
	start, end := span(c)
	for _, w := range args {
		v := e.expand(w, exportWord)
		name, _, _ := strings.Cut(e.f.raw(w), "=")
		if !ValidName(name) {
			if !v.known || v.expanded {
				e.opaque(c)
			}
			continue
		}
		if e.fr.locals == nil {
			e.fr.locals = map[string]variable{}
		}
		if _, ok := e.fr.locals[name]; !ok && e.fr.isFunc {
			e.fr.locals[name] = e.lookup(e.st, name)
		}
		if e.cond > e.fr.cond || !e.fr.isFunc {
			e.fr.blurred = append(e.fr.blurred, name)
		}
		e.maybeAssign(name, start, end)
	}
}

// namesCmd runs builtins that give unknown values to variables named among their arguments.
func (e *evaluator) namesCmd(command string, c *syntax.CallExpr, args []*syntax.Word) {
	start, end := span(c)
	if command == "printf" && (len(args) == 0 || !strings.HasPrefix(e.f.raw(args[0]), "-v")) {
		e.expandAll(args)
		return
	}
	for _, w := range args {
		v := e.expand(w, plainWord)
		text := v.text
		if !v.known || v.expanded {
			text = e.f.raw(w)
			if name, _, ok := strings.Cut(text, "="); !ok || !ValidName(name) {
				e.opaque(c)
				return
			}
		}
		text = strings.TrimPrefix(text, "-v")
		name, _, _ := strings.Cut(text, "=")
		name, _, _ = strings.Cut(strings.TrimRight(name, "+-*/%&|^<>"), "[")
		e.maybeAssign(name, start, end)
	}
}

// aliasCmd remembers names that may mean something else from now on.
func (e *evaluator) aliasCmd(c *syntax.CallExpr, args []*syntax.Word) {
	for _, w := range args {
		v := e.expand(w, plainWord)
		if !v.known || v.expanded {
			e.opaque(c)
			return
		}
		if name, _, ok := strings.Cut(v.text, "="); ok {
			e.aliased[name] = true
		}
	}
}
