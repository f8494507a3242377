package reader

import (
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// goReader is net/http's ProxyFromEnvironment, which dockerd, containerd, BuildKit and every Go program use that does not choose otherwise.
func goReader() Reader {
	return Reader{
		Name:  Go,
		Title: "Go 1.16 and later (net/http)",
		Basis: "golang.org/x/net/http/httpproxy, called",
		ask:   askGo,
	}
}

func askGo(env Env, t Target) Answer {
	key := precedence.HTTPSProxy
	if t.Scheme == "http" {
		key = precedence.HTTPProxy
	}
	proxy, ok := env.firstFilled(key.Names()...)
	if !ok {
		return Answer{Route: RouteDirect, Cause: CauseNoProxySet}
	}
	a := Answer{Route: RouteProxy, Cause: CauseNoEntry, Proxy: proxy}
	a.List, _ = env.firstFilled(precedence.NoProxy.Names()...)
	list := a.List.Value.Reveal()
	if precedence.EffectOf(key, proxy.Value.Reveal(), "") == precedence.EffectInvalid {
		a.Route, a.Cause, a.Detail = unusableInGo(proxy.Value.Reveal(), t, list)
		return a
	}
	if goProxies(proxy.Value.Reveal(), list, t) {
		return a
	}
	a.Route, a.Cause = RouteDirect, CauseEntry
	if !goProxies(proxy.Value.Reveal(), "", t) {
		a.Cause, a.Detail = CauseBuiltIn, "Go never uses a proxy for localhost and loopback addresses"
		return a
	}
	for _, e := range precedence.SplitNoProxy(list) {
		if !goProxies(proxy.Value.Reveal(), e, t) {
			a.Entry = e
			break
		}
	}
	return a
}

// goProxies asks httpproxy itself.
func goProxies(proxy, list string, t Target) bool {
	u, _ := goProxyURL(proxy, list, t) // an error means no proxy: FromEnvironment drops what it cannot parse
	return u != nil
}

func goProxyURL(proxy, list string, t Target) (*url.URL, error) {
	cfg := httpproxy.Config{HTTPProxy: proxy, HTTPSProxy: proxy, NoProxy: list}
	return cfg.ProxyFunc()(&url.URL{Scheme: t.Scheme, Host: t.hostPort()})
}

// unusableInGo tells the values that Go drops, and goes direct, from those that make it ask for a host that cannot exist.
func unusableInGo(proxy string, t Target, list string) (Route, Cause, string) {
	if goProxies(proxy, list, t) {
		return RouteFails, CauseUnusableProxy, "the proxy's URL has no usable host name, which is looked up in vain"
	}
	if strings.TrimSpace(proxy) == "" {
		return RouteDirect, CauseUnusableProxy, "the value is blank"
	}
	return RouteDirect, CauseUnusableProxy, "Go cannot parse the proxy's URL, drops it and goes direct"
}
