package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

func newExplainCommand(a *app) *cobra.Command {
	var format outputFormat
	cmd := &cobra.Command{
		Use:   "explain [OPTIONS] HOST|URL|IMAGE...",
		Short: "Explain what goes through the proxy and what goes direct, and why",
		Long: `Explain for each host, URL or image whether dockerd and the programs in containers reach it through the proxy or direct, and which NO_PROXY entry in
which file decides. What they disagree on comes first.

dockerd is asked with the daemon's effective settings, the others (Go, curl, wget, Python's requests and urllib, Java, Node) with what config.json gives new
containers. Nothing is connected to and no name is looked up.

An argument with :// is a URL. An IP address, localhost, or a name with a dot is a host, with or without :PORT; without a scheme https:// is meant. Anything
else is an image as for 'docker pull', and stands for its registry's mirrors, the registry and the hosts for tokens and layers as far as they are known. So
alpine:3 is an image; a host of one word is written https://intranet:8443.`,
		Example: `  docker proxy explain registry.corp:5000               one host
  docker proxy explain https://feeds.corp/v2 10.1.2.3    a URL and an address
  docker proxy explain alpine ghcr.io/org/app:1          every host of two pulls
  docker proxy explain --format json quay.io/org/app     for programs
  docker proxy explain --format '{{range .Targets}}{{.Host}} {{.Agree}}{{println}}{{end}}' alpine`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runExplain(cmd.Context(), a, format, args) },
	}
	addFormatFlag(cmd, &format)
	return cmd
}

