package precedence

import (
	"cmp"
	"slices"
)

// Group is what a check is about; the reference page has a section for each.
type Group string

// The groups, in the order of the reference page.
const (
	GroupDaemonJSON Group = "daemon.json"
	GroupSystemd    Group = "systemd"
	GroupStartup    Group = "startup files"
	GroupValues     Group = "values"
	GroupNoProxy    Group = "NO_PROXY"
	GroupClient     Group = "client"
	GroupState      Group = "state"
	GroupCA         Group = "CA"
)

// Need says what a check asks beyond files, processes, the manager and /info, which every look asks.
type Need string

// What `docker proxy doctor` asks only when told to.
const (
	NeedNothing    Need = ""
	NeedDeep       Need = "--deep"       // dockerd --validate, systemd-analyze verify
	NeedContainers Need = "--containers" // every container's, builder's and image's configuration
	NeedOnline     Need = "--online"     // connections to the proxy and to registries
)

// Check is one kind of finding. Its ID is stable.
type Check struct {
	ID       string
	Group    Group // set by Checks
	Severity Severity
	Summary  string // what it means, one sentence without a full stop
	Basis    string // the fact it rests on: man page, or function and version
	Needs    Need
	Mended   bool // set by Checks: `docker proxy doctor --fix` takes the cause away without guessing
}

// Groups returns the groups in the order of the reference page.
func Groups() []Group {
	return []Group{GroupDaemonJSON, GroupSystemd, GroupStartup, GroupValues, GroupNoProxy, GroupClient, GroupState, GroupCA}
}

func (g Group) checks() []Check {
	switch g {
	case GroupDaemonJSON:
		return daemonJSONChecks()
	case GroupSystemd:
		return systemdChecks()
	case GroupStartup:
		return startupChecks()
	case GroupValues:
		return valueChecks()
	case GroupNoProxy:
		return noProxyChecks()
	case GroupClient:
		return clientChecks()
	case GroupState:
		return stateChecks()
	case GroupCA:
		return caChecks()
	}
	return nil
}

// mended lists the checks whose cause `docker proxy doctor --fix` takes away where that needs no guessing.
func mended() []string {
	return []string{
		"client-flat-proxies",
		"daemon-json-bom-on-old-engine", "daemon-json-client-shape", "daemon-json-comment-or-trailing-comma", "daemon-json-duplicate-key", "daemon-json-flat-key", "daemon-json-null",
		"no-proxy-space-separated",
		"restart-pending",
		"startup-export-in-environment-file", "startup-inline-comment", "startup-not-exported",
		"systemd-bad-escape", "systemd-credentials-world-readable", "systemd-drop-in-overridden", "systemd-one-variable-in-two", "systemd-reload-needed", "systemd-trailing-comment", "systemd-unbalanced-quote",
		"systemd-unescaped-percent", "systemd-wrong-section-or-directory",
		"url-credentials-leak-in-info", "url-missing-scheme", "url-password-needs-encoding", "url-quotes-kept", "url-unparsable-goes-direct",
	}
}

// Checks returns the registry: every kind of finding this build can report, by group in the order of the reference page, and by ID in a group.
func Checks() []Check {
	var out []Check
	for _, g := range Groups() {
		checks := g.checks()
		slices.SortFunc(checks, func(a, b Check) int { return cmp.Compare(a.ID, b.ID) })
		for _, c := range checks {
			c.Group, c.Mended = g, slices.Contains(mended(), c.ID)
			out = append(out, c)
		}
	}
	return out
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
