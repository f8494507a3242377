package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// defaultVerifyURL is what --url alone asks for.
const defaultVerifyURL = "https://registry-1.docker.io/v2/"

func newCAVerifyCommand(a *app) *cobra.Command {
	var o caOptions
	cmd := &cobra.Command{
		Use:   "verify [OPTIONS] [CONTAINER...]",
		Short: "Check that containers trust the authorities that were added",
		Long: `Check that every bundle of a container holds the authorities that were added to it, or those of --cert, by reading it. Without a container, selector or option: in all
containers.

With --url the certificate chain that this URL presents is fetched from this machine through the proxy, and checked as a program in the container would: with the authorities of the
container's own bundle. No client is needed inside. A chain that strict programs refuse whatever they trust, such as Python from 3.13 on, is said to be one.

With --machine the same for this machine: its bundles and Java stores, the directories of single registries, and whether dockerd, which reads its authorities once, has to restart.`,
		Example: `  docker proxy ca verify
  docker proxy ca verify web --cert proxy-ca.pem
  docker proxy ca verify --all --url https://feeds.corp/
  docker proxy ca verify --machine`,
		ValidArgsFunction: a.completeContainers(func(*cobra.Command) int { return 0 }),
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names = args
			o.checkURL = cmd.Flags().Changed("url")
			return runCAVerify(cmd.Context(), a, &o)
		},
	}
	cmd.Flags().StringArrayVar(&o.certs, "cert", nil, "Demand this certificate: `FILE`, - or a fingerprint")
	cmd.Flags().BoolVar(&o.machine, "machine", false, "This machine's own trust store and certs.d, and whether dockerd has read them")
	cmd.Flags().StringVar(&o.url, "url", "", "Also check the chain that this `URL` presents through the proxy, such as "+defaultVerifyURL)
	addSelectFlags(cmd, &o)
	return cmd
}

func runCAVerify(ctx context.Context, a *app, o *caOptions) (err error) {
	if err := o.validate(a); err != nil {
		return err
	}
	if o.checkURL {
		if u, err := url.Parse(o.url); err != nil || u.Scheme != "https" || u.Hostname() == "" {
			return usageErrorf("--url needs an https:// URL, such as %s", defaultVerifyURL)
		}
	}
	want, known, err := a.fingerprintsOf(o.certs)
	if err != nil {
		return err
	}
	if o.machine {
		machine := func() error { return a.verifyMachine(ctx, o, want, known) }
		if o.machineOnly() {
			return machine()
		}
		defer func() { err = o.alsoMachine(err, machine) }()
	}
	o.allUnlessSelected()
	s, err := a.openCA(ctx, o, false)
	if err != nil {
		return err
	}
	defer s.close()
	var chain *install.Chain
	if o.checkURL {
		if chain, err = s.app.presented(ctx, s.view, o.url); err != nil {
			return err
		}
	}
	out, err := s.run(ctx, func(ctx context.Context, t target.Target, c engine.Inspected) (install.Result, error) {
		return s.in.Verify(ctx, t, c, want, chain)
	})
	if err != nil {
		return err
	}
	rep := newCAReport(namedReports(want, known), out)
	if len(want) == 0 {
		if _, ours, err := s.ours(); err == nil {
			rep.Certificates = certReports(ours)
		}
	}
	if err := printAs(a.cli.Out(), o.format, rep, func(w io.Writer) error { return s.verifyText(w, rep, chain) }); err != nil {
		return err
	}
	if rep.count(fleet.Failed) > 0 {
		return silently(exitFailed)
	}
	return nil
}

// presented fetches the chain of a URL the way dockerd's settings say.
func (a *app) presented(ctx context.Context, v *view, address string) (*install.Chain, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, usageErrorf("--url: %q is no URL", precedence.Mask(address))
	}
	u.User = nil
	t := &tester{app: a, view: v, job: &job{app: a, view: v}, public: probe.PublicRoots(), timeout: testTimeout}
	if err := t.settings(ctx, &testOptions{}); err != nil {
		return nil, err
	}
	visit := probe.Visit{URL: u, Proxy: t.proxyFor(u), Public: t.public, PublicHost: precedence.PublicHost(u.Hostname()), Insecure: true, Timeout: t.timeout}
	visited, err := visit.Do(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("fetching the chain: %w", err)
	}
	if len(visited.Presented) == 0 {
		reason := "it presented no certificate"
		if visited.Problem != nil {
			reason = visited.Problem.Message
		}
		return nil, fmt.Errorf("fetching the chain of %s: %s", redact.Terminal(u.Host), redact.Terminal(a.redactor.Text(reason)))
	}
	return &install.Chain{Host: u.Hostname(), Certificates: visited.Presented}, nil
}

// verifyText is a line for each container.
func (s *caSession) verifyText(w io.Writer, rep caReport, chain *install.Chain) error {
	if s.opts.quiet {
		for _, o := range rep.Containers {
			if o.State == fleet.Failed {
				fmt.Fprintln(w, o.Name)
			}
		}
		return nil
	}
	for _, c := range rep.Certificates {
		fmt.Fprintln(w, c.line())
	}
	if chain != nil {
		last := chain.Certificates[len(chain.Certificates)-1]
		fmt.Fprintf(w, "%s presents a certificate issued by %s\n", redact.Terminal(chain.Host), redact.Terminal(last.Issuer.String()))
	}
	for _, o := range rep.Containers {
		switch o.State {
		case fleet.Failed:
			fmt.Fprintf(w, "FAIL      %s: %s\n", o.Name, o.Reason)
		case fleet.Skipped:
			fmt.Fprintf(w, "skipped   %s: %s\n", o.Name, o.Reason)
		case fleet.Changed, fleet.Unchanged, fleet.Pending:
			switch {
			case len(o.Trusts) == 0 && chain == nil:
				fmt.Fprintf(w, "nothing   %s: no authority was added to it\n", o.Name)
			default:
				fmt.Fprintf(w, "ok        %s\n", o.Name)
			}
		}
	}
	s.notes(w, rep)
	findingsText(w, rep.Findings)
	return nil
}
