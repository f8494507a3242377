package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// caListReport is the JSON of `ca list`.
type caListReport struct {
	Schema       int                  `json:"schema"`
	Certificates []certReport         `json:"certificates"`
	Containers   []caRow              `json:"containers"`
	Others       []caPlace            `json:"others"` // images, builders, this machine, the watch
	Missing      int                  `json:"missing"`
	Findings     []precedence.Finding `json:"findings"`
}

// caRow is one container.
type caRow struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Image  string `json:"image,omitempty"`
	Family string `json:"family,omitempty"`
	// Skipped and Failed say why nothing is known of its stores.
	Skipped     string      `json:"skipped,omitempty"`
	Failed      string      `json:"failed,omitempty"`
	Authorities []caTrusted `json:"authorities"`
}

// caTrusted is one authority in one container.
type caTrusted struct {
	install.Held
	Trust string `json:"trust"` // yes, partly, no
}

// caPlace is a place other than a container.
type caPlace struct {
	Kind        string   `json:"kind"` // image, builder, machine, registry, watch
	Name        string   `json:"name"`
	Authorities []string `json:"authorities"` // fingerprints
	State       string   `json:"state,omitempty"`
}

// caPlaceLister finds places of one kind, of those that are asked beside containers.
type caPlaceLister func(ctx context.Context, s *caSession, known []certs.Fingerprint) ([]caPlace, error)

// caPlaceListers are all of them, in the order in which they are printed.
func caPlaceListers() []caPlaceLister {
	return []caPlaceLister{bakedPlaces, builderPlaces, machinePlaces, watchPlaces}
}

func newCAListCommand(a *app) *cobra.Command {
	var o caOptions
	cmd := &cobra.Command{
		Use:   "list [OPTIONS] [CONTAINER...]",
		Short: "List which containers trust the authorities that were added",
		Long: `List for each container whether it trusts the authorities that were added, read from its own stores, and until when they are valid. Without a container, selector or option: all
of them.

With --missing only those in which one is missing are listed, and the status is then 3.`,
		Example: `  docker proxy ca list
  docker proxy ca list --missing --quiet
  docker proxy ca list --filter label=app=web --format json
  docker proxy ca list --cert proxy-ca.pem`,
		ValidArgsFunction: a.completeContainers(func(*cobra.Command) int { return 0 }),
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names = args
			return runCAList(cmd.Context(), a, &o)
		},
	}
	cmd.Flags().BoolVar(&o.missing, "missing", false, "Only the containers in which an authority is missing; exit with status 3 when there are any")
	cmd.Flags().StringArrayVar(&o.certs, "cert", nil, "Look for this certificate: `FILE`, - or a fingerprint")
	addSelectFlags(cmd, &o)
	cmd.Flags().BoolVar(&o.machine, "machine", false, "This machine alone: its trust store, and dockerd's directories for registries")
	return cmd
}

// allUnlessSelected is for the commands that only look: without a selector they look at every container.
func (o *caOptions) allUnlessSelected() {
	if selector, _ := o.selector(); selector.Empty() && len(o.builders) == 0 {
		o.all = true
	}
}

func runCAList(ctx context.Context, a *app, o *caOptions) error {
	if err := o.validate(a); err != nil {
		return err
	}
	if o.machine {
		return a.listMachine(ctx, o)
	}
	asked, known, err := a.fingerprintsOf(o.certs)
	if err != nil {
		return err
	}
	o.allUnlessSelected()
	s, err := a.openCA(ctx, o, false)
	if err != nil {
		return err
	}
	defer s.close()
	if len(o.certs) == 0 {
		if asked, known, err = s.ours(); err != nil {
			return err
		}
	}
	out, err := s.run(ctx, func(_ context.Context, t target.Target, c engine.Inspected) (install.Result, error) {
		return s.in.Look(t, c, asked)
	})
	if err != nil {
		return err
	}
	rep, err := s.listReport(ctx, out, asked, known)
	if err != nil {
		return err
	}
	if o.quiet {
		for _, r := range rep.Containers {
			fmt.Fprintln(a.cli.Out(), r.Name)
		}
	} else if err := printAs(a.cli.Out(), o.format, rep, func(w io.Writer) error { return listText(w, rep, o) }); err != nil {
		return err
	}
	switch {
	case o.missing && rep.Missing > 0:
		return silently(exitPending)
	case slices.ContainsFunc(rep.Containers, func(r caRow) bool { return r.Failed != "" }):
		return silently(exitFailed)
	}
	return nil
}

