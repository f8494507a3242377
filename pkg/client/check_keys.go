package client

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// keys tells of records that no command of the Docker CLI ever looks up.
func (k *checker) keys(doc *jsonedit.Document) {
	var known []string
	for _, hostKey := range jsonedit.ClientHosts(doc) {
		if hostKey == DefaultHost || isRule(hostKey) || Shared(hostKey) || hostKey == k.Lookup || !isRecord(doc, hostKey) {
			continue
		}
		if known == nil {
			known = k.contextHosts()
		}
		if slices.Contains(known, hostKey) {
			continue
		}
		why := neverLookedUp(hostKey)
		if why == "" {
			continue
		}
		rec, _ := jsonedit.ClientProxies(doc, hostKey)
		fix := k.command("unset --only client --client-host " + quote(hostKey))
		if u, err := url.Parse(hostKey); err != nil || u.User != nil && u.User.String() != u.User.Username() {
			fix = "" // a password stands in it
		}
		k.find("client-key-never-matches", rec.Line, "proxies."+precedence.Mask(hostKey), fix, "the Docker CLI never looks up %q: %s%s", precedence.Mask(hostKey), why, k.lookedUp())
	}
}

// isRecord reports whether the CLI takes a member of proxies for a record; anything but an object is told elsewhere.
func isRecord(doc *jsonedit.Document, hostKey string) bool {
	return slices.ContainsFunc(doc.Lookup("proxies", hostKey), func(m jsonedit.Member) bool { return m.Effective && m.Kind == jsonedit.KindObject })
}

// lookedUp says what would be looked up.
func (k *checker) lookedUp() string {
	if k.Lookup == "" {
		return ""
	}
	return fmt.Sprintf(" (for the selected daemon it looks up %q, then %q)", k.Lookup, DefaultHost)
}

// neverLookedUp says why no context and no DOCKER_HOST leads the Docker CLI to look up this string, "" when one may: it compares strings (docker/cli configfile.ParseProxyConfig),
// and spells endpoints in one way (opts.ParseHost).
func neverLookedUp(key string) string {
	scheme, rest, found := strings.Cut(key, "://")
	switch {
	case key != strings.TrimSpace(key):
		return "no endpoint has blanks at its ends"
	case !found:
		return "it spells endpoints with their scheme, such as tcp://" + orHost(key)
	case scheme == "ssh":
		return fmt.Sprintf("every ssh context is %q to it", sshHost)
	case scheme == "http" || scheme == "https":
		return "it spells endpoints with tcp://, also those with TLS"
	case scheme == "unix" || scheme == "npipe" || scheme == "fd":
		return ""
	case scheme != "tcp":
		return "it has no endpoints of that kind"
	}
	return neverTCP(rest)
}

func orHost(key string) string {
	if key == "" {
		return "HOST:PORT"
	}
	return key
}

// neverTCP judges what stands behind tcp://.
func neverTCP(rest string) string {
	if bare, ok := strings.CutSuffix(rest, "/"); ok {
		return "endpoints have no slash at their end: tcp://" + bare
	}
	u, err := url.Parse("tcp://" + rest)
	if err != nil {
		return "this is no endpoint"
	}
	h, p, err := net.SplitHostPort(u.Host)
	switch {
	case err != nil || p == "":
		return "it spells endpoints with their port: tcp://" + net.JoinHostPort(strings.Trim(u.Hostname(), "[]"), "2375") + ", with TLS 2376"
	case h == "":
		return "it spells endpoints with their host"
	case u.User != nil:
		return "endpoints have no user"
	}
	return ""
}

// contextHosts returns what the CLI looks up for each of the person's contexts (docker/cli cli/context/store: contexts/meta/DIGEST/meta.json). What cannot be read is left out.
func (k *checker) contextHosts() []string {
	out := []string{}
	dir := path.Join(k.dir(), "contexts", "meta")
	names, _ := k.files.ReadDir(dir) // without the directory there is no context
	for _, n := range names {
		data, err := k.files.ReadFile(path.Join(dir, n, "meta.json"))
		if err != nil {
			continue
		}
		var meta struct {
			Endpoints map[string]struct{ Host string }
		}
		if json.Unmarshal(data, &meta) == nil {
			out = append(out, Lookup(meta.Endpoints["docker"].Host))
		}
	}
	return out
}
