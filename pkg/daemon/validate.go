package daemon

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// Validate asks the real readers about the files as they would be after the plan, before anything is written: dockerd --validate for daemon.json, systemd-analyze
// verify for units, sh for startup files. Candidates stand in a directory only this user can enter. daemon.json is asked about when it does not change, too, when the plan
// concerns the daemon or a restart follows: a running dockerd does not show that its file was broken since.
//
// The notes are sentences for people, masked: who could not be asked, and complaints that are not about this plan. An error names the host's own file, with the line where
// the reader tells it, and is masked as well. Under --root nothing is executed, so nobody is asked.
//
// With back, the plan puts bytes back that stood there before: that systemd ignores a line of them is then a note, as it did so before, too.
func Validate(ctx context.Context, site *Site, plan change.Plan, restart, back bool) (notes []string, err error) {
	plan = plan.Effective()
	concerned := restart || slices.ContainsFunc(plan, func(c change.Change) bool { return validatorOf(site, c) != change.ValidateNone })
	if !site.Live || !concerned {
		return nil, nil
	}
	dir, err := tool.NewScratch()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	v := &validator{site: site, plan: plan, scratch: dir, back: back, sourceLimit: sourceLimit}
	for _, ask := range []func(context.Context) error{v.config, v.unit, v.startup} {
		if err := ask(ctx); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return v.notes, nil
}

// validator is one validation under way.
type validator struct {
	site    *Site
	plan    change.Plan
	scratch *tool.Scratch
	back    bool // see Validate
	notes   []string

	sourceLimit time.Duration
}

func (v *validator) note(format string, args ...any) {
	v.notes = append(v.notes, fmt.Sprintf(format, args...))
}

// validatorOf says who has to agree to a change, by the file's place: changes from the journal bring no kind along.
func validatorOf(site *Site, c change.Change) change.ValidateKind {
	switch {
	case c.To.Kind == change.Dir || c.From.Kind == change.Dir:
		return change.ValidateNone
	case c.Path == site.ConfigFile:
		return change.ValidateDaemonJSON
	case slices.ContainsFunc(site.Startup, func(s StartupFile) bool { return s.Path == c.Path }):
		return change.ValidateStartup
	case site.Manager.Systemd() && editableUnitFile(site, c.Path) && (path.Ext(c.Path) == ".conf" || path.Base(c.Path) == site.Unit):
		return change.ValidateUnit
	}
	return c.Validate
}

// refused is the error about one file; line 0 is left out.
func refused(file string, line int, what, text string) error {
	return fmt.Errorf("%s; nothing was changed", complaintText(file, line, what, text))
}

func complaintText(file string, line int, what, text string) string {
	at := file
	if line > 0 {
		at = fmt.Sprintf("%s:%d", file, line)
	}
	return at + ": " + what + ": " + text
}

// foreignText makes a reader's output fit for a message: credentials in URLs masked, control characters escaped, in one line.
func foreignText(text string) string {
	var r redact.Redactor
	return redact.Terminal(r.Text(strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")))
}
