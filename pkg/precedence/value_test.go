package precedence

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestKeyOf(t *testing.T) {
	for _, k := range Keys() {
		for _, name := range k.Names() {
			got, ok := KeyOf(name)
			assert.Assert(t, ok && got == k, "%s", name)
		}
	}
	for _, name := range []string{"Http_Proxy", "HTTP_proxy", "https-proxy", "ALL_PROXY", "HTTPS_PROXY ", ""} {
		_, ok := KeyOf(name)
		assert.Assert(t, !ok, "Go does not read %q", name)
	}
}

func TestMaskList(t *testing.T) {
	assert.Equal(t, MaskList("localhost,.corp"), "localhost,.corp")
	assert.Equal(t, MaskList("localhost,http://u:s3cret@h,.corp"), "localhost,http://xxxxx:xxxxx@h,.corp")
	assert.Equal(t, MaskList("http://a:1@x,http://b:2@y"), "http://xxxxx:xxxxx@x,http://xxxxx:xxxxx@y")
	assert.Equal(t, MaskList("u:s3cret@h,.corp"), "xxxxx:xxxxx@h,.corp")
}

func TestEffectOf(t *testing.T) {
	cases := []struct {
		name, value, noProxy string
		want                 Effect
	}{
		{"a proxy", "http://p:1", "localhost,.corp", EffectProxy},
		{"without a scheme", "p:1", "", EffectProxy},
		{"nothing", "", "", EffectDirect},
		{"everything is excepted", "http://p:1", "localhost, *", EffectDirect},
		{"a bare percent sign in a password", "http://u:p%ss@p:1", "", EffectInvalid},
		{"a number sign in a password", "http://u:p#w@p:1", "", EffectInvalid},
		{"no host", "http://", "", EffectInvalid},
		{"not usable, and everything is excepted", "http://u:p%ss@p:1", "*", EffectInvalid},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, EffectOf(HTTPSProxy, c.value, c.noProxy), c.want)
			assert.Equal(t, EffectOf(HTTPProxy, c.value, c.noProxy), c.want)
			assert.Equal(t, EffectOf(NoProxy, c.value, c.noProxy), Effect(""))
		})
	}
}

// TestUnsetOfAnUnknownValue: NAME=VALUE removes a variable only if it has that value, and what is not known cannot be compared.
func TestUnsetOfAnUnknownValue(t *testing.T) {
	passed := pass("HTTPS_PROXY", "")
	passed.Bindings[0].Unknown = true
	exact := Directive{Kind: UnsetVariables, Unset: []Unset{{Name: "HTTPS_PROXY", Exact: true, Value: ""}}}
	v := Resolve(Inputs{Env: unit(passed, exact)})[1]
	assert.Assert(t, v.Winner != nil && v.Winner.Unknown)
	byName := Directive{Kind: UnsetVariables, Unset: []Unset{{Name: "HTTPS_PROXY"}}}
	assert.Assert(t, Resolve(Inputs{Env: unit(passed, byName)})[1].Winner == nil)
}
