package precedence

import (
	"net/url"

	"golang.org/x/net/http/httpproxy"
)

// Effect says what a winning value does to dockerd's traffic.
type Effect string

// The effects of the JSON output. Invalid means that Go cannot parse the winner: it drops the error and goes direct, or takes
// a part of the value that is no host for the proxy's name.
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
	cfg := httpproxy.Config{HTTPProxy: value, HTTPSProxy: value, NoProxy: noProxy}
	u, err := cfg.ProxyFunc()(target)
	dial := DialOf(Value(value))
	switch {
	case dial.Direct || !dial.named(Value(value)):
		return EffectInvalid
	case err != nil || u == nil:
		return EffectDirect
	}
	return EffectProxy
}
