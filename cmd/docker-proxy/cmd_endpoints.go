package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

// testOptions are those of `test`.
type testOptions struct {
	ca      string
	from    string
	file    string
	timeout time.Duration
	format  outputFormat
	args    []string
}

// testTimeout is how long one stage of one visit may take.
const testTimeout = 10 * time.Second

func newTestCommand(a *app) *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test [OPTIONS] [ENDPOINT|IMAGE...]",
		Short: "Test what can be reached through the proxy, and say why not",
		Long: `Test whether endpoints can be reached with the proxy settings in effect: from this machine the way dockerd would, and for an image also by the daemon's own
registry client. Without an argument: the registries this host uses.

For each endpoint: name, connection, the proxy's answer, TLS with the certificate chain and where TLS ends, and the endpoint's answer. For an image also the host
that its layers are fetched from. Whatever fails names the cause and what to type next.

An ENDPOINT is a URL, HOST or HOST:PORT, such as a vulnerability feed; everything else is an image, as for explain.`,
		Example: `  docker proxy test                                    the registries of this host
  docker proxy test alpine ghcr.io/org/app:1           every host of two pulls
  docker proxy test https://feeds.corp:8443/v2         any endpoint
  docker proxy test --from web https://feeds.corp      from inside a container: its environment, network and trust store
  docker proxy test --ca proxy-ca.pem alpine           as if this CA were trusted
  docker proxy test -f proxy.yaml                      with the settings of a file, before they are set`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return runTest(cmd.Context(), a, &o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ca, "ca", "", "Also trust the certificates in this PEM `FILE`")
	f.StringVar(&o.from, "from", "", "Test from inside a running `CONTAINER` (as root)")
	f.StringVarP(&o.file, "file", "f", "", "Test the settings of a YAML or JSON `FILE` instead of the effective ones")
	f.DurationVar(&o.timeout, "timeout", testTimeout, "How long one step may take")
	addFormatFlag(cmd, &o.format)
	return cmd
}

func (o *testOptions) check(a *app) error {
	if a.root != "" {
		return usageErrorf("--root has no network to test: it is about files alone")
	}
	if o.timeout <= 0 {
		return usageErrorf("--timeout needs a positive duration, such as 10s")
	}
	if o.from != "" && o.file != "" {
		return usageErrorf("--from and -f exclude each other: a container has the settings of its own environment")
	}
	for _, arg := range o.args { // before anything is asked: wrong usage costs nothing
		if _, _, err := explainArgument(arg, registry.Settings{}); err != nil {
			return err
		}
	}
	return nil
}

// roots are the authorities to trust: nil means the machine's.
func (o *testOptions) roots(a *app) (*x509.CertPool, []byte, error) {
	if o.ca == "" {
		return o.rootsOfFile(a)
	}
	f, err := os.Open(o.ca) //nolint:forbidigo // named by the caller, read with the caller's rights
	if err != nil {
		return nil, nil, fmt.Errorf("reading the CA: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSpec+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the CA: %w", err)
	}
	pool, ok := probe.WithRoots(data)
	if !ok || len(data) > maxSpec {
		return nil, nil, usageErrorf("%s holds no certificate in PEM", o.ca)
	}
	return pool, data, nil
}

// rootsOfFile are the machine's authorities with the one that the file of -f is about; nil where it names none.
func (o *testOptions) rootsOfFile(a *app) (*x509.CertPool, []byte, error) {
	list, _, err := a.specAuthorities(o.file)
	if err != nil || len(list) == 0 {
		return nil, nil, err
	}
	pool := systemRoots()
	var text []byte
	for _, c := range list {
		pool.AddCert(c.Cert)
		text = append(text, c.PEM()...)
	}
	return pool, text, nil
}

func runTest(ctx context.Context, a *app, o *testOptions) error {
	if err := o.check(a); err != nil {
		return err
	}
	roots, extra, err := o.roots(a)
	if err != nil {
		return err
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	t := &tester{app: a, view: v, roots: roots, public: probe.PublicRoots(), timeout: o.timeout, job: &job{app: a, view: v}}
	if err := t.settings(ctx, o); err != nil {
		return err
	}
	if o.from != "" {
		done, err := t.enter(ctx, o.from, extra)
		if err != nil {
			return err
		}
		defer done()
	}
	targets, err := t.targets(o.args)
	if err != nil {
		return err
	}
	rep := t.run(ctx, targets)
	if err := context.Cause(ctx); err != nil {
		return withStatus(exitInterrupted, errors.New("interrupted"))
	}
	if err := printAs(a.cli.Out(), o.format, rep, func(w io.Writer) error { return testText(w, rep) }); err != nil {
		return err
	}
	if rep.Failed > 0 {
		return silently(exitFailed)
	}
	return nil
}

// settings takes the values to test with: those of a file, or what dockerd uses today.
func (t *tester) settings(ctx context.Context, o *testOptions) error {
	t.values = precedence.Settings{}
	if o.file != "" {
		s, err := readSpec(o.file)
		if err != nil {
			return err
		}
		if t.values, err = s.settings(t.app); err != nil {
			return err
		}
		if list, ok := t.values[precedence.NoProxy]; ok {
			t.values[precedence.NoProxy] = precedence.Value(expandRule(list.Reveal(), t.job.auto(ctx, autoDaemon)))
		}
		return nil
	}
	for _, v := range t.view.obs.Verdicts {
		switch {
		case v.Winner != nil && v.Winner.Unknown:
			t.notes = append(t.notes, fmt.Sprintf("%s of dockerd is not known here (%s): it is left out of this test", v.Key, v.Winner.Source))
		case v.Winner != nil:
			t.values[v.Key] = v.Winner.Value
		}
	}
	return nil
}
