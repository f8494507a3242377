//go:build linux

package hosts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Table reads a results file (see [ResultsVariable]) and returns it as a table
// of host × suite, then the reasons. The error says which cells failed and
// which hosts a suite never reached; an optional host may be missing. Of
// several results for a cell the worst counts.
func Table(results io.Reader) (string, error) {
	cells := map[[2]string]Entry{}
	var suites []string
	for decoder := json.NewDecoder(results); ; {
		var entry Entry
		err := decoder.Decode(&entry)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("reading results: %w", err)
		}
		if !slices.Contains(suites, entry.Suite) {
			suites = append(suites, entry.Suite)
		}
		at := [2]string{entry.Host, entry.Suite}
		if before, ok := cells[at]; !ok || worse(entry.Status, before.Status) {
			cells[at] = entry
		}
	}
	slices.Sort(suites)

	var table, reasons strings.Builder
	var faults []error
	writer := tabwriter.NewWriter(&table, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(writer, "HOST\t"+strings.Join(suites, "\t"))
	played := func(k Kind) bool {
		return slices.ContainsFunc(suites, func(s string) bool { _, ok := cells[[2]string{k.Name, s}]; return ok })
	}
	extra := slices.DeleteFunc(Extra(), func(k Kind) bool { return !played(k) })
	for _, kind := range append(Kinds(), extra...) {
		row := []string{kind.Name}
		for _, suite := range suites {
			entry, ok := cells[[2]string{kind.Name, suite}]
			if !ok {
				entry.Status = "-"
			}
			row = append(row, string(entry.Status))
			if entry.Reason != "" {
				_, _ = fmt.Fprintf(&reasons, "%s, %s: %s: %s\n", kind.Name, suite, entry.Status, firstLine(entry.Reason))
			}
			fine := entry.Status == Ran || entry.Status == NotApplicable
			absent := entry.Status == "-" && slices.ContainsFunc(extra, func(k Kind) bool { return k.Name == kind.Name })
			if entry.Status == Failed || (!fine && !kind.Optional && !absent) {
				faults = append(faults, fmt.Errorf("%s on %s: %s", suite, kind.Name, entry.Status))
			}
		}
		_, _ = fmt.Fprintln(writer, strings.Join(row, "\t"))
	}
	_ = writer.Flush()
	if len(suites) == 0 {
		faults = append(faults, errors.New("no results"))
	}
	return table.String() + reasons.String(), errors.Join(faults...)
}

// worse orders statuses: failed, not available, run, not applicable.
func worse(a, b Status) bool {
	order := []Status{NotApplicable, Ran, NotAvailable, Failed}
	return slices.Index(order, a) > slices.Index(order, b)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
