package jsonedit

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Effect is what a reader does about a Problem.
type Effect string

const (
	// EffectRefused means dockerd does not start with this file, and a running
	// one only logs an error when it reloads.
	EffectRefused Effect = "refused"
	// EffectWarned means the docker CLI prints "WARNING: Error parsing config
	// file" and goes on with what it could decode.
	EffectWarned Effect = "warned"
	// EffectIgnored means the member has no effect and nobody says so.
	EffectIgnored Effect = "ignored"
)

// Class is the reason for a Problem.
type Class string

const (
	// ClassUnknownDirective is a name dockerd does not know, among the names
	// it checks ("the following directives don't match any configuration
	// option").
	ClassUnknownDirective Class = "unknown-directive"
	// ClassWrongType is a value of a type the reader cannot decode.
	ClassWrongType Class = "wrong-type"
	// ClassNull is a null where dockerd wants an object.
	ClassNull Class = "null"
	// ClassClientShape is a name, or an object a host, as the client's config.json
	// has them.
	ClassClientShape Class = "client-shape"
	// ClassFlat is a proxy setting of daemon.json outside the object proxies.
	ClassFlat Class = "flat"
	// ClassMisplaced is a setting at a place nobody reads.
	ClassMisplaced Class = "misplaced"
	// ClassUnknownName is a name inside a record or object that the reader
	// accepts and does not use.
	ClassUnknownName Class = "unknown-name"
)

// Problem is something about proxies in a file that does not do what its
// author wanted.
type Problem struct {
	Line   int      // 1-based line of the member's name
	Path   []string // the member's names from the top level down, as spelled
	Name   string   // Path joined with dots, not escaped
	Class  Class
	Effect Effect
	Msg    string // one lower-case sentence without path and line; control characters in names are escaped; quotes no value
}

// display makes a name from the file fit for a message: short, and without
// control or bidirectional characters.
func display(name string) string {
	const most = 60
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "…"
	}
	quoted := strconv.Quote(name)
	return quoted[1 : len(quoted)-1]
}

// sortProblems orders by line and, within a line, by the order of discovery.
func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}

// looksLikeProxy reports whether a name is one of the proxy settings in any
// spelling in use: http-proxy, HTTP_PROXY, httpProxy, allProxy, proxy.
func looksLikeProxy(name string) bool {
	if len(name) > len("https-proxy") {
		return false
	}
	switch plainName(name) {
	case "httpproxy", "httpsproxy", "noproxy", "ftpproxy", "allproxy", "proxy":
		return true
	}
	return false
}

// plainName is a name without the marks between its words: http-proxy, HTTP_PROXY
// and httpProxy are all httpproxy.
func plainName(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}
