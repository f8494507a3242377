package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

// tester makes the visits of one `test`.
type tester struct {
	app     *app
	view    *view
	job     *job
	values  precedence.Settings
	roots   *x509.CertPool // nil: the machine's own
	public  *x509.CertPool
	timeout time.Duration
	notes   []string

	from   string           // "" for this machine, else a container's name
	dial   probe.DialFunc   // of the container's network
	lookup probe.LookupFunc // as the container resolves
}

// testTarget is one thing to test: an endpoint, or an image by the daemon.
type testTarget struct {
	argument string
	url      *url.URL
	role     registry.Role
	image    string // by the daemon; url is nil
	insecure bool
	repo     string // of the image, to ask this registry for where its layers are
	tag      string
}

// At once, and how often a step is tried again that a busy network may spoil.
const (
	visitors = 8
	retries  = 1
)

// targets are what the arguments stand for; the registries this host uses without any.
func (t *tester) targets(args []string) ([]testTarget, error) {
	var out []testTarget
	if len(args) == 0 {
		for _, r := range t.job.registries() {
			scheme := "https"
			if r.plain {
				scheme = "http"
			}
			if r.plain && strings.HasPrefix(r.address, dockerHub) {
				continue // nobody pulls from it without TLS
			}
			out = append(out, testTarget{argument: r.address, url: &url.URL{Scheme: scheme, Host: shortHost(r.address, scheme), Path: "/v2/"}, role: registry.RoleRegistry, insecure: r.insecure})
		}
		return out, nil
	}
	var settings registry.Settings
	if info := t.view.site.Info; info != nil {
		settings = registry.Settings{Mirrors: info.Mirrors, Insecure: info.Insecure}
	}
	for _, arg := range args {
		if strings.Contains(arg, "://") {
			u, err := url.Parse(arg)
			if err == nil && u.Hostname() != "" {
				u.User = nil
				out = append(out, testTarget{argument: precedence.Mask(arg), url: u})
				continue
			}
		}
		expanded, note, err := explainArgument(arg, settings)
		if err != nil {
			return nil, err
		}
		if note != "" {
			t.notes = append(t.notes, note)
		}
		out = append(out, t.expanded(expanded, settings)...)
	}
	return out, nil
}

// expanded are the hosts of one argument, and the daemon's own pull of an image.
func (t *tester) expanded(list []explainTarget, settings registry.Settings) []testTarget {
	var out []testTarget
	for _, e := range list {
		host := bracketHost(e.target.Host)
		if e.target.Port != "" {
			host = shortHost(host+":"+e.target.Port, e.target.Scheme)
		}
		one := testTarget{argument: e.argument, url: &url.URL{Scheme: e.target.Scheme, Host: host, Path: "/"}, role: e.role, insecure: slices.Contains(settings.Insecure, host)}
		if e.image != "" {
			if e.role == registry.RoleRegistry || e.role == registry.RoleMirror {
				one.url.Path = "/v2/"
				one.repo, one.tag = registry.Repository(e.image)
			}
			if e.family != "" {
				continue // an example of many hosts; the registry itself tells which one, see layers
			}
		}
		out = append(out, one)
	}
	if len(list) > 0 && list[0].image != "" && t.from == "" {
		out = append(out, testTarget{argument: list[0].argument, image: list[0].image})
	}
	return out
}

func bracketHost(h string) string {
	if strings.Contains(h, ":") {
		return "[" + h + "]"
	}
	return h
}

// shortHost leaves the scheme's own port out, as people and registries write it.
func shortHost(hostPort, scheme string) string {
	if scheme == "https" {
		return strings.TrimSuffix(hostPort, ":443")
	}
	return strings.TrimSuffix(hostPort, ":80")
}

// run tests all of them at once, in bounds, and reports in the order asked.
func (t *tester) run(ctx context.Context, targets []testTarget) testReport {
	rep := testReport{Schema: reportSchema, From: t.from, Results: []testResult{}, Notes: t.notes}
	if rep.Notes == nil {
		rep.Notes = []string{}
	}
	results := make([][]testResult, len(targets))
	var wait sync.WaitGroup
	var mu sync.Mutex
	slots := make(chan struct{}, visitors)
	for i, target := range targets {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer func() { <-slots; wait.Done() }()
			found := t.one(ctx, target)
			mu.Lock()
			defer mu.Unlock()
			results[i] = found
			t.progress(found)
		}()
	}
	wait.Wait()
	for _, list := range results {
		for _, r := range list {
			if !r.OK {
				rep.Failed++
			}
			rep.Results = append(rep.Results, r)
		}
	}
	return rep
}

