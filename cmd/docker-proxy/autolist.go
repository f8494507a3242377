package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// autoWord is the entry of a NO_PROXY list that stands for what is computed from this machine. No host has that name: it would have to be a top-level domain's.
const autoWord = "auto"

// leftOut marks, in a rule, an entry that was taken out of the computed ones.
const leftOut = "-"

// isAuto reports whether a list holds the entry "auto".
func isAuto(list string) bool {
	return slices.ContainsFunc(precedence.SplitNoProxy(list), func(e string) bool { return strings.EqualFold(e, autoWord) })
}

// orAuto is the list asked for; where none is asked for and none is set, a proxy comes with a computed one.
func (w *wanted) orAuto(list *string, set bool) *string {
	if list != nil || set || !w.proxies() {
		return list
	}
	auto := autoWord
	return &auto
}

// proxies reports whether a proxy is to be set that containers or dockerd would use.
func (w *wanted) proxies() bool { return len(w.urls) > 0 || w.clientURL != "" }

// undecided reports whether a setting may be set although no value is known.
func undecided(verdicts []precedence.Verdict, key precedence.Key) bool {
	return slices.ContainsFunc(verdicts, func(v precedence.Verdict) bool { return v.Key == key && v.Winner != nil })
}

// combineRule returns base with entries added and removed, in order, each once. Taking out one that is computed is kept in the rule.
func combineRule(base string, add, remove []string, auto func() precedence.AutoList) (string, error) {
	entries := precedence.SplitNoProxy(base)
	for _, r := range remove {
		i := slices.IndexFunc(entries, func(e string) bool { return strings.EqualFold(e, r) })
		switch {
		case i >= 0:
			entries = slices.Delete(entries, i, i+1)
		case isAuto(base) && computed(r, auto()):
			entries = append(entries, leftOut+r)
		default:
			return "", usageErrorf("--no-proxy-remove: %q is not in the list", r)
		}
	}
	for _, a := range add {
		if !slices.ContainsFunc(entries, func(e string) bool { return strings.EqualFold(e, a) }) {
			entries = append(entries, a)
		}
	}
	return strings.Join(entries, ","), nil
}

func computed(entry string, list precedence.AutoList) bool {
	return slices.ContainsFunc(list.Entries, func(e precedence.AutoEntry) bool { return strings.EqualFold(e.Entry, entry) })
}

// expandRule puts the computed entries in the place of "auto", without those that the rule takes out and those that another entry of the rule covers.
func expandRule(rule string, auto func() precedence.AutoList) string {
	if !isAuto(rule) {
		return rule
	}
	var own, out []string
	gone := map[string]bool{}
	for _, e := range precedence.SplitNoProxy(rule) {
		switch {
		case strings.EqualFold(e, autoWord):
		case strings.HasPrefix(e, leftOut):
			gone[strings.ToLower(strings.TrimPrefix(e, leftOut))] = true
		default:
			own = append(own, e)
		}
	}
	for _, e := range auto().Entries {
		covered := slices.ContainsFunc(own, func(o string) bool { return precedence.Covers(o, e.Entry) })
		if !covered && !gone[e.Entry] {
			out = append(out, e.Entry)
		}
	}
	return strings.Join(append(out, own...), ",")
}

// autoSide says for whom a list is computed.
type autoSide string

const (
	autoDaemon autoSide = "the daemon"
	autoClient autoSide = "containers and builds"
)

// auto returns what computes a side's list, once in this run, and shows it in the plan.
func (j *job) auto(ctx context.Context, side autoSide) func() precedence.AutoList {
	return func() precedence.AutoList {
		if l, ok := j.autos[side]; ok {
			return l
		}
		facts := j.view.autoFacts(ctx)
		l := precedence.AutoDaemon(facts)
		if side == autoClient {
			l = precedence.AutoClient(facts)
		}
		if j.autos == nil {
			j.autos = map[autoSide]precedence.AutoList{}
		}
		j.autos[side] = l
		return l
	}
}

// autoFacts gathers what lists are computed from. A daemon that does not run is not asked about its networks: that would start it.
func (v *view) autoFacts(ctx context.Context) precedence.AutoFacts {
	f := v.site.AutoFacts()
	f.PublicSuffix = isPublicSuffix
	f.Registries = append(f.Registries, f.Mirrors...)
	for _, r := range f.Insecure {
		if !strings.Contains(r, "/") {
			f.Registries = append(f.Registries, r)
		}
	}
	if v.engine == nil || v.site.Info == nil {
		return f
	}
	if nets, err := v.engine.Networks(ctx); err == nil {
		for _, n := range nets {
			for _, p := range n.Prefixes {
				f.Networks = append(f.Networks, precedence.Network{Name: n.Name, Prefix: p})
			}
		}
	}
	if members, err := v.engine.Members(ctx); err == nil {
		for _, m := range members {
			f.Containers = append(f.Containers, precedence.Member{Name: m.Name, What: m.What})
		}
	}
	return f
}

// isPublicSuffix reports whether names are registered directly below name. A name that the list does not know is none, although the list's last rule calls it one.
func isPublicSuffix(name string) bool {
	suffix, managed := publicsuffix.PublicSuffix(name)
	return suffix == name && (managed || strings.Contains(name, "."))
}

// autoNotes names the computed lists after they were written.
func (j *job) autoNotes() []string {
	var notes []string
	for _, side := range []autoSide{autoDaemon, autoClient} {
		if list, ok := j.autos[side]; ok {
			notes = append(notes, fmt.Sprintf("NO_PROXY for %s was computed: %s (--dry-run gives the reasons)", side, list))
		}
	}
	return notes
}

// autoText explains the computed lists of a plan.
func (j *job) autoText(w io.Writer) {
	for _, side := range []autoSide{autoDaemon, autoClient} {
		list, ok := j.autos[side]
		if !ok {
			continue
		}
		fmt.Fprintf(w, "NO_PROXY for %s, computed:\n", side)
		for _, e := range list.Entries {
			fmt.Fprintf(w, "  %-24s %s\n", redact.Terminal(e.Entry), redact.Terminal(e.Reason))
		}
		for _, e := range list.Left {
			fmt.Fprintf(w, "  %-24s %s\n", "not "+redact.Terminal(e.Entry), redact.Terminal(e.Reason))
		}
	}
}
