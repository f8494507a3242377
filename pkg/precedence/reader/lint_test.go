package reader_test

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader/oracle"
)

func both(list string) reader.Env {
	env := reader.Env{}
	for _, n := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, reader.Variable{Name: n, Value: oracle.HTTPProxy})
	}
	for _, n := range []string{"no_proxy", "NO_PROXY"} {
		env = append(env, reader.Variable{Name: n, Value: precedence.Value(list)})
	}
	return env
}

// TestDeadIsDead: an entry that is called dead in a reader sends none of many hosts direct there, as people write hosts: without a dot at the end, addresses in their
// usual notation.
func TestDeadIsDead(t *testing.T) {
	dead, alive := map[reader.Name]int{}, map[reader.Name]int{}
	type question struct {
		name  reader.Name
		entry string
	}
	known := map[question]string{}
	why := func(r reader.Reader, entry string) string {
		q := question{r.Name, entry}
		if _, ok := known[q]; !ok {
			known[q] = r.Dead(entry)
		}
		return known[q]
	}
	pairs := oracle.Pairs(3, 500, oracle.Options{IDN: true, Underscore: true})
	for i, p := range pairs {
		list := ""
		for _, v := range p.Env {
			if strings.EqualFold(v.Name, "no_proxy") {
				list = v.Value.Reveal()
			}
		}
		for _, e := range precedence.SplitNoProxy(list) {
			for _, r := range reader.Readers() {
				if why(r, e) == "" {
					alive[r.Name]++
					continue
				}
				dead[r.Name]++
				for _, q := range []oracle.Pair{p, pairs[(i+1)%len(pairs)], pairs[(i+77)%len(pairs)]} {
					target, err := q.Target()
					assert.NilError(t, err)
					if strings.HasSuffix(target.Host, ".") || target.Host == "2001:db8:0:0:0:0:0:1" || target.Host == "2001:DB8:0:0::1" {
						continue
					}
					a := r.Ask(both(e), target)
					assert.Check(t, a.Cause != reader.CauseEntry, "%s: %q is called dead (%s), but %s goes direct", r.Name, e, r.Dead(e), q.URL)
				}
			}
		}
	}
	for _, r := range reader.Readers() {
		assert.Check(t, dead[r.Name] > 100 && alive[r.Name] > 100, "%s: %d dead, %d alive", r.Name, dead[r.Name], alive[r.Name])
	}
}

func TestLintList(t *testing.T) {
	for _, tc := range []struct {
		name, list string
		want       []string
	}{
		{"what everybody reads", "localhost,.corp,example.com,10.1.2.3", nil},
		{"everything", "*", []string{"*: this wildcard is not understood there (wget)"}},
		{"a network", "10.0.0.0/8", []string{"10.0.0.0/8: networks are not understood there (wget, urllib, node, node-fetch)"}},
		{"a network of IPv6", "2001:db8::/32", []string{
			"2001:db8::/32: networks are not understood there (wget, urllib, node, node-fetch)", "2001:db8::/32: networks of IPv6 are not understood there (requests)", "2001:db8::/32: Java's list has no such networks (java)",
		}},
		{"a large network", "10.0.0.0/9", []string{"10.0.0.0/9: networks are not understood there (wget, urllib, node, node-fetch)", "10.0.0.0/9: Java's list has no networks, and this one would be 128 patterns (java)"}},
		{"a wildcard", "*.example.com", []string{"*.example.com: this wildcard is not understood there (curl, wget, requests, urllib)"}},
		{"a port", "example.com:5000", []string{"example.com:5000: ports are not understood there (curl, wget)", "example.com:5000: Java's list has no ports (java)"}},
		{"brackets", "[2001:db8::1]", []string{"[2001:db8::1]: an IPv6 address without a port stands without brackets (go, curl, wget, requests, java, node)"}},
		{"a range", "10.0.0.1-10.0.0.9", []string{"10.0.0.1-10.0.0.9: a range of addresses is taken for a name (go, curl, wget, requests, urllib, java, node-fetch)"}},
		{"a blank in curl", "a.example b.example,c.example", []string{
			"a.example b.example: entries are separated by commas only (go, wget, requests, urllib, java, node)", "c.example: the list ends at the blank before it there (curl)",
		}},
		{"beyond ASCII", "bücher.example", []string{"bücher.example: names are compared in punycode there (curl, wget, requests, node, node-fetch)"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, l := range reader.LintList(tc.list, reader.Readers()) {
				var names []string
				for _, n := range l.Readers {
					names = append(names, string(n))
				}
				got = append(got, fmt.Sprintf("%s: %s (%s)", l.Entry, l.Reason, strings.Join(names, ", ")))
			}
			assert.DeepEqual(t, got, tc.want)
		})
	}
}

// TestGoHasTheSharedWords: Go's reasons are those of package precedence, in one place.
func TestGoHasTheSharedWords(t *testing.T) {
	r, _ := reader.ByName(reader.Dockerd)
	for _, e := range []string{"foo*", "10.1", "http://x", "[::1]", "example.com", "10.0.0.0/8"} {
		want := ""
		for _, d := range precedence.DeadEntries(e) {
			want = d.Reason
		}
		assert.Equal(t, r.Dead(e), want)
	}
}
