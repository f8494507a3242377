package reader

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// asciiHost is the name as DNS has it: labels beyond ASCII in punycode, everything else as it is. A name that is no valid IDN stays as it is.
func asciiHost(host string) string {
	for i := range len(host) {
		if host[i] >= 0x80 {
			if a, err := idna.Lookup.ToASCII(host); err == nil {
				return a
			}
			return host
		}
	}
	return host
}

// looseIPv4 reads one to four decimal, octal (0…) or hexadecimal (0x…) numbers between dots the way inet_aton(3) and the WHATWG URL standard do: the last one fills
// the rest of the address, so 127.1 is 127.0.0.1.
func looseIPv4(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var sum uint64
	for i, p := range parts {
		n, ok := cNumber(p)
		last := i == len(parts)-1
		switch {
		case !ok, !last && n > 255, last && n >= 1<<(8*(5-len(parts))):
			return netip.Addr{}, false
		case last:
			sum += n
		default:
			sum += n << (8 * (3 - i))
		}
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}), true
}

// cNumber reads an unsigned number with C's prefixes.
func cNumber(s string) (uint64, bool) {
	base := 10
	switch {
	case s == "":
		return 0, false
	case strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil && n <= math.MaxUint32
}

// plainIPv4 is an IPv4 address in its one usual notation, as inet_pton(3) takes it.
func plainIPv4(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Is4()
}

// isIPv6 reports whether the host of a target is an IPv6 address.
func isIPv6(host string) bool { return strings.Contains(host, ":") }

// cIPv6 is an IPv6 address as inet_ntop(3) of the GNU C library writes it: RFC 5952, and the last 32 bits dotted where 96 zero bits stand before them.
func cIPv6(a netip.Addr) string {
	b := a.As16()
	if a.Is4In6() {
		return "::ffff:" + a.Unmap().String()
	}
	for _, x := range b[:12] {
		if x != 0 {
			return a.String()
		}
	}
	if b[12] == 0 && b[13] == 0 {
		return a.String()
	}
	return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
}

// urlIPv6 is an IPv6 address as the WHATWG URL standard writes it: always hexadecimal.
func urlIPv6(a netip.Addr) string {
	if !a.Is4In6() {
		return a.String()
	}
	b := a.As16()
	return "::ffff:" + strconv.FormatUint(uint64(b[12])<<8|uint64(b[13]), 16) + ":" + strconv.FormatUint(uint64(b[14])<<8|uint64(b[15]), 16)
}
