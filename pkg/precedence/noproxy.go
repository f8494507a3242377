package precedence

import (
	"net"
	"net/netip"
	"strings"
)

// DeadEntry is an entry of a NO_PROXY list that Go can never match with any host, and why.
type DeadEntry struct {
	Entry  string // trimmed, as written
	Reason string // one clause
}

// SplitNoProxy returns the entries of a list as Go reads it: separated by commas only, trimmed, empty ones left out.
func SplitNoProxy(list string) []string {
	var out []string
	for e := range strings.SplitSeq(list, ",") {
		if e = strings.TrimSpace(e); e != "" {
			out = append(out, e)
		}
	}
	return out
}

// DeadEntries returns the entries that never match (golang.org/x/net/http/httpproxy, config.init and the matchers). An entry `*` makes everything direct,
// so with it nothing is dead.
func DeadEntries(list string) []DeadEntry {
	entries := SplitNoProxy(list)
	var dead []DeadEntry
	for _, e := range entries {
		if e == "*" {
			return nil
		}
		if r := deadReason(strings.ToLower(e)); r != "" {
			dead = append(dead, DeadEntry{Entry: e, Reason: r})
		}
	}
	return dead
}

func deadReason(e string) string {
	if strings.ContainsAny(e, " \t;|") {
		return "entries are separated by commas only"
	}
	if strings.ContainsAny(e, `"'`) {
		return "quotes are part of the entry"
	}
	if strings.Contains(e, "://") {
		return "an entry is a host, not a URL"
	}
	if strings.Contains(e, "/") {
		return deadCIDR(e)
	}
	host, port := splitPort(e)
	switch {
	case host == "" || host == ".":
		return "it names no host"
	case host == "*":
		return "only a `*` of its own, without a port, means everything"
	case strings.HasPrefix(e, "[") && port == "" && !strings.HasSuffix(e, "]:"):
		return "an IPv6 address without a port stands without brackets"
	case strings.Contains(strings.TrimPrefix(host, "*."), "*"):
		return "the only wildcard is a leading `*.`"
	case strings.HasSuffix(host, "."):
		return "a trailing dot prevents the match"
	case strings.ContainsAny(host, "<>"):
		return "`<local>` means nothing to Go"
	case addressRange(host):
		return "a range of addresses is taken for a name"
	case deadNumber(host):
		return "an incomplete or padded address is taken for a name"
	case strings.Contains(host, "..") || strings.HasPrefix(host, "*.."):
		return "an empty label prevents the match"
	}
	return ""
}

func deadCIDR(e string) string {
	if _, _, err := net.ParseCIDR(e); err == nil {
		return ""
	}
	if strings.HasPrefix(e, "[") || strings.Contains(e[strings.LastIndex(e, "/"):], ":") {
		return "a network has neither brackets nor a port"
	}
	if strings.Contains(e[strings.LastIndex(e, "/"):], ".") {
		return "a network needs a prefix length, not a netmask"
	}
	return "it is neither a host nor a network such as 10.0.0.0/8"
}

// splitPort splits off a port the way httpproxy does: with net.SplitHostPort where that works.
func splitPort(e string) (host, port string) {
	if h, p, err := net.SplitHostPort(e); err == nil {
		return h, p
	}
	return strings.Trim(e, "[]"), ""
}

// addressRange reports two IPv4 addresses with a hyphen between them.
func addressRange(host string) bool {
	from, to, ok := strings.Cut(host, "-")
	a, errA := netip.ParseAddr(strings.TrimSpace(from))
	b, errB := netip.ParseAddr(strings.TrimSpace(to))
	return ok && errA == nil && errB == nil && a.Is4() && b.Is4()
}

// deadNumber reports names made of digits and dots only that are no address: no such name can be requested but as a number that Go writes otherwise.
func deadNumber(host string) bool {
	bare := strings.TrimPrefix(strings.TrimPrefix(host, "*"), ".")
	if strings.Trim(bare, "0123456789.") != "" || bare == "" {
		return false
	}
	if _, err := netip.ParseAddr(bare); err != nil {
		return strings.Contains(bare, ".")
	}
	return bare != host
}
