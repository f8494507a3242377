package reader_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader/oracle"
)

// goSays is httpproxy's own verdict, with upper-case variables first as in dockerd's net/http.
func goSays(t *testing.T, env reader.Env, list string, target reader.Target) string {
	t.Helper()
	first := func(names ...string) string {
		for _, n := range names {
			for _, v := range env {
				if v.Name == n && v.Value != "" {
					return v.Value.Reveal()
				}
			}
		}
		return ""
	}
	cfg := httpproxy.Config{HTTPProxy: first("HTTP_PROXY", "http_proxy"), HTTPSProxy: first("HTTPS_PROXY", "https_proxy"), NoProxy: list}
	req, err := url.Parse(target.String())
	assert.NilError(t, err)
	u, err := cfg.ProxyFunc()(req)
	assert.NilError(t, err)
	if u == nil {
		return ""
	}
	return u.String()
}

// TestGoEntry: for 100,000 pairs the verdict is httpproxy's, the entry that is named goes direct alone, and without it and its equals the verdict is another one or
// another entry is named that does the same.
func TestGoEntry(t *testing.T) {
	r, ok := reader.ByName(reader.Go)
	assert.Assert(t, ok)
	seen := map[reader.Cause]int{}
	for _, p := range oracle.Pairs(1, 100_000, oracle.Everything()) {
		target, err := p.Target()
		assert.NilError(t, err)
		a := r.Ask(p.Env, target)
		seen[a.Cause]++
		list := a.List.Value.Reveal()
		really := goSays(t, p.Env, list, target)
		want := ""
		if a.Route == reader.RouteProxy {
			want = a.Proxy.Value.Reveal()
		}
		assert.Assert(t, really == want, "%s: Go says %q, we %q", p.Describe(), really, want)
		switch a.Cause {
		case reader.CauseEntry:
			entries := precedence.SplitNoProxy(list)
			assert.Assert(t, slices.Contains(entries, a.Entry), "%s: %q is not in the list", p.Describe(), a.Entry)
			assert.Assert(t, goSays(t, p.Env, a.Entry, target) == "", "%s: %q alone does not go direct", p.Describe(), a.Entry)
			rest := strings.Join(slices.DeleteFunc(entries, func(e string) bool { return e == a.Entry }), ",")
			if goSays(t, p.Env, rest, target) == "" {
				again := r.Ask(with(p.Env, rest), target)
				assert.Assert(t, again.Cause == reader.CauseEntry && again.Entry != a.Entry, "%s: direct without %q, and no other entry is named", p.Describe(), a.Entry)
			}
		case reader.CauseBuiltIn, reader.CauseNoProxySet:
			assert.Assert(t, goSays(t, p.Env, "", target) == "", p.Describe())
		case reader.CauseNoEntry:
			for _, e := range precedence.SplitNoProxy(list) {
				assert.Assert(t, goSays(t, p.Env, e, target) != "", "%s: %q alone goes direct", p.Describe(), e)
			}
		default:
			t.Fatalf("%s: %s", p.Describe(), a.Cause)
		}
	}
	for _, c := range []reader.Cause{reader.CauseEntry, reader.CauseBuiltIn, reader.CauseNoProxySet, reader.CauseNoEntry} {
		assert.Assert(t, seen[c] > 3000, "%v", seen)
	}
}

// with is env with another list in every spelling.
func with(env reader.Env, list string) reader.Env {
	out := reader.Env{}
	for _, v := range env {
		if strings.EqualFold(v.Name, "no_proxy") {
			v.Value = precedence.Value(list)
		}
		out = append(out, v)
	}
	return out
}

// TestGoProxyValues: what Go makes of a proxy's value that is none.
func TestGoProxyValues(t *testing.T) {
	r, _ := reader.ByName(reader.Go)
	for _, tc := range []struct {
		name, value string
		route       reader.Route
	}{
		{"a URL", "http://proxy:1", reader.RouteProxy},
		{"no scheme", "proxy:3128", reader.RouteProxy},
		{"cannot be parsed", "http://u:p%zz@proxy:1", reader.RouteDirect},
		{"a number sign in the password", "http://u:p#w@proxy:1", reader.RouteFails},
	} {
		t.Run(tc.name, func(t *testing.T) {
			target, err := reader.ParseURL("https://example.com")
			assert.NilError(t, err)
			a := r.Ask(reader.Env{{Name: "HTTPS_PROXY", Value: precedence.Value(tc.value)}}, target)
			assert.Equal(t, a.Route, tc.route)
		})
	}
}
