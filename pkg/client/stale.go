package client

import (
	"cmp"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Created is a container with what it was created with.
type Created struct {
	Name   string
	Env    []string // NAME=VALUE; may hold credentials
	Labels map[string]string
	Image  string // by ID, as Baked has it
	// Running says that other containers find it by its names.
	Running bool
	// Shared says that it has no network of its own: the machine's, or another container's.
	Shared   bool
	Networks []Attached
	// Own are the proxy variables that its Compose project mentions: those it has are its own, and not config.json's of another day. Any says that this is not known.
	Own []string
	Any bool
}

// Attached is a Docker network that a container is in, and the names, besides its own, by which others find it there.
type Attached struct {
	Network string
	Names   []string
}

// Stale is a container whose proxy variables are not those that a new container would get. Docker fixes a container's environment when it is created; neither a
// restart nor `docker compose up` changes it (compose's ServiceHash leaves these variables out).
type Stale struct {
	Name        string       `json:"name"`
	Differences []Difference `json:"differences"` // sorted by variable; empty for one that is only listed for its credentials
	OtherUser   bool         `json:"otherUser"`   // a user name at the proxy that is not the one new containers get
	Credentials []string     `json:"credentials"` // variables whose user or password `docker inspect` shows
	Recreate    string       `json:"recreate"`    // the command, or in words where no command is known
}

// Difference is one variable. Values are masked when they are printed.
type Difference struct {
	Variable string `json:"variable"`
	Has      string `json:"has"` // masked; "" when the container does not have the variable
	New      string `json:"new"` // masked; "" when a new one would not get it
}

// FindStale compares containers with what new ones get. A variable that a container has and new ones do not get may have been given on purpose: it counts as a difference
// only in both spellings, as the CLI injects. A container without any of the injected variables was created before there were any, or by a client that injects none.
func FindStale(containers []Created, fresh []Variable) []Stale {
	out := []Stale{}
	want := map[string]precedence.Value{}
	for _, v := range fresh {
		want[v.Name] = v.Value
	}
	for _, c := range containers {
		has := proxyVariables(c.Env)
		s := Stale{Name: c.Name, Differences: differences(has, want), Credentials: []string{}, Recreate: recreate(c)}
		for _, name := range sortedNames(has) {
			if has[name].HasCredentials() {
				s.Credentials = append(s.Credentials, name)
			}
			if w, ok := want[name]; ok && has[name].HasCredentials() && has[name].Username() != w.Username() {
				s.OtherUser = true
			}
		}
		if len(s.Differences)+len(s.Credentials) > 0 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Stale) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func differences(has, want map[string]precedence.Value) []Difference {
	out := []Difference{}
	for _, name := range sortedNames(want) {
		if h := has[name]; h != want[name] {
			out = append(out, Difference{Variable: name, Has: masked(name, h), New: masked(name, want[name])})
		}
	}
	for _, name := range sortedNames(has) {
		// Both spellings with one value are how the CLI injects; one alone was given by somebody, and would be again.
		if _, wanted := want[name]; !wanted && has[name] != "" && has[name] == has[otherSpelling(name)] {
			out = append(out, Difference{Variable: name, Has: masked(name, has[name])})
		}
	}
	return out
}

func otherSpelling(name string) string {
	if upper := strings.ToUpper(name); upper != name {
		return upper
	}
	return strings.ToLower(name)
}

func masked(name string, v precedence.Value) string {
	if strings.EqualFold(name, "no_proxy") {
		return precedence.MaskList(v.Reveal())
	}
	return v.String()
}

func sortedNames(m map[string]precedence.Value) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// proxyVariables returns the proxy variables of an environment; of several occurrences the last one counts, as in a process that Docker starts.
func proxyVariables(env []string) map[string]precedence.Value {
	out := map[string]precedence.Value{}
	for _, e := range env {
		name, value, ok := strings.Cut(e, "=")
		switch strings.ToUpper(name) {
		case "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY":
			if ok && (name == strings.ToUpper(name) || name == strings.ToLower(name)) {
				out[name] = precedence.Value(value)
			}
		}
	}
	return out
}
