package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
	"github.com/docker-proxy/docker-proxy/pkg/certs/nssdb"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// AddOptions say how to add.
type AddOptions struct {
	Common
	// Now is the date the entries of JKS stores get; the zero time stands for the day from which the certificate is valid.
	Now time.Time
}

// RemoveOptions say how to remove.
type RemoveOptions struct {
	Common
	// Foreign takes out certificates that somebody else put there, too.
	Foreign bool
	// Recorded are certificates of which a record says that this program added them.
	Recorded map[certs.Fingerprint]bool
}

// Common is what Add, Remove and Holds need to know.
type Common struct {
	// Passwords are tried on Java stores before those that the container tells and the usual ones.
	Passwords []string
	// ThroughMounts edits what is on a mount of its own: a volume, a file of the host.
	ThroughMounts bool
}

// editor gives the new bytes of one store; notes are about that store.
type editor func(s Store, data []byte) ([]byte, []certs.Note)

// Add plans that every store trusts the authorities. A store that already has one, under whatever name, stays as it is. The notes say what was left alone and why; what
// must start again, or be made again with another environment, is Needs' to say. An error is one of reading the tree.
func (s Survey) Add(t tree.Tree, list []certs.Authority, o AddOptions) (change.Plan, []certs.Note, error) {
	passwords := s.passwords(t, o.Passwords)
	plan, notes, err := s.plan(t, o.Common, "trusts "+names(list), func(st Store, data []byte) ([]byte, []certs.Note) {
		if st.Kind == Java {
			return addJava(st, data, list, passwords, o.Now)
		}
		for _, a := range list {
			if !holds(data, a.Fingerprint) {
				data = appendBlock(data, a)
			}
		}
		return data, nil
	})
	for _, a := range list {
		p, n := s.inDirectories(o.Common, func(d directory) (change.Plan, error) { return d.add(t, a) })
		plan, notes = append(plan, p...), append(notes, n...)
	}
	return plan, notes, err
}

// Remove plans that no store holds what Add put there, and with Foreign that none holds the certificates at all.
func (s Survey) Remove(t tree.Tree, list []certs.Fingerprint, o RemoveOptions) (change.Plan, []certs.Note, error) {
	passwords := s.passwords(t, o.Passwords)
	plan, notes, err := s.plan(t, o.Common, "no longer trusts "+shorts(list), func(st Store, data []byte) ([]byte, []certs.Note) {
		if st.Kind == Java {
			return removeJava(t, st, data, list, passwords, o)
		}
		var notes []certs.Note
		for _, f := range list {
			data, _ = cutBlock(data, f)
			if !holds(data, f) {
				continue
			}
			if o.Foreign {
				data, _ = bundle.Remove(data, f)
			} else {
				notes = append(notes, keptNote(st.Path, f))
			}
		}
		return data, notes
	})
	for _, f := range list {
		p, n := s.inDirectories(o.Common, func(d directory) (change.Plan, error) { return d.remove(t, f) })
		plan, notes = append(plan, p...), append(notes, n...)
	}
	notes = append(notes, s.nssKept(list, o.Foreign)...)
	return plan, notes, err
}

// keptNote says that somebody else's certificate stays.
func keptNote(name string, f certs.Fingerprint) certs.Note {
	return noteOf(certs.Remark, name, "%s stays: it was not added by this program (--foreign removes it)", f.Short())
}

// plan makes the changes of all stores.
func (s Survey) plan(t tree.Tree, o Common, what string, edit editor) (change.Plan, []certs.Note, error) {
	var plan change.Plan
	var notes []certs.Note
	for _, st := range s.Stores {
		data, reason, err := read(t, st)
		if err != nil {
			return nil, nil, err
		}
		if reason != "" {
			notes = append(notes, noteOf(certs.Skipped, st.Path, "left alone: %s", reason))
			continue
		}
		after, more := edit(st, data)
		notes = append(notes, more...)
		if bytes.Equal(after, data) {
			continue
		}
		if reason := st.closed(o); reason != "" {
			notes = append(notes, noteOf(certs.Skipped, st.Path, "left alone: %s", reason))
			continue
		}
		from := st.Entry.State().WithData(data)
		cause := fmt.Sprintf("%s (%s): %s", redact.Terminal(st.Runtime), redact.Terminal(st.Why), what)
		plan = append(plan, change.Change{Path: st.Real, From: from, To: from.WithData(after), Cause: cause, Layer: "ca"})
	}
	return plan, notes, nil
}

