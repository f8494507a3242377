// Package export renders proxy settings for what neither the daemon nor config.json reaches: Compose services, pods, env-files, shells, single containers and builders.
//
// It is pure: settings go in, text and files come out, in the dialect of the program that will read them; where they come from, where the files go and what is printed is the
// command's business. No user and no password is in any text unless asked for: ${NAME} stands for the pair, and a Keyring knows the names.
//
// Start reading at Settings and Keyring; every format has a file of its own.
package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// maxVariable is the kernel's MAX_ARG_STRLEN: one NAME=value with its terminator may take 32 pages, or execve(2) fails with E2BIG.
const maxVariable = 128 << 10

// ErrNothing says that there is no setting to export.
var ErrNothing = errors.New("no proxy is set, so there is nothing to export")

// Settings is what one consumer is to get. What is empty is not set.
type Settings struct {
	HTTPProxy  precedence.Value // proxy URLs, with or without credentials
	HTTPSProxy precedence.Value
	FTPProxy   precedence.Value
	AllProxy   precedence.Value
	NoProxy    []string // entries
}

// Consumer is one named receiver of settings: a Compose service, a Deployment. Formats with only one receiver leave the name empty.
type Consumer struct {
	Name     string
	Settings Settings
}

// field is one setting with the variable it becomes.
type field struct {
	upper string
	url   *precedence.Value // nil for NO_PROXY
}

// fields returns the settings in the order in which every format writes them.
func (s *Settings) fields() []field {
	return []field{{"HTTP_PROXY", &s.HTTPProxy}, {"HTTPS_PROXY", &s.HTTPSProxy}, {"NO_PROXY", nil}, {"FTP_PROXY", &s.FTPProxy}, {"ALL_PROXY", &s.AllProxy}}
}

// Names returns every variable that carries proxy settings into a container, both spellings: what docker run injects from config.json (docker/cli v28.5.2
// configfile.ParseProxyConfig), and so what has to be emptied to switch a proxy off.
func Names() []string {
	var out []string
	for _, f := range (&Settings{}).fields() {
		out = append(out, f.upper, strings.ToLower(f.upper))
	}
	return out
}

// Clean returns the settings as they are written: URLs checked, with a scheme, user and password percent-encoded to unreserved characters (precedence.ParseProxyURL), entries of
// NO_PROXY trimmed and each once. Notes say what was changed, masked. Errors name the setting and no password: a value that is no proxy URL, control characters, no
// UTF-8, an @ in a NO_PROXY entry, more than fits into an environment variable; ErrNothing when no proxy is set.
func (s Settings) Clean() (Settings, []string, error) {
	var notes []string
	proxies := 0
	for _, f := range s.fields() {
		if f.url == nil || *f.url == "" {
			continue
		}
		p, err := precedence.ParseProxyURL(f.url.Reveal(), true)
		if err != nil {
			return Settings{}, nil, fmt.Errorf("%s: %w", f.upper, err)
		}
		*f.url = p.Value
		proxies++
		notes = append(notes, p.Notes...)
	}
	if proxies == 0 {
		return Settings{}, nil, ErrNothing
	}
	var entries []string
	for _, e := range precedence.SplitNoProxy(strings.Join(s.NoProxy, ",")) {
		if !utf8.ValidString(e) || strings.ContainsFunc(e, func(r rune) bool {
			return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == utf8.RuneError
		}) {
			return Settings{}, nil, fmt.Errorf("NO_PROXY: entry %q holds control characters or is not UTF-8", precedence.Mask(e))
		}
		if strings.Contains(e, "@") {
			return Settings{}, nil, fmt.Errorf("NO_PROXY: entry %q is not a host; it may hold a password", precedence.Mask(e))
		}
		if !slices.Contains(entries, e) {
			entries = append(entries, e)
		}
	}
	s.NoProxy = entries
	for _, v := range s.variables() {
		if len(v.name)+len(v.text)+2 > maxVariable {
			return Settings{}, nil, fmt.Errorf("%s: %d bytes are too long for an environment variable", v.name, len(v.text))
		}
	}
	slices.Sort(notes)
	return s, slices.Compact(notes), nil
}

// Loopback returns a setting that leads to the machine itself, which a container cannot reach under that address, and its variable; ok is false when there is none.
func (s Settings) Loopback() (variable string, url precedence.Value, ok bool) {
	for _, f := range s.fields() {
		if f.url != nil && f.url.Loopback() {
			return f.upper, *f.url, true
		}
	}
	return "", "", false
}

// HasCredentials reports whether any URL holds a user or a password.
func (s Settings) HasCredentials() bool {
	return slices.ContainsFunc(s.fields(), func(f field) bool { return f.url != nil && f.url.HasCredentials() })
}

// plain is a variable with its whole value.
type plain struct{ name, text string }

// variables returns what is set, both spellings, upper case first.
func (s Settings) variables() []plain {
	var out []plain
	for _, f := range s.fields() {
		text := strings.Join(s.NoProxy, ",")
		if f.url != nil {
			text = f.url.Reveal()
		}
		if text != "" {
			out = append(out, plain{f.upper, text}, plain{strings.ToLower(f.upper), text})
		}
	}
	return out
}

// VariableNames returns the names of the variables the settings become, in order.
func (s Settings) VariableNames() []string {
	var out []string
	for _, v := range s.variables() {
		out = append(out, v.name)
	}
	return out
}

// Value returns what a variable is set to, credentials included; "" when it is not set.
func (s Settings) Value(name string) string {
	for _, v := range s.variables() {
		if v.name == name {
			return v.text
		}
	}
	return ""
}
