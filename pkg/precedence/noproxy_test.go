package precedence

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
	"gotest.tools/v3/assert"
)

// direct asks Go itself whether host is reached directly with the list.
func direct(list, host string) bool {
	cfg := httpproxy.Config{HTTPProxy: "http://proxy:1", HTTPSProxy: "http://proxy:1", NoProxy: list}
	u, err := cfg.ProxyFunc()(&url.URL{Scheme: "https", Host: host})
	return err == nil && u == nil
}

func TestDeadEntries(t *testing.T) {
	// Hosts that the author of the entry may have meant; none of them may be direct if the entry is called dead, one of them must be if not.
	cases := []struct {
		entry string
		dead  bool
		meant []string
	}{
		{"example.com", false, []string{"example.com"}},
		{".example.com", false, []string{"a.example.com"}},
		{"*.example.com", false, []string{"a.example.com"}},
		{"example.com:5000", false, []string{"example.com:5000"}},
		{"com", false, []string{"x.com"}},
		{"10.0.0.0/8", false, []string{"10.1.2.3"}},
		{"10.1.2.3/24", false, []string{"10.1.2.9"}},
		{"10.1.2.3", false, []string{"10.1.2.3:99"}},
		{"10.1.2.3:80", false, []string{"10.1.2.3:80"}},
		{"2001:db8::1", false, []string{"[2001:db8::1]"}},
		{"[2001:db8::1]:443", false, []string{"[2001:db8::1]:443"}},
		{"2001:db8::/32", false, []string{"[2001:db8::5]"}},
		{"*", false, []string{"anything.example"}},
		{"EXAMPLE.com", false, []string{"example.com"}},
		{"a.com b.com", true, []string{"a.com", "b.com"}},
		{"a.com;b.com", true, []string{"a.com", "b.com"}},
		{"a.com|b.com", true, []string{"a.com", "b.com"}},
		{`"a.com"`, true, []string{"a.com"}},
		{"http://a.com", true, []string{"a.com"}},
		{"10.0.0.0/255.0.0.0", true, []string{"10.1.2.3"}},
		{"10.0.0.0/8:80", true, []string{"10.1.2.3:80"}},
		{"[2001:db8::1]", true, []string{"[2001:db8::1]"}},
		{"*:443", true, []string{"a.com:443"}},
		{":443", true, []string{"a.com:443"}},
		{"foo*", true, []string{"foobar", "foo.com", "foo"}},
		{"*example.com", true, []string{"myexample.com", "example.com", "a.example.com"}},
		{"example.com.", true, []string{"example.com", "a.example.com"}},
		{"<local>", true, []string{"intranet", "local"}},
		{"10.*", true, []string{"10.1.2.3"}},
		{"10.", true, []string{"10.1.2.3"}},
		{"10.1.2", true, []string{"10.1.2.3", "10.1.2.0"}},
		{".10.1.2.3", true, []string{"10.1.2.3"}},
		{"010.001.002.003", true, []string{"10.1.2.3"}},
		{"10.1.2.0-10.1.2.9", true, []string{"10.1.2.3", "10.1.2.0"}},
		{"[2001:db8::1]:", false, []string{"[2001:db8::1]"}},
		{".", true, []string{"a.com", "intranet"}},
	}
	for _, c := range cases {
		t.Run(c.entry, func(t *testing.T) {
			dead := DeadEntries(c.entry)
			assert.Equal(t, len(dead) > 0, c.dead, "%v", dead)
			matched := false
			for _, h := range c.meant {
				matched = matched || direct(c.entry, h)
			}
			assert.Equal(t, matched, !c.dead, "what Go does with %q for %s", c.entry, strings.Join(c.meant, ", "))
		})
	}
}

func TestStarMakesNothingDead(t *testing.T) {
	assert.Equal(t, len(DeadEntries("foo*, *")), 0)
}

