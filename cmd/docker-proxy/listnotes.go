package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// listNotes names the entries of a NO_PROXY list that never match: in dockerd, and where containers get the list, in the programs there. Entries are masked.
func listNotes(list string, containers bool) []string {
	var out []string
	for _, d := range precedence.DeadEntries(list) {
		out = append(out, fmt.Sprintf("NO_PROXY entry %q never matches: %s", precedence.Mask(d.Entry), d.Reason))
	}
	if !containers {
		return out
	}
	type group struct {
		readers, reason string
		entries         []string
	}
	var groups []group
	for _, l := range reader.LintList(list, reader.Readers()) {
		if slices.Contains(l.Readers, reader.Go) {
			continue // told above
		}
		g := group{readers: joinNames(l.Readers), reason: l.Reason}
		i := slices.IndexFunc(groups, func(x group) bool { return x.readers == g.readers && x.reason == g.reason })
		if i < 0 {
			groups = append(groups, g)
			i = len(groups) - 1
		}
		groups[i].entries = append(groups[i].entries, strconv.Quote(precedence.Mask(l.Entry)))
	}
	for _, g := range groups {
		what := "entry " + g.entries[0] + " never matches"
		if len(g.entries) > 1 {
			what = "entries " + strings.Join(g.entries, ", ") + " never match"
		}
		out = append(out, fmt.Sprintf("in containers, NO_PROXY %s in %s: %s", what, g.readers, g.reason))
	}
	return out
}
