// Package store knows the trust stores of distributions: which one a file system has, what adding or removing a certificate changes in it, and which certificates it
// holds.
//
// It reads through tree.Tree and returns a change.Plan; it writes nothing and runs nothing: what a family's own tool would make of a new certificate is computed.
// Stores that programs bring along (Java, certifi, NSS) are package runtime's. Start at Look, which surveys a tree, and at Families, the table.
package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Survey is what trust store a tree has.
type Survey struct {
	Family Family
	// Proof is the file that decided, "" when nothing did.
	Proof string
	// Tool is the path of the family's own program, "" when it is not there.
	Tool string
	// Found are the bundles that can be read, one for each file even when several names lead to it, in the order of the family's table.
	Found []Found
	// Notes say which bundles cannot be used, and why (certs.Skipped).
	Notes []certs.Note
}

// ErrNoBundle says that a tree has no bundle to read.
var ErrNoBundle = errors.New("there is no bundle of trusted certificates")

// Look surveys a tree: the family, its tool, the bundles that are there. A bundle that is no regular file, too large or behind a loop of links is left out with a note.
// Any other error of reading ends the survey.
func Look(t tree.Tree) (Survey, error) {
	t = remember(t)
	var s Survey
	s.Family, s.Proof = detect(t)
	s.Tool = firstOf(t, s.Family.tool)
	if err := s.find(t, s.Family.bundles); err != nil {
		return s, err
	}
	if len(s.Bundles()) == 0 && len(s.Notes) == 0 {
		return s, s.find(t, generic())
	}
	return s, nil
}

// Bundles are the names of the bundles that programs with default settings read, the most usual one first.
func (s Survey) Bundles() []string {
	var out []string
	for _, f := range s.Found {
		if f.Purpose == "" {
			out = append(out, f.Path)
		}
	}
	return out
}

// Combined is the content of the first of Bundles: what a variable that replaces the store has to hold besides a new certificate. ErrNoBundle where there is none,
// else an error of reading.
func (s Survey) Combined(t tree.Tree) ([]byte, error) {
	for _, f := range s.Found {
		if f.Purpose == "" {
			return t.ReadFile(f.Real)
		}
	}
	return nil, ErrNoBundle
}

// Holds maps every certificate of the bundles and anchors to the names of the files that hold it, bundles first. What cannot be read or is no text is left out.
func (s Survey) Holds(t tree.Tree) (map[certs.Fingerprint][]string, error) {
	t = remember(t)
	out := map[certs.Fingerprint][]string{}
	for _, f := range s.Found {
		b := &opened{Found: f}
		err := b.read(t)
		if _, ok := unusable(err); ok || isMissing(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.Path, err)
		}
		for one := range b.holds {
			out[one] = append(out[one], f.Path)
		}
	}
	locals, _, err := s.locals(t)
	if err != nil {
		return nil, err
	}
	for _, l := range locals {
		for _, one := range slices.Compact(slices.SortedFunc(slices.Values(l.fingerprints), byFingerprint)) {
			out[one] = append(out[one], l.path)
		}
	}
	return out, nil
}

// byFingerprint is the order in which everything about several certificates is done.
func byFingerprint(a, b certs.Fingerprint) int { return bytes.Compare(a[:], b[:]) }
