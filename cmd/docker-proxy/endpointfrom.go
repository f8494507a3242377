package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// bundles are where programs look for trusted authorities, in the order in which Go's crypto/x509 does on Linux.
func bundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	}
}

// enter makes the tester one of a running container: its environment, its network, its trust store. extra are more certificates, in PEM. Nothing is executed in the
// container, and no client is needed there.
func (t *tester) enter(ctx context.Context, name string, extra []byte) (done func(), err error) {
	shown := redact.Terminal(name)
	switch {
	case t.view.broken != nil:
		return nil, t.view.broken
	case t.view.engine == nil || t.view.site.Info == nil:
		return nil, fmt.Errorf("--from %s: the daemon does not answer, so its containers are not known", shown)
	case !t.view.site.Local:
		return nil, fmt.Errorf("--from %s: the daemon is on another machine; run this there", shown)
	}
	c, err := t.view.engine.Inspect(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("--from %s: %s", shown, redact.Terminal(t.app.redactor.Text(err.Error())))
	}
	if c.PID == 0 {
		return nil, fmt.Errorf("--from %s: the container does not run, so it has no network", shown)
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.PID)) //nolint:forbidigo // a namespace, not a file of the host
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("--from %s: entering a container's network needs root: %s", shown, rootCommand())
	}
	if err != nil {
		return nil, fmt.Errorf("--from %s: opening the container's network: %w", shown, err)
	}
	root, err := host.Open(fmt.Sprintf("/proc/%d/root", c.PID))
	if err != nil {
		_ = ns.Close() // only read from
		return nil, fmt.Errorf("--from %s: opening the container's files: %w", shown, err)
	}
	defer root.Close()
	resolv, _ := root.ReadFile("/etc/resolv.conf") // a container may have none
	hosts, _ := root.ReadFile("/etc/hosts")
	network := probe.EnterNetwork(ns, resolv, hosts)
	t.from, t.dial, t.lookup = c.Name, network.Dial, network.Lookup
	t.values = fromEnvironment(c.Env)
	for _, v := range t.values {
		t.app.redactor.AddValue(v)
	}
	t.roots = t.trustIn(root, c.Env, extra)
	return func() { _ = network.Close() }, nil
}

// fromEnvironment are the settings as Go reads them from an environment: upper case first (x/net httpproxy.FromEnvironment).
func fromEnvironment(env []string) precedence.Settings {
	get := map[string]string{}
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok {
			get[name] = value
		}
	}
	out := precedence.Settings{}
	for _, k := range precedence.Keys() {
		v := get[k.Upper()]
		if v == "" {
			v = get[strings.ToLower(k.Upper())]
		}
		if v != "" {
			out[k] = precedence.Value(v)
		}
	}
	return out
}

// trustIn reads the bundle that most programs in a container trust: the one its environment names, or the first at the usual places.
func (t *tester) trustIn(root *host.FS, env []string, extra []byte) *x509.CertPool {
	places := bundles()
	for _, e := range env {
		if file, ok := strings.CutPrefix(e, "SSL_CERT_FILE="); ok && file != "" {
			places = []string{file}
		}
	}
	pool := x509.NewCertPool()
	found := false
	for _, p := range places {
		data, err := root.ReadFile(p)
		if err == nil && pool.AppendCertsFromPEM(data) {
			t.notes = append(t.notes, fmt.Sprintf("trusted in the container: %s (programs with stores of their own, such as Java and Node, may trust others)", redact.Terminal(p)))
			found = true
			break
		}
	}
	if !found {
		t.notes = append(t.notes, "the container has no bundle of trusted authorities at the usual places")
	}
	pool.AppendCertsFromPEM(extra)
	return pool
}

// nextInside is what helps a container: what this machine trusts and what dockerd has set do not reach it.
func nextInside(r testResult) string {
	const anew = "create the container anew with other settings (docker proxy export run, docker proxy export --help)"
	switch {
	case r.OK:
		return ""
	case r.Cause == probe.EndpointAuthority && r.TLS != nil && r.TLS.Ends.At == probe.OnTheWay:
		return "add the proxy's root CA to the bundle of trusted authorities in the container; --ca FILE tries it out"
	case r.Cause == probe.EndpointAuthority:
		return "add its root CA to the bundle of trusted authorities in the container; --ca FILE tries it out"
	case r.Cause == probe.UnknownAuthority:
		return "add the root CA of the proxy's certificate to the bundle of trusted authorities in the container; --ca FILE tries it out"
	case r.Cause == probe.Forbidden:
		return "ask for " + r.Target + " to be allowed at the proxy, or " + anew
	case strings.Contains(r.Next, "docker proxy set"):
		return anew
	}
	return r.Next
}
