package precedence

import (
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// Effect says what a winning value does to dockerd's traffic.
type Effect string

// The effects of the JSON output. Invalid means that Go cannot parse the winner, drops the error and goes direct.
const (
	EffectProxy   Effect = "proxy"
	EffectDirect  Effect = "direct"
	EffectInvalid Effect = "invalid"
)

// probeHost is a name that no NO_PROXY list of a real host holds, so that only the proxy value and a `*` decide.
const probeHost = "docker-proxy-effect.invalid"

// EffectOf asks Go's own httpproxy what dockerd does with a URL of the key's scheme, given the winning values. It returns "" for no-proxy,
// which has no effect of its own.
func EffectOf(key Key, value, noProxy string) Effect {
	scheme := "https"
	switch key {
	case NoProxy:
		return ""
	case HTTPProxy:
		scheme = "http"
	case HTTPSProxy:
	}
	if value == "" {
		return EffectDirect
	}
	target := &url.URL{Scheme: scheme, Host: probeHost}
	proxied := func(no string) bool {
		cfg := httpproxy.Config{HTTPProxy: value, HTTPSProxy: value, NoProxy: no}
		u, err := cfg.ProxyFunc()(target)
		return err == nil && u != nil && validHost(u)
	}
	switch {
	case !proxied(""):
		return EffectInvalid
	case !proxied(noProxy):
		return EffectDirect
	}
	return EffectProxy
}

// validHost rejects what httpproxy accepts only because it retries with "http://" in front: a value like `http://u:p#w@h` becomes the proxy host "http:",
// which no resolver knows ("lookup http: no such host").
func validHost(u *url.URL) bool {
	host := u.Hostname()
	return host != "" && !(host == "http" || host == "https") && !strings.ContainsAny(host, "\"' \t")
}
