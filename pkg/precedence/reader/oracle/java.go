package oracle

import (
	"math/rand/v2"
	"strings"
)

// JavaPair is a URL and a list in the notation of Java's http.nonProxyHosts.
type JavaPair struct{ URL, Patterns string }

// JavaPairs returns n pairs, the same for the same seed.
func JavaPairs(seed uint64, n int) []JavaPair {
	g := generator{rand.New(rand.NewPCG(seed, 11)), Options{OddAddresses: true, Underscore: true}} //nolint:gosec // no secrets are made of it
	out := make([]JavaPair, 0, n)
	for range n {
		host := g.host()
		var patterns []string
		for range g.IntN(4) {
			of := g.inURL(host)
			if g.one(2) {
				of = g.inURL(g.host())
			}
			cut := g.IntN(len(of))
			patterns = append(patterns, g.pick([]string{of, "*" + of[cut:], of[:cut] + "*", "*" + of[cut:] + "*", "*." + of, strings.ToUpper(of), "", "*", of[:cut] + "*" + of[cut:], " " + of, "[" + of + "]"}))
		}
		out = append(out, JavaPair{g.pick([]string{"http", "https"}) + "://" + g.inURL(host) + g.pick([]string{"", ":8080"}) + "/", strings.Join(patterns, "|")})
	}
	return out
}
