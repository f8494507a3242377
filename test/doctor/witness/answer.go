package witness

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// Answer is what became of a state.
type Answer struct {
	Starts bool   // dockerd runs
	Log    string // why it does not, in its own words or the manager's
	// Env is the environment that dockerd is started with, without variables that have nothing to do with proxies.
	Env  map[string]string
	Args []string // the words behind dockerd's name
	// Info is what a real dockerd says it uses; nil where none was asked, because the environment alone decides.
	Info *Info
	// Shown is the unit's environment as systemd shows it to a user without any rights.
	Shown string
}

// Info is the part of the Engine API's /info that is about proxies.
type Info struct {
	HTTPProxy  string `json:"HttpProxy"`
	HTTPSProxy string `json:"HttpsProxy"`
	NoProxy    string `json:"NoProxy"`
}

// variables are the names that count, in both spellings.
const variables = " HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY "

// Relevant reports whether a variable decides about proxies.
func Relevant(name string) bool {
	return name == "REQUEST_METHOD" || strings.Contains(variables, " "+strings.ToUpper(name)+" ")
}

// environ reads NAME=VALUE words that end in NUL.
func environ(text string) map[string]string {
	out := map[string]string{}
	for word := range strings.SplitSeq(text, "\x00") {
		if name, value, ok := strings.Cut(word, "="); ok && Relevant(name) {
			out[name] = value
		}
	}
	return out
}

// Variable is a variable as Go reads it: the upper-case one unless it is empty (golang.org/x/net/http/httpproxy.FromEnvironment).
func (a Answer) Variable(name string) string {
	if v := a.Env[name]; v != "" {
		return v
	}
	return a.Env[strings.ToLower(name)]
}

// proxies is Go's own code with what this dockerd has: its own word, or where none was asked, its environment.
func (a Answer) proxies() func(*url.URL) (*url.URL, error) {
	use := httpproxy.Config{HTTPProxy: a.Variable("HTTP_PROXY"), HTTPSProxy: a.Variable("HTTPS_PROXY"), NoProxy: a.Variable("NO_PROXY"), CGI: a.Env["REQUEST_METHOD"] != ""}
	if a.Info != nil {
		use.HTTPProxy, use.HTTPSProxy, use.NoProxy = a.Info.HTTPProxy, a.Info.HTTPSProxy, a.Info.NoProxy
	}
	return use.ProxyFunc()
}

// Proxy is the URL of the proxy that requests of the scheme go through, "" when they do not.
func (a Answer) Proxy(scheme string) string { return a.Through(scheme + "://images.example.net/") }

// Through is the same for one request.
func (a Answer) Through(request string) string {
	u, err := url.Parse(request)
	if err != nil || !a.Starts {
		return ""
	}
	got, err := a.proxies()(u)
	if err != nil || got == nil {
		return ""
	}
	return got.String()
}

// Harm compares the answer with what the state means, and says what is different, or "". It is Go's own code that says which proxy a value leads to.
func Harm(s state.State, a Answer) string {
	if !a.Starts {
		return "dockerd does not start: " + a.Log
	}
	through := a.proxies()
	for scheme, request := range map[string]string{"http": "http://images.example.net/", "https": "https://images.example.net/"} {
		if wrong := compareProxy(through, request, s.Means[scheme], a.Info != nil); wrong != "" {
			return scheme + ": " + wrong
		}
	}
	for _, name := range strings.Fields(s.Means["direct"]) {
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		if wrong := compareProxy(through, "https://"+name+"/", "", false); wrong != "" {
			return name + ": " + wrong
		}
	}
	return ""
}

// compareProxy asks which proxy a request goes through. masked says that credentials cannot be compared.
func compareProxy(through func(*url.URL) (*url.URL, error), request, want string, masked bool) string {
	u, err := url.Parse(request)
	if err != nil {
		return err.Error()
	}
	got, err := through(u)
	if err != nil {
		return "refused: " + err.Error()
	}
	return differs(got, want, masked)
}

// differs compares the URL that Go uses with SCHEME://USER:PASSWORD@HOST:PORT in clear.
func differs(got *url.URL, want string, masked bool) string {
	if got == nil || want == "" {
		if got == nil && want == "" {
			return ""
		}
		return fmt.Sprintf("goes to %v, meant is %q", got, want)
	}
	scheme, rest, ok := strings.Cut(want, "://")
	if !ok {
		scheme, rest = "http", want
	}
	user, password, credentials := "", "", false
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, password, credentials = strings.Cut(rest[:i], ":")
		rest = rest[i+1:]
	}
	if got.Scheme != scheme || got.Host != rest {
		return fmt.Sprintf("goes to %s://%s, meant is %s://%s", got.Scheme, got.Host, scheme, rest)
	}
	if masked {
		return ""
	}
	gotPassword, _ := got.User.Password()
	if credentials && (got.User.Username() != user || gotPassword != password) || !credentials && got.User != nil {
		return "other credentials arrive"
	}
	return ""
}
