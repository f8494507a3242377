package dockerfile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// run inserts what a RUN step gets.
func (w *rewriter) run(n *parser.Node) (step, error) {
	w.count++
	s := step{flags: w.flags()}
	first := n.StartLine - 1
	at := bytes.Index(bytes.ToUpper(w.lines[first]), []byte("RUN")) // nothing but blanks, or a BOM, stands before it
	if at < 0 {
		return s, fmt.Errorf("line %d: the instruction is not where it should be", n.StartLine)
	}
	after := position{first, at + len("RUN")}
	if w.options.Way == ByShell {
		if err := w.variables(n, after, &s); err != nil {
			return s, err
		}
	}
	w.insert(after, " "+strings.Join(s.flags, " "))
	return s, nil
}

// variables makes the step read EnvFile, in the form that the step has.
func (w *rewriter) variables(n *parser.Node, after position, s *step) error {
	read := ". " + Dir + "/" + EnvFile
	command := ""
	if n.Next != nil {
		command = n.Next.Value
	}
	single := false // the command is the heredoc
	if len(n.Heredocs) > 0 {
		h, err := parser.ParseHeredoc(command)
		single = err == nil && h != nil
	}
	switch {
	case n.Attributes["json"]:
		if n.Next == nil {
			return nil // no command: the builder will say so
		}
		at, err := w.command(n, after)
		if err != nil {
			return err
		}
		s.words = []string{"/bin/sh", Dir + "/" + RunFile}
		w.insert(position{at.line, at.column + 1}, fmt.Sprintf("%q, %q, ", s.words[0], s.words[1]))
		w.note(n, "it has no shell, so it gets its variables by /bin/sh, which the image needs to have")
	case single:
		return w.heredoc(n, read, s)
	case !w.shell:
		w.note(n, "its shell cannot read variables from a file: it has the files and no variables")
	case command == "":
	default:
		at, err := w.command(n, after)
		if err != nil {
			return err
		}
		s.prefix = read + "; "
		w.insert(at, s.prefix)
	}
	return nil
}

// heredoc puts a line into a program that is a heredoc; it stays one line of the file, so that no line gets another number.
func (w *rewriter) heredoc(n *parser.Node, read string, s *step) error {
	content := n.Heredocs[0].Content
	start := n.EndLine - 1 - strings.Count(content, "\n")
	if len(n.Heredocs) != 1 || start <= n.StartLine-1 || start >= len(w.lines) {
		return fmt.Errorf("line %d: the text of the heredoc is not where it should be", n.StartLine)
	}
	line, hasProgram := "", strings.HasPrefix(content, "#!")
	if hasProgram {
		line, _, _ = strings.Cut(content, "\n")
		words := strings.Fields(strings.TrimPrefix(line, "#!"))
		if len(words) > 1 && strings.HasSuffix(words[0], "/env") {
			words = words[1:]
		}
		if len(words) == 0 || !isPOSIX(words[0]) || content == line {
			w.note(n, "its program is no shell script, so it has the files and no variables")
			return nil
		}
		start++
	} else if !w.shell {
		w.note(n, "its shell cannot read variables from a file: it has the files and no variables")
		return nil
	}
	s.heredocPrefix = read + "\n"
	w.insert(position{start, 0}, s.heredocPrefix)
	return nil
}

// position is a byte of the file.
type position struct{ line, column int }

func (w *rewriter) insert(at position, text string) {
	line := w.lines[at.line]
	w.lines[at.line] = append(append(append([]byte(nil), line[:at.column]...), text...), line[at.column:]...)
}

// command returns where the command of a RUN step begins, behind the options. An option ends at a blank outside of quotes (buildkit parser, extractBuilderFlags).
func (w *rewriter) command(n *parser.Node, at position) (position, error) {
	var quote byte
	inOption := false
	for ; at.line < n.EndLine; at = (position{at.line + 1, 0}) {
		line := w.lines[at.line]
		if at.column == 0 && at.line > n.StartLine-1 && skipped(line) {
			continue
		}
		end := len(bytes.TrimRight(line, " \t\r\n"))
		goesOn := end > 0 && line[end-1] == w.escape
		if goesOn {
			end--
		}
		for ; at.column < end; at.column++ {
			c := line[at.column]
			blank := c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r'
			switch {
			case inOption && c == w.escape && at.column+1 < end:
				at.column++
			case inOption && quote != 0:
				if c == quote {
					quote = 0
				}
			case inOption && (c == '"' || c == '\''):
				quote = c
			case inOption && blank:
				inOption = false
			case inOption || blank:
			case bytes.HasPrefix(line[at.column:end], []byte("--")) && !endOfOptions(line[at.column:end]):
				inOption = true
			default:
				return at, nil
			}
		}
		if !goesOn {
			break
		}
	}
	return at, fmt.Errorf("line %d: its command was not found", n.StartLine)
}

// endOfOptions reports "--" alone, which is the first word of a command.
func endOfOptions(rest []byte) bool { return len(rest) == 2 || rest[2] == ' ' || rest[2] == '\t' }

// skipped reports lines that do not count inside of an instruction: comments, and empty ones.
func skipped(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}
