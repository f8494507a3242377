package precedence

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

// at makes a binding of HTTPS_PROXY or whatever name says.
func at(layer Layer, route Route, path string, line int, name, value string) Binding {
	key, _ := KeyOf(name)
	for _, k := range Keys() {
		if name == k.Member() || name == k.Flag() {
			key = k
		}
	}
	return Binding{Key: key, Value: Value(value), Source: Source{Layer: layer, Path: path, Line: line, Name: name, Route: route}}
}

func config(line int, key Key, value string) Binding {
	return at(LayerDaemonJSON, RouteConfigFile, "/etc/docker/daemon.json", line, key.Member(), value)
}

func dropIn(path string, line int, name, value string) Directive {
	return Directive{Kind: SetEnvironment, Bindings: []Binding{at(LayerSystemd, RouteEnvironment, path, line, name, value)}}
}

func envFile(path string, line int, name, value string) Directive {
	return Directive{Kind: EnvironmentFile, Bindings: []Binding{at(LayerStartup, RouteEnvironmentFile, path, line, name, value)}}
}

func pass(name, value string) Directive {
	return Directive{Kind: PassEnvironment, Bindings: []Binding{at(LayerSystemd, RoutePassEnvironment, "a.conf", 1, name, value)}}
}

func manager(name, value string) Binding { return at(LayerEnv, RouteManager, "", 0, name, value) }

func unit(ds ...Directive) Environment { return MergeUnit(UnitView{Directives: ds}) }

// describe writes a verdict the way a person would check it: winner, rule, losers with their rules.
func describe(v Verdict) string {
	if v.Winner == nil {
		return "unset" + losers(v)
	}
	text := fmt.Sprintf("%s@%s %s", v.Winner.Value.Reveal(), v.Winner.Source, v.Rule)
	if v.Lower != nil {
		text += " lower=" + v.Lower.Value.Reveal()
	}
	return text + losers(v)
}

func losers(v Verdict) string {
	var out []string
	for _, l := range v.Shadowed {
		out = append(out, fmt.Sprintf("%s(%s)", l.Binding.Value.Reveal(), l.Rule))
	}
	if len(out) == 0 {
		return ""
	}
	return " over " + strings.Join(out, " ")
}