func TestParseProxyURL(t *testing.T) {
	cases := []struct {
		raw    string
		encode bool
		want   string // "" means refused
		says   string
	}{
		{"http://proxy:3128", false, "http://proxy:3128", ""},
		{" http://proxy:3128 ", false, "http://proxy:3128", ""},
		{"HTTPS://proxy", false, "https://proxy", ""},
		{"proxy:3128", false, "http://proxy:3128", "has no scheme"},
		{"10.0.0.1:3128/", false, "http://10.0.0.1:3128", "has no scheme"},
		{"http://[2001:db8::1]:3128", false, "http://[2001:db8::1]:3128", ""},
		{"socks5://proxy:1080", false, "socks5://proxy:1080", ""},
		{"http://u:p@proxy:1", false, "http://u:p@proxy:1", ""},
		{"http://u:p%40x@proxy:1", false, "http://u:p%40x@proxy:1", ""},
		{"http://user:F@oBar!@proxy:1", true, "http://user:F%40oBar%21@proxy:1", "percent-encoded"},
		{"http://user:F@oBar!@proxy:1", false, "", "--password-stdin"},
		{`http://DOM\u:p#/?@proxy:1`, true, "http://DOM%5Cu:p%23%2F%3F@proxy:1", "percent-encoded"},
		{"http://u:p%ss@proxy:1", true, "http://u:p%25ss@proxy:1", "percent-encoded"},
		{"", false, "", "empty"},
		{"http://", false, "", "host name"},
		{"http://proxy:abc", false, "", "port"},
		{"http://proxy:0", false, "", "port"},
		{"http://proxy:65536", false, "", "port"},
		{"ftp://proxy", false, "", "scheme"},
		{"http://proxy/wpad.dat", false, "", "auto-configuration"},
		{"http://proxy/x.pac?y", false, "", "auto-configuration"},
		{"http://proxy/path", false, "", "no path"},
		{`"http://proxy"`, false, "", "quotes"},
		{"http://pro xy", false, "", "host name"},
		{"http://2001:db8::1", false, "", "brackets"},
		{"http://proxy\n", false, "http://proxy", ""},
		{"http://pro\nxy", false, "", "control"},
		{"off", false, "http://off", "has no scheme"},
	}
	for _, c := range cases {
		t.Run(c.raw, func(t *testing.T) {
			got, err := ParseProxyURL(c.raw, c.encode)
			if c.want == "" {
				assert.ErrorContains(t, err, c.says)
				assert.Assert(t, !strings.Contains(err.Error(), "F@oBar"), "the password is in the error")
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, got.Value.Reveal(), c.want)
			assert.Assert(t, strings.Contains(strings.Join(got.Notes, "\n"), c.says))
			assert.Equal(t, EffectOf(HTTPSProxy, got.Value.Reveal(), ""), EffectProxy, "Go cannot use what is written")
		})
	}
}

func TestValuesNeverPrintCredentials(t *testing.T) {
	for _, raw := range []string{
		"http://user:secret@proxy:1", "user:secret@proxy:1", "http://user:sec%ret-secret@proxy", "http://u:sec/secret@proxy", "http://us#er:secret@h", "secret@h",
		"http://user:secret@proxy:1,http://user:secret@other", "http://a:secret@b@c:1", "http://p/secret@x",
	} {
		v := Value(raw)
		for _, text := range []string{v.String(), fmt.Sprint(v), fmt.Sprintf("%s %v %q %+v %#v %x", v, v, v, v, v, v), MaskList(raw), fmt.Sprintf("%v", struct{ V Value }{v})} {
			assert.Assert(t, !strings.Contains(text, "secret"), "%q shows as %q", raw, text)
		}
		js, err := v.MarshalJSON()
		assert.NilError(t, err)
		assert.Assert(t, !strings.Contains(string(js), "secret"))
	}
}

func TestMaskIsDockersWhereURLsParse(t *testing.T) {
	assert.Equal(t, Mask("http://user:secret@proxy:3128"), "http://xxxxx:xxxxx@proxy:3128")
	assert.Equal(t, Mask("http://token@proxy:3128/"), "http://xxxxx:xxxxx@proxy:3128/")
	assert.Equal(t, Mask("http://proxy:3128"), "http://proxy:3128")
	assert.Equal(t, Mask(Mask("u:p@h:1")), Mask("u:p@h:1"))
}

func TestWithCredentials(t *testing.T) {
	assert.Equal(t, WithCredentials("http://proxy:1", "ann", "F@oBar!").Reveal(), "http://ann:F%40oBar%21@proxy:1")
	assert.Equal(t, WithCredentials("http://old:x@proxy:1", "ann", "").Reveal(), "http://ann@proxy:1")
	assert.Equal(t, WithCredentials("http://old:x@proxy:1", "", "").Reveal(), "http://proxy:1")
}
