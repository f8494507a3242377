package shellfile

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// call follows a simple command and returns whether it succeeds.
func (e *evaluator) call(c *syntax.CallExpr) tri {
	if len(c.Args) == 0 {
		status := yes
		for _, a := range c.Assigns {
			start, end := span(a)
			e.assign(a.Name.Value, e.expand(a.Value, assignWord), start, end)
			if hasCommand(a) {
				status = maybe // that of the last command substitution
			}
		}
		return status
	}
	name, literal := e.literal(c.Args[0])
	if !literal || e.aliased[name] {
		e.opaque(c)
		return maybe
	}
	_, isFunc := e.st.funcs[name]
	status := e.invoke(name, c, c.Args[1:])
	for _, a := range c.Assigns {
		if isSpecialBuiltin(name) || isFunc { // bash keeps these assignments, dash and busybox do not
			start, end := span(a)
			e.maybeAssign(a.Name.Value, start, end)
		}
		e.blurAssigned(a)
	}
	return status
}

// literal returns the text of a word that is made of quoted or plain text only.
func (e *evaluator) literal(w *syntax.Word) (string, bool) {
	for _, part := range w.Parts {
		if _, ok := part.(*syntax.ParamExp); ok {
			return "", false
		}
		if q, ok := part.(*syntax.DblQuoted); ok {
			for _, inner := range q.Parts {
				if _, isLit := inner.(*syntax.Lit); !isLit {
					return "", false
				}
			}
		}
	}
	v := e.expand(w, plainWord)
	return v.text, v.known
}

// hasCommand reports whether a command substitution stands inside.
func hasCommand(n syntax.Node) bool {
	found := false
	syntax.Walk(n, func(node syntax.Node) bool {
		if _, ok := node.(*syntax.CmdSubst); ok {
			found = true
		}
		return !found
	})
	return found
}

// invoke runs a command by name: special builtins first, then functions, then everything else.
func (e *evaluator) invoke(name string, c *syntax.CallExpr, args []*syntax.Word) tri {
	if !isSpecialBuiltin(name) {
		if fn, ok := e.st.funcs[name]; ok {
			return e.callFunction(fn, name, c, args)
		}
	}
	if index := strings.IndexAny(name, "+["); index > 0 && ValidName(name[:index]) && strings.Contains(name[index:], "=") {
		start, end := span(c) // NAME+=value, NAME[0]=value: an assignment in bash, a command elsewhere
		e.maybeAssign(name[:index], start, end)
		return maybe
	}
	return e.builtin(name, c, args)
}

func (e *evaluator) callFunction(fn function, name string, c *syntax.CallExpr, args []*syntax.Word) tri {
	e.expandAll(args)
	if e.depth >= maxDepth {
		e.opaque(c)
		return maybe
	}
	e.depth++
	defer func() { e.depth-- }()
	one := func(i int) func() {
		return func() {
			outer := e.f
			e.f = fn.file[i]
			e.framed(true, func() { e.stmt(fn.bodies[i]) })
			e.f = outer
		}
	}
	var try func(i int)
	try = func(i int) {
		switch {
		case i == len(fn.bodies)-1 && !fn.maybe:
			one(i)()
		case i < len(fn.bodies):
			e.branch(one(i), func() { try(i + 1) })
		default:
			e.builtin(name, c, args)
		}
	}
	try(0)
	return maybe
}

func (e *evaluator) expandAll(words []*syntax.Word) {
	for _, w := range words {
		e.expand(w, plainWord)
	}
}

// builtin runs what is neither special syntax nor a function.
func (e *evaluator) builtin(name string, c *syntax.CallExpr, args []*syntax.Word) tri {
	switch name {
	case "export", "readonly":
		return e.exportCmd(name, c, args)
	case "unset":
		return e.unsetCmd(c, args)
	case "set":
		e.setCmd(args)
		return maybe
	case ".":
		return e.dot(c, args)
	case "source": // not in dash
		e.branch(func() { e.dot(c, args) }, func() {})
		return maybe
	case "command":
		return e.commandCmd(c, args)
	case "local":
		e.localCmd(c, args)
		return maybe
	case "read", "getopts", "printf", "declare", "typeset", "let", "mapfile", "readarray", "wait", "unalias":
		e.namesCmd(name, c, args)
		return maybe
	case "alias":
		e.aliasCmd(c, args)
		return maybe
	}
	e.expandAll(args)
	switch name {
	case "eval", "builtin":
		e.opaque(c)
	case ":", "true":
		return yes
	case "false":
		return no
	case "[", "test":
		return e.test(name, args)
	default:
		e.jump(name, c, args)
	}
	return maybe
}

// jump runs the builtins that leave the place where they stand; any other command changes nothing.
func (e *evaluator) jump(name string, c *syntax.CallExpr, args []*syntax.Word) {
	start, end := span(c)
	stop := Effect{Kind: Stop, Known: true}
	switch name {
	case "return":
		e.emit(stop, start, end)
		e.fr.returns = append(e.fr.returns, e.st.clone())
		e.st.dead = returned
	case "exit":
		e.emit(stop, start, end)
		e.st.dead = exited
	case "exec": // without a command it only redirects
		if len(args) > 0 {
			e.emit(stop, start, end)
			e.st.dead = exited
		}
	case "break", "continue":
		if e.loops > 0 {
			e.st.dead = jumped
		}
	}
}

// commandCmd runs "command NAME ...", which passes functions over.
func (e *evaluator) commandCmd(c *syntax.CallExpr, args []*syntax.Word) tri {
	for len(args) > 0 {
		name, ok := e.literal(args[0])
		switch {
		case !ok:
			e.opaque(c)
			return maybe
		case name == "-p" || name == "--":
			args = args[1:]
			continue
		case strings.HasPrefix(name, "-"): // -v and -V only ask
			e.expandAll(args)
			return maybe
		}
		return e.builtin(name, c, args[1:])
	}
	return yes
}
