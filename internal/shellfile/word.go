package shellfile

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// value is the outcome of expanding a word.
type value struct {
	known    bool // text is what dash, bash and busybox all make of it
	text     string
	expanded bool // holds an unquoted parameter expansion, which an argument would be split at
	quoted   bool // holds a quoted part, so it stays one argument even when empty
}

// wordContext says where a word stands; the shells treat tildes and braces differently there.
type wordContext int8

const (
	plainWord  wordContext = iota // an ordinary argument
	assignWord                    // the value of NAME=value
	exportWord                    // NAME or NAME=value as an argument of export or readonly
	innerWord                     // the word of ${NAME:-word} outside quotes
	quotedWord                    // the same inside double quotes
)

// expander expands one word.
type expander struct {
	e    *evaluator
	ctx  wordContext
	text strings.Builder
	out  value
}

// expand follows a word's expansions, with their assignments, and returns its value. A nil word is empty.
func (e *evaluator) expand(w *syntax.Word, ctx wordContext) value {
	if w == nil {
		return value{known: true}
	}
	x := &expander{e: e, ctx: ctx, out: value{known: true}}
	for _, part := range w.Parts {
		x.part(part, ctx == quotedWord)
	}
	x.out.text = x.text.String()
	if len(x.out.text) > maxValue {
		x.out.known = false
	}
	if !x.out.known {
		x.out.text = ""
	}
	return x.out
}

func (x *expander) part(part syntax.WordPart, quoted bool) {
	data := x.e.f.data
	start, end := span(part)
	switch p := part.(type) {
	case *syntax.Lit:
		if quoted {
			x.quotedLit(start, end)
		} else {
			x.lit(start, end)
		}
	case *syntax.SglQuoted:
		x.out.quoted = true
		if p.Dollar || quoted {
			x.out.known = false
			return
		}
		x.text.Write(data[start+1 : end-1])
	case *syntax.DblQuoted:
		x.out.quoted = true
		if p.Dollar || quoted { // a quote inside "${X:-"y"}" means something else in each shell
			x.out.known = false
		}
		for _, inner := range p.Parts {
			x.part(inner, true)
		}
	case *syntax.ParamExp:
		x.out.expanded = x.out.expanded || !quoted
		v := x.param(p, quoted)
		x.out.known = x.out.known && v.known && x.text.Len() <= maxValue
		if x.out.known {
			x.text.WriteString(v.text)
		}
	case *syntax.ArithmExp:
		x.out.expanded, x.out.known = x.out.expanded || !quoted, false
		x.e.blurAssigned(p)
	default: // command substitutions, whose assignments happen in a subshell
		x.out.expanded, x.out.known = x.out.expanded || !quoted, false
	}
}

// lit adds unquoted text: a backslash quotes the next byte, and is dropped together with a newline.
func (x *expander) lit(start, end int) {
	data := x.e.f.data
	braces := x.ctx != assignWord && strings.Contains(string(data[start:end]), "{")
	for i := start; i < end; i++ {
		b := data[i]
		switch {
		case b == '\\' && i+1 < len(data):
			i++
			if data[i] != '\n' && i < end {
				x.out.quoted = true
				x.text.WriteByte(data[i])
			}
			continue
		case b == '~' && x.tildeAt():
			x.out.known = false
		case b == '$' && i+1 < len(data) && strings.IndexByte(`'"[`, data[i+1]) >= 0:
			x.out.known = false // $'...', $"..." and $[...] are not in POSIX: the shells differ
		case braces && (b == ',' || b == '.') || x.ctx == innerWord && b == '\\':
			x.out.known = false // bash expands {a,b} and {1..2} in arguments
		}
		x.text.WriteByte(b)
	}
}

// tildeAt reports whether a tilde here may stand for a home directory.
func (x *expander) tildeAt() bool {
	before := x.text.String()
	if x.ctx == innerWord {
		return true
	}
	return before == "" || strings.HasSuffix(before, ":") || x.ctx == exportWord && strings.HasSuffix(before, "=")
}

