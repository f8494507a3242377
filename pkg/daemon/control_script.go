package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// scriptControl drives an init system by its own command.
type scriptControl struct {
	site *Site
	tool string
	args []string // with %verb for start, stop, restart
}

func newScriptControl(s *Site, tool string, args ...string) scriptControl {
	return scriptControl{site: s, tool: tool, args: args}
}

// scriptLimit bounds one call of an init script; Debian's waits up to ten seconds for the daemon to end.
const scriptLimit = 3 * time.Minute

// with gives the arguments for a verb.
func (c scriptControl) with(verb string) []string {
	out := make([]string, len(c.args))
	for i, a := range c.args {
		out[i] = strings.ReplaceAll(a, "%verb", verb)
	}
	return out
}

func (c scriptControl) Ready(context.Context) error {
	_, err := tool.Find(c.tool)
	return err
}

func (c scriptControl) Reload(context.Context) error { return nil }

// ReloadConfig signals dockerd itself: neither Debian's script nor OpenRC's have a reload.
func (c scriptControl) ReloadConfig(context.Context) error { return hangup(c.site) }

// Restart falls back to a start: Debian's script ends with an error when the daemon it is to stop has died (`cat` of the pid file under `set -e`).
func (c scriptControl) Restart(ctx context.Context) error {
	err := runTool(ctx, c.tool, c.with("restart")...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	return runTool(ctx, c.tool, c.with("start")...)
}

func (c scriptControl) Stop(ctx context.Context) error {
	return runTool(ctx, c.tool, c.with("stop")...)
}

func (c scriptControl) Command() string { return c.tool + " " + strings.Join(c.with("restart"), " ") }

func (c scriptControl) Repair() []string { return []string{c.Command()} }

// runitControl is sv(8). It waits for a stop for a few seconds only, unless told to wait longer.
type runitControl struct{ scriptControl }

// svWait is how long sv waits for a service to end, in seconds: dockerd gives its containers 15 before it ends.
const svWait = "120"

// ReloadConfig lets runsv send the signal.
func (c runitControl) ReloadConfig(ctx context.Context) error {
	return runTool(ctx, c.tool, c.scriptControl.with("hup")...)
}

func (c runitControl) Restart(ctx context.Context) error {
	return runTool(ctx, c.tool, append([]string{"-w", svWait}, c.scriptControl.with("restart")...)...)
}

func (c runitControl) Stop(ctx context.Context) error {
	return runTool(ctx, c.tool, append([]string{"-w", svWait}, c.scriptControl.with("stop")...)...)
}

// runTool runs a tool of the host to its end; another status than 0 is an error with its last words.
func runTool(ctx context.Context, name string, args ...string) error {
	path, err := tool.Find(name)
	if err != nil {
		return err
	}
	res, err := tool.Run(ctx, tool.Command{Path: path, Args: args, Limit: scriptLimit, Apart: true})
	if err != nil {
		return err
	}
	if res.Status != 0 {
		return fmt.Errorf("%s %s ended with status %d: %s", name, strings.Join(args, " "), res.Status, strings.TrimSpace(lastLines(res.Stdout+res.Stderr, 5)))
	}
	return nil
}

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
