package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
)

// fetchOptions are those of `ca fetch`.
type fetchOptions struct {
	direct      bool
	fingerprint string
	out         string
	timeout     time.Duration
	format      outputFormat
}

func newCAFetchCommand(a *app) *cobra.Command {
	var o fetchOptions
	cmd := &cobra.Command{
		Use:   "fetch [OPTIONS] HOST[:PORT]",
		Short: "Show the certificate chain that a host presents, and write its root to a file",
		Long: `Show the certificate chain that HOST presents through the proxy dockerd uses: subject, issuer, fingerprint and expiry of each certificate, whether TLS ends at the host or
on the way, and which issuer is missing.

With -o the root is written to a file, for 'docker proxy set --ca' and 'docker proxy ca add'. What arrives over the network proves nothing by itself: it is written only
with --fingerprint, the root's whole SHA-256 fingerprint as the proxy's administrators publish it, or after a question on the terminal. Nothing is trusted by that.

A root that the host does not present cannot be fetched: certificates name places on the web for their issuers, which are shown and not followed.`,
		Example: `  docker proxy ca fetch registry-1.docker.io
  docker proxy ca fetch registry-1.docker.io -o proxy-ca.pem
  docker proxy ca fetch feeds.corp:8443 --fingerprint 3f:29:…:c4 -o proxy-ca.pem
  docker proxy ca fetch registry-1.docker.io --direct`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf("ca fetch needs one HOST or HOST:PORT")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return runCAFetch(cmd.Context(), a, &o, args[0]) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.direct, "direct", false, "Without the proxy")
	f.StringVar(&o.fingerprint, "fingerprint", "", "Take the root with this whole `SHA256` fingerprint")
	f.StringVarP(&o.out, "output", "o", "", "Write the root, in PEM, to `FILE`; - is stdout")
	f.DurationVar(&o.timeout, "timeout", testTimeout, "How long one step may take")
	addFormatFlag(cmd, &o.format)
	return cmd
}

// fetchTarget reads HOST, HOST:PORT or an https URL.
func fetchTarget(arg string) (*url.URL, error) {
	text := arg
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(u.Host, "%\\ ") {
		return nil, usageErrorf("%q is not a host: give HOST or HOST:PORT, such as registry-1.docker.io", redact.Terminal(arg))
	}
	return &url.URL{Scheme: "https", Host: shortHost(u.Host, "https"), Path: "/"}, nil
}

func (o *fetchOptions) check(a *app) error {
	switch {
	case a.root != "":
		return usageErrorf("--root has no network: it is about files alone")
	case o.timeout <= 0:
		return usageErrorf("--timeout needs a positive duration, such as 10s")
	case o.out == "-" && !o.format.isTable():
		return usageErrorf("-o - and --format exclude each other: both are for stdout")
	case o.fingerprint != "":
		digits, ok := input.Prefix(o.fingerprint)
		if !ok || len(digits) != 64 {
			return usageErrorf("--fingerprint needs the whole SHA-256 fingerprint, 64 hexadecimal digits: a part of it can be forged")
		}
		o.fingerprint = digits
	}
	return nil
}

