package precedence

import "strings"

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
