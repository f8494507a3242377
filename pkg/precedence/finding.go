package precedence

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity of a finding.
type Severity string

// The severities, most severe first.
const (
	SeverityError   Severity = "error"   // something does not do what it looks like, or will stop dockerd
	SeverityWarning Severity = "warning" // works, but not as most people would expect
	SeverityInfo    Severity = "info"
)

// Check is one kind of finding. Its ID is stable.
type Check struct {
	ID       string
	Severity Severity
	Summary  string // what it means, one sentence
	Basis    string // the fact it rests on: man page, or function and version
}

// Finding is one thing that a person should know. Message and Fix are masked.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Source   *Source  `json:"source,omitempty"`
	Fix      string   `json:"fix,omitempty"`
}

// Checks returns the registry: every kind of finding this build can report, sorted by ID.
func Checks() []Check {
	return []Check{
		{"ca-expires-soon", SeverityWarning, "an authority that was added to containers expires within 30 days, or has expired: what it signs is then not trusted any more", "RFC 5280, section 4.1.2.5"},
		{"change-in-progress", SeverityWarning, "a change of this host is being written while it is looked at, so the answer may be half old and half new", ""},
		{"client-flat-proxies", SeverityWarning, "proxies in config.json stand where the Docker CLI does not read them", "docker/cli cli/config/configfile: Proxies map[string]ProxyConfig"},
		{"client-unparsable-config", SeverityError, "the Docker CLI cannot read config.json", "docker/cli cli/config.LoadDefaultConfigFile"},
		{"context-broken", SeverityError, "the selected Docker context cannot be used", "docker/cli cli/context/store"},
		{"daemon-json-engine-too-old", SeverityError, "this engine refuses to start with proxies in daemon.json", "moby v23.0.0 is the first with daemon/config.Proxies"},
		{"daemon-json-flag-conflict", SeverityError, "the same setting as a flag and in daemon.json stops dockerd", "moby daemon/config.findConfigurationConflicts"},
		{"daemon-json-ignored-key", SeverityError, "a proxy setting in daemon.json stands where dockerd does not read it", "moby daemon/config: configValuesSet flattens one level, the outer key is never validated"},
		{"daemon-json-invalid", SeverityError, "dockerd cannot read daemon.json and will not start with it", "moby daemon/config.getConflictFreeConfiguration"},
		{"daemon-json-empty-does-not-unset", SeverityWarning, "an empty value in daemon.json does not unset the environment's value", "moby configureProxyEnv tests for non-empty"},
		{"daemon-not-reachable", SeverityWarning, "the daemon's API does not answer, so what runs is not known", "Docker Engine API, GET /info"},
		{"flag-engine-too-old", SeverityError, "this engine does not know the proxy flags and does not start with them", "moby v23.0.0 is the first with --http-proxy (cmd/dockerd/config.go)"},
		{"guide-order-differs", SeverityWarning, "the widespread order environment, startup script, daemon.json gives another answer than this daemon", "moby configureProxyEnv, v23.0.0"},
		{"http-only", SeverityWarning, "only http-proxy is set: registries are reached by https, which goes direct", "golang.org/x/net/http/httpproxy since Go 1.16"},
		{"case-conflict", SeverityWarning, "the lower-case variable has another value: git and curl read that one", "libcurl, curl(1) ENVIRONMENT"},
		{"layer-not-readable", SeverityWarning, "a layer could not be read, so the answer may be incomplete", ""},
		{"no-proxy-dead-entry", SeverityWarning, "an entry of NO_PROXY can never match", "golang.org/x/net/http/httpproxy.config.init"},
		{"not-known-under-root", SeverityInfo, "what only the running system can tell is not known for a directory", ""},
		{"restart-pending", SeverityWarning, "the running daemon does not have the configured value yet", "moby daemon/reload.go does not reload proxies"},
		{"startup-not-exported", SeverityWarning, "the startup file assigns the variable without exporting it, so dockerd does not get it", "sh(1), export"},
		{"startup-not-read-by-this-init", SeverityWarning, "nothing on this host reads this startup file for dockerd", "docker-ce ships docker.service without EnvironmentFile="},
		{"startup-syntax-error", SeverityError, "sh cannot read the startup file", "sh(1)"},
		{"systemd-environment-file-missing", SeverityError, "a unit names an EnvironmentFile= that does not exist, so systemd does not start it", "systemd.exec(5), EnvironmentFile="},
		{"systemd-ignored-assignment", SeverityError, "systemd ignores this assignment", "systemd.exec(5), config_parse_environ"},
		{"systemd-reload-needed", SeverityWarning, "systemd has not loaded the changed unit files yet", "org.freedesktop.systemd1(5), NeedDaemonReload"},
		{"unfinished-change", SeverityError, "an earlier change was interrupted and is not finished", ""},
		{"unknown-without-running-code", SeverityWarning, "the value cannot be known without running a script", ""},
		{"url-unparsable-goes-direct", SeverityError, "Go cannot use this proxy URL", "golang.org/x/net/http/httpproxy.parseProxy"},
	}
}

// CheckOf returns the registered check with the ID.
func CheckOf(id string) (Check, bool) {
	all := Checks()
	i := slices.IndexFunc(all, func(c Check) bool { return c.ID == id })
	if i < 0 {
		return Check{}, false
	}
	return all[i], true
}

// NewFinding makes a finding of a registered kind; the severity is the registry's. The message must hold no credentials: format Values, not raw strings.
// An unregistered ID is a bug and is reported as such in the message instead of being lost.
func NewFinding(id string, at *Source, fix, format string, args ...any) Finding {
	c, ok := CheckOf(id)
	if !ok {
		c = Check{ID: id, Severity: SeverityError}
	}
	return Finding{ID: id, Severity: c.Severity, Message: fmt.Sprintf(format, args...), Source: at, Fix: fix}
}

// SortFindings orders findings by severity, then ID, file and line, and drops exact repetitions.
func SortFindings(in []Finding) []Finding {
	rank := map[Severity]int{SeverityError: 0, SeverityWarning: 1, SeverityInfo: 2}
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]), cmp.Compare(a.ID, b.ID), compareSources(a.Source, b.Source), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(out, func(a, b Finding) bool {
		return a.ID == b.ID && a.Message == b.Message && compareSources(a.Source, b.Source) == 0
	})
}

func compareSources(a, b *Source) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
}
