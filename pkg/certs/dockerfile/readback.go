package dockerfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// readBack parses what was written and compares it with what was read, instruction by instruction.
func readBack(out []byte, before *parser.Result, steps []step, w *rewriter) error {
	after, err := parser.Parse(bytes.NewReader(out))
	if err != nil {
		return fmt.Errorf("reading back what was written: %w", err)
	}
	old, now := before.AST.Children, after.AST.Children
	if after.EscapeToken != before.EscapeToken || len(old) != len(now) {
		return fmt.Errorf("reading back what was written: %d instructions instead of %d", len(now), len(old))
	}
	for i := range old {
		if !steps[i].made(old[i], now[i]) {
			return fmt.Errorf("line %d: this step could not be changed without changing what it does", old[i].StartLine)
		}
	}
	return nil
}

// made reports whether now is was with the step's additions and nothing else.
func (s step) made(was, now *parser.Node) bool {
	flags := append(slices.Clone(s.flags), was.Flags...)
	if was.Value != now.Value || !slices.Equal(flags, now.Flags) || was.Attributes["json"] != now.Attributes["json"] || len(was.Heredocs) != len(now.Heredocs) {
		return false
	}
	for i, h := range was.Heredocs {
		content := h.Content
		if s.heredocPrefix != "" {
			content = s.intoHeredoc(content)
		}
		h.Content = content
		if h != now.Heredocs[i] {
			return false
		}
	}
	a, b := values(was), values(now)
	if s.prefix != "" && len(a) > 0 {
		a[0] = s.prefix + a[0]
	}
	return slices.Equal(append(slices.Clone(s.words), a...), b)
}

func (s step) intoHeredoc(content string) string {
	if !strings.HasPrefix(content, "#!") {
		return s.heredocPrefix + content
	}
	first, rest, _ := strings.Cut(content, "\n")
	return first + "\n" + s.heredocPrefix + rest
}

// values are the words of an instruction, and those of the instruction in an ONBUILD.
func values(n *parser.Node) []string {
	var out []string
	for at := n.Next; at != nil; at = at.Next {
		out = append(out, at.Value)
		for _, c := range at.Children {
			out = append(append(out, c.Value), values(c)...)
		}
	}
	return out
}
