package reader_test

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// judged writes the findings about a list with their fixes, in words.
func judged(list string, readers []reader.Reader) string {
	l := reader.List{Value: precedence.Value(list), Readers: readers, Fix: func(e reader.Edit) string {
		text := ""
		if len(e.Remove) > 0 {
			text = "-" + strings.Join(e.Remove, " -")
		}
		if len(e.Add) > 0 {
			text += " +" + strings.Join(e.Add, " +")
		}
		if e.Whole != "" {
			text = "=" + e.Whole
		}
		return text
	}}
	var out []string
	for _, f := range l.Findings() {
		out = append(out, fmt.Sprintf("%s(%s)", strings.TrimPrefix(f.ID, "no-proxy-"), f.Fix))
	}
	return strings.Join(out, " ")
}

func daemonsReaders(t *testing.T, git bool) []reader.Reader {
	t.Helper()
	d, ok := reader.ByName(reader.Dockerd)
	assert.Assert(t, ok)
	if !git {
		return []reader.Reader{d}
	}
	c, ok := reader.ByName(reader.Curl)
	assert.Assert(t, ok)
	return []reader.Reader{d, c}
}

// TestListFindings: what is told of a list, for dockerd alone, with git beside it, and for the programs in containers. Every fix is applied to the list, after
// which nothing is told any more.
func TestListFindings(t *testing.T) {
	cases := []struct {
		name, list          string
		daemon, git, client string
	}{
		{"as set writes it", "127.0.0.0/8,172.17.0.0/16,::1,build7,localhost,registry.corp:5000,10.1.2.3", "", "", ""},
		{"names", "corp.example,.corp.example,intranet", "", "", ""},
		{"nothing", "", "", "", ""},
		{"commas and blanks", "a.corp, b.corp ,\tc.corp", "", "", ""},
		{"blanks alone", "a.corp b.corp", "space-separated(=a.corp,b.corp)", "space-separated(=a.corp,b.corp)", "space-separated(=a.corp,b.corp)"},
		{"semicolons", "a.corp;b.corp,c.corp", "space-separated(=a.corp,b.corp,c.corp)", "space-separated(=a.corp,b.corp,c.corp)", "space-separated(=a.corp,b.corp,c.corp)"},
		{"bars", "a.corp|b.corp", "space-separated(=a.corp,b.corp)", "space-separated(=a.corp,b.corp)", "space-separated(=a.corp,b.corp)"},
		{"a URL", "http://a.corp", "dead-entry(-http://a.corp +a.corp)", "dead-entry(-http://a.corp +a.corp)", "dead-entry(-http://a.corp +a.corp)"},
		{"a URL with a password", "x.corp,http://u:pw@a.corp", "dead-entry(=x.corp,a.corp)", "dead-entry(=x.corp,a.corp)", "dead-entry(=x.corp,a.corp)"},
		{"quotes", `"a.corp",b.corp`, "dead-entry(=a.corp,b.corp)", "dead-entry(=a.corp,b.corp)", "dead-entry(=a.corp,b.corp)"},
		{"numbers and an asterisk", "10.*", "dead-entry(-10.* +10.0.0.0/8)", "dead-entry(-10.* +10.0.0.0/8)", "dead-entry(-10.* +10.0.0.0/8)"},
		{"the right one beside the wrong one", "10.*,10.0.0.0/8", "dead-entry(-10.*)", "dead-entry(-10.*)", "dead-entry(-10.*)"},
		{"a netmask", "10.0.0.0/255.0.0.0", "dead-entry(-10.0.0.0/255.0.0.0 +10.0.0.0/8)", "dead-entry(-10.0.0.0/255.0.0.0 +10.0.0.0/8)", "dead-entry(-10.0.0.0/255.0.0.0 +10.0.0.0/8)"},
		{"a network with a port", "10.0.0.0/8:443", "dead-entry(-10.0.0.0/8:443 +10.0.0.0/8)", "dead-entry(-10.0.0.0/8:443 +10.0.0.0/8)", "dead-entry(-10.0.0.0/8:443 +10.0.0.0/8)"},
		{"brackets", "[2001:db8::1]", "dead-entry(-[2001:db8::1] +2001:db8::1)", "dead-entry(-[2001:db8::1] +2001:db8::1)", "readers-disagree(-[2001:db8::1] +2001:db8::1)"},
		{"leading zeros", "010.001.002.003", "dead-entry(-010.001.002.003)", "dead-entry(-010.001.002.003)", "readers-disagree(-010.001.002.003)"},
		{"<local>", "<local>", "dead-entry(-<local>)", "dead-entry(-<local>)", "dead-entry(-<local>)"},
		{"an asterisk with a port", "*:443", "dead-entry(-*:443)", "dead-entry(-*:443)", "dead-entry(-*:443)"},
		{"a port alone", ":443", "dead-entry(-:443)", "dead-entry(-:443)", "readers-disagree(-:443)"},
		{"a dot at the end", "a.corp.", "dead-entry(-a.corp. +a.corp)", "dead-entry(-a.corp. +a.corp)", "readers-disagree(-a.corp. +a.corp)"},
		{"an asterisk in front", "*.a.corp", "", "readers-disagree(-*.a.corp +.a.corp)", "readers-disagree(-*.a.corp +.a.corp)"},
		{"an asterisk without a dot", "*a.corp", "dead-entry(-*a.corp +a.corp)", "dead-entry(-*a.corp +a.corp)", "dead-entry(-*a.corp +a.corp)"},
		{"everything", "*", "", "", ""},
		{"everything beside others", "*,a.corp", "", "readers-disagree(=*)", "readers-disagree(=*)"},
		{"everything beside dead ones", "foo*,*", "", "readers-disagree(=*)", "readers-disagree(=*)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, who := range []struct {
				name    string
				readers []reader.Reader
				want    string
			}{{"dockerd", daemonsReaders(t, false), c.daemon}, {"git", daemonsReaders(t, true), c.git}, {"containers", reader.Readers(), c.client}} {
				assert.Check(t, judged(c.list, who.readers) == who.want, "%s: %s, not %s", who.name, judged(c.list, who.readers), who.want)
				mended := c.list
				for range 3 {
					l := reader.List{Value: precedence.Value(mended), Readers: who.readers, Fix: func(e reader.Edit) string {
						mended = apply(mended, e)
						return "x"
					}}
					l.Findings()
				}
				assert.Check(t, judged(mended, who.readers) == "", "%s: after the fix %q: %s", who.name, mended, judged(mended, who.readers))
			}
		})
	}
}

