package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// caReport is the JSON of the commands about authorities in containers.
type caReport struct {
	Changed      bool                 `json:"changed"`
	Restarted    bool                 `json:"restarted"` // any container
	Pending      bool                 `json:"pending"`
	Certificates []certReport         `json:"certificates"`
	Files        []fileReport         `json:"files"` // of this machine
	Containers   []fleet.Outcome      `json:"containers"`
	Unrestored   []string             `json:"unrestored"`
	Findings     []precedence.Finding `json:"findings"`
}

// newCAReport gathers the outcomes.
func newCAReport(list []certReport, out []fleet.Outcome) caReport {
	rep := caReport{Certificates: list, Files: []fileReport{}, Containers: out, Unrestored: []string{}, Findings: expiring(list, time.Now())}
	if list == nil {
		rep.Certificates = []certReport{}
	}
	for _, o := range out {
		rep.Changed = rep.Changed || o.Changed || o.State == fleet.Changed
		rep.Restarted = rep.Restarted || o.Restarted
		rep.Pending = rep.Pending || o.State == fleet.Pending
		for _, u := range o.Unrestored {
			rep.Unrestored = append(rep.Unrestored, o.Name+": "+u)
		}
	}
	return rep
}

// soon is how long before its end an authority is worth a finding.
const soon = 30 * 24 * time.Hour

// expiring finds authorities that end soon or have ended.
func expiring(list []certReport, now time.Time) []precedence.Finding {
	out := []precedence.Finding{}
	for _, c := range list {
		if c.NotAfter.IsZero() || now.Add(soon).Before(c.NotAfter) {
			continue
		}
		id, when := "ca-expires-soon", "expires on "+c.NotAfter.Format(time.DateOnly)
		if now.After(c.NotAfter) {
			id, when = "ca-expired", "has expired on "+c.NotAfter.Format(time.DateOnly)
		}
		out = append(out, precedence.NewFinding(id, nil, "docker proxy ca replace "+c.Fingerprint[:12]+" NEW --all", "%s %s", c.Subject, when))
	}
	return out
}

// count is how many containers are in a state.
func (r caReport) count(s fleet.State) int {
	n := 0
	for _, o := range r.Containers {
		if o.State == s {
			n++
		}
	}
	return n
}

// finish prints the report and gives the exit status.
func (s *caSession) finish(ctx context.Context, rep caReport, text func(io.Writer) error) error {
	var err error
	switch {
	case s.opts.quiet:
		for _, o := range rep.Containers {
			if o.State == fleet.Changed || o.State == fleet.Pending {
				if _, err = fmt.Fprintln(s.app.cli.Out(), o.Name); err != nil {
					break
				}
			}
		}
	default:
		err = printAs(s.app.cli.Out(), s.opts.format, rep, text)
	}
	if !s.opts.format.isTable() || s.opts.quiet {
		s.complain(rep)
	}
	broken := rep.has(func(o fleet.Outcome) bool { return o.Broken })
	switch {
	case err != nil && broken:
		return withStatus(exitUnrestored, err)
	case err != nil && rep.Changed:
		return withStatus(exitPartly, fmt.Errorf("the change is made, but not reported: %w", err))
	case err != nil:
		return err
	case ctx.Err() != nil && !broken: // a signal does not hide what is broken
		return withStatus(exitInterrupted, errors.New("interrupted: the containers that were not done yet are as they were"))
	}
	return s.status(rep)
}

// complain names failures on stderr, where the output does not.
func (s *caSession) complain(rep caReport) {
	for _, o := range rep.Containers {
		if o.State == fleet.Failed {
			s.say("%s: %s", o.Name, o.Reason)
		}
	}
}

// status is that of the contract, for all containers together: 6 when a container was left neither as it was nor as it should be, which needs a person and so goes before all
// else; 4 when some are done and some failed; when all failed, 5 where something had been changed and is back, and 1 where nothing had been. 3 is for --check.
func (s *caSession) status(rep caReport) error {
	failed := rep.count(fleet.Failed)
	switch {
	case rep.has(func(o fleet.Outcome) bool { return o.Broken }):
		return silently(exitUnrestored)
	case failed > 0 && (failed < len(rep.Containers) || rep.Changed):
		return silently(exitPartly)
	case failed > 0 && rep.has(func(o fleet.Outcome) bool { return o.Restored }):
		return silently(exitRestored)
	case failed > 0:
		return silently(exitFailed)
	case s.opts.check && rep.Pending:
		return silently(exitPending)
	}
	return nil
}