func runCAFetch(ctx context.Context, a *app, o *fetchOptions, arg string) error {
	target, err := fetchTarget(arg)
	if err == nil {
		err = o.check(a)
	}
	if err == nil && !o.format.isTable() {
		err = printAs(io.Discard, o.format, fetchReport{Chain: []probe.Certificate{}, Notes: []string{}}, nil) // a template with a mistake
	}
	if err != nil {
		return err
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	f := &fetch{app: a, view: v, opts: o, now: time.Now()}
	if err := f.visit(ctx, target); err != nil {
		return err
	}
	out := io.Writer(a.cli.Out())
	if o.out == "-" {
		out = a.cli.Err()
	}
	if err := printAs(out, o.format, f.report, func(w io.Writer) error { return fetchText(w, f.report) }); err != nil {
		return err
	}
	return f.hand(ctx)
}

// fetch is one `ca fetch`.
type fetch struct {
	app    *app
	view   *view
	opts   *fetchOptions
	now    time.Time
	report fetchReport
	root   *certs.Authority // that was presented; nil when none was, or it is refused
	reject error            // why the presented root is refused
}

// visit asks the host, and judges what it presents.
func (f *fetch) visit(ctx context.Context, target *url.URL) error {
	t := &tester{app: f.app, view: f.view, public: probe.PublicRoots(), timeout: f.opts.timeout, job: &job{app: f.app, view: f.view}}
	if err := t.settings(ctx, &testOptions{}); err != nil {
		return err
	}
	if f.opts.direct {
		t.values = nil
	}
	visited, r := t.visit(ctx, testTarget{argument: target.Host, url: target, insecure: true}, nil)
	if err := context.Cause(ctx); err != nil {
		return withStatus(exitInterrupted, errors.New("interrupted"))
	}
	if len(visited.Presented) == 0 {
		return withStatus(exitFailed, fmt.Errorf("%s; next: %s", r.Message, r.Next))
	}
	f.judge(target, visited)
	return nil
}

// hand writes the root where it was asked for, and agreed to.
func (f *fetch) hand(ctx context.Context) error {
	switch {
	case f.opts.out == "" && f.opts.fingerprint == "":
		return nil
	case f.reject != nil:
		return withStatus(exitFailed, fmt.Errorf("%w; nothing was written", f.reject))
	case f.root == nil && f.report.Ends.At == probe.AtEndpoint && f.report.Missing != "":
		return withStatus(exitFailed, fmt.Errorf("%s is signed by a public authority, which programs trust already; nothing was written", f.report.Host))
	case f.root == nil:
		return withStatus(exitFailed, fmt.Errorf("%s does not present the certificate of %s, so that it cannot be had from there; nothing was written: ask for it where the proxy is administered", f.report.Host, f.report.Missing))
	}
	if err := f.agree(ctx); err != nil || f.opts.out == "" {
		return err
	}
	if f.opts.out == "-" {
		_, err := f.app.cli.Out().Write(f.root.PEM())
		return err
	}
	return f.write(ctx)
}

// agree has somebody say that the root is the right one.
func (f *fetch) agree(ctx context.Context) error {
	if want := f.opts.fingerprint; want != "" {
		if f.root.Fingerprint.String() == want {
			return nil
		}
		for i, c := range f.report.Chain {
			if c.Fingerprint == want {
				return withStatus(exitFailed, fmt.Errorf("the fingerprint is that of certificate %d, not of the root (%s); nothing was written", i+1, f.root.Fingerprint))
			}
		}
		return withStatus(exitFailed, fmt.Errorf("the root that arrives has another fingerprint, %s: it is not the one you want, and somebody may be in between; nothing was written", f.root.Fingerprint))
	}
	if !f.app.cli.In().IsTerminal() {
		return usageErrorf("a root from the network is not taken unseen: compare its fingerprint with the one that the proxy's administrators publish, and give it with --fingerprint; nothing was written")
	}
	yes, err := f.app.ask(ctx, fmt.Sprintf("The root is %s with the SHA-256 fingerprint\n  %s\nIs that what the proxy's administrators publish?", subjectOf(*f.root), f.root.Fingerprint))
	if err == nil && !yes {
		err = withStatus(exitFailed, errors.New("not taken; nothing was written"))
	}
	return err
}

// write puts the root into a file, in a transaction of its own. A file with something else in it is left alone.
func (f *fetch) write(ctx context.Context) error {
	name, err := filepath.Abs(f.opts.out)
	if err != nil {
		return fmt.Errorf("finding the file of -o: %w", err)
	}
	from, err := change.Observe(f.view.files, name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.opts.out, plainPathError(err))
	}
	to := from.WithData(f.root.PEM())
	switch {
	case from.Kind == change.Dir:
		return usageErrorf("-o: %s is a directory", f.opts.out)
	case from.Kind == change.File && !from.Equal(to):
		return withStatus(exitFailed, fmt.Errorf("%s exists and holds something else; nothing was written: choose another file", f.opts.out))
	case from.Kind == change.Absent:
		x := &exportRun{app: f.app, view: f.view}
		if err := x.commit(ctx, change.Plan{{Path: name, From: from, To: to, Cause: "docker proxy ca fetch", Layer: exportLayer}}); err != nil {
			return err
		}
	}
	fmt.Fprintf(f.app.cli.Err(), "wrote %s; next: sudo docker proxy set --ca %s --restart (this machine), docker proxy ca add %s CONTAINER (containers)\n", f.opts.out, f.opts.out, f.opts.out)
	return nil
}
