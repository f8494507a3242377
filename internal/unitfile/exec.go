package unitfile

import "strings"

// Command is one command line of ExecStart= and its relatives.
type Command struct {
	Path string   // the program: an absolute path, or a name looked up in systemd's own path
	Argv []string // from argv[0] on, specifiers resolved, variables not
	// Literal (":" prefix): variables are not replaced in Argv.
	Literal bool
	// IgnoreFailure ("-" prefix): a failure counts as success.
	IgnoreFailure bool
	Unknown       bool // a specifier's value is not known to the caller
	Line          int  // physical line the command starts on, 1-based
}

// ExecCommands reads the value of an ExecStart= line as config_parse_exec does
// since systemd 235, which is also how earlier releases read what real units
// hold. A fatal problem (KindStopped) is one at which systemd refuses the unit,
// or ignores the rest of a drop-in. An empty value gives nothing: ask
// [Assignment.Resets].
func ExecCommands(a Assignment, r Specifiers, systemdVersion int) (commands []Command, problems []Problem) {
	v := release(systemdVersion)
	for at := 0; ; {
		c, next, problem, more := a.command(v, at, r)
		if problem != nil {
			return commands, append(problems, *problem)
		}
		if c != nil {
			commands = append(commands, *c)
		}
		if !more {
			return commands, problems
		}
		at = next
	}
}

// command reads one command from byte at on. more says that a semicolon ended
// it.
func (a Assignment) command(v version, at int, r Specifiers) (c *Command, next int, problem *Problem, more bool) {
	first, found, ok := nextWordRelaxed(a.Value, at, v)
	if !found {
		return nil, 0, nil, false
	}
	if !ok { // systemd warns and goes on without the line
		p := a.problem(KindQuote, first.start, len(a.Value), "", "unbalanced quote; the line is ignored")
		return nil, 0, &p, false
	}
	if first.text == ";" {
		return nil, first.next, nil, true
	}
	c = &Command{Line: a.LineAt(first.start)}
	path, ownArgv0 := c.prefixes(first.text)
	refused := func(start, end int, msg string) (*Command, int, *Problem, bool) {
		kind := KindStopped
		if c.IgnoreFailure {
			kind = KindIgnored
		}
		p := a.problem(kind, start, end, "", msg)
		return nil, 0, &p, false
	}
	letters := v.letters(false)
	e, ok := v.expand(path, letters, r)
	if !ok {
		return refused(first.start, first.end, errSpecifier.Error())
	}
	c.Path, c.Unknown = e.text, len(e.unknown) > 0
	if !c.Unknown && (c.Path == "" || !safe(c.Path) || strings.HasSuffix(c.Path, "/") || c.Path[0] != '/' && strings.Contains(c.Path, "/")) {
		return refused(first.start, first.end, "not the path or name of a program")
	}
	if !ownArgv0 {
		c.Argv = append(c.Argv, c.Path)
	}
	for at = first.next; at < len(a.Value); {
		if n := semicolon(a.Value[at:], ";"); n > 0 {
			return c, skipBlanks(a.Value, at+n), nil, true
		}
		if n := semicolon(a.Value[at:], `\;`); n > 0 {
			c.Argv, at = append(c.Argv, ";"), skipBlanks(a.Value, at+n)
			continue
		}
		t, _, ok := nextWordRelaxed(a.Value, at, v)
		if !ok {
			return refused(t.start, len(a.Value), "unbalanced quote")
		}
		e, ok := v.expand(t.text, letters, r)
		if !ok {
			return refused(t.start, t.end, errSpecifier.Error())
		}
		c.Argv, c.Unknown, at = append(c.Argv, e.text), c.Unknown || len(e.unknown) > 0, t.next
	}
	if len(c.Argv) == 0 {
		return refused(first.start, first.end, "no argv[0]")
	}
	if strings.HasPrefix(c.Path, "/") {
		c.Path = simplify(c.Path)
	}
	return c, 0, nil, false
}

// nextWordRelaxed is extract_first_word_and_warn: an unknown escape is taken
// as it is written.
func nextWordRelaxed(s string, at int, v version) (t token, found, ok bool) {
	t, found, ok = nextWord(s, at, rules{escapes: true, strict: v.refusesSurrogate()})
	if !ok {
		t, found, ok = nextWord(s, at, rules{escapes: true, keep: true, strict: v.refusesSurrogate()})
	}
	return t, found, ok
}

// prefixes takes the special characters off the first word.
func (c *Command) prefixes(word string) (path string, ownArgv0 bool) {
	full, shell := 0, false // "+", "!" and "!!" exclude each other
	for i, b := range []byte(word) {
		switch {
		case b == '-' && !c.IgnoreFailure:
			c.IgnoreFailure = true
		case b == '@' && !ownArgv0:
			ownArgv0 = true
		case b == ':' && !c.Literal:
			c.Literal = true
		case b == '|' && !shell:
			shell = true
		case b == '+' && full == 0:
			full = 3
		case b == '!' && full < 2:
			full++
		default:
			return word[i:], ownArgv0
		}
	}
	return "", ownArgv0
}

// semicolon gives the length of sign when it stands at the start of s as a
// word of its own, else 0.
func semicolon(s, sign string) int {
	rest, ok := strings.CutPrefix(s, sign)
	if ok && (rest == "" || strings.IndexByte(blanks, rest[0]) >= 0) {
		return len(sign)
	}
	return 0
}

// ExpandExec replaces the variables in argv as systemd does before it starts
// the program (replace_env_argv of src/basic/env-util.c): a whole argument
// $NAME becomes the words of the value, or goes away; ${NAME} inside an
// argument becomes the value, or nothing; $$ is a dollar sign. Do not call it
// for a Literal command.
func ExpandExec(argv []string, env func(name string) (value string, ok bool)) []string {
	var out []string
	for _, arg := range argv {
		if len(arg) == 0 || arg[0] != '$' || len(arg) > 1 && (arg[1] == '{' || arg[1] == '$') {
			out = append(out, expandBraces(arg, env))
			continue
		}
		if !validName(arg[1:]) {
			continue
		}
		value, _ := env(arg[1:])
		for at := 0; ; {
			t, found, _ := nextWord(value, at, rules{relax: true})
			if !found {
				break
			}
			out, at = append(out, t.text), t.next
		}
	}
	return out
}

// expandBraces is replace_env_full without the flags for bare and extended
// forms: "$x" inside an argument, "${x:…}" and a brace that never closes stay.
func expandBraces(s string, env func(string) (string, bool)) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			return b.String() + s
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexAny(s, "}:")
		switch {
		case s[1] == '$':
			b.WriteByte('$')
			s = s[2:]
		case s[1] != '{':
			b.WriteString(s[:2])
			s = s[2:]
		case end < 0:
			return b.String() + s
		case s[end] == ':':
			b.WriteString(s[:end+1])
			s = s[end+1:]
		default:
			if name := s[2:end]; validName(name) {
				value, _ := env(name)
				b.WriteString(value)
			}
			s = s[end+1:]
		}
	}
}
