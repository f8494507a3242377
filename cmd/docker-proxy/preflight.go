package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// dockerHub is the registry every daemon knows.
const dockerHub = "registry-1.docker.io"

// prober tries one proxy: probe.Proxy outside of tests.
type prober func(context.Context, probe.Request) (probe.Result, error)

// trial is one proxy value to be tried before it is written.
type trial struct {
	value  precedence.Value
	target string // HOST:PORT; "" when NO_PROXY excludes every registry that could be asked
	plain  bool   // by an http:// request, as only the http-proxy gets them
}

// preflight returns what tries, before anything is written, the proxies dockerd would use afterwards and does not use today. It is an error when dockerd could
// not use one of them; a working proxy that does not reach a registry is a note.
//
// settings are the wanted values; they are tried where the plan cannot tell the outcome without running code.
func (j *job) preflight(settings precedence.Settings) func(context.Context) error {
	return j.preflightWith(settings, probe.Proxy)
}

func (j *job) preflightWith(settings precedence.Settings, try prober) func(context.Context) error {
	return func(ctx context.Context) error {
		if j.plan == nil || j.plan.After == nil {
			return nil
		}
		for _, t := range trials(j.view.obs.Verdicts, j.plan.After.Verdicts, settings, j.view.site.Info) {
			if j.memo.tried[t] {
				continue
			}
			if err := j.tryProxy(ctx, t, try); err != nil {
				return err
			}
			j.memo.remember(t)
		}
		return nil
	}
}

// tryProxy carries one trial out.
func (j *job) tryProxy(ctx context.Context, t trial, try prober) error {
	if t.value.Loopback() {
		if err := j.loopback(t.value); err != nil {
			return err
		}
	}
	if t.target == "" {
		j.notes = append(j.notes, fmt.Sprintf("the proxy %s was not tried: NO_PROXY excludes %s", t.value, dockerHub))
		return nil
	}
	j.say("Trying the proxy %s…", t.value)
	res, err := try(ctx, probe.Request{Proxy: t.value, Target: t.target, Plain: t.plain, TargetTLS: !t.plain})
	switch {
	case err != nil:
		return err
	case res.Failure == nil:
	case res.Blocks():
		return notWritten(res.Failure.Error(), res.Failure.Next())
	default:
		j.notes = append(j.notes, fmt.Sprintf("%s; next: %s", res.Failure, res.Failure.Next()))
	}
	return nil
}

func notWritten(why, next string) error {
	return withStatus(exitFailed, errors.New(why+"\nnothing was changed; next: "+next+"\n(--no-check writes it without trying)"))
}

// loopback refuses an address of this machine alone where dockerd provably has a network of its own, as rootless ones before 29.5 have (dockerd-rootless.sh
// without --detach-netns): there it means the namespace's own loopback.
func (j *job) loopback(v precedence.Value) error {
	site := j.view.site
	switch sameNetwork(site) {
	case daemon.No:
		return notWritten(fmt.Sprintf("%s is an address of this machine only, and its dockerd runs in a network of its own, where nothing listens there", v),
			"docker proxy set --proxy http://ADDRESS:PORT (with an address of this machine that is not loopback, on which the proxy listens too)")
	case daemon.Unknown:
		if site.Flavor == daemon.FlavorRootless {
			j.notes = append(j.notes, fmt.Sprintf("%s is an address of this machine only: a rootless dockerd older than 29.5 does not reach it", v))
		}
	case daemon.Yes:
	}
	return nil
}

// sameNetwork reports whether dockerd runs in the network namespace of this program.
func sameNetwork(site *daemon.Site) daemon.Answer {
	if site.PID == 0 || site.FS == nil || !site.Live {
		return daemon.Unknown
	}
	theirs, err := site.FS.Readlink(fmt.Sprintf("/proc/%d/ns/net", site.PID))
	ours, ownErr := site.FS.Readlink("/proc/self/ns/net")
	switch {
	case err != nil || ownErr != nil:
		return daemon.Unknown
	case theirs != ours:
		return daemon.No
	}
	return daemon.Yes
}

// trials lists the proxy values that change, each once, the one for https first: with the registry to ask for.
func trials(before, after []precedence.Verdict, settings precedence.Settings, info *engine.Info) []trial {
	var out []trial
	seen := map[precedence.Value]bool{}
	noProxy := outcomeOf(precedence.NoProxy, after, settings).Reveal()
	for _, key := range []precedence.Key{precedence.HTTPSProxy, precedence.HTTPProxy} {
		value := outcomeOf(key, after, settings)
		if value == "" || seen[value] || value == outcomeOf(key, before, nil) {
			continue
		}
		seen[value] = true
		t := trial{value: value, plain: key == precedence.HTTPProxy}
		for _, target := range registries(t.plain, info) {
			if !excluded(t.plain, target, noProxy) {
				t.target = target
				break
			}
		}
		out = append(out, t)
	}
	return out
}

// outcomeOf is the winner's value of a key, the wanted one where the winner's cannot be known, or "".
func outcomeOf(key precedence.Key, verdicts []precedence.Verdict, wanted precedence.Settings) precedence.Value {
	for _, v := range verdicts {
		if v.Key == key && v.Winner != nil && !v.Winner.Unknown {
			return v.Winner.Value
		} else if v.Key == key && v.Winner != nil {
			return wanted[key]
		}
	}
	return ""
}

// registries lists what this host's daemon would ask through the proxy, as HOST:PORT: its mirrors, for http:// requests also registries without TLS, and
// Docker Hub.
func registries(plain bool, info *engine.Info) []string {
	scheme, port := "https", "443"
	if plain {
		scheme, port = "http", "80"
	}
	var out []string
	if info != nil {
		for _, m := range info.Mirrors {
			if u, err := url.Parse(m); err == nil && u.Scheme == scheme && u.Hostname() != "" {
				out = append(out, withPort(u.Host, port))
			}
		}
		for _, r := range info.Insecure {
			if plain && r != "" && !strings.Contains(r, "/") {
				out = append(out, withPort(r, port))
			}
		}
	}
	return append(out, net.JoinHostPort(dockerHub, port))
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// excluded asks Go's own matcher whether NO_PROXY keeps a target away from the proxy.
func excluded(plain bool, target, noProxy string) bool {
	const dummy = "http://proxy.invalid"
	scheme := "https"
	if plain {
		scheme = "http"
	}
	cfg := httpproxy.Config{HTTPProxy: dummy, HTTPSProxy: dummy, NoProxy: noProxy}
	u, err := cfg.ProxyFunc()(&url.URL{Scheme: scheme, Host: target})
	return err == nil && u == nil
}
