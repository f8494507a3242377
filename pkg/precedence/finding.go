package precedence

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity of a finding.
type Severity string

// The severities, most severe first.
const (
	SeverityError   Severity = "error"   // something does not do what it looks like, or will stop dockerd
	SeverityWarning Severity = "warning" // works, but not as most people would expect
	SeverityInfo    Severity = "info"
)

// Severities returns the severities, most severe first.
func Severities() []Severity { return []Severity{SeverityError, SeverityWarning, SeverityInfo} }

// Finding is one thing that a person should know. Message and Fix are masked.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Source   *Source  `json:"source,omitempty"`
	Fix      string   `json:"fix,omitempty"`
}

// NewFinding makes a finding of a registered kind; the severity is the registry's. The message must hold no credentials: format Values, not raw strings.
// An unregistered ID is a bug and is reported as such in the message instead of being lost.
func NewFinding(id string, at *Source, fix, format string, args ...any) Finding {
	c, ok := CheckOf(id)
	if !ok {
		c = Check{ID: id, Severity: SeverityError}
	}
	return Finding{ID: id, Severity: c.Severity, Message: fmt.Sprintf(format, args...), Source: at, Fix: fix}
}

// SortFindings orders findings by severity, then ID, file and line, and drops exact repetitions.
func SortFindings(in []Finding) []Finding {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(Severities(), a.Severity), slices.Index(Severities(), b.Severity)), cmp.Compare(a.ID, b.ID), compareSources(a.Source, b.Source), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(out, func(a, b Finding) bool {
		return a.ID == b.ID && a.Message == b.Message && compareSources(a.Source, b.Source) == 0
	})
}

func compareSources(a, b *Source) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
}
