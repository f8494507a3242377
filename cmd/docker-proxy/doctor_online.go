package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

// How long one step of a visit, and the daemon's own question, may take for --online.
const (
	onlineStep   = 5 * time.Second
	onlineDaemon = 20 * time.Second
)

// nobodysImage is asked for at registries: that it is not there is an answer of the registry, and no pull is counted for it.
const nobodysImage = "docker-proxy-doctor"

// checkOnlineFlag refuses --online where there is no network to use, and --deep and --online where nothing of theirs could be mended.
func (o doctorOptions) checkOnlineFlag(a *app) error {
	switch {
	case o.online && a.root != "":
		return usageErrorf("--online and --root exclude each other: --root is about files alone")
	case o.fix && (o.deep || o.online):
		return usageErrorf("--fix goes without --deep and --online: what only they find is for a person to mend")
	}
	return nil
}

// online is one look with --online: the proxies that dockerd is configured to use, tried as dockerd uses them.
type online struct {
	*tester
	app   *app
	view  *view
	found []precedence.Finding
}

// lookOnline tries the proxies that dockerd is configured to use, by asking for this host's registries, and lets the daemon's own registry client ask the same. Nothing of it is
// done without --online.
func (v *view) lookOnline(ctx context.Context, a *app) error {
	if v.broken != nil {
		v.notes = append(v.notes, "--online: which daemon is meant is not known, so nothing was tried")
		return nil
	}
	t := &tester{app: a, view: v, public: probe.PublicRoots(), timeout: onlineStep, job: &job{app: a, view: v}}
	if err := t.settings(ctx, &testOptions{}); err != nil {
		return err
	}
	o := &online{tester: t, app: a, view: v}
	if t.values[precedence.HTTPProxy] == "" && t.values[precedence.HTTPSProxy] == "" {
		v.notes = append(v.notes, "--online: dockerd is configured to use no proxy, so there was none to try")
		return nil
	}
	targets, err := o.onlineTargets()
	if err != nil {
		return err
	}
	rep := t.run(ctx, targets)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, r := range rep.Results {
		o.judge(r)
	}
	o.judgeDaemon(ctx, rep.Results)
	for _, n := range t.notes {
		v.notes = append(v.notes, redact.Terminal(a.redactor.Text(n)))
	}
	for _, f := range o.found {
		f.Message, f.Fix = a.redactor.Text(f.Message), a.redactor.Text(f.Fix)
		v.extra = append(v.extra, f)
	}
	return context.Cause(ctx)
}

