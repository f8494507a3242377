package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// collect finds the settings of every receiver and checks them.
func (x *exportRun) collect(ctx context.Context, f exportFormat) error {
	raw, err := x.wanted(ctx, f)
	if err != nil {
		return err
	}
	for _, c := range raw {
		for _, v := range []precedence.Value{c.Settings.HTTPProxy, c.Settings.HTTPSProxy, c.Settings.FTPProxy, c.Settings.AllProxy} {
			x.app.redactor.AddValue(v)
		}
		clean, notes, err := c.Settings.Clean()
		of := ""
		if c.Name != "" {
			of = "service " + c.Name + ": "
		}
		switch {
		case errors.Is(err, export.ErrNothing) && x.opts.file != "":
			return usageErrorf("%s: %s%w", x.opts.file, of, err)
		case errors.Is(err, export.ErrNothing):
			return fmt.Errorf("%w: see docker proxy show --effective; -f FILE takes the settings from a file", err)
		case err != nil:
			return fmt.Errorf("%s%w", of, err)
		}
		if name, url, ok := clean.Loopback(); ok && f.container && !x.hostNetwork {
			return fmt.Errorf("%s%s is %s: that is an address of this machine, and a container reaches itself there; name the one that containers reach: docker proxy set --client-proxy URL, or -f FILE", of, name, url)
		}
		if clean.HTTPSProxy == "" && clean.AllProxy == "" {
			x.addNote("%sthere is no proxy for https: HTTP_PROXY is for http:// addresses only", of)
		}
		for _, n := range notes {
			x.addNote("%s", n)
		}
		x.consumers = append(x.consumers, export.Consumer{Name: c.Name, Settings: clean})
	}
	x.keys = export.NewKeyring(x.consumers...)
	return nil
}

func (x *exportRun) addNote(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(x.notes, n) {
		x.notes = append(x.notes, n)
	}
}

// wanted returns the receivers with their settings, as they stand in the file of -f or on this host.
func (x *exportRun) wanted(ctx context.Context, f exportFormat) ([]export.Consumer, error) {
	if x.opts.file != "" {
		s, err := readSpec(x.opts.file)
		if err != nil {
			return nil, err
		}
		return x.fromSpec(ctx, f, s)
	}
	settings, err := x.fromHost(ctx, f)
	if err != nil {
		return nil, err
	}
	if !f.several || len(x.opts.services) == 0 {
		return []export.Consumer{{Settings: settings}}, nil
	}
	var out []export.Consumer
	for _, name := range x.opts.services {
		out = append(out, export.Consumer{Name: name, Settings: settings})
	}
	return out, nil
}

// fromSpec takes the settings of the named services, or of all that the file has.
func (x *exportRun) fromSpec(ctx context.Context, f exportFormat, s *spec) ([]export.Consumer, error) {
	names := x.opts.services
	if len(names) == 0 && f.several {
		names = slices.Sorted(maps.Keys(s.Services))
	}
	if len(names) == 0 {
		names = []string{""}
	}
	var out []export.Consumer
	for _, name := range names {
		settings, err := s.consumer(x.app, name, f.several)
		if err != nil {
			return nil, err
		}
		settings.NoProxy = x.entries(ctx, f, strings.Join(settings.NoProxy, ","))
		if !f.several {
			name = ""
		}
		out = append(out, export.Consumer{Name: name, Settings: settings})
	}
	return out, nil
}

// entries splits a list and computes what is to be computed; outside of this machine's Docker, nothing is.
func (x *exportRun) entries(ctx context.Context, f exportFormat, list string) []string {
	if f.name == formatKubernetes {
		return ownEntries(list)
	}
	side := autoClient
	if !f.container {
		side = autoDaemon
	}
	j := &job{app: x.app, view: x.view}
	return precedence.SplitNoProxy(expandRule(list, j.auto(ctx, side)))
}

// ownEntries returns the entries of a rule that somebody wrote.
func ownEntries(rule string) []string {
	if !isAuto(rule) {
		return precedence.SplitNoProxy(rule)
	}
	return slices.DeleteFunc(precedence.SplitNoProxy(rule), func(e string) bool { return strings.EqualFold(e, autoWord) || strings.HasPrefix(e, leftOut) })
}

