package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// wanted is what the flags and the file ask for, checked but not yet combined with what the host has.
type wanted struct {
	urls      map[precedence.Key]precedence.Value // http-proxy, https-proxy
	client    map[string]precedence.Value         // ftpProxy, allProxy: config.json only
	clientURL precedence.Value                    // --client-proxy
	noProxy   *string                             // --no-proxy, both lists
	daemonNo  *string
	clientNo  *string
	add       []string
	remove    []string
	username  string
	password  string
	rekey     bool // credentials were given
	notes     []string
}

// checkList refuses a NO_PROXY list that no surface can hold, and normalises it: entries trimmed, empty ones dropped. Entries that can never match are named.
func checkList(flag, list string) (string, []string, error) {
	if strings.ContainsFunc(list, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == 0xfffd }) {
		return "", nil, usageErrorf("%s: the list holds control characters or is not UTF-8", flag)
	}
	if strings.ContainsAny(list, `'"`) {
		return "", nil, usageErrorf("%s: quotes would become part of an entry; give the list without them", flag)
	}
	entries := precedence.SplitNoProxy(list)
	var notes []string
	for _, d := range precedence.DeadEntries(list) {
		notes = append(notes, fmt.Sprintf("NO_PROXY entry %q never matches: %s", precedence.Mask(d.Entry), d.Reason))
	}
	return strings.Join(entries, ","), notes, nil
}

// combineList returns base with entries added and removed, in order, each once.
func combineList(base string, add, remove []string) (string, error) {
	entries := precedence.SplitNoProxy(base)
	for _, r := range remove {
		i := slices.IndexFunc(entries, func(e string) bool { return strings.EqualFold(e, r) })
		if i < 0 {
			return "", usageErrorf("--no-proxy-remove: %q is not in the list", r)
		}
		entries = slices.Delete(entries, i, i+1)
	}
	for _, a := range add {
		if !slices.ContainsFunc(entries, func(e string) bool { return strings.EqualFold(e, a) }) {
			entries = append(entries, a)
		}
	}
	return strings.Join(entries, ","), nil
}

// daemonSettings combines what is wanted with the daemon's present verdicts. The second result says that only credentials change, wherever the URLs stand.
func (w *wanted) daemonSettings(verdicts []precedence.Verdict) (precedence.Settings, bool, error) {
	present := map[precedence.Key]precedence.Value{}
	for _, v := range verdicts {
		if v.Winner != nil && !v.Winner.Unknown {
			present[v.Key] = v.Winner.Value
		}
	}
	out := precedence.Settings{}
	for k, v := range w.urls {
		out[k] = v
		if w.rekey {
			out[k] = precedence.WithCredentials(v, w.username, w.password)
		}
	}
	where := false
	if w.rekey && len(w.urls) == 0 {
		where = true
		for _, k := range []precedence.Key{precedence.HTTPProxy, precedence.HTTPSProxy} {
			if v, ok := present[k]; ok {
				out[k] = precedence.WithCredentials(v, w.username, w.password)
			}
		}
		if len(out) == 0 {
			return nil, false, fmt.Errorf("no proxy is set whose credentials could be changed: give --proxy URL too")
		}
	}
	list := w.noProxy
	if w.daemonNo != nil {
		list = w.daemonNo
	}
	if list != nil || len(w.add)+len(w.remove) > 0 {
		base := present[precedence.NoProxy].Reveal()
		if list != nil {
			base = *list
		}
		combined, err := combineList(base, w.add, w.remove)
		if err != nil {
			return nil, false, err
		}
		out[precedence.NoProxy] = precedence.Value(combined)
		where = where && combined == present[precedence.NoProxy].Reveal()
	}
	return out, where, nil
}

// clientSettings combines what is wanted with the present record of config.json; include says whether credentials may go there.
func (w *wanted) clientSettings(present map[string]precedence.Value, include bool) (map[string]precedence.Value, []string, error) {
	out := map[string]precedence.Value{}
	var notes []string
	put := func(key string, v precedence.Value) {
		switch {
		case w.rekey && include:
			v = precedence.WithCredentials(v, w.username, w.password)
		case !include && v.HasCredentials():
			v = precedence.WithCredentials(v, "", "")
		}
		out[key] = v
	}
	for key, k := range map[string]precedence.Key{"httpProxy": precedence.HTTPProxy, "httpsProxy": precedence.HTTPSProxy} {
		v, ok := w.urls[k]
		switch {
		case w.clientURL != "":
			put(key, w.clientURL)
		case ok && v.Loopback():
			notes = append(notes, fmt.Sprintf("%s is not written for containers: %s is an address of this machine only, which a container cannot reach (give --client-proxy URL)", key, v))
		case ok:
			put(key, v)
		case w.rekey && include && len(w.urls) == 0 && present[key] != "":
			put(key, present[key])
		}
	}
	slices.Sort(notes)
	for key, v := range w.client {
		put(key, v)
	}
	list := w.noProxy
	if w.clientNo != nil {
		list = w.clientNo
	}
	if list != nil || len(w.add)+len(w.remove) > 0 {
		base := present["noProxy"].Reveal()
		if list != nil {
			base = *list
		}
		remove := slices.DeleteFunc(slices.Clone(w.remove), func(r string) bool {
			return !slices.ContainsFunc(precedence.SplitNoProxy(base), func(e string) bool { return strings.EqualFold(e, r) })
		})
		combined, err := combineList(base, w.add, remove)
		if err != nil {
			return nil, nil, err
		}
		out["noProxy"] = precedence.Value(combined)
	}
	return out, notes, nil
}