// onlineTargets are this host's registries that go through a proxy, and one http:// address where that has a proxy of its own.
func (o *online) onlineTargets() ([]testTarget, error) {
	all, err := o.targets(nil)
	if err != nil {
		return nil, err
	}
	if o.values[precedence.HTTPProxy] != o.values[precedence.HTTPSProxy] {
		all = append(all, testTarget{argument: dockerHub, url: &url.URL{Scheme: "http", Host: dockerHub, Path: "/"}, role: registry.RoleRegistry})
	}
	var out []testTarget
	for _, t := range all {
		proxy := o.proxyFor(t.url)
		if proxy == "" {
			continue
		}
		if proxy.Loopback() && sameNetwork(o.view.site) == daemon.No {
			o.notes = append(o.notes, fmt.Sprintf("--online: %s was not tried: it is an address of this machine only, and dockerd runs in a network of its own", proxy))
			continue
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		o.notes = append(o.notes, "--online: NO_PROXY keeps every registry that this host uses from the proxy, so it was not tried")
	}
	return out, nil
}

// judge turns what a visit ran into into a finding about the proxy, or about its authority.
func (o *online) judge(r testResult) {
	key := precedence.HTTPSProxy
	if strings.HasPrefix(r.Target, "http://") {
		key = precedence.HTTPProxy
	}
	if r.OK || r.Proxy == "" {
		return
	}
	switch id := proxyFinding(r.Cause); {
	case id != "":
		o.add(precedence.NewFinding(id, o.source(key), r.Next, "%s", r.Message))
	case r.Cause == probe.EndpointAuthority && r.TLS != nil && r.TLS.Ends.At == probe.OnTheWay && o.job.ownRoots() == "":
		o.add(o.untrusted(r))
	}
}

// proxyFinding is the kind of finding that a cause is, "" for a working proxy, and for a value that other checks tell about.
func proxyFinding(c probe.Cause) string {
	switch c {
	case probe.PlainProxy:
		return "url-scheme-https-to-plain-proxy"
	case probe.NoDNS, probe.Refused, probe.Unreachable, probe.Silent, probe.Closed, probe.TLSProxy, probe.UnknownAuthority, probe.BadCertificate, probe.TLSFailed, probe.NotAProxy:
		return "proxy-not-reachable"
	case probe.AuthRequired, probe.AuthRejected, probe.AuthUnsupported:
		return "proxy-refuses-credentials"
	}
	return ""
}

// untrusted is the finding about an authority that a proxy signs with and this machine, whose store dockerd reads, does not trust.
func (o *online) untrusted(r testResult) precedence.Finding {
	top := r.TLS.Chain[len(r.TLS.Chain)-1]
	u, _ := url.Parse(r.Target) // it was one
	host := shortHost(u.Host, u.Scheme)
	fix := fmt.Sprintf("docker proxy ca fetch %s -o proxy-ca.pem && docker proxy ca add proxy-ca.pem --machine --restart", host)
	return precedence.NewFinding("ca-not-in-daemon-store", o.source(precedence.HTTPSProxy), fix,
		"the proxy %s terminates TLS: for %s it shows a certificate signed by %s, which this machine, whose store dockerd reads, does not trust; dockerd's pulls fail with \"certificate signed by unknown authority\"", r.Proxy, host, top.Issuer)
}

// judgeDaemon lets dockerd itself ask the first registries, and tells what only it runs into: other roots, another network, another password.
func (o *online) judgeDaemon(ctx context.Context, visited []testResult) {
	site := o.view.site
	if site.Info == nil || o.view.engine == nil {
		return
	}
	if o.view.obs.AnyPending() {
		o.notes = append(o.notes, "--online: dockerd's own registry client was not asked, since the running dockerd does not have the configured settings yet")
		return
	}
	const most = 2
	asked := 0
	for _, r := range visited {
		u, err := url.Parse(r.Target)
		if err != nil || u.Scheme != "https" || asked == most {
			continue
		}
		asked++
		image := u.Host + "/" + nobodysImage
		if u.Host == dockerHub {
			image = "docker.io/library/" + nobodysImage
		}
		limited, cancel := context.WithTimeout(ctx, onlineDaemon)
		own := o.byDaemon(limited, testTarget{argument: r.Argument, image: image})
		cancel()
		if !own.OK {
			o.judgeOwn(own, r)
		}
	}
}

// judgeOwn compares what dockerd ran into with what this program did on the same way.
func (o *online) judgeOwn(own, visited testResult) {
	at := o.source(precedence.HTTPSProxy)
	u, _ := url.Parse(visited.Target) // it was one
	switch {
	case own.Cause == probe.EndpointAuthority && o.job.ownRoots() != "":
		o.add(precedence.NewFinding("ca-not-in-daemon-store", at, "", "dockerd does not trust the certificate that arrives for %s: it runs with %s and does not read this machine's store", u.Host, o.job.ownRoots()))
	case own.Cause == probe.EndpointAuthority && visited.TLS != nil && visited.Cause != probe.EndpointAuthority:
		o.add(precedence.NewFinding("ca-daemon-not-restarted", nil, startAgain(o.view.site),
			"this machine trusts the certificate that arrives for %s, and the running dockerd does not: it has read the machine's roots before they had that authority", u.Host))
	case own.Cause == probe.AuthRequired:
		o.add(precedence.NewFinding("proxy-refuses-credentials", at, own.Next, "%s", own.Message))
	case own.Cause == probe.Refused && visited.OK:
		o.add(precedence.NewFinding("proxy-not-reachable", at, own.Next, "this program reaches the proxy, and dockerd does not: %s", own.Message))
	}
}

// startAgain is the command that restarts dockerd although nothing that files tell is pending; "" where no service manager runs it.
func startAgain(s *daemon.Site) string {
	if s.Unit == "" {
		return ""
	}
	return systemctl(s) + " restart " + s.Unit
}

// source is where the proxy for a kind of URL stands.
func (o *online) source(k precedence.Key) *precedence.Source {
	for _, v := range o.view.obs.Verdicts {
		if v.Key == k && v.Winner != nil {
			at := v.Winner.Source
			return &at
		}
	}
	return nil
}

// add adds a finding, unless one of its kind is there about the same place. One that a handshake proves takes the place of the guess.
func (o *online) add(f precedence.Finding) {
	same := func(g precedence.Finding) bool {
		return g.ID == f.ID && (g.Source == nil || f.Source == nil || g.Source.Path == f.Source.Path && g.Source.Line == f.Source.Line && g.Source.Name == f.Source.Name)
	}
	if f.ID == "ca-not-in-daemon-store" {
		o.view.extra = slices.DeleteFunc(o.view.extra, func(g precedence.Finding) bool { return g.ID == f.ID && g.Severity != f.Severity })
	}
	if !slices.ContainsFunc(o.found, same) && !slices.ContainsFunc(o.view.extra, same) {
		o.found = append(o.found, f)
	}
}