func TestResolveHTTPS(t *testing.T) {
	cases := []struct {
		name string
		in   Inputs
		want string
	}{
		{"nothing", Inputs{}, "unset"},
		{"only daemon.json", Inputs{Config: []Binding{config(3, HTTPSProxy, "c")}}, "c@/etc/docker/daemon.json:3 only-value"},
		{"another key does not count", Inputs{Config: []Binding{config(3, HTTPProxy, "c")}}, "unset"},
		{
			"daemon.json beats the environment", Inputs{Config: []Binding{config(3, HTTPSProxy, "c")}, Env: unit(dropIn("a.conf", 2, "HTTPS_PROXY", "e"))},
			"c@/etc/docker/daemon.json:3 config-over-environment over e(config-over-environment)",
		},
		{
			"a flag beats the environment", Inputs{Flags: []Binding{at(LayerFlag, RouteFlag, "", 0, "--https-proxy", "f")}, Env: unit(dropIn("a.conf", 2, "https_proxy", "e"))},
			"f@dockerd's command line flag-over-environment over e(flag-over-environment)",
		},
		{
			"the last of two flags counts", Inputs{Flags: []Binding{at(LayerFlag, RouteFlag, "", 0, "--https-proxy", "f1"), at(LayerFlag, RouteFlag, "", 0, "--https-proxy", "f2")}},
			"f2@dockerd's command line later-assignment over f1(later-assignment)",
		},
		{
			"an empty value in daemon.json unsets nothing", Inputs{Config: []Binding{config(3, HTTPSProxy, "")}, Env: unit(dropIn("a.conf", 2, "HTTPS_PROXY", "e"))},
			"e@a.conf:2 empty-counts-as-unset over (empty-counts-as-unset)",
		},
		{
			"upper case beats lower case", Inputs{Env: unit(dropIn("a.conf", 1, "HTTPS_PROXY", "u"), dropIn("a.conf", 2, "https_proxy", "l"))},
			"u@a.conf:1 upper-over-lower lower=l over l(upper-over-lower)",
		},
		{
			"both spellings with one value are one setting", Inputs{Env: unit(dropIn("a.conf", 1, "HTTPS_PROXY", "u"), dropIn("a.conf", 2, "https_proxy", "u"))},
			"u@a.conf:1 only-value",
		},
		{
			"an empty upper case falls through", Inputs{Env: unit(dropIn("a.conf", 1, "HTTPS_PROXY", ""), dropIn("a.conf", 2, "https_proxy", "l"))},
			"l@a.conf:2 empty-counts-as-unset over (empty-counts-as-unset)",
		},
		{
			"a file beats a drop-in that comes later", Inputs{Env: unit(envFile("/etc/default/docker", 5, "HTTPS_PROXY", "f"), dropIn("z.conf", 2, "HTTPS_PROXY", "e"))},
			"f@/etc/default/docker:5 environment-file-over-environment over e(environment-file-over-environment)",
		},
		{
			"the later file", Inputs{Env: unit(envFile("/a", 5, "HTTPS_PROXY", "1"), envFile("/b", 6, "HTTPS_PROXY", "2"))},
			"2@/b:6 later-environment-file over 1(later-environment-file)",
		},
		{
			"the later drop-in", Inputs{Env: unit(dropIn("a.conf", 2, "HTTPS_PROXY", "1"), dropIn("b.conf", 2, "HTTPS_PROXY", "2"))},
			"2@b.conf:2 later-drop-in over 1(later-drop-in)",
		},
		{
			"the later line", Inputs{Env: unit(dropIn("a.conf", 2, "HTTPS_PROXY", "1"), dropIn("a.conf", 3, "HTTPS_PROXY", "2"))},
			"2@a.conf:3 later-assignment over 1(later-assignment)",
		},
		{
			"a reset", Inputs{Env: unit(dropIn("a.conf", 2, "HTTPS_PROXY", "1"), Directive{Kind: SetEnvironment, Reset: true})},
			"unset over 1(reset)",
		},
		{
			"a reset of another directive", Inputs{Env: unit(dropIn("a.conf", 2, "HTTPS_PROXY", "1"), Directive{Kind: EnvironmentFile, Reset: true})},
			"1@a.conf:2 only-value",
		},
		{
			"a reset of files", Inputs{Env: unit(envFile("/a", 2, "HTTPS_PROXY", "1"), Directive{Kind: EnvironmentFile, Reset: true}, dropIn("b.conf", 3, "HTTPS_PROXY", "2"))},
			"2@b.conf:3 reset over 1(reset)",
		},
		{
			"UnsetEnvironment is last", Inputs{Env: unit(Directive{Kind: UnsetVariables, Unset: []Unset{{Name: "HTTPS_PROXY"}}}, envFile("/a", 2, "HTTPS_PROXY", "1"))},
			"unset over 1(unset-environment)",
		},
		{
			"UnsetEnvironment with another value", Inputs{Env: unit(Directive{Kind: UnsetVariables, Unset: []Unset{{Name: "HTTPS_PROXY", Exact: true, Value: "x"}}}, envFile("/a", 2, "HTTPS_PROXY", "1"))},
			"1@/a:2 only-value",
		},
		{
			"UnsetEnvironment with this value", Inputs{Env: unit(Directive{Kind: UnsetVariables, Unset: []Unset{{Name: "HTTPS_PROXY", Exact: true, Value: "1"}}}, envFile("/a", 2, "HTTPS_PROXY", "1"))},
			"unset over 1(unset-environment)",
		},
		{
			"UnsetEnvironment reset", Inputs{Env: unit(Directive{Kind: UnsetVariables, Unset: []Unset{{Name: "HTTPS_PROXY"}}}, Directive{Kind: UnsetVariables, Reset: true}, envFile("/a", 2, "HTTPS_PROXY", "1"))},
			"1@/a:2 only-value",
		},
		{
			"a drop-in beats what is passed", Inputs{Env: unit(dropIn("a.conf", 1, "HTTPS_PROXY", "e"), pass("HTTPS_PROXY", "p"))},
			"e@a.conf:1 later-assignment over p(later-assignment)",
		},
		{
			"what is passed beats the manager", Inputs{Env: MergeUnit(UnitView{Manager: []Binding{manager("HTTPS_PROXY", "m")}, Directives: []Directive{pass("HTTPS_PROXY", "p")}})},
			"p@a.conf:1 later-assignment over m(later-assignment)",
		},
		{
			"a script beats what it inherits", Inputs{Env: MergeScript([]Binding{at(LayerEnv, RouteInherited, "/etc/profile.env", 1, "HTTPS_PROXY", "i")}, []ScriptStep{{Binding: at(LayerStartup, RouteScript, "/etc/default/docker", 4, "HTTPS_PROXY", "s")}})},
			"s@/etc/default/docker:4 script-over-inherited over i(script-over-inherited)",
		},
		{
			"a script unsets", Inputs{Env: MergeScript([]Binding{at(LayerEnv, RouteInherited, "/etc/profile.env", 1, "HTTPS_PROXY", "i")}, []ScriptStep{{Unset: true, Binding: at(LayerStartup, RouteScript, "/etc/default/docker", 4, "HTTPS_PROXY", "")}})},
			"unset over i(later-assignment)",
		},
		{
			"a later script line", Inputs{Env: MergeScript(nil, []ScriptStep{{Binding: at(LayerStartup, RouteScript, "/d", 4, "HTTPS_PROXY", "1")}, {Binding: at(LayerEnv, RouteScript, "/p", 1, "HTTPS_PROXY", "2")}})},
			"2@/p:1 later-assignment over 1(later-assignment)",
		},
		{
			"a loser's rule is told against the final winner", Inputs{Env: unit(dropIn("a.conf", 1, "HTTPS_PROXY", "1"), dropIn("b.conf", 1, "HTTPS_PROXY", "2"), envFile("/f", 3, "HTTPS_PROXY", "3"))},
			"3@/f:3 environment-file-over-environment over 2(environment-file-over-environment) 1(environment-file-over-environment)",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := Resolve(c.in)
			assert.Equal(t, len(got), 3)
			assert.Equal(t, describe(got[1]), c.want)
		})
	}
}

