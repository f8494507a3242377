package client

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// isRule reports whether a host is none but holds a rule of ours, see RuleHost.
func isRule(hostKey string) bool {
	return hostKey == RuleHost(DefaultHost) || strings.HasPrefix(hostKey, RuleHost(DefaultHost)+" ")
}

// record judges the settings of one host as what containers and builds get.
func (k *checker) record(doc *jsonedit.Document, hostKey string) {
	if isRule(hostKey) {
		return
	}
	rec, _ := jsonedit.ClientProxies(doc, hostKey)
	set := map[string]jsonedit.Proxy{}
	for _, p := range rec.Proxies {
		if p.Effective && p.Value != "" {
			set[p.Key] = p
		}
	}
	if hostKey == k.Lookup || hostKey == DefaultHost && !slices.Contains(jsonedit.ClientHosts(doc), k.Lookup) {
		k.proxied = set["httpsProxy"].Value != ""
	}
	member := func(key string) string { return "proxies." + hostKey + "." + key }
	option := ""
	if hostKey != DefaultHost {
		option = " --client-host " + quote(hostKey)
	}
	k.urls(set, member, option)
	http, https, all, no := set["httpProxy"], set["httpsProxy"], set["allProxy"], set["noProxy"]
	if http.Value != "" && https.Value == "" && all.Value == "" {
		k.find("http-only", http.Line, member("httpProxy"), k.command("set --only client"+option+" --https-proxy URL"), "only httpProxy is set: what containers and builds fetch by https goes direct")
	}
	if all.Value != "" && (http.Value == "" || https.Value == "") {
		k.find("client-all-proxy-ignored-by-builds", all.Line, member("allProxy"), k.command("set --only client"+option+" --proxy URL"),
			"allProxy is for containers only, and there Go, wget and Node do not read it: builds, and these programs, get no proxy from %s", missing(http.Value, https.Value))
	}
	if no.Value == "" {
		return
	}
	if len(set) == 1 {
		k.find("no-proxy-without-proxy", no.Line, member("noProxy"), k.command("unset --only client"+option+" --no-proxy"), "noProxy does nothing: no proxy stands beside it, and of all records the Docker CLI uses one as a whole")
		return
	}
	list := reader.List{
		Value: precedence.Value(no.Value), Readers: reader.Readers(),
		At:  &precedence.Source{Layer: Layer, Path: k.at.Path, Line: no.Line, Name: member("noProxy")},
		Fix: func(e reader.Edit) string { return k.command("set --only client" + option + listOptions(e)) },
	}
	k.found = append(k.found, list.Findings()...)
}

func missing(http, https string) string {
	switch {
	case http == "" && https == "":
		return "here, since neither httpProxy nor httpsProxy is set"
	case http == "":
		return "here for http, since httpProxy is not set"
	}
	return "here for https, since httpsProxy is not set"
}

// listOptions are the options of docker proxy set that edit a list.
func listOptions(e reader.Edit) string {
	if e.Whole != "" {
		return " --no-proxy " + quote(e.Whole)
	}
	text := ""
	for _, r := range e.Remove {
		text += " --no-proxy-remove " + quote(r)
	}
	for _, a := range e.Add {
		text += " --no-proxy-add " + quote(a)
	}
	return text
}

// urls judges the proxies' URLs.
func (k *checker) urls(set map[string]jsonedit.Proxy, member func(string) string, option string) {
	for _, key := range []struct{ name, flag string }{{"httpProxy", "--http-proxy"}, {"httpsProxy", "--https-proxy"}} {
		p, ok := set[key.name]
		if !ok {
			continue
		}
		for _, f := range URLFaults(precedence.Value(p.Value)) {
			k.find(f.ID, p.Line, member(key.name), k.command("set --only client"+option+" "+key.flag+" "+meantURL(precedence.Value(p.Value))), "%s: %s", precedence.Value(p.Value), f.Says)
		}
		if precedence.Value(p.Value).Loopback() {
			k.find("client-loopback-proxy", p.Line, member(key.name), k.command("set --only client"+option+" --client-proxy URL"),
				"%s: at this address a container reaches itself, not the machine: the proxy needs one that containers reach", precedence.Value(p.Value))
		}
	}
}

// meantURL is the URL that a value was meant to be, as a word for a command line; "URL" where that is not plain, or holds a password.
func meantURL(v precedence.Value) string {
	u, err := precedence.ParseProxyURL(strings.Trim(strings.TrimSpace(v.Reveal()), `"'`), true)
	if err != nil || u.Value.HasCredentials() || len(precedence.URLFaults(u.Value)) > 0 {
		return "URL"
	}
	return quote(u.Value.Reveal())
}

// URLFaults judges a proxy's URL as the environment variable of a container: what precedence.URLFaults says of dockerd is so of every program in Go. That docker info shows
// it does not concern containers.
func URLFaults(v precedence.Value) []precedence.URLFault {
	var out []precedence.URLFault
	for _, f := range precedence.URLFaults(v) {
		if f.ID == "url-credentials-leak-in-info" {
			continue
		}
		f.Says = strings.ReplaceAll(f.Says, "dockerd", "a Go program")
		out = append(out, f)
	}
	return out
}