// fromHost joins what config.json and the daemon have. For containers config.json comes first, for a shell the daemon.
func (x *exportRun) fromHost(ctx context.Context, f exportFormat) (export.Settings, error) {
	if x.view.broken != nil {
		return export.Settings{}, fmt.Errorf("%w; it is not known whose settings are meant: name one with --context NAME, such as default, or -f FILE", x.view.broken)
	}
	file := x.clientFile()
	of := map[string]precedence.Value{}
	for _, s := range file.Settings {
		of[s.Key] = s.Value
	}
	out := export.Settings{FTPProxy: of["ftpProxy"], AllProxy: of["allProxy"]}
	for _, u := range []struct {
		key  precedence.Key
		name string
		into *precedence.Value
	}{{precedence.HTTPProxy, "httpProxy", &out.HTTPProxy}, {precedence.HTTPSProxy, "httpsProxy", &out.HTTPSProxy}} {
		ofDaemon, err := x.daemonValue(u.key, of[u.name] != "")
		if err != nil {
			return out, err
		}
		*u.into = x.choose(f, of[u.name], ofDaemon)
	}
	if out.HTTPProxy == "" && out.HTTPSProxy == "" && out.AllProxy == "" {
		return out, nil
	}
	daemonList, err := x.daemonValue(precedence.NoProxy, true)
	if err != nil {
		return out, err
	}
	list := daemonList.Reveal()
	if own := of["noProxy"]; own != "" && (f.container || list == "") {
		list = own.Reveal()
		if isAuto(file.Rule) && f.name == formatKubernetes {
			list = file.Rule
		}
	}
	if list == "" {
		list = autoWord
	}
	out.NoProxy = x.entries(ctx, f, list)
	return out, nil
}

// choose returns the value for a format. Where config.json has the daemon's proxy without user and password, as `set --client-credentials omit` writes it, an export has
// them: it never shows them, and what it is for cannot use the proxy without.
func (x *exportRun) choose(f exportFormat, ofClient, ofDaemon precedence.Value) precedence.Value {
	switch {
	case ofDaemon == "" || !f.container && ofClient == "":
		if ofDaemon == "" {
			return ofClient
		}
		return ofDaemon
	case ofClient == "" || !f.container:
		return ofDaemon
	case !ofClient.HasCredentials() && ofDaemon.HasCredentials() && sameServer(ofClient, ofDaemon):
		x.addNote("User and password are those of the daemon; config.json has the same proxy without them.")
		return ofDaemon
	}
	return ofClient
}

// sameServer reports whether two URLs differ in their credentials at most.
func sameServer(a, b precedence.Value) bool {
	x, errX := url.Parse(precedence.WithCredentials(a, "", "").Reveal())
	y, errY := url.Parse(precedence.WithCredentials(b, "", "").Reveal())
	return errX == nil && errY == nil && x.Scheme == y.Scheme && strings.EqualFold(x.Host, y.Host)
}

// clientFile is the config.json whose values containers get: under sudo that of the person who called it.
func (x *exportRun) clientFile() client.File {
	v := x.view
	if !v.files.Live() {
		return client.File{}
	}
	if at, _, err := clientLocations(v, nil); err == nil && len(at) > 0 {
		if f, _, err := client.ObserveFor(v.files, at[0], client.Lookup(v.env.Endpoint)); err == nil {
			for _, s := range f.Settings {
				x.app.redactor.AddValue(s.Value)
			}
			return f
		}
	}
	if len(v.clients) > 0 {
		return v.clients[0]
	}
	return client.File{}
}

// away reports whether only the API tells about the daemon.
func (x *exportRun) away() bool {
	return x.view.site.Flavor == daemon.FlavorRemote || x.view.site.Flavor == daemon.FlavorDesktop
}

// daemonValue is the effective value of the daemon. One that cannot be read here is taken from the running daemon, which hides user and password; then it is an error,
// unless the value can be done without.
func (x *exportRun) daemonValue(k precedence.Key, dispensable bool) (precedence.Value, error) {
	for _, st := range x.view.obs.Statuses() {
		w := st.Verdict.Winner
		switch {
		case st.Verdict.Key != k:
		case w == nil && !x.away():
			return "", nil
		case w == nil && !st.Running.Value.HasCredentials():
			return st.Running.Value, nil // only the API tells about such a daemon
		case w == nil && !dispensable:
			return "", fmt.Errorf("the %s of this daemon has user and password, which its API does not tell: give them with -f FILE", k)
		case w == nil:
			return "", nil
		case !w.Unknown && st.Verdict.Effect == precedence.EffectInvalid:
			return "", fmt.Errorf("dockerd cannot use its %s (%s): %s is no proxy URL", k, w.Source, w.Value)
		case !w.Unknown:
			return w.Value, nil
		case st.Running.Known && !st.Running.Value.HasCredentials():
			return st.Running.Value, nil
		case dispensable && st.Running.Known && k != precedence.NoProxy:
			x.addNote("The daemon's proxy has user and password that this user cannot read; what is exported has none.")
		case !dispensable && x.away():
			return "", fmt.Errorf("this daemon does not tell its %s: it is on another machine, and its API does not answer; use -f FILE", k)
		case !dispensable:
			return "", fmt.Errorf("the daemon's %s cannot be read by this user (%s): %s, or -f FILE", k, w.Source, rootCommand())
		}
	}
	return "", nil
}
