package precedence

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// blanks are the characters that people separate entries with and Go does not.
const blanks = " \t\r\n;|"

// WrongSeparators returns the entries, as Go cuts the list, that hold several hosts because something other than a comma stands between them.
func WrongSeparators(list string) []string {
	var out []string
	for _, e := range SplitNoProxy(list) {
		if strings.ContainsAny(e, blanks) && !strings.Contains(e, "://") {
			out = append(out, e)
		}
	}
	return out
}

// MendSeparators returns the list with commas between all its entries, in the same order, each once.
func MendSeparators(list string) string {
	var out []string
	for e := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || strings.ContainsRune(blanks, r) }) {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return strings.Join(out, ",")
}

// MendEntry returns how an entry that never matches is spelled so that it does, without guessing what was meant; "" where several things can be meant, or nothing.
func MendEntry(entry string) string {
	e := strings.ToLower(strings.Trim(strings.TrimSpace(entry), `"'`))
	if strings.Contains(e, "://") {
		u, err := url.Parse(e)
		if err != nil || u.Host == "" {
			return ""
		}
		e = u.Host
	}
	if mended := mendNumbers(e); mended != "" {
		e = mended
	}
	if bare, ok := strings.CutPrefix(e, "*."); !ok || strings.HasPrefix(bare, "*.") {
		for strings.HasPrefix(e, "*.*.") {
			e = e[2:]
		}
	}
	if host, ok := strings.CutSuffix(e, "."); ok && strings.Trim(host, "0123456789.") != "" {
		e = host
	}
	if name, ok := strings.CutPrefix(e, "*"); ok && !strings.HasPrefix(name, ".") && strings.Contains(name, ".") {
		e = name // the name and all below it: what *name adds to that, no entry can say
	}
	if e == strings.ToLower(strings.TrimSpace(entry)) || e == "" || e == "*" || deadReason(e) != "" {
		return ""
	}
	return e
}

// mendNumbers spells addresses and networks as Go reads them; "" for anything else.
func mendNumbers(e string) string {
	if bare, ok := strings.CutPrefix(e, "["); ok && strings.HasSuffix(bare, "]") {
		if a, err := netip.ParseAddr(strings.TrimSuffix(bare, "]")); err == nil {
			return a.String()
		}
	}
	if text, bits, ok := strings.Cut(e, "/"); ok {
		text = strings.Trim(text, "[]")
		bits, _, _ = strings.Cut(bits, ":") // no network has a port
		if p, err := netip.ParsePrefix(text + "/" + bits); err == nil {
			return p.String()
		}
		a, errA := netip.ParseAddr(text)
		m, errM := netip.ParseAddr(bits)
		if errA != nil || errM != nil || !a.Is4() || !m.Is4() {
			return ""
		}
		mask := m.As4()
		n, size := net.IPMask(mask[:]).Size()
		if size == 0 {
			return "" // the ones and zeros are mixed
		}
		return netip.PrefixFrom(a, n).String()
	}
	return mendPattern(e)
}

// mendPattern makes a network of the first numbers of an IPv4 address with a dot or asterisks behind them: 10., 10.*, 192.168.*.*.
func mendPattern(e string) string {
	front := strings.TrimRight(e, ".*")
	if front == e || front == "" || !strings.HasPrefix(e[len(front):], ".") {
		return ""
	}
	parts := strings.Split(front, ".")
	if len(parts) > 3 {
		return ""
	}
	a, err := netip.ParseAddr(front + strings.Repeat(".0", 4-len(parts)))
	if err != nil || !a.Is4() {
		return ""
	}
	return netip.PrefixFrom(a, 8*len(parts)).String()
}
