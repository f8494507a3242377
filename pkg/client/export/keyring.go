package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// credentialsName is the variable that stands for USER:PASSWORD, percent-encoded as in the URL, where an export knows only one pair.
const credentialsName = "PROXY_CREDENTIALS"

// Keyring gives each pair of user and password of an export the name of a variable that stands for it: PROXY_CREDENTIALS when there is one pair only, else
// CONSUMER_PROXY_CREDENTIALS, and with the setting's name in between where one consumer has several. It is made of cleaned settings.
type Keyring struct {
	pairs []pair // in the order of their first use
}

type pair struct{ userinfo, name string }

// NewKeyring names the pairs of all consumers.
func NewKeyring(consumers ...Consumer) *Keyring {
	k := &Keyring{}
	for _, c := range consumers {
		several := len(userinfos(c.Settings)) > 1
		for _, f := range c.Settings.fields() {
			userinfo := userinfoOf(f)
			if userinfo == "" || k.name(userinfo) != "" {
				continue
			}
			name := variableName(c.Name)
			if several {
				name += strings.TrimSuffix(f.upper, "PROXY")
			}
			k.pairs = append(k.pairs, pair{userinfo, k.free(name + credentialsName)})
		}
	}
	if len(k.pairs) == 1 {
		k.pairs[0].name = credentialsName
	}
	return k
}

// free returns name, with a number where another pair has it: services a-b and a.b become the same variable.
func (k *Keyring) free(name string) string {
	try := name
	for n := 2; slices.ContainsFunc(k.pairs, func(p pair) bool { return p.name == try }); n++ {
		try = fmt.Sprintf("%s_%d", name, n)
	}
	return try
}

// variableName makes a prefix of a consumer's name: REPO_API_ of repo-api.
func variableName(consumer string) string {
	if consumer == "" {
		return ""
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, consumer)
	if name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return strings.ToUpper(name) + "_"
}

func (k *Keyring) name(userinfo string) string {
	for _, p := range k.pairs {
		if p.userinfo == userinfo {
			return p.name
		}
	}
	return ""
}

// Empty reports whether no consumer has credentials.
func (k *Keyring) Empty() bool { return len(k.pairs) == 0 }

// Names returns the variables, in the order of their first use.
func (k *Keyring) Names() []string {
	var out []string
	for _, p := range k.pairs {
		out = append(out, p.name)
	}
	return out
}

// File is the env-file that defines the variables: NAME=USER:PASSWORD lines behind the marker. Percent-encoded pairs hold nothing that docker, Compose, systemd or a shell
// reads in a way of its own.
func (k *Keyring) File() []byte {
	var b strings.Builder
	b.WriteString(Marker)
	for _, p := range k.pairs {
		fmt.Fprintf(&b, "%s=%s\n", p.name, p.userinfo)
	}
	return []byte(b.String())
}

// variable is one variable of a consumer, with its credentials apart.
type variable struct {
	name                  string
	before, secret, after string // secret is USER:PASSWORD, "" where before is everything
	ref                   string // the name that stands for the secret; "" when it is to be printed
}

// whole is the text with everything in it.
func (v variable) whole() string { return v.before + v.secret + v.after }

// variables returns what is set, both spellings; with reveal no name stands for anything.
func (k *Keyring) variables(s Settings, reveal bool) []variable {
	var out []variable
	for _, p := range s.variables() {
		v := variable{name: p.name, before: p.text}
		if userinfo := userinfoText(p); userinfo != "" {
			at := strings.Index(p.text, userinfo+"@")
			v.before, v.secret, v.after = p.text[:at], userinfo, p.text[at+len(userinfo):]
			if !reveal {
				v.ref = k.name(userinfo)
			}
		}
		out = append(out, v)
	}
	return out
}

func userinfoText(p plain) string {
	if strings.EqualFold(p.name, "NO_PROXY") {
		return ""
	}
	value := precedence.Value(p.text)
	return userinfoOf(field{url: &value})
}

// userinfoOf returns USER[:PASSWORD] of a cleaned URL as it stands there, "" without one.
func userinfoOf(f field) string {
	if f.url == nil {
		return ""
	}
	_, rest, _ := strings.Cut(f.url.Reveal(), "://")
	userinfo, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	return userinfo
}

func userinfos(s Settings) []string {
	var out []string
	for _, f := range s.fields() {
		if u := userinfoOf(f); u != "" && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}
