package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/client"
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

// checkList refuses a NO_PROXY list that no surface can hold, and normalises it: entries trimmed, empty ones dropped.
func checkList(flag, list string) (string, error) {
	if strings.ContainsFunc(list, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == 0xfffd }) {
		return "", usageErrorf("%s: the list holds control characters or is not UTF-8", flag)
	}
	if strings.ContainsAny(list, `'"`) {
		return "", usageErrorf("%s: quotes would become part of an entry; give the list without them", flag)
	}
	return strings.Join(precedence.SplitNoProxy(list), ","), nil
}

// daemonSettings combines what is wanted with the daemon's present verdicts; auto is the list that the entry "auto" stands for. The second result says that only
// credentials change, wherever the URLs stand.
func (w *wanted) daemonSettings(verdicts []precedence.Verdict, auto func() precedence.AutoList) (precedence.Settings, bool, error) {
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
	_, set := present[precedence.NoProxy]
	if list = w.orAuto(list, set || undecided(verdicts, precedence.NoProxy)); list != nil || len(w.add)+len(w.remove) > 0 {
		base := present[precedence.NoProxy].Reveal()
		if list != nil {
			base = *list
		}
		rule, err := combineRule(base, w.add, w.remove, auto)
		if err != nil {
			return nil, false, err
		}
		combined := expandRule(rule, auto)
		out[precedence.NoProxy] = precedence.Value(combined)
		where = where && combined == present[precedence.NoProxy].Reveal()
	}
	return out, where, nil
}

// clientSettings combines what is wanted with the present record of config.json; include says whether credentials may go there, auto is the list that the entry
// "auto" stands for.
func (w *wanted) clientSettings(file client.File, include bool, auto func() precedence.AutoList) (client.Request, []string, error) {
	present := map[string]precedence.Value{}
	for _, s := range file.Settings {
		present[s.Key] = s.Value
	}
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
	request := client.Request{Host: file.Host, Values: out, Cause: "new containers and builds get it"}
	list := w.noProxy
	if w.clientNo != nil {
		list = w.clientNo
	}
	if len(out) > 0 {
		list = w.orAuto(list, present["noProxy"] != "")
	}
	if list == nil && len(w.add)+len(w.remove) == 0 {
		return request, notes, nil
	}
	base := cmp.Or(file.Rule, present["noProxy"].Reveal())
	if list != nil {
		base = *list
	}
	// The two lists differ, so that an entry may well be missing in this one.
	remove := slices.DeleteFunc(slices.Clone(w.remove), func(r string) bool {
		return !slices.ContainsFunc(precedence.SplitNoProxy(expandRule(base, auto)), func(e string) bool { return strings.EqualFold(e, r) })
	})
	rule, err := combineRule(base, w.add, remove, auto)
	if err != nil {
		return request, nil, err
	}
	out["noProxy"] = precedence.Value(expandRule(rule, auto))
	if !isAuto(rule) {
		rule = ""
	}
	request.Rule = &rule
	return request, notes, nil
}