// closed says why a store is not written, "" when it can be.
func (s Store) closed(o Common) string {
	switch {
	case strings.HasPrefix(s.Real, nixStore):
		return "it is in the store of Nix, where no file is ever changed"
	case s.Entry.ReadOnly:
		return "it is on a file system that takes no writes"
	case s.Entry.Mount && !o.ThroughMounts:
		source := s.Entry.Source
		if source == "" {
			source = "something else"
		}
		return fmt.Sprintf("it is mounted from %s, which others may use (--through-mounts changes it there)", source)
	}
	return ""
}

// read gives the bytes of a store, or the reason why it is left alone.
func read(t tree.Tree, st Store) (data []byte, reason string, err error) {
	data, err = t.ReadFile(st.Real)
	var large *tree.TooLargeError
	var irregular *tree.NotRegularError
	switch {
	case err == nil:
	case errors.As(err, &large), errors.As(err, &irregular), errors.Is(err, fs.ErrPermission), isMissing(err):
		return nil, err.Error(), nil
	default:
		return nil, "", fmt.Errorf("reading %s: %w", redact.Terminal(st.Real), err)
	}
	if err := bundle.Check(data); st.Kind == PEM && err != nil {
		return nil, "it " + err.Error(), nil
	}
	return data, "", nil
}

// Holds maps every certificate of the stores to the names of those that have it. What cannot be read is left out.
func (s Survey) Holds(t tree.Tree) (map[certs.Fingerprint][]string, error) {
	out := map[certs.Fingerprint][]string{}
	passwords := s.passwords(t, nil)
	for _, st := range s.Stores {
		data, reason, err := read(t, st)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			continue
		}
		for _, f := range st.fingerprints(data, passwords) {
			if !slices.Contains(out[f], st.Path) {
				out[f] = append(out[f], st.Path)
			}
		}
	}
	for _, d := range s.databases {
		for _, f := range d.trusted {
			out[f] = append(out[f], path.Join(d.Dir, nssdb.File))
		}
	}
	return out, nil
}

// fingerprints are those of the certificates in a store.
func (s Store) fingerprints(data []byte, passwords []string) []certs.Fingerprint {
	var out []certs.Fingerprint
	if s.Kind == PEM {
		for _, b := range bundle.Scan(data) {
			out = append(out, b.Fingerprint)
		}
		return out
	}
	store, err := keystore.Open(data, passwords...)
	if err != nil {
		return nil
	}
	for _, e := range store.Trusted() {
		out = append(out, certs.FingerprintOf(e.DER))
	}
	return out
}

// KeepsBytes reports whether a record of a change to the file has to keep the bytes before. Of a bundle in PEM and of a Java store, Remove computes the very bytes that
// were there before Add; of a Java store only while its password is one that the container tells or that is usual, and not one that was given.
func (s Survey) KeepsBytes(name string, o Common) bool {
	return len(o.Passwords) > 0 && slices.ContainsFunc(s.Stores, func(st Store) bool { return st.Kind == Java && st.Real == name })
}

func names(list []certs.Authority) string {
	var out []string
	for _, a := range list {
		out = append(out, a.Fingerprint.Short()+" "+subject(a))
	}
	return strings.Join(out, ", ")
}

func shorts(list []certs.Fingerprint) string {
	var out []string
	for _, f := range list {
		out = append(out, f.Short())
	}
	return strings.Join(out, ", ")
}
