package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"golang.org/x/net/http/httpproxy"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// prober tries one proxy: probe.Proxy outside of tests.
type prober func(context.Context, probe.Request) (probe.Result, error)

// trial is one proxy value to be tried before it is written.
type trial struct {
	value  precedence.Value
	target askable // without address when NO_PROXY excludes every registry that could be asked
	plain  bool    // by an http:// request, as only the http-proxy gets them
}

// preflight tries, before anything is written or restarted, the proxies dockerd would use afterwards and does not use today, whether they are new, come back, or have only
// waited for a restart. It is an error when dockerd could not use one of them; a working proxy that does not reach a registry is a note. A rollback is never held up: what
// comes back there was asked for by name, and a note tells what is wrong with it.
func (j *job) preflight(ctx context.Context) error { return j.preflightWith(ctx, probe.Proxy) }

func (j *job) preflightWith(ctx context.Context, try prober) error {
	if j.plan == nil || j.plan.After == nil {
		return nil
	}
	targets := j.registries()
	before := j.view.obs.Verdicts
	if len(j.ca.list) > 0 {
		before = nil // what the proxy presents is to be signed by them: the ones in use are tried, too
	}
	for _, t := range trials(before, j.plan.After.Statuses(), j.plan.Wanted, targets) {
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

// tryProxy carries one trial out.
func (j *job) tryProxy(ctx context.Context, t trial, try prober) error {
	if t.value.Loopback() {
		if err := j.loopback(t.value); err != nil {
			return err
		}
	}
	if t.target.address == "" {
		j.notes = append(j.notes, fmt.Sprintf("the proxy %s was not tried: NO_PROXY excludes %s", t.value, dockerHub))
		return nil
	}
	j.say("Trying the proxy %s…", t.value)
	res, err := try(ctx, probe.Request{
		Proxy: t.value, Target: t.target.address, Plain: t.plain,
		TargetTLS: !t.plain && !t.target.insecure, Roots: j.rootsWithCA(), TargetRoots: j.trusted(t.target.address),
	})
	switch {
	case err != nil:
		return err
	case res.Failure == nil:
	case res.Blocks(), res.Failure.Cause == probe.TargetAuthority && precedence.PublicHost(hostname(t.target.address)):
		// What a public registry shows is signed by a public authority: another one is the proxy's, and no pull through it will work.
		return j.unusable(res.Failure.Error(), res.Failure.Next())
	default:
		j.notes = append(j.notes, fmt.Sprintf("%s; next: %s", res.Failure, res.Failure.Next()))
	}
	return nil
}

// hostname is the host of HOST:PORT.
func hostname(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// unusable is the end of a command whose proxy dockerd could not use; a rollback goes on with a note.
func (j *job) unusable(why, next string) error {
	if j.reverts != "" {
		j.notes = append(j.notes, fmt.Sprintf("what comes back does not work: %s; next: %s", why, next))
		return nil
	}
	return withStatus(exitFailed, errors.New(why+"\nnothing was changed; next: "+next+"\n(--no-check goes on without trying)"))
}

// loopback refuses an address of this machine alone where dockerd provably has a network of its own, as rootless ones before 29.5 have (dockerd-rootless.sh
// without --detach-netns): there it means the namespace's own loopback.
func (j *job) loopback(v precedence.Value) error {
	site := j.view.site
	switch sameNetwork(site) {
	case daemon.No:
		return j.unusable(fmt.Sprintf("%s is an address of this machine only, and its dockerd runs in a network of its own, where nothing listens there", v),
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

// trials lists the proxy values that dockerd would use and does not use today, each once, the one for https first: with the registry to ask for.
func trials(before []precedence.Verdict, after []daemon.Status, wanted precedence.Settings, targets []askable) []trial {
	verdicts := make([]precedence.Verdict, 0, len(after))
	waits := map[precedence.Key]bool{}
	for _, st := range after {
		verdicts = append(verdicts, st.Verdict)
		waits[st.Verdict.Key] = st.Pending == daemon.PendingRestart || st.Pending == daemon.PendingReload
	}
	var out []trial
	seen := map[precedence.Value]bool{}
	noProxy := outcomeOf(precedence.NoProxy, verdicts, wanted).Reveal()
	for _, key := range []precedence.Key{precedence.HTTPSProxy, precedence.HTTPProxy} {
		value := outcomeOf(key, verdicts, wanted)
		if value == "" || seen[value] || value == outcomeOf(key, before, nil) && !waits[key] {
			continue
		}
		seen[value] = true
		t := trial{value: value, plain: key == precedence.HTTPProxy}
		for _, target := range targets {
			if target.plain == t.plain && !excluded(t.plain, target.address, noProxy) {
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