// progress says on a terminal what is done.
func (t *tester) progress(found []testResult) {
	if !t.app.cli.Err().IsTerminal() {
		return
	}
	for _, r := range found {
		t.job.say("%s %s", map[bool]string{true: "ok  ", false: "FAIL"}[r.OK], redact.Terminal(r.Target))
	}
}

func (t *tester) one(ctx context.Context, target testTarget) []testResult {
	if target.image != "" {
		return []testResult{t.byDaemon(ctx, target)}
	}
	visited, result := t.visit(ctx, target, nil)
	out := []testResult{result}
	if result.OK && target.repo != "" {
		if layers, ok := t.layers(ctx, target, visited); ok {
			out = append(out, layers)
		}
	}
	return out
}

// proxyFor is what Go's own matcher says about a URL.
func (t *tester) proxyFor(u *url.URL) precedence.Value {
	c := httpproxy.Config{HTTPProxy: t.values[precedence.HTTPProxy].Reveal(), HTTPSProxy: t.values[precedence.HTTPSProxy].Reveal(), NoProxy: t.values[precedence.NoProxy].Reveal()}
	p, err := c.ProxyFunc()(u)
	if err != nil || p == nil {
		return ""
	}
	return precedence.Value(p.String())
}

// visit makes one visit, again when a busy network may have spoiled it.
func (t *tester) visit(ctx context.Context, target testTarget, header map[string]string) (probe.Visited, testResult) {
	proxy := t.proxyFor(target.url)
	v := probe.Visit{
		URL: target.url, Proxy: proxy, Roots: t.trusted(target), Public: t.public, PublicHost: precedence.PublicHost(target.url.Hostname()), Insecure: target.insecure,
		Timeout: t.timeout, Dial: t.dial, Lookup: t.lookup,
	}
	var visited probe.Visited
	var err error
	tries := 0
	for {
		tries++
		visited, err = v.Do(ctx, header)
		if err != nil || visited.Problem == nil || tries > retries || !transient(visited.Problem.Cause) {
			break
		}
	}
	if err == nil && len(visited.Chain) > 0 && visited.Ending.At == probe.EndUnknown && proxy != "" {
		visited = t.compareDirect(ctx, v, visited)
	}
	r := resultOf(target, visited, tries)
	if t.from != "" {
		r.By, r.Next = "container", nextInside(r)
	}
	if err != nil {
		r.OK, r.Cause, r.Message = false, "interrupted", t.app.redactor.Text(err.Error())
	}
	return visited, r
}

// transient reports causes that may be gone a moment later.
func transient(c probe.Cause) bool {
	switch c {
	case probe.Silent, probe.Closed, probe.EndpointSilent, probe.EndpointClosed, probe.NoTarget:
		return true
	}
	return false
}

// compareDirect decides what the certificate alone cannot: when the endpoint is reached directly, too, and shows another certificate, TLS ends on the way.
func (t *tester) compareDirect(ctx context.Context, v probe.Visit, through probe.Visited) probe.Visited {
	v.Proxy, v.Insecure, v.Timeout = "", true, min(t.timeout, 2*time.Second)
	direct, err := v.Do(ctx, nil)
	if err != nil || len(direct.Chain) == 0 {
		return through
	}
	if direct.Chain[0].Fingerprint == through.Chain[0].Fingerprint {
		return through.Learned(v.URL, probe.Ending{At: probe.AtEndpoint, Why: "the same certificate arrives without the proxy"})
	}
	return through.Learned(v.URL, probe.Ending{At: probe.OnTheWay, Why: fmt.Sprintf("without the proxy another certificate arrives, signed by %s", direct.Chain[len(direct.Chain)-1].Issuer)})
}

// trusted are the authorities for an endpoint: as dockerd has them for a registry.
func (t *tester) trusted(target testTarget) *x509.CertPool {
	if t.roots != nil || t.from != "" {
		return t.roots
	}
	return t.job.trusted(probe.Target(target.url))
}

// byDaemon has the daemon's own registry client ask for an image.
func (t *tester) byDaemon(ctx context.Context, target testTarget) testResult {
	r := testResult{Target: target.image, Argument: target.argument, By: "dockerd", Addresses: []string{}, Schemes: []string{}, Steps: []stepReport{}}
	var e engine.Engine
	if t.view.site.Active || !t.view.site.Local {
		e = t.view.engine
	}
	if e == nil || t.view.site.Info == nil {
		r.OK, r.Skipped = true, "the daemon does not run or does not answer, so it was not asked"
		return r
	}
	start := time.Now()
	err := e.Distribution(ctx, target.image)
	r.Milliseconds = time.Since(start).Milliseconds()
	if err == nil {
		r.OK = true
		return r
	}
	r.daemonProblem(redact.Terminal(t.app.redactor.Text(err.Error())), t.view)
	return r
}
