// Package dockerfile rewrites a Dockerfile so that each of its RUN steps trusts authorities, while the image that comes out has nothing of them.
//
// It is pure: text in, text out, read by BuildKit's own parser before and after. It knows how a step gets files and variables, not which ones: that is package
// pkg/client/export. What the builder itself fetches (FROM, ADD, COPY --from) is not its business: that is dockerd's trust. Start at Rewrite.
//
// The files come by one bind mount from a named build context, below /dev: every step gets a /dev of its own in memory, so not even a mount point is left in the image
// (buildkit executor/oci/spec.go; heredocs that are programs come in /dev/pipes the same way). The variables come as secrets, where the builder can do that, else from a
// file that the step's shell reads first; neither stands in the image's configuration.
package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// Where a step finds the files, and in which of them.
const (
	Context = "docker-proxy-ca"      // the name of the build context that holds the files
	Dir     = "/dev/docker-proxy-ca" // where a step has them
	EnvFile = "env"                  // exports the variables, for a POSIX shell
	RunFile = "run"                  // a script for sh that reads EnvFile and becomes the command it is given
)

// Way is how the variables get into a step.
type Way int

// The ways.
const (
	// BySecret mounts each variable as a secret: any step, and the image's history says nothing. Dockerfile syntax 1.10.
	BySecret Way = iota
	// ByShell lets the step's shell read EnvFile first, a step without a shell is started by RunFile. Any BuildKit; the history shows the words, without a variable.
	ByShell
)

// Options say what a step gets.
type Options struct {
	Way Way
	// Variables are the names that are set, for BySecret; the secret of NAME has the ID SecretID(NAME).
	Variables []string
	// Over are absolute paths over which the file of that name (second) below Dir's context is mounted, too.
	Over []Over
}

// Over is a file of the context that stands at a place of the image's own during a step.
type Over struct{ Source, Target string }

// SecretID is the ID of the build secret that holds the value of a variable.
func SecretID(variable string) string { return Context + "-" + variable }

// Result is a rewritten Dockerfile.
type Result struct {
	Data []byte
	// Steps is how many RUN steps there are.
	Steps int
	// Notes are steps that could not be given everything, Path being "line N".
	Notes []certs.Note
}

// ErrNoStep is a Dockerfile without RUN: there is nothing to rewrite.
var ErrNoStep = errors.New("it has no RUN step")

// Rewrite returns the Dockerfile with the mounts in each RUN step. Nothing else changes, not a byte: what was added is read back with BuildKit's parser, and a difference in
// anything else is an error. Errors of the parser name the line.
func Rewrite(src []byte, o Options) (Result, error) {
	before, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return Result{}, err
	}
	w := &rewriter{lines: bytes.SplitAfter(src, []byte("\n")), escape: byte(before.EscapeToken), options: o, shell: true}
	var steps []step
	for _, n := range before.AST.Children {
		s, err := w.instruction(n)
		if err != nil {
			return Result{}, err
		}
		steps = append(steps, s)
	}
	if w.count == 0 {
		return Result{}, ErrNoStep
	}
	out := bytes.Join(w.lines, nil)
	if err := readBack(out, before, steps, w); err != nil {
		return Result{}, err
	}
	return Result{Data: out, Steps: w.count, Notes: w.notes}, nil
}

// step is what an instruction has to look like when it is read back.
type step struct {
	flags         []string // in front of its own
	prefix        string   // in front of a shell's command
	words         []string // in front of a command without a shell
	heredocPrefix string   // in front of a program that is a heredoc
}

// rewriter changes lines; only what is inserted into a line makes it longer, so line numbers stay as the parser counted them.
type rewriter struct {
	lines   [][]byte
	escape  byte
	options Options
	shell   bool // the stage's shell form is run by a POSIX shell
	count   int
	notes   []certs.Note
}

func (w *rewriter) note(n *parser.Node, text string) {
	w.notes = append(w.notes, certs.Note{Kind: certs.Limit, Path: fmt.Sprintf("line %d", n.StartLine), Text: text})
}

func (w *rewriter) instruction(n *parser.Node) (step, error) {
	switch strings.ToUpper(n.Value) {
	case "FROM":
		w.shell = true
		if name := stageName(n); strings.EqualFold(name, Context) {
			return step{}, fmt.Errorf("line %d: a stage is named %s, as the build context with the authorities", n.StartLine, name)
		}
	case "SHELL":
		if n.Next != nil {
			w.shell = isPOSIX(n.Next.Value)
		}
	case "ONBUILD":
		if n.Next != nil && len(n.Next.Children) > 0 && strings.EqualFold(n.Next.Children[0].Value, "RUN") {
			w.note(n, "ONBUILD RUN is kept as it is: it runs when another image is built from this one, and is a part of this image")
		}
	case "RUN":
		return w.run(n)
	}
	return step{}, nil
}

// stageName is the NAME of FROM IMAGE AS NAME.
func stageName(n *parser.Node) string {
	var words []string
	for at := n.Next; at != nil; at = at.Next {
		words = append(words, at.Value)
	}
	if len(words) == 3 && strings.EqualFold(words[1], "AS") {
		return words[2]
	}
	return ""
}

// isPOSIX reports whether a shell reads a file with "." and exports variables with export.
func isPOSIX(shell string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"}, path.Base(shell))
}

// flags are the options of a RUN step.
func (w *rewriter) flags() []string {
	out := []string{"--mount=type=bind,from=" + Context + ",target=" + Dir}
	for _, over := range w.options.Over {
		out = append(out, fmt.Sprintf("--mount=type=bind,from=%s,source=/%s,target=%s", Context, over.Source, over.Target))
	}
	if w.options.Way == BySecret {
		for _, name := range w.options.Variables {
			out = append(out, fmt.Sprintf("--mount=type=secret,id=%s,env=%s,required", SecretID(name), name))
		}
	}
	return out
}