// ours are the certificates that were added to containers of any daemon.
func (s *caSession) ours() ([]certs.Fingerprint, []certs.Authority, error) {
	held, err := install.HeldPEM(s.records)
	if err != nil {
		return nil, nil, err
	}
	var list []certs.Fingerprint
	var known []certs.Authority
	for f, text := range held {
		all, err := input.Read(text, f, input.Options{Force: true, Now: time.Now()})
		if err != nil {
			return nil, nil, err
		}
		for _, c := range all {
			list, known = append(list, c.Fingerprint), append(known, c)
		}
	}
	slices.SortFunc(known, func(x, y certs.Authority) int { return strings.Compare(x.Fingerprint.String(), y.Fingerprint.String()) })
	return list, known, nil
}

// listReport turns outcomes into rows.
func (s *caSession) listReport(ctx context.Context, out []fleet.Outcome, asked []certs.Fingerprint, known []certs.Authority) (caListReport, error) {
	rep := caListReport{Schema: reportSchema, Certificates: namedReports(asked, known), Containers: []caRow{}, Others: []caPlace{}}
	for i := range rep.Certificates {
		rep.Certificates[i].Warnings = nil
	}
	for _, o := range out {
		row := caRow{ID: o.ID, Name: o.Name, Image: o.Image, Family: o.Family, Authorities: []caTrusted{}}
		lacks := false
		switch o.State {
		case fleet.Skipped:
			row.Skipped = o.Reason
		case fleet.Failed:
			row.Failed = o.Reason
		case fleet.Changed, fleet.Unchanged, fleet.Pending:
		}
		for _, h := range o.Authorities {
			t := caTrusted{Held: h, Trust: "no"}
			switch {
			case h.Trusted():
				t.Trust = "yes"
			case len(h.Files) > 0:
				t.Trust = "partly"
			}
			lacks = lacks || !h.Trusted() && slices.ContainsFunc(asked, func(f certs.Fingerprint) bool { return f.String() == h.Fingerprint })
			row.Authorities = append(row.Authorities, t)
		}
		lacks = lacks || row.Failed != "" && len(asked) > 0
		if lacks {
			rep.Missing++
		}
		if lacks || !s.opts.missing {
			rep.Containers = append(rep.Containers, row)
		}
	}
	for _, list := range caPlaceListers() {
		places, err := list(ctx, s, asked)
		if err != nil {
			return rep, err
		}
		rep.Others = append(rep.Others, places...)
	}
	rep.Findings = expiring(rep.Certificates, time.Now())
	return rep, nil
}

func listText(w io.Writer, rep caListReport, o *caOptions) error {
	subjects := map[string]certReport{}
	for _, c := range rep.Certificates {
		subjects[c.Fingerprint] = c
	}
	if len(rep.Certificates) == 0 && !slices.ContainsFunc(rep.Containers, func(r caRow) bool { return len(r.Authorities) > 0 }) {
		fmt.Fprintln(w, "No authority was added to a container from this machine.")
	}
	var rows [][]string
	for _, r := range rep.Containers {
		switch {
		case r.Failed != "":
			rows = append(rows, []string{r.Name, "-", "-", "-", "unknown: " + r.Failed})
		case r.Skipped != "":
			rows = append(rows, []string{r.Name, "-", "-", "-", "skipped: " + r.Skipped})
		}
		for _, t := range r.Authorities {
			c := subjects[t.Fingerprint]
			subject, expires := "-", "-"
			if c.Subject != "" {
				subject, expires = c.Subject, c.NotAfter.Format(time.DateOnly)
			}
			rows = append(rows, []string{r.Name, t.Fingerprint[:12], oneCell(subject), expires, trustText(t)})
		}
	}
	if len(rows) > 0 {
		if err := writeTable(w, []string{"CONTAINER", "FINGERPRINT", "SUBJECT", "EXPIRES", "TRUSTED"}, rows); err != nil {
			return err
		}
	} else if o.missing && len(rep.Certificates) > 0 {
		fmt.Fprintln(w, "Nothing is missing.")
	}
	if len(rep.Others) > 0 {
		var other [][]string
		for _, p := range rep.Others {
			var short []string
			for _, f := range p.Authorities {
				short = append(short, f[:min(len(f), 12)])
			}
			other = append(other, []string{p.Kind, p.Name, strings.Join(short, " "), p.State})
		}
		fmt.Fprintln(w)
		if err := writeTable(w, []string{"KIND", "NAME", "FINGERPRINTS", "STATE"}, other); err != nil {
			return err
		}
	}
	findingsText(w, rep.Findings)
	return nil
}

// oneCell keeps a table a table.
func oneCell(s string) string {
	return strings.NewReplacer("\t", " ", "\n", " ").Replace(redact.Terminal(s))
}

func trustText(t caTrusted) string {
	switch {
	case t.Trust == "partly":
		return "partly: not in " + strings.Join(t.Missing, ", ")
	case t.Trust == "yes" && !t.Recorded:
		return "yes, not added from here"
	}
	return t.Trust
}
