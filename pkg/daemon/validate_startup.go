package daemon

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/shellfile"
	"github.com/docker-proxy/docker-proxy/internal/tool"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// sourceLimit is how long sourcing a startup file may take. An init script that has to wait longer for it would look hung as well.
const sourceLimit = 5 * time.Second

// startup shows Docker's startup files to the shell that reads them.
func (v *validator) startup(ctx context.Context) error {
	for _, c := range v.plan {
		if validatorOf(v.site, c) != change.ValidateStartup || c.To.Kind != change.File {
			continue
		}
		i := slices.IndexFunc(v.site.Startup, func(s StartupFile) bool { return s.Path == c.Path })
		sourced := i >= 0 && v.site.Startup[i].Reader == ReaderSourced
		shell, err := v.shell()
		if err != nil {
			v.note("%s was not shown to a shell: none was found", c.Path)
			continue
		}
		ask := &sourcing{validator: v, shell: shell, c: c}
		if err := ask.syntax(ctx, sourced); err != nil {
			return err
		}
		if sourced {
			if err := ask.values(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// shell finds what runs the init script: the shell its first line names, sh for everything else (openrc-run is written for sh).
func (v *validator) shell() (string, error) {
	data, err := v.site.FS.ReadFile(v.site.InitScript)
	if first, _, _ := strings.Cut(string(data), "\n"); err == nil && strings.HasPrefix(first, "#!") {
		words := strings.Fields(first[2:])
		if len(words) > 0 && slices.Contains([]string{"bash", "dash", "ksh", "mksh", "yash"}, path.Base(words[0])) {
			if found, err := tool.Find(words[0]); err == nil {
				return found, nil
			}
		}
	}
	return tool.Find("sh")
}

// sourcing is one startup file before the shell.
type sourcing struct {
	*validator
	shell string
	c     change.Change
}

// syntax lets the shell read the file without running it. A file that only systemd reads need not be shell: there only what was shell before has to stay so.
func (s *sourcing) syntax(ctx context.Context, sourced bool) error {
	text, err := s.complains(ctx, "new", s.c.To.Data)
	if err != nil || text == "" {
		return err
	}
	if !sourced {
		if old, err := s.complains(ctx, "old", s.c.From.Data); err != nil || old != "" {
			return err
		}
	}
	// "3: Syntax error…" in dash, "line 3: syntax error…" in bash.
	line := 0
	if number, rest, ok := strings.Cut(strings.TrimPrefix(text, "line "), ": "); ok {
		if n, err := strconv.Atoi(number); err == nil {
			line, text = n, rest
		}
	}
	return refused(s.c.Path, line, path.Base(s.shell)+" cannot read it", foreignText(text))
}

// complains returns what sh -n says, with the real name of the file, or "".
func (s *sourcing) complains(ctx context.Context, name string, data []byte) (string, error) {
	candidate, err := s.scratch.WriteAt(path.Join("syntax", name), data)
	if err != nil {
		return "", err
	}
	res, err := tool.Run(ctx, tool.Command{Path: s.shell, Args: []string{"-n", candidate}, Contained: true})
	if err != nil || res.Status == 0 {
		return "", err
	}
	return strings.TrimPrefix(strings.ReplaceAll(res.Stderr, candidate, s.c.Path), s.c.Path+": "), nil
}

// values lets the shell source the file in an empty environment and compares what it exports with what is wanted of it, as internal/shellfile reads it.
//
// This runs what the file holds, which may be anybody's code with any effect. It is done right before such a file is written and only where the init runs the very same code
// as root at each start of dockerd, never to observe; without a terminal, for at most sourceLimit, and with all it has started killed afterwards.
func (s *sourcing) values(ctx context.Context) error {
	env, err := tool.Find("env")
	if err != nil {
		s.note("%s was not sourced to check it: this host has no env program", s.c.Path)
		return nil
	}
	exported, problem, err := s.source(ctx, env, "sourced-new", s.c.To.Data)
	if err != nil {
		return err
	}
	if problem != "" {
		_, old, err := s.source(ctx, env, "sourced-old", s.c.From.Data)
		if err != nil {
			return err
		}
		if old == "" {
			return refused(s.c.Path, 0, "the init script could not source it", problem)
		}
		s.note("%s could not be checked by sourcing it, neither as it is nor as it will be: %s", s.c.Path, problem)
		return nil
	}
	f, err := shellfile.Parse(s.c.Path, s.c.To.Data)
	if err != nil {
		return nil //nolint:nilerr // sh has read it, and nothing was promised about what another parser cannot
	}
	names := precedence.AllNames()
	for _, final := range f.Run(shellfile.Options{Inherited: map[string]string{}, Unset: names, Include: s.site.FS.ReadFile}, names...).Finals {
		if !final.Known {
			continue // it depends on code that is not run to find out
		}
		got, set := exported[final.Name]
		if set != (final.Set && final.Exported) || set && got != final.Value {
			return refused(s.c.Path, final.Line, path.Base(s.shell)+" does not make of "+final.Name+" what is wanted", "its value after sourcing the file is another one")
		}
	}
	return nil
}

// source returns the environment after sourcing, or in words, masked, why there is none.
func (s *sourcing) source(ctx context.Context, env, name string, data []byte) (exported map[string]string, problem string, err error) {
	candidate, err := s.scratch.WriteAt(path.Join(name, path.Base(s.c.Path)), data)
	if err != nil {
		return nil, "", err
	}
	// What the file itself prints goes nowhere; both paths are plain words.
	script := fmt.Sprintf(". '%s' >/dev/null\nexec '%s' -0\n", candidate, env)
	res, err := tool.Run(ctx, tool.Command{Path: s.shell, Args: []string{"-c", script}, Dir: path.Dir(candidate), Bare: true, Contained: true, Limit: s.sourceLimit})
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, fmt.Sprintf("it does not come to an end within %s", s.sourceLimit), nil
	case err != nil:
		return nil, "", err
	case res.Stdout == "" || res.Status != 0:
		said := ""
		if last := lastLines(strings.TrimSpace(res.Stderr), 1); last != "" {
			said = ": " + foreignText(strings.ReplaceAll(last, candidate, s.c.Path))
		}
		return nil, fmt.Sprintf("it ends the shell with status %d%s", res.Status, said), nil
	}
	exported = map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(res.Stdout, "\x00"), "\x00") {
		if n, value, ok := strings.Cut(entry, "="); ok {
			exported[n] = value
		}
	}
	return exported, "", nil
}
