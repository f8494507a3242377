package precedence

import (
	"slices"
	"strings"
)

// Key is one of the three proxy settings of dockerd, spelled as in daemon.json and as dockerd's flags.
type Key string

// The settings dockerd knows. There is no all-proxy: Go's HTTP client ignores ALL_PROXY.
const (
	HTTPProxy  Key = "http-proxy"
	HTTPSProxy Key = "https-proxy"
	NoProxy    Key = "no-proxy"
)

// Keys returns the three keys in the order in which everything is reported.
func Keys() []Key { return []Key{HTTPProxy, HTTPSProxy, NoProxy} }

// Upper is the upper-case environment variable of the key, such as HTTP_PROXY.
func (k Key) Upper() string { return strings.ToUpper(k.Lower()) }

// Lower is the lower-case environment variable of the key, such as http_proxy.
func (k Key) Lower() string { return strings.ReplaceAll(string(k), "-", "_") }

// Flag is dockerd's command line flag of the key, such as --http-proxy.
func (k Key) Flag() string { return "--" + string(k) }

// Member is the name of the key in daemon.json, such as proxies.http-proxy.
func (k Key) Member() string { return "proxies." + string(k) }

// Names returns both spellings of the variable, upper case first, as Go's httpproxy looks them up.
func (k Key) Names() []string { return []string{k.Upper(), k.Lower()} }

// KeyOf returns the key of an environment variable's name. Only all upper and all lower case count: Go ignores `Http_Proxy`.
func KeyOf(name string) (Key, bool) {
	for _, k := range Keys() {
		if name == k.Upper() || name == k.Lower() {
			return k, true
		}
	}
	return "", false
}

// AllNames returns both spellings of every key, in reporting order.
func AllNames() []string {
	var out []string
	for _, k := range Keys() {
		out = append(out, k.Names()...)
	}
	return out
}

// OtherNames returns the variables that are no setting of dockerd and yet have a say in what becomes of its proxies: ALL_PROXY, which Go ignores and git, started by dockerd,
// reads, and REQUEST_METHOD, by which Go believes that it runs as a CGI program (httpproxy.FromEnvironment).
func OtherNames() []string { return []string{"ALL_PROXY", "all_proxy", "REQUEST_METHOD"} }

// Watched reports whether a variable is one of AllNames or OtherNames.
func Watched(name string) bool {
	_, ok := KeyOf(name)
	return ok || slices.Contains(OtherNames(), name)
}
