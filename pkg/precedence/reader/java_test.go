package reader_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader/oracle"
)

// TestJavaSendsNothingMoreDirect: what an entry in Java's words sends direct, the entry sends direct in Go; but for names that begin like an address of a network.
func TestJavaSendsNothingMoreDirect(t *testing.T) {
	java, _ := reader.ByName(reader.Java)
	inGo, _ := reader.ByName(reader.Go)
	direct := 0
	for _, p := range oracle.Pairs(5, 20_000, oracle.Options{IDN: true, Underscore: true}) {
		target, err := p.Target()
		assert.NilError(t, err)
		a := java.Ask(p.Env, target)
		if a.Cause != reader.CauseEntry {
			continue
		}
		direct++
		if strings.HasPrefix(target.Host, "10.example") && strings.Contains(a.Entry, "/") {
			continue
		}
		g := inGo.Ask(p.Env, target)
		assert.Check(t, g.Route == reader.RouteDirect, "%s: Java goes direct by %q, Go does not", p.Describe(), a.Entry)
	}
	assert.Assert(t, direct > 2000, "%d", direct)
}

func TestJavaProperties(t *testing.T) {
	for _, tc := range []struct{ name, list, want, lost string }{
		{"names", "example.com,.corp,*.net", "example.com|*.example.com|*.corp|*.net", ""},
		{"addresses", "10.1.2.3,2001:db8::1", "10.1.2.3|[2001:db8::1]", ""},
		{"networks", "10.0.0.0/8,172.16.0.0/14,192.168.1.0/24,10.1.2.3/32", "10.*|172.16.*|172.17.*|172.18.*|172.19.*|192.168.1.*|10.1.2.3", ""},
		{"a private network", "172.16.0.0/12", strings.TrimSuffix("172.16.*|172.17.*|172.18.*|172.19.*|172.20.*|172.21.*|172.22.*|172.23.*|172.24.*|172.25.*|172.26.*|172.27.*|172.28.*|172.29.*|172.30.*|172.31.*|", "|"), ""},
		{"everything", "*", "*", ""},
		{"what cannot be said", "a.example:443,10.0.0.0/9,2001:db8::/32,foo*", "", "a.example:443 10.0.0.0/9 2001:db8::/32 foo*"},
		{"beyond ASCII", "bücher.example", "xn--bcher-kva.example|*.xn--bcher-kva.example", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			props, lost := reader.JavaProperties(both(tc.list))
			got := ""
			for _, p := range props {
				if p.Name == "http.nonProxyHosts" {
					got = p.Value.Reveal()
				}
			}
			assert.Equal(t, got, tc.want)
			var names []string
			for _, l := range lost {
				names = append(names, l.Entry)
			}
			assert.Equal(t, strings.Join(names, " "), tc.lost)
		})
	}
}
