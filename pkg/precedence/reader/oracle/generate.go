// Package oracle makes pairs of an environment and a URL with which the models of package reader are compared with the real programs. It is test code: the
// product does not import it. Start reading at Pairs.
package oracle

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// Pair is one question: this environment, this URL.
type Pair struct {
	Env reader.Env `json:"-"`
	URL string     `json:"url"`
}

// Vars returns the environment as a program gets it.
func (p Pair) Vars() [][2]string {
	out := [][2]string{}
	for _, v := range p.Env {
		out = append(out, [2]string{v.Name, v.Value.Reveal()})
	}
	return out
}

// Target is the URL as the models get it.
func (p Pair) Target() (reader.Target, error) { return reader.ParseURL(p.URL) }

// Describe is the pair in one line for a failed test; the values are the generator's own and no secrets.
func (p Pair) Describe() string { return fmt.Sprintf("%q %s", p.Vars(), p.URL) }

// The proxies of every generated environment, told apart by name.
const (
	HTTPProxy  = "http://http-proxy.test:3128"
	HTTPSProxy = "http://https-proxy.test:3129"
	AllProxy   = "http://all-proxy.test:3130"
	OtherProxy = "http://other-proxy.test:3131"
)

// Options narrow what is generated to what a program can be asked.
type Options struct {
	// OddAddresses allows IPv4 addresses in other notations, such as 127.1.
	OddAddresses bool
	// IDN allows names beyond ASCII.
	IDN bool
	// Underscore allows names with one.
	Underscore bool
	// OddNames allows variables such as Http_Proxy.
	OddNames bool
}

// Everything allows all that can be generated.
func Everything() Options { return Options{true, true, true, true} }

type generator struct {
	*rand.Rand
	Options
}

// Pairs returns n pairs, the same for the same seed and options. Lists and URLs are made of the same few names and addresses, so that about half of them meet.
func Pairs(seed uint64, n int, o Options) []Pair {
	g := generator{rand.New(rand.NewPCG(seed, 7)), o} //nolint:gosec // no secrets are made of it
	out := make([]Pair, 0, n)
	for len(out) < n {
		p := g.pair()
		if _, err := p.Target(); err != nil {
			continue // the generator makes no host that ParseURL refuses on purpose; such a pair asks nothing
		}
		out = append(out, p)
	}
	return out
}

func (g generator) pick(of []string) string { return of[g.IntN(len(of))] }

func (g generator) one(in int) bool { return g.IntN(in) == 0 }

func (g generator) pair() Pair {
	host := g.host()
	list := g.list(host)
	u := g.pick([]string{"http", "https"}) + "://" + g.inURL(host) + g.pick([]string{"", "", ":80", ":443", ":8080", ":5000"}) + g.pick([]string{"/", "/v2/", ""})
	return Pair{Env: g.env(list), URL: u}
}

