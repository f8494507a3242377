// Package jsonedit reads and edits Docker's two JSON files, dockerd's
// daemon.json and the client's config.json, and keeps every byte it was not
// asked to change: order, indentation, line ends, a byte order mark, a missing
// final newline, duplicate and unknown keys.
//
// It is pure: bytes in, bytes out. It opens no file, knows no default path and
// decides nothing about precedence between configuration sources. It is not a
// general JSON library either: what counts as "the" value of a key is what
// dockerd (moby daemon/config, v23 to v29) or the docker CLI (docker/cli
// cli/config/configfile) would decode, including case-insensitive names,
// duplicates and merged objects.
//
// Start reading at [Parse], then [DaemonProxies] and [ClientProxies] for what
// a file says, and [Document.Set] and [Document.Delete] for changing it.
// layout.go knows how an inserted member is made to look like its siblings.
package jsonedit

import "fmt"

// MaxSize is the largest file in bytes that Parse accepts and that an edit may
// produce. Real files are a few KiB; the limit keeps a wrong path (a log, a
// device) from being read as configuration.
const MaxSize = 1 << 20

// maxDepth is encoding/json's own nesting limit (maxNestingDepth, Go 1.15 and
// later). dockerd and the docker CLI accept documents up to exactly this
// depth, so we do too; the check happens before the recursive parser runs.
const maxDepth = 10000

// Dialect says which program reads the file.
type Dialect int

const (
	// DaemonJSON is dockerd's configuration file.
	DaemonJSON Dialect = iota
	// ConfigJSON is the docker CLI's configuration file.
	ConfigJSON
)

// Options describe the reader whose behaviour Parse follows. The zero value is
// the daemon.json of a dockerd older than 24.0.
type Options struct {
	// Dialect is the program that reads the file.
	Dialect Dialect
	// AllowBOM is true for dockerd 24.0 and newer (moby d42495033e): UTF-8 and
	// UTF-16 with a byte order mark are accepted, and bytes that are not UTF-8
	// are refused. It has no meaning for ConfigJSON.
	AllowBOM bool
}

// ParseError says why a document cannot be read or edited. Msg may name keys of
// the file, shortened and with control characters escaped, and quotes at most
// one character of anything else: never a value, so it holds no credential.
type ParseError struct {
	Path    string  // as given to Parse
	Line    int     // 1-based; 0 when no single line is to blame
	Msg     string  // lower case, without path and line
	Mistake Mistake // "" for one without a name
}

// Mistake is a kind of ParseError that people make often and that has a remedy
// of its own.
type Mistake string

// The mistakes.
const (
	MistakeComment       Mistake = "comment"
	MistakeTrailingComma Mistake = "trailing-comma"
	// MistakeByteOrderMark is a byte order mark that this reader does not know.
	MistakeByteOrderMark Mistake = "byte-order-mark"
)

// Error returns path:line: message, or path: message without a line.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.Path + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Msg)
}
