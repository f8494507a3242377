package daemon

import (
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// dropConsequences takes away what only follows from a line that its reader takes otherwise than it was meant: that its value cannot be used, or that a setting is
// missing. Told the cause, everybody knows.
func (o *Observation) dropConsequences() {
	misread := slices.DeleteFunc(slices.Clone(o.Findings), func(f precedence.Finding) bool { return !isMisreading(f) })
	if len(misread) == 0 {
		return
	}
	lost := slices.ContainsFunc(misread, func(f precedence.Finding) bool {
		key, _ := precedence.KeyOf(f.Source.Name)
		return key == precedence.HTTPSProxy
	})
	o.Findings = slices.DeleteFunc(o.Findings, func(f precedence.Finding) bool {
		c, _ := precedence.CheckOf(f.ID)
		switch {
		case f.ID == "http-only":
			return lost
		case c.Group != precedence.GroupValues && c.Group != precedence.GroupNoProxy || f.Source == nil || f.ID == "all-proxy-ignored":
			return false
		}
		return slices.ContainsFunc(misread, func(m precedence.Finding) bool {
			return m.Source.Path == f.Source.Path && m.Source.Line == f.Source.Line
		})
	})
}

// isMisreading reports whether a finding says that a line is not read as it was meant.
func isMisreading(f precedence.Finding) bool {
	switch f.ID {
	case "systemd-unescaped-percent", "systemd-bad-escape", "systemd-unbalanced-quote", "systemd-one-variable-in-two", "systemd-ignored-assignment",
		"systemd-wrong-section-or-directory", "startup-inline-comment", "startup-shell-expansion-not-done", "startup-export-in-environment-file", "startup-not-exported":
		return f.Source != nil
	}
	return false
}
