package precedence

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
	"gotest.tools/v3/assert"
)

// errDialled ends a request once it is known where net/http would have connected to.
var errDialled = errors.New("dialled")

// dialled asks net/http itself, with the value as the proxy of https URLs: the address it connects to, or "direct".
func dialled(t *testing.T, value string) string {
	t.Helper()
	cfg := httpproxy.Config{HTTPSProxy: value}
	address := ""
	tr := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) { return cfg.ProxyFunc()(r.URL) },
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			address = addr
			return nil, errDialled
		},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://registry.invalid/v2/", nil)
	assert.NilError(t, err)
	resp, err := tr.RoundTrip(req)
	if resp != nil {
		resp.Body.Close()
	}
	assert.Assert(t, err != nil)
	if address == "registry.invalid:443" {
		return "direct"
	}
	return address
}

// TestURLFaults: what is said about a value, and where net/http really connects to with it.
func TestURLFaults(t *testing.T) {
	const leak = " url-credentials-leak-in-info"
	cases := []struct {
		name, value, ids, says, dials string
	}{
		{"plain", "http://proxy.corp:3128", "", "", "proxy.corp:3128"},
		{"no port", "http://proxy.corp", "", "", "proxy.corp:80"},
		{"a slash behind", "http://proxy.corp:3128/", "", "", "proxy.corp:3128"},
		{"a path behind, which does no harm", "http://proxy.corp:3128/x", "", "", "proxy.corp:3128"},
		{"credentials", "http://qzw:s3cret@proxy.corp:3128", "", "", "proxy.corp:3128"},
		{"encoded credentials", "http://qzw:F%40oBar%21@proxy.corp:3128", "", "", "proxy.corp:3128"},
		{"harmless characters", "http://qzw:a@b:c&d$e!f*g+h,i;j=k~l@proxy.corp:3128", "", "", "proxy.corp:3128"},
		{"a user alone", "http://token@proxy.corp:3128", "", "", "proxy.corp:3128"},
		{"socks", "socks5://proxy.corp", "", "", "proxy.corp:1080"},
		{"TLS to the proxy", "https://proxy.corp", "", "", "proxy.corp:443"},
		{"capitals", "HTTP://Proxy.Corp:3128", "", "", "Proxy.Corp:3128"},
		{"IPv6", "http://[2001:db8::1]:3128", "", "", "[2001:db8::1]:3128"},
		{"an empty port", "http://proxy.corp:", "", "", "proxy.corp:80"},
		{"no scheme", "proxy.corp:3128", "url-missing-scheme", "has no scheme", "proxy.corp:3128"},
		{"no scheme, an address", "10.0.0.1:3128", "url-missing-scheme", "has no scheme", "10.0.0.1:3128"},
		{"no scheme, a name", "proxy", "url-missing-scheme", "has no scheme", "proxy:80"},
		{"no scheme and credentials", "qzw:s3cret@proxy.corp:3128", "url-missing-scheme" + leak, "has no scheme", "proxy.corp:3128"},
		{"raw %", "http://qzw:s3%cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "goes direct", "direct"},
		{"raw % at the end", "http://qzw:s3cret%@proxy.corp:3128", "url-password-needs-encoding" + leak, "goes direct", "direct"},
		{"#", "http://qzw:s3#cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"# behind digits", "http://qzw:1#cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "the user's name for the name of the proxy", "qzw:1"},
		{"/", "http://qzw:s3/cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"?", "http://qzw:s3?cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"a space", "http://qzw:s3 cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"^", "http://qzw:s3^cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"brackets", "http://qzw:s3[c]ret@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"braces", "http://qzw:s3{c}ret@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"a quote", `http://qzw:s3"cret@proxy.corp:3128`, "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"letters beyond ASCII", "http://qzw:s3é@proxy.corp:3128", "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"a domain's user", `http://CORP\qzw:s3cret@proxy.corp:3128`, "url-password-needs-encoding" + leak, "lookup http: no such host", "http:80"},
		{"# without a scheme", "qzw:s3#cret@proxy.corp:3128", "url-password-needs-encoding" + leak, "no host", ":"},
		{"double quotes", `"http://proxy.corp:3128"`, "url-quotes-kept", "with the quote in its name", `"http:80`},
		{"single quotes", `'http://proxy.corp:3128'`, "url-quotes-kept", "with the quote in its name", `'http:80`},
		{"a quote at the end", `http://proxy.corp:3128"`, "url-quotes-kept", "with the quote in its name", "http:80"},
		{"typographic quotes", "“http://proxy.corp:3128”", "url-quotes-kept", "with the quote in its name", "xn--http-996a:80"},
		{"quotes round a bare name", `"proxy.corp:3128"`, "url-quotes-kept", "goes direct", "direct"},
		{"quotes and credentials", `"http://qzw:s3cret@proxy.corp:3128"`, "url-quotes-kept" + leak, "with the quote in its name", `"http:80`},
		{"a space before", " http://proxy.corp:3128", "url-unparsable-goes-direct", "goes direct", "direct"},
		{"a line end behind", "http://proxy.corp:3128\n", "url-unparsable-goes-direct", "goes direct", "direct"},
		{"a carriage return behind", "http://proxy.corp:3128\r", "url-unparsable-goes-direct", "goes direct", "direct"},
		{"a space behind", "http://proxy.corp:3128 ", "url-unparsable-goes-direct", "lookup http: no such host", "http:80"},
		{"letters for a port", "http://proxy.corp:port", "url-unparsable-goes-direct", "lookup http: no such host", "http:80"},
		{"a port too large", "http://proxy.corp:99999", "url-unparsable-goes-direct", "99999 is no port", "proxy.corp:99999"},
		{"one slash", "http:/proxy.corp", "url-unparsable-goes-direct", "lookup http: no such host", "http:80"},
		{"no slash", "http:proxy.corp", "url-unparsable-goes-direct", "no host", ":80"},
		{"no colon", "http//proxy.corp:3128", "url-unparsable-goes-direct", "lookup http: no such host", "http:80"},
		{"three slashes", "http:///proxy.corp:3128", "url-unparsable-goes-direct", "lookup http: no such host", "http:80"},
		{"a word", "none", "url-unparsable-goes-direct", "a proxy named none, port 80", "none:80"},
		{"a script", "http://web.corp/proxy.pac", "url-unparsable-goes-direct", "auto-configuration script", "web.corp:80"},
		{"socks4", "socks4://proxy.corp:1080", "url-unparsable-goes-direct", "speaks HTTP", "proxy.corp:1080"},
		{"a zero byte", "http://proxy.corp:3128\x00", "url-unparsable-goes-direct", "goes direct", "direct"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, dialled(t, c.value), c.dials)
			var ids, says []string
			wrong := false
			for _, f := range URLFaults(Value(c.value)) {
				ids, says, wrong = append(ids, f.ID), append(says, f.Says), wrong || f.Wrong
			}
			assert.Equal(t, strings.Join(ids, " "), c.ids)
			text := strings.Join(says, "\n")
			assert.Assert(t, strings.Contains(text, c.says), text)
			for _, secret := range []string{"s3", "cret", "qzw", "CORP", "1#"} {
				assert.Assert(t, !strings.Contains(text, secret), text)
			}
			want := EffectProxy
			if wrong && !slices.Contains([]string{"a port too large", "a word", "a script", "socks4"}, c.name) { // Go tries the very host that stands there
				want = EffectInvalid
			}
			assert.Equal(t, EffectOf(HTTPSProxy, c.value, ""), want)
		})
	}
}