func runExplain(ctx context.Context, a *app, format outputFormat, args []string) error {
	for _, arg := range args { // before anything is asked: wrong usage costs nothing
		if _, _, err := explainArgument(arg, registry.Settings{}); err != nil {
			return err
		}
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	var settings registry.Settings
	if info := v.site.Info; info != nil {
		settings = registry.Settings{Mirrors: info.Mirrors, Insecure: info.Insecure}
	}
	aud := audienceOf(v)
	r := renderer{}
	rep := explainReport{Schema: reportSchema, Daemon: r.daemon(v.site), Readers: readerReports(aud), Targets: []targetReport{}, Entries: aud.entries(), Findings: doubts(v.findings())}
	if clients := r.clients(v.clients); len(clients) > 0 {
		rep.Client = &clients[0]
	}
	for _, arg := range args {
		targets, note, err := explainArgument(arg, settings)
		if err != nil {
			return err
		}
		if note != "" {
			fmt.Fprintln(a.cli.Err(), "note: "+note)
		}
		for _, t := range targets {
			rep.Targets = append(rep.Targets, aud.explainOne(t))
		}
	}
	slices.SortStableFunc(rep.Targets, func(x, y targetReport) int {
		switch {
		case x.Agree == y.Agree:
			return 0
		case y.Agree:
			return -1
		}
		return 1
	})
	return printAs(a.cli.Out(), format, rep, func(w io.Writer) error { return explainTable(w, rep) })
}

func readerReports(aud audience) []readerReport {
	dockerd, _ := reader.ByName(reader.Dockerd)
	readers := []reader.Reader{dockerd}
	if aud.known {
		readers = append(readers, reader.Readers()...)
	}
	var out []readerReport
	for _, r := range readers {
		out = append(out, readerReport{r.Name, r.Title, r.Basis, aud.needs(r)})
	}
	return out
}

func explainTable(w io.Writer, rep explainReport) error {
	fmt.Fprintln(w, daemonLine(rep.Daemon))
	switch {
	case rep.Client == nil:
		fmt.Fprintln(w, "Containers: not known here, for config.json belongs to a user of the running system")
	case len(rep.Client.Settings) == 0:
		fmt.Fprintf(w, "Containers: %s gives new containers no proxy\n", rep.Client.Path)
	default:
		fmt.Fprintf(w, "Containers: as %s gives new ones\n", rep.Client.Path)
	}
	for i := 0; i < len(rep.Targets); {
		t := rep.Targets[i]
		rows := answerRows(rep, t)
		fmt.Fprintln(w)
		for ; i < len(rep.Targets) && sameAnswers(t, rep.Targets[i], rows, answerRows(rep, rep.Targets[i])); i++ {
			fmt.Fprintln(w, targetLine(rep.Targets[i]))
		}
		if err := writeTable(w, []string{"  ROUTE", "READERS", "BY", "IN"}, rows); err != nil {
			return err
		}
		for _, n := range t.Notes {
			fmt.Fprintln(w, "  "+n)
		}
	}
	if needs := needsLine(rep); needs != "" {
		fmt.Fprintf(w, "\n%s\n", needs)
	}
	if len(rep.Entries) > 0 {
		fmt.Fprintln(w, "\nEntries that never match:")
		for _, e := range rep.Entries {
			fmt.Fprintf(w, "  %s in %s: %s (%s)\n", e.Entry, joinNames(e.Readers), e.Reason, e.Source)
		}
	}
	findingsText(w, rep.Findings)
	return nil
}

// sameAnswers reports whether one table can tell of both targets.
func sameAnswers(a, b targetReport, rowsA, rowsB [][]string) bool {
	return a.Agree == b.Agree && slices.Equal(a.Notes, b.Notes) && slices.EqualFunc(rowsA, rowsB, slices.Equal[[]string])
}

func targetLine(t targetReport) string {
	line := strings.TrimSuffix(t.URL, "/")
	switch {
	case t.Family != "":
		line += fmt.Sprintf(" (%s of %s, one of %s)", t.Role, t.Image, t.Family)
	case t.Role != "":
		line += fmt.Sprintf(" (%s of %s)", t.Role, t.Image)
	}
	if !t.Agree {
		return line + ": readers disagree"
	}
	return line
}

// answerRows joins the readers that say the same for the same reason.
func answerRows(rep explainReport, t targetReport) [][]string {
	var rows [][]string
	for _, x := range t.Answers {
		by, in := reasonOf(x)
		name := string(x.Reader)
		if needsOf(rep, x.Reader) != "" && x.Cause != reader.CauseNoProxySet {
			name += "*"
		}
		i := slices.IndexFunc(rows, func(r []string) bool { return r[0] == "  "+string(x.Route) && r[2] == by && r[3] == in })
		if i < 0 {
			rows = append(rows, []string{"  " + string(x.Route), name, by, in})
			continue
		}
		rows[i][1] += ", " + name
	}
	return rows
}

// reasonOf is why, and where that stands.
func reasonOf(x answerReport) (by, in string) {
	place := func(layer, text string) string {
		if layer == text {
			return text
		}
		return text + " (" + layer + ")"
	}
	switch x.Cause {
	case reader.CauseNoProxySet:
		return "no proxy is set for it", "-"
	case reader.CauseEntry:
		entry := "entry " + x.Entry
		if x.Entry == "" {
			entry = "an empty entry"
		}
		if x.ListSource == nil {
			return entry, "-"
		}
		return entry, place(string(x.ListSource.Layer), x.ListSource.String())
	case reader.CauseNoEntry:
		return x.Proxy, place(string(x.ProxySource.Layer), x.ProxySource.String())
	case reader.CauseUnusableProxy:
		return x.Detail, place(string(x.ProxySource.Layer), x.ProxySource.String())
	case reader.CauseBuiltIn, reader.CauseNotKnown:
	}
	return x.Detail, "-"
}

func needsOf(rep explainReport, name reader.Name) string {
	for _, r := range rep.Readers {
		if r.Name == name {
			return r.Needs
		}
	}
	return ""
}

// needsLine tells of the readers with an asterisk.
func needsLine(rep explainReport) string {
	if rep.Client == nil || len(rep.Client.Settings) == 0 {
		return ""
	}
	var order []string
	names := map[string][]reader.Name{}
	for _, r := range rep.Readers {
		if r.Needs != "" && names[r.Needs] == nil {
			order = append(order, r.Needs)
		}
		if r.Needs != "" {
			names[r.Needs] = append(names[r.Needs], r.Name)
		}
	}
	lines := []string{"* These read no proxy variables and go direct, unless the container is given"}
	for _, n := range order {
		name, value, _ := strings.Cut(n, "=")
		if strings.ContainsAny(value, " |*") {
			value = "'" + value + "'"
		}
		lines = append(lines, "    "+name+"="+value+"   for "+joinNames(names[n]))
	}
	return strings.Join(lines, "\n")
}

// how puts a route into a sentence: "goes …".
func how(r reader.Route) string {
	switch r {
	case reader.RouteProxy:
		return "through the proxy"
	case reader.RouteFails:
		return "nowhere: it fails"
	case reader.RouteUnknown:
		return "a way that is not known"
	case reader.RouteDirect:
	}
	return "direct"
}

func byEntry(a reader.Answer) string {
	if a.Entry == "" {
		return ""
	}
	return ", by the entry " + answerOf("", a).Entry
}

func joinNames(names []reader.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, string(n))
	}
	return strings.Join(out, ", ")
}