func TestResolveIsPerKey(t *testing.T) {
	got := Resolve(Inputs{
		Config: []Binding{config(3, HTTPSProxy, "http://c:1")},
		Env:    unit(dropIn("a.conf", 1, "HTTP_PROXY", "http://e:1"), dropIn("a.conf", 2, "NO_PROXY", "x")),
	})
	assert.Equal(t, describe(got[0]), "http://e:1@a.conf:1 only-value")
	assert.Equal(t, describe(got[1]), "http://c:1@/etc/docker/daemon.json:3 only-value")
	assert.Equal(t, describe(got[2]), "x@a.conf:2 only-value")
}

func TestUnknownWinnerIsNotReplaced(t *testing.T) {
	b := at(LayerStartup, RouteScript, "/d", 4, "HTTPS_PROXY", "")
	b.Unknown = true
	v := Resolve(Inputs{Env: MergeScript(nil, []ScriptStep{{Binding: b}})})[1]
	assert.Assert(t, v.Set() && v.Winner.Unknown)
	assert.Equal(t, v.Effect, Effect(""))
}

// TestResolveAgreesWithGo checks the order upper, lower, empty against the code dockerd runs.
func TestResolveAgreesWithGo(t *testing.T) {
	values := rapid.SampledFrom([]string{"", "http://a:1", "http://b:2", "c:3", "http://u:p%ss@d:4", "//e"})
	rapid.Check(t, func(t *rapid.T) {
		upper, lower, hasUpper, hasLower := values.Draw(t, "upper"), values.Draw(t, "lower"), rapid.Bool().Draw(t, "hasUpper"), rapid.Bool().Draw(t, "hasLower")
		var ds []Directive
		var want string
		if hasLower {
			ds, want = append(ds, dropIn("a.conf", 1, "https_proxy", lower)), lower
		}
		if hasUpper {
			ds = append(ds, dropIn("a.conf", 2, "HTTPS_PROXY", upper))
			if upper != "" {
				want = upper
			}
		}
		v := Resolve(Inputs{Env: unit(ds...)})[1]
		got := ""
		if v.Winner != nil {
			got = v.Winner.Value.Reveal()
		}
		if got != want {
			t.Fatalf("upper %v %q, lower %v %q: got %q, want %q", hasUpper, upper, hasLower, lower, got, want)
		}
		cfg := httpproxy.Config{HTTPSProxy: want}
		proxy, err := cfg.ProxyFunc()(&url.URL{Scheme: "https", Host: "registry.example"})
		direct := err != nil || proxy == nil || proxy.Hostname() == "" // a proxy without a host cannot be dialled
		if direct != (v.Effect == EffectDirect || v.Effect == EffectInvalid) {
			t.Fatalf("%q: effect %q, but Go's proxy is %v, %v", want, v.Effect, proxy, err)
		}
	})
}

func TestEveryRuleIsExplained(t *testing.T) {
	for _, r := range Rules() {
		assert.Assert(t, r.Explain() != string(r), "%s has no sentence", r)
		assert.Assert(t, !strings.HasSuffix(r.Explain(), "."), "%s", r)
	}
}

func TestGuideAnswer(t *testing.T) {
	startup := at(LayerStartup, RouteScript, "/d", 1, "HTTPS_PROXY", "s")
	cases := []struct {
		name     string
		bindings []Binding
		want     string
	}{
		{"nothing", nil, ""},
		{"daemon.json last", []Binding{config(1, HTTPSProxy, "c"), startup}, "s"},
		{"environment first", []Binding{at(LayerSystemd, RouteEnvironment, "a", 1, "HTTPS_PROXY", "e"), config(1, HTTPSProxy, "c"), startup}, "e"},
		{"empty values do not count", []Binding{at(LayerSystemd, RouteEnvironment, "a", 1, "HTTPS_PROXY", ""), config(1, HTTPSProxy, "c")}, "c"},
		{"flags are not in the guides", []Binding{at(LayerFlag, RouteFlag, "", 0, "--https-proxy", "f"), config(1, HTTPSProxy, "c")}, "c"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			if g := GuideAnswer(HTTPSProxy, c.bindings); g != nil {
				got = g.Value.Reveal()
			}
			assert.Equal(t, got, c.want)
		})
	}
}
