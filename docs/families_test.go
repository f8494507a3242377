package docs

import (
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
)

// familiesTable is the table of trust stores that the program works with.
func familiesTable() string {
	var rows [][]string
	list := func(names []string) string {
		var out []string
		for _, name := range names {
			out = append(out, code(name))
		}
		if len(out) == 0 {
			return "–"
		}
		return strings.Join(out, ", ")
	}
	for _, f := range store.Families() {
		d := f.Describe()
		anchors := "–"
		if d.Anchors != "" {
			anchors = code(d.Anchors)
		}
		proven := "equal to the family's own tool"
		if d.Modelled != "" {
			proven = "modelled: " + d.Modelled
		}
		rows = append(rows, []string{d.Title, list(d.Proofs), anchors, list(d.Bundles), list(d.Directories), proven})
	}
	return table("family|proved by|anchors|bundles|directories of hash links|proven", rows...)
}