// TestPlainNames: what is not asked about, every reader matches.
func TestPlainNames(t *testing.T) {
	for _, e := range []string{"corp", ".corp", "a.corp", ".a.corp", "A.Corp", "a-b.corp", "1a.corp", "x", "10.corp", "0x1.corp"} {
		for _, r := range reader.Readers() {
			assert.Check(t, r.Dead(e) == "", "%s in %s: %s", e, r.Name, r.Dead(e))
		}
	}
}

// apply does to a list what the options of docker proxy set do.
func apply(list string, e reader.Edit) string {
	if e.Whole != "" {
		return e.Whole
	}
	var out []string
	for _, have := range precedence.SplitNoProxy(list) {
		if len(e.Remove) == 0 || have != e.Remove[0] {
			out = append(out, have)
		}
	}
	return strings.Join(append(out, e.Add...), ",")
}

// TestListHidesPasswords: an entry that is a URL with a password is told without it.
func TestListHidesPasswords(t *testing.T) {
	l := reader.List{Value: "http://ann:hunter2@a.corp,http://bob:hunter2@b.corp x", Readers: reader.Readers(), Fix: func(e reader.Edit) string { return fmt.Sprint(e) }}
	text := fmt.Sprint(l.Findings())
	assert.Assert(t, !strings.Contains(text, "hunter2"), text)
	assert.Assert(t, strings.Contains(text, "a.corp"), text)
}