// quotedLit adds text inside double quotes: a backslash quotes only $, `, ", itself and a newline.
func (x *expander) quotedLit(start, end int) {
	data := x.e.f.data
	for i := start; i < end; i++ {
		b := data[i]
		if x.ctx == quotedWord && strings.IndexByte(`\'"`, b) >= 0 || b == '$' && i+1 < len(data) && data[i+1] == '[' {
			x.out.known = false
		}
		if b == '\\' && i+1 < len(data) {
			switch data[i+1] {
			case '$', '`', '"', '\\':
				i++
				b = data[i]
			case '\n':
				i++
				continue
			}
		}
		x.text.WriteByte(b)
	}
}

// param decides a parameter expansion, with the assignment of ${NAME:=word}.
func (x *expander) param(p *syntax.ParamExp, quoted bool) value {
	name := p.Param.Value
	plain := !p.Excl && !p.Width && !p.IsSet && p.Index == nil && p.Slice == nil && p.Repl == nil && p.Names == 0 &&
		p.NestedParam == nil && p.Flags == nil && len(p.Modifiers) == 0
	if !ValidName(name) || !plain {
		if p.Exp != nil {
			x.e.expand(p.Exp.Word, innerWord)
		}
		return value{}
	}
	v := x.e.lookup(x.e.st, name)
	switch {
	case p.Length:
		ok := v.known && !strings.ContainsFunc(v.value, func(r rune) bool { return r >= 0x80 })
		return value{known: ok, text: strconv.Itoa(len(v.value))}
	case p.Exp == nil:
		return value{known: v.known, text: v.value}
	}
	return x.operator(p, name, v, quoted)
}

// operator decides ${NAME-word} and its relatives.
func (x *expander) operator(p *syntax.ParamExp, name string, v variable, quoted bool) value {
	ctx := innerWord
	if quoted {
		ctx = quotedWord
	}
	present := v.set
	switch p.Exp.Op {
	case syntax.AlternateUnsetOrNull, syntax.DefaultUnsetOrNull, syntax.ErrorUnsetOrNull, syntax.AssignUnsetOrNull:
		present = v.set && v.value != ""
	case syntax.AlternateUnset, syntax.DefaultUnset, syntax.ErrorUnset, syntax.AssignUnset:
	default: // ${NAME#pattern} and the like
		x.e.blurAssigned(p.Exp.Word)
		return value{}
	}
	if !v.known {
		x.e.blurAssigned(p)
		return value{}
	}
	switch p.Exp.Op {
	case syntax.AlternateUnsetOrNull, syntax.AlternateUnset:
		if !present {
			return value{known: true}
		}
		return x.e.expand(p.Exp.Word, ctx)
	case syntax.AssignUnsetOrNull, syntax.AssignUnset:
		if present {
			return value{known: true, text: v.value}
		}
		word := x.e.expand(p.Exp.Word, ctx)
		start, end := span(p)
		x.e.assign(name, word, start, end)
		return value{known: word.known, text: word.text}
	case syntax.ErrorUnsetOrNull, syntax.ErrorUnset: // the shell stops when it is not present
		return value{known: present, text: v.value}
	default:
		if present {
			return value{known: true, text: v.value}
		}
		return x.e.expand(p.Exp.Word, ctx)
	}
}

// blurAssigned makes every variable unknown that an expansion inside n may assign to.
func (e *evaluator) blurAssigned(n syntax.Node) {
	if w, ok := n.(*syntax.Word); n == nil || ok && w == nil {
		return
	}
	syntax.Walk(n, func(node syntax.Node) bool {
		start, end := 0, 0
		if node != nil {
			start, end = span(node)
		}
		switch p := node.(type) {
		case *syntax.CmdSubst:
			return false
		case *syntax.ParamExp:
			if p.Exp != nil && (p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull) {
				e.maybeAssign(p.Param.Value, start, end)
			}
		case *syntax.BinaryArithm:
			e.blurArithm(p.X, p.Op.String(), start, end)
		case *syntax.UnaryArithm:
			e.blurArithm(p.X, p.Op.String(), start, end)
		}
		return true
	})
}

// blurArithm makes the variable unknown that an arithmetic operator changes.
func (e *evaluator) blurArithm(x syntax.ArithmExpr, op string, start, end int) {
	compare := op == "==" || op == "!=" || op == "<=" || op == ">="
	if w, ok := x.(*syntax.Word); ok && !compare && (strings.HasSuffix(op, "=") || op == "++" || op == "--") {
		e.maybeAssign(e.f.raw(w), start, end)
	}
}
