package daemon

import (
	"fmt"
	"maps"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Left is a finding that PlanMend does not take away, and why.
type Left struct {
	Finding precedence.Finding `json:"finding"`
	Reason  string             `json:"reason"` // one clause, masked
}

// salvaged is a value that somebody wrote and that its reader does not get as it was meant.
type salvaged struct {
	layer precedence.Layer
	key   precedence.Key
	value precedence.Value // as it was meant, in the form in which dockerd can use it
	at    precedence.Source
	by    precedence.Finding
}

// mender takes the cause of one kind of finding away. bytes changes files as they are, salvage reads what was meant, which the planner then writes into the same layer as
// `set` would; a kind has one of the two. Both return an error with the reason where that would be guessing.
type mender struct {
	bytes   func(*planner, precedence.Finding) ([]change.Change, error)
	salvage func(*planner, precedence.Finding) ([]salvaged, error)
}

// menders are the kinds that can be mended without guessing. The registry says the same of each (Check.Mended); a test holds them together.
func menders() map[string]mender {
	text, value := mender{salvage: salvageText}, mender{salvage: salvageBinding}
	return map[string]mender{
		"daemon-json-flat-key":                  {bytes: mendConfig},
		"daemon-json-client-shape":              {bytes: mendConfig},
		"daemon-json-duplicate-key":             {bytes: mendConfig},
		"daemon-json-comment-or-trailing-comma": {bytes: mendConfig},
		"daemon-json-null":                      {bytes: mendConfig},
		"daemon-json-bom-on-old-engine":         {bytes: mendConfig},
		"systemd-unescaped-percent":             text,
		"systemd-bad-escape":                    text,
		"systemd-unbalanced-quote":              text,
		"systemd-one-variable-in-two":           text,
		"systemd-trailing-comment":              text,
		"systemd-wrong-section-or-directory":    text,
		"systemd-credentials-world-readable":    {bytes: mendMode},
		"systemd-drop-in-overridden":            {bytes: mendDuplicate},
		"systemd-reload-needed":                 {},
		"restart-pending":                       {},
		"startup-not-exported":                  value,
		"startup-export-in-environment-file":    text,
		"startup-inline-comment":                text,
		"url-quotes-kept":                       value,
		"url-password-needs-encoding":           value,
		"url-missing-scheme":                    value,
		"url-credentials-leak-in-info":          value,
		"url-unparsable-goes-direct":            value,
		"no-proxy-space-separated":              value,
	}
}

// Mendable lists the IDs of the findings that PlanMend may take away, sorted.
func Mendable() []string { return slices.Sorted(maps.Keys(menders())) }

// PlanMend returns the changes that take away the causes of findings of o where that needs no guessing: no value is invented, nothing that is not a proxy setting changes,
// and a setting that dockerd uses today keeps its value. What is left is returned with the reason. The error is that of a host on which nothing can be planned.
//
// keep says which findings are chosen; it is asked again about those that come to light when others are gone, such as blanks in a list that nobody read before.
func PlanMend(o *Observation, keep func(precedence.Finding) bool, history History) (*Plan, []Left, error) {
	if err := CheckMendable(o); err != nil {
		return nil, nil, err
	}
	p := newPlanner(o, precedence.Settings{}, history)
	var left []Left
	known := o.Findings
	for chosen := chosenOf(o.Findings, nil, keep); len(chosen) > 0; {
		left = append(left, p.mendAll(chosen)...)
		chosen, known = chosenOf(p.now.Findings, known, keep), append(slices.Clone(known), p.now.Findings...)
	}
	if err := p.nothingWorse(); err != nil {
		return nil, left, err
	}
	plan, err := p.done()
	return plan, left, err
}

// chosenOf returns the findings that are wanted, can be mended, and are not known yet.
func chosenOf(all, known []precedence.Finding, keep func(precedence.Finding) bool) []precedence.Finding {
	var out []precedence.Finding
	for _, f := range all {
		_, can := menders()[f.ID]
		if can && keep(f) && !slices.ContainsFunc(known, func(k precedence.Finding) bool { return sameFinding(k, f) }) {
			out = append(out, f)
		}
	}
	return out
}

// mendAll takes the causes of some findings away and returns what is left of them.
func (p *planner) mendAll(chosen []precedence.Finding) []Left {
	var left []Left
	var values []salvaged
	for _, f := range chosen {
		found, err := p.mendOne(f)
		if err != nil {
			left = append(left, Left{f, err.Error()})
		}
		values = append(values, found...)
	}
	left = append(left, p.writeSalvaged(values)...)
	return append(left, p.stillThere(chosen, left)...)
}

// CheckMendable is CheckEditable without its faults: a file that cannot be read as configuration is what there is to mend.
func CheckMendable(o *Observation) error {
	whole := *o
	whole.Faults = nil
	return CheckEditable(&whole)
}

// mendOne applies the byte-level mend of a finding, or returns the values to be written.
func (p *planner) mendOne(f precedence.Finding) ([]salvaged, error) {
	m, ok := menders()[f.ID]
	switch {
	case !ok:
		return nil, fmt.Errorf("this needs a decision")
	case m.bytes != nil:
		changes, err := m.bytes(p, f)
		check, _ := precedence.CheckOf(f.ID)
		p.add(changes, check.Summary)
		return nil, err // a file may be mended in part
	case m.salvage != nil:
		return m.salvage(p, f)
	}
	return nil, nil
}

// writeSalvaged writes the values into the layers they were meant for. Two values for one setting are a question that nobody has answered.
func (p *planner) writeSalvaged(values []salvaged) []Left {
	var left []Left
	wanted := map[precedence.Layer]precedence.Settings{}
	sources := map[precedence.Layer][]salvaged{}
	for _, v := range values {
		if reason := p.conflict(v, values); reason != "" {
			left = append(left, Left{v.by, reason})
			continue
		}
		if wanted[v.layer] == nil {
			wanted[v.layer] = precedence.Settings{}
		}
		wanted[v.layer][v.key] = v.value
		sources[v.layer] = append(sources[v.layer], v)
	}
	for _, s := range surfaces() {
		settings := wanted[s.layer()]
		if len(settings) == 0 {
			continue
		}
		changes, err := p.rewrite(s, settings, sources[s.layer()])
		if err != nil {
			for _, v := range sources[s.layer()] {
				left = append(left, Left{v.by, err.Error()})
			}
			continue
		}
		p.add(changes, fmt.Sprintf("the settings of %s are written so that dockerd gets them as they were meant", s.layer()))
	}
	return left
}

// rewrite lets a layer hold the settings, and takes away the lines from which nobody got them.
func (p *planner) rewrite(s surface, settings precedence.Settings, from []salvaged) ([]change.Change, error) {
	if err := s.refuse(p.before.Site); err != nil {
		return nil, err
	}
	if err := checkSizes(settings); err != nil {
		return nil, err
	}
	dead, err := deadLines(p, from)
	if err != nil {
		return nil, err
	}
	p.add(dead, "nobody gets a setting from these lines")
	return s.edit(p.before.Site, p.now.Files, settings)
}

// conflict says why a salvaged value is not simply the wanted one, or "".
func (p *planner) conflict(v salvaged, all []salvaged) string {
	for _, other := range all {
		if other.key == v.key && other.layer == v.layer && other.value != v.value {
			return fmt.Sprintf("%s and %s are two values of %s: say which one with docker proxy set", v.at, other.at, v.key)
		}
	}
	w := p.now.verdict(v.key).Winner
	switch {
	case !v.layer.Own():
		return fmt.Sprintf("%s is shared with the whole machine", v.at)
	case w == nil || w.Source == v.at || w.Value == v.value:
		return ""
	case w.Source.Path == v.at.Path && w.Source.Line == v.at.Line:
		return ""
	case w.Unknown:
		return fmt.Sprintf("what dockerd uses for %s is not known", v.key)
	}
	return fmt.Sprintf("dockerd uses another %s today, from %s: say which one with docker proxy set", v.key, w.Source)
}

// stillThere lists the chosen findings that the planned state has as well, except those that a reload or a restart ends and those with a reason already.
func (p *planner) stillThere(chosen []precedence.Finding, told []Left) []Left {
	var left []Left
	for _, f := range chosen {
		m := menders()[f.ID]
		if m.bytes == nil && m.salvage == nil {
			continue
		}
		if slices.ContainsFunc(told, func(l Left) bool { return sameFinding(l.Finding, f) }) {
			continue
		}
		if slices.ContainsFunc(p.now.Findings, func(n precedence.Finding) bool { return sameFinding(n, f) }) {
			left = append(left, Left{f, "it cannot be mended without guessing"})
		}
	}
	return left
}

// sameFinding compares two findings, one of them of a planned state, in which lines have moved.
func sameFinding(a, b precedence.Finding) bool {
	if a.ID != b.ID || (a.Source == nil) != (b.Source == nil) {
		return false
	}
	return a.Source == nil || a.Source.Path == b.Source.Path && a.Source.Name == b.Source.Name
}

// nothingWorse refuses a plan that brings an error which was not there, or changes a setting that dockerd uses.
func (p *planner) nothingWorse() error {
	for _, n := range p.now.Findings {
		if n.Severity != precedence.SeverityError || n.ID == "restart-pending" {
			continue
		}
		if !slices.ContainsFunc(p.before.Findings, func(b precedence.Finding) bool { return b.ID == n.ID }) {
			return fmt.Errorf("mending this would lead to another error: %s [%s]", n.Message, n.ID)
		}
	}
	return nil
}
