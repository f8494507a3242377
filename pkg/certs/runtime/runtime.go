// Package runtime knows the certificates that programs bring along instead of reading the system's: Java's key stores, the bundles of Python and conda, files that an
// environment variable or a configuration names, and the programs that only another environment reaches.
//
// It is pure over a tree and a list of processes: it finds, plans and says what a change of files does not settle; it writes nothing, runs nothing, and leaves the
// system's own store to package store. What it knows is in Matrix. Start at Look, which surveys a tree; Add, Remove and Holds take it from there.
package runtime

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Kind says how a store is written down.
type Kind string

// The kinds of stores. Which of its two formats a Java store has shows in its first bytes only.
const (
	PEM  Kind = "pem"  // certificates one after the other, comments between them
	Java Kind = "java" // JKS or PKCS#12
)

// Store is a file with trusted certificates that belongs to a program.
type Store struct {
	// Path is the name it was found by first, Names are all of them, Real is the file itself.
	Path  string   `json:"path"`
	Names []string `json:"names,omitempty"`
	Real  string   `json:"real"`
	Kind  Kind     `json:"kind"`
	// Runtime is the row of Matrix that reads it.
	Runtime string `json:"runtime"`
	// Why says in a few words what led to it: a variable, a configuration file, a place where such a file usually is.
	Why   string     `json:"why"`
	Entry tree.Entry `json:"-"`
	naming
}

// naming is how a Java store's entries are called by the tool that owns it.
type naming int

const (
	ownName    naming = iota // ours: docker-proxy-<12 digits>
	debianName               // debian:<anchor>.pem, as the hook of ca-certificates-java
	p11Name                  // what p11-kit makes of the subject
)

// Survey is what a tree and its processes have.
type Survey struct {
	Stores []Store `json:"stores"`
	// Notes say what was looked at and is left alone, and why.
	Notes []certs.Note `json:"notes,omitempty"`
	// Homes are the Java installations that were found.
	Homes []string `json:"javaHomes,omitempty"`

	processes   Processes
	programs    []program
	databases   []Database
	directories []directory
	system      []string
}

// Options say where else to look.
type Options struct {
	// Bundles are files in PEM that the user names: --bundle. One that is not there is named in a note and never made.
	Bundles []string
	// System are the files, after all links, that package store edits; they are left to it whatever name leads to them. Nil stands for the bundles distributions have.
	System []string
	// NoListing says that a directory of this tree cannot be listed without reading all that is below it (Docker's archive API): only names that are known beforehand,
	// or that the environment and the processes tell, are looked for.
	NoListing bool
	// Databases has databases of NSS looked for in the usual places of root, too, where NoListing would leave them out.
	Databases bool
}

// Look surveys a tree. A file that cannot be used is left out with a note; an error of the tree itself ends it.
func Look(t tree.Tree, p Processes, o Options) (Survey, error) {
	f := &finder{tree: t, system: o.System, noListing: o.NoListing, listed: map[string][]tree.Entry{}, there: map[string]bool{}, survey: Survey{processes: p}}
	if f.system == nil {
		f.system = systemBundles()
	}
	f.survey.system = f.system
	for _, name := range o.Bundles {
		f.named(name, "bundle", "named by --bundle")
	}
	f.environment(p)
	f.java(p)
	f.python(p)
	f.configurations()
	f.survey.programs = f.look(p)
	f.nss(o.Databases)
	if f.cut {
		f.note(certs.Skipped, "", "there are more directories than are looked through; name further bundles with --bundle")
	}
	return f.survey, f.err
}

// note adds a note; text and path may be foreign.
func (f *finder) note(kind certs.NoteKind, name, format string, args ...any) {
	f.survey.Notes = append(f.survey.Notes, noteOf(kind, name, format, args...))
}

func noteOf(kind certs.NoteKind, name, format string, args ...any) certs.Note {
	return certs.Note{Kind: kind, Path: redact.Terminal(name), Text: redact.Terminal(fmt.Sprintf(format, args...))}
}

// named takes a file that somebody named: what is wrong with it is worth a note.
func (f *finder) named(name, runtime, why string) {
	if !strings.HasPrefix(name, "/") {
		f.note(certs.Remark, name, "%s, and not looked for: it is not an absolute path", why)
		return
	}
	if !f.take(name, runtime, why, PEM, ownName) && !slices.Contains(systemBundles(), path.Clean(name)) { // package store makes the distribution's own
		f.note(certs.Remark, name, "%s, and is not there; it is not made", why)
	}
}

// take adds the store at name, when something is there. One file is taken once, by whatever names; one that the system's store has is left to it.
func (f *finder) take(name, runtime, why string, kind Kind, n naming) bool {
	name = path.Clean(name)
	if f.err != nil || virtual(name) {
		return false
	}
	real, e, err := f.resolve(name)
	switch {
	case err == nil:
	case isMissing(err):
		return false
	case errors.Is(err, tree.ErrLoop), errors.Is(err, fs.ErrPermission):
		f.note(certs.Skipped, name, "left alone: %v", err)
		return true
	default:
		f.err = fmt.Errorf("looking at %s: %w", redact.Terminal(name), err)
		return false
	}
	if i := slices.IndexFunc(f.survey.Stores, func(s Store) bool { return s.Real == real }); i >= 0 {
		if !slices.Contains(f.survey.Stores[i].Names, name) {
			f.survey.Stores[i].Names = append(f.survey.Stores[i].Names, name)
		}
		return true
	}
	if slices.Contains(f.system, real) {
		return true
	}
	if virtual(real) {
		f.note(certs.Skipped, name, "left alone: it leads to %s", real)
		return true
	}
	if reason := unusable(e); reason != "" {
		f.note(certs.Skipped, name, "left alone: %s", reason)
		return true
	}
	f.survey.Stores = append(f.survey.Stores, Store{Path: name, Names: []string{name}, Real: real, Kind: kind, Runtime: runtime, Why: why, Entry: e, naming: n})
	return true
}

// virtual reports names that the kernel makes up.
func virtual(name string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// unusable says why what stands there is no store, "" when it may be one.
func unusable(e tree.Entry) string {
	switch {
	case !e.Mode.IsRegular():
		return (&tree.NotRegularError{Path: e.Path, Mode: e.Mode}).Error()
	case e.Size > tree.MaxFile:
		return (&tree.TooLargeError{Path: e.Path, Size: e.Size}).Error()
	}
	return ""
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// systemBundles are the files in which distributions keep the bundles of their own stores.
func systemBundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/certs/ca-bundle.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/tls/cert.pem",
		"/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt",
		"/var/lib/ca-certificates/ca-bundle.pem", "/etc/ca-certificates/extracted/tls-ca-bundle.pem", "/etc/ca-certificates/extracted/ca-bundle.trust.crt",
	}
}
