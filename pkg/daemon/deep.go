package daemon

import (
	"context"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/tool"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Deep asks the real readers about the files as they stand: dockerd --validate, with the daemon's own flags, for daemon.json, and systemd-analyze verify for the unit. Nothing is
// changed, and the files they see are copies in a directory only this user can enter. What they say and no check of the observation has said becomes a finding; both are masked.
// The notes are sentences for people: who could not be asked. Under --root nothing is executed, which is a note, too.
func (o *Observation) Deep(ctx context.Context) (found []precedence.Finding, notes []string, err error) {
	switch {
	case o.Site.Flavor == FlavorRemote || o.Site.Flavor == FlavorDesktop:
		return nil, []string{"--deep: the daemon's files are not on this machine, so neither dockerd nor systemd was asked about them"}, nil
	case !o.Site.Live:
		return nil, []string{"--deep: nothing of a directory (--root) is executed, so neither dockerd nor systemd was asked"}, nil
	}
	dir, err := tool.NewScratch()
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	v := &validator{site: o.Site, scratch: dir}
	text, data, _, err := v.configSays(ctx)
	if err != nil {
		return nil, nil, err
	}
	if text != "" && !o.configStops() {
		at := &precedence.Source{Layer: precedence.LayerDaemonJSON, Path: o.Site.ConfigFile, Line: complaintLine(o.Site.ConfigFile, data, text), Route: precedence.RouteConfigFile}
		found = append(found, precedence.NewFinding("daemon-json-validate-fails", at, "", "dockerd will not start again with this file: %s", foreignText(text)))
	}
	complaints, err := v.present(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range complaints {
		if o.saidOf(c) {
			continue
		}
		at := &precedence.Source{Layer: precedence.LayerSystemd, Path: c.path, Line: c.line}
		found = append(found, precedence.NewFinding("systemd-verify-complains", at, "", "systemd says: %s", foreignText(c.text)))
	}
	return precedence.SortFindings(found), v.notes, nil
}

// configStops reports whether a check has said already that dockerd does not start with its configuration file. dockerd --validate names one reason, and not always the first.
func (o *Observation) configStops() bool {
	return slices.ContainsFunc(o.Faults, func(f Fault) bool { return f.Stops && f.Source.Path == o.Site.ConfigFile })
}

// present asks systemd about the unit as it stands.
func (v *validator) present(ctx context.Context) ([]complaint, error) {
	if !v.site.Manager.Systemd() || v.site.Unit == "" {
		return nil, nil
	}
	program, err := tool.Find("systemd-analyze")
	if err != nil {
		v.note("the unit files were not checked by systemd-analyze verify: this host has no such program")
		return nil, nil
	}
	return v.verify(ctx, program, "present", v.site.FS)
}

// saidOf reports whether a complaint is no news, or nobody's business here: a check has a finding about the same assignment, or the line is about something else than the
// environment of dockerd and how it is started.
func (o *Observation) saidOf(c complaint) bool {
	if c.line == 0 {
		return slices.ContainsFunc(o.Findings, func(f precedence.Finding) bool {
			return f.Severity == precedence.SeverityError && f.Source != nil && f.Source.Layer == precedence.LayerSystemd
		})
	}
	data, err := o.Files.ReadFile(c.path)
	if err != nil {
		return true
	}
	first, last, concerns := assignmentAt(data, c.line)
	if !concerns {
		return true
	}
	return slices.ContainsFunc(o.Findings, func(f precedence.Finding) bool {
		return f.Source != nil && f.Source.Path == c.path && f.Source.Line >= first && f.Source.Line <= last
	})
}

// assignmentAt returns the lines of the assignment that a line belongs to, continuations and all, and whether it concerns the environment or the command of the service, or names
// a proxy variable at all.
func assignmentAt(data []byte, line int) (first, last int, concerns bool) {
	lines := strings.Split(string(data), "\n")
	if line < 1 || line > len(lines) {
		return line, line, false
	}
	continued := func(i int) bool { return strings.HasSuffix(strings.TrimRight(lines[i-1], "\r"), `\`) } // line i goes on in the next one
	for first = line; first > 1 && continued(first-1); first-- {
	}
	for last = line; last < len(lines) && continued(last); last++ {
	}
	text := strings.ToLower(strings.Join(lines[first-1:last], "\n"))
	key, _, _ := strings.Cut(strings.TrimSpace(text), "=")
	switch strings.TrimSpace(key) {
	case "environment", "environmentfile", "passenvironment", "unsetenvironment", "execstart":
		return first, last, true
	}
	for _, a := range unitfile.Parse(data).Assignments() {
		if a.Line >= first && a.Line <= last && (strings.HasPrefix(a.Key, "Environment") || a.Key == "ExecStart") {
			return first, last, true
		}
	}
	return first, last, strings.Contains(text, "_proxy")
}
