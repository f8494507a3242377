package probe

import (
	"slices"
	"strings"
)

// maxSchemes bounds what is kept of a proxy's offers.
const maxSchemes = 8

// schemes returns the names of the authentication schemes in Proxy-Authenticate headers, each once, in order. A header may hold several challenges with
// parameters of their own, and quoted commas (RFC 9110, 11.6.1): `Negotiate, NTLM, Basic realm="a, b"`. What is not a token is left out.
func schemes(headers []string) []string {
	var out []string
	for _, h := range headers {
		for _, part := range splitQuoted(h) {
			name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if name == "" || len(name) > 32 || strings.ContainsFunc(name, func(r rune) bool { return !tokenRune(r) }) {
				continue // a parameter such as charset="UTF-8", or not a challenge
			}
			if len(out) < maxSchemes && !slices.ContainsFunc(out, func(s string) bool { return strings.EqualFold(s, name) }) {
				out = append(out, name)
			}
		}
	}
	return out
}

func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}

// splitQuoted splits at commas outside quoted strings.
func splitQuoted(s string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}