func (g generator) inURL(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func (g generator) host() string {
	names := []string{
		"example.com", "a.example.com", "b.a.example.com", "badexample.com", "example.com.", "A.Example.COM", "intranet", "corp.internal", "registry.corp.internal",
		"localhost", "LOCALHOST", "x.localhost", "localhost.", "com", "10.example.com", "xn--bcher-kva.example", "a-b.example.com",
	}
	addresses := []string{"10.1.2.3", "10.1.2.4", "10.200.0.1", "172.16.5.5", "172.31.0.1", "192.168.1.10", "127.0.0.1", "127.1.2.3", "8.8.8.8", "0.0.0.0", "1.10.1.2"}
	six := []string{"::1", "2001:db8::1", "2001:DB8:0:0::1", "2001:db8:0:0:0:0:0:1", "2001:db8:1::5", "fd00::1", "::ffff:10.1.2.3", "::ffff:127.0.0.1", "::10.1.2.3", "2001:db8::1:443"}
	if g.IDN {
		names = append(names, "bücher.example", "www.bücher.example", "例え.example")
	}
	if g.Underscore {
		names = append(names, "my_host.example.com")
	}
	if g.OddAddresses {
		addresses = append(addresses, "127.1", "0x7f.1", "0177.0.0.1", "010.1.2.3", "167838211")
	}
	switch n := g.IntN(10); {
	case n < 5:
		return g.pick(names)
	case n < 8:
		return g.pick(addresses)
	}
	return g.pick(six)
}

func (g generator) list(host string) string {
	if g.one(12) {
		return g.pick([]string{"", "*", " * ", "*,example.com", "example.com,*", ",", " ", "*:443", "* "})
	}
	var b strings.Builder
	if g.one(10) {
		b.WriteString(g.pick([]string{" ", ",", "\t", ", ,"}))
	}
	for i := range 1 + g.IntN(6) {
		if i > 0 {
			b.WriteString(g.pick([]string{",", ",", ",", ",", ", ", " , ", " ,", ",,", " ", ";", "|", "\t,"}))
		}
		from := host
		if g.one(4) {
			from = g.host()
		}
		b.WriteString(g.entry(from))
	}
	if g.one(10) {
		b.WriteString(g.pick([]string{" ", ",", ", "}))
	}
	return b.String()
}

// entry is something one might write to mean the host.
func (g generator) entry(host string) string {
	if a, err := netip.ParseAddr(host); err == nil && g.one(2) {
		return g.network(a)
	}
	six := strings.Contains(host, ":")
	parent := host
	if _, p, ok := strings.Cut(host, "."); ok && p != "" {
		parent = p
	}
	first := host[:1]
	if host[0] >= 0x80 {
		first = "" // not into the middle of a letter
	}
	port := g.pick([]string{":80", ":443", ":8080", ":5000", ":0443", ":0", ":"})
	forms := []string{
		host, host, host, host, host, host, parent, "." + parent, "*." + parent, "." + host, "*." + host, "*" + host, parent, "." + parent, "*." + parent, ".." + parent, host + ".", host + port, host + port, "." + parent + port, "*." + parent + port,
		strings.ToUpper(host), "http://" + host, `"` + host + `"`, "'" + host + "'", host + "*", "*" + parent + "*", host + "/", "a" + host, strings.TrimPrefix(host, first),
		"<local>", ".", ":443", "*:443", "*.", "[" + host + "]", "-" + host, host + "|x", host + "-" + host,
	}
	if six {
		forms = append(forms, "["+host+"]", "["+host+"]", "["+host+"]"+port, "["+host+"]"+port)
	}
	return g.pick(forms)
}

func (g generator) network(a netip.Addr) string {
	bits := g.pick([]string{"8", "12", "16", "24", "32", "31", "1", "0", "33", "255.0.0.0", "", "x", "-1", "+8", "8x", "08", "48", "64", "127", "128", "129", "20"})
	base := a.String()
	if a.Is4() {
		b := a.As4()
		if g.one(2) {
			base = fmt.Sprintf("%d.%d.0.0", b[0], b[1])
		}
		first, last := netip.AddrFrom4([4]byte{b[0], b[1]}), netip.AddrFrom4([4]byte{b[0], b[1], 255, 255})
		return g.pick([]string{
			base + "/" + bits, base + "/" + bits, base + "/" + bits, base + "/" + bits + ":443", fmt.Sprintf("%d.*", b[0]), fmt.Sprintf("%d.", b[0]), fmt.Sprintf("%d.%d", b[0], b[1]),
			fmt.Sprintf("%d.%d", b[2], b[3]), fmt.Sprintf("%s-%s", first, last), fmt.Sprintf("%s - %s", first, last), fmt.Sprintf("%s-%s", last, first), base, fmt.Sprintf("%d.%d/%s", b[0], b[1], bits),
			fmt.Sprintf("%d.%d.*", b[0], b[1]), fmt.Sprintf("0%d.%d.%d.%d", b[0], b[1], b[2], b[3]),
		})
	}
	return g.pick([]string{base + "/" + bits, a.StringExpanded() + "/" + bits, "2001:db8::/" + bits, "::/" + bits, "[" + base + "]/" + bits, base, a.StringExpanded(), "[" + base + "]", strings.ToUpper(base)})
}

// env spells the variables as Docker does, both ways and equal, or as people do.
func (g generator) env(list string) reader.Env {
	var e reader.Env
	set := func(name, value string) {
		e = append(e, reader.Variable{Name: name, Value: precedence.Value(value), Source: precedence.Source{Name: name}})
	}
	spell := func(lower, value string) {
		upper := strings.ToUpper(lower)
		switch g.IntN(12) {
		case 0:
			set(upper, value)
		case 1:
			set(lower, value)
		case 2: // different values
			set(upper, value)
			other := OtherProxy
			if lower == "no_proxy" {
				other = g.list("example.com")
			}
			set(lower, other)
		case 3: // a lower-case one that is empty
			set(upper, value)
			set(lower, "")
		case 4:
			set(upper, "")
			set(lower, value)
		case 5:
			if g.OddNames {
				set(lower[:1]+upper[1:2]+lower[2:], value)
			}
		default:
			set(upper, value)
			set(lower, value)
		}
	}
	for _, v := range [][2]string{{"http_proxy", HTTPProxy}, {"https_proxy", HTTPSProxy}} {
		if !g.one(10) {
			spell(v[0], v[1])
		}
	}
	if g.one(6) {
		spell("all_proxy", AllProxy)
	}
	if !g.one(15) {
		spell("no_proxy", list)
	}
	return e
}