// has reports whether something is so of a container.
func (r caReport) has(is func(fleet.Outcome) bool) bool { return slices.ContainsFunc(r.Containers, is) }

// detail is what a line says of a container behind its state.
func detail(o fleet.Outcome) string {
	var parts []string
	if n := len(o.Files); n > 0 {
		parts = append(parts, fmt.Sprintf("%d files", n))
		if n == 1 {
			parts[0] = "1 file"
		}
	}
	if o.Family != "" {
		parts = append(parts, o.Family)
	}
	if o.Restarted {
		parts = append(parts, "restarted")
	}
	if o.Reason != "" {
		parts = append(parts, o.Reason)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// writeText is what the writers print: the certificates, a line for each container, what is left to do.
func (s *caSession) writeText(w io.Writer, rep caReport) error {
	for _, c := range rep.Certificates {
		fmt.Fprintln(w, c.line())
		for _, warning := range c.Warnings {
			fmt.Fprintf(w, "  warning: %s\n", warning)
		}
	}
	if !s.app.cli.Err().IsTerminal() || !s.app.cli.Out().IsTerminal() {
		for _, o := range rep.Containers {
			fmt.Fprintf(w, "%-9s %s%s\n", o.State, o.Name, detail(o))
		}
	}
	if s.opts.readOnly() {
		for _, o := range rep.Containers {
			if len(o.Files) > 0 {
				fmt.Fprintf(w, "\n%s:\n", o.Name)
			}
			for _, f := range o.Files {
				line := "  " + f.Action + " " + f.Path
				if f.Cause != "" {
					line += ": " + f.Cause
				}
				fmt.Fprintln(w, line)
			}
		}
	}
	s.notes(w, rep)
	s.unrestored(w, rep)
	if len(rep.Containers) > 1 {
		fmt.Fprintln(w, summaryLine(rep))
	}
	findingsText(w, rep.Findings)
	return nil
}

// unrestored names every file that is not as it was before, and what takes the rest back.
func (s *caSession) unrestored(w io.Writer, rep caReport) {
	for _, o := range rep.Containers {
		for _, u := range o.Unrestored {
			fmt.Fprintf(w, "%s: not as it was before: %s\n", o.Name, u)
		}
		if o.Broken && len(rep.Certificates) > 0 {
			fmt.Fprintf(w, "  docker proxy ca remove %s %s\n", rep.Certificates[0].Fingerprint[:12], o.Name)
		}
	}
}

// summaryLine counts.
func summaryLine(rep caReport) string {
	var parts []string
	for _, st := range []fleet.State{fleet.Changed, fleet.Pending, fleet.Unchanged, fleet.Skipped, fleet.Failed} {
		if n := rep.count(st); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, st))
		}
	}
	return fmt.Sprintf("%d containers: %s", len(rep.Containers), strings.Join(parts, ", "))
}

// notes prints what a change of files does not settle, each once with the containers it is about.
func (s *caSession) notes(w io.Writer, rep caReport) {
	type group struct {
		note  certs.Note
		names []string
	}
	var groups []group
	for _, o := range rep.Containers {
		for _, n := range o.Notes {
			if n.Kind == certs.NeedsRestart && o.Restarted {
				continue
			}
			i := slices.IndexFunc(groups, func(g group) bool { return g.note.String() == n.String() && slices.Equal(g.note.Env, n.Env) })
			if i < 0 {
				groups = append(groups, group{note: n})
				i = len(groups) - 1
			}
			if !slices.Contains(groups[i].names, o.Name) {
				groups[i].names = append(groups[i].names, o.Name)
			}
		}
	}
	for _, g := range groups {
		fmt.Fprintf(w, "%s: %s\n", someOf(g.names), g.note)
		for _, e := range g.note.Env {
			fmt.Fprintf(w, "  -e %s\n", e)
		}
		if g.note.Kind == certs.NeedsRestart {
			fmt.Fprintf(w, "  docker restart %s\n", strings.Join(g.names, " "))
		} else if g.note.Command != "" {
			fmt.Fprintf(w, "  %s\n", g.note.Command)
		}
	}
}

// someOf names the first few.
func someOf(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
