// Package store knows the trust stores of distributions: which one a file system has, what adding or removing a certificate changes in it, and which certificates it
// holds.
//
// It reads through tree.Tree and returns a change.Plan; it writes nothing and runs nothing: what a family's own tool would make of a new certificate is computed.
// Stores that programs bring along (Java, certifi, NSS) are package runtime's. Start at Look, which surveys a tree, and at Families, the table.
package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
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

// Found is a bundle that is there.
type Found struct {
	Bundle
	// Real is where Path leads after all links; Entry is what stands there.
	Real  string
	Entry tree.Entry
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
	if len(s.Found) == 0 && len(s.Notes) == 0 {
		return s, s.find(t, generic())
	}
	return s, nil
}

// find looks for bundles and keeps those that can be used.
func (s *Survey) find(t tree.Tree, bundles []Bundle) error {
	seen := map[string]bool{}
	for _, b := range bundles {
		real, e, err := tree.Resolve(t, b.Path)
		if err == nil && seen[real] || isMissing(err) {
			continue
		}
		if err == nil {
			seen[real] = true
			err = readable(real, e)
		}
		if err != nil {
			reason, ok := unusable(err)
			if !ok {
				return fmt.Errorf("looking at %s: %w", b.Path, err)
			}
			s.Notes = append(s.Notes, certs.Note{Kind: certs.Skipped, Path: b.Path, Text: reason})
			continue
		}
		s.Found = append(s.Found, Found{Bundle: b, Real: real, Entry: e})
	}
	return nil
}

func readable(name string, e tree.Entry) error {
	if !e.Mode.IsRegular() {
		return &tree.NotRegularError{Path: name, Mode: e.Mode}
	}
	if e.Size > tree.MaxFile {
		return &tree.TooLargeError{Path: name, Size: e.Size}
	}
	return nil
}

// unusable gives the reason why one file cannot be used, and false when the error is about more than this file.
func unusable(err error) (string, bool) {
	var large *tree.TooLargeError
	var irregular *tree.NotRegularError
	switch {
	case errors.As(err, &large), errors.As(err, &irregular), errors.Is(err, tree.ErrLoop), errors.Is(err, fs.ErrPermission), errors.Is(err, bundle.ErrNotText):
		return "left alone: " + redact.Terminal(err.Error()), true
	}
	return "", false
}

// Bundles are the names of the bundles that programs with default settings read, the most usual one first.
func (s Survey) Bundles() []string {
	var out []string
	for _, f := range s.Found {
		out = append(out, f.Path)
	}
	return out
}

// Combined is the content of the first bundle: what a variable that replaces the store has to hold besides a new certificate. ErrNoBundle where there is none, else
// an error of reading.
func (s Survey) Combined(t tree.Tree) ([]byte, error) {
	if len(s.Found) == 0 {
		return nil, ErrNoBundle
	}
	return t.ReadFile(s.Found[0].Real)
}

// Holds maps every certificate of the bundles and anchors to the names of the files that hold it, bundles first. What cannot be read or is no text is left out.
func (s Survey) Holds(t tree.Tree) (map[certs.Fingerprint][]string, error) {
	t = remember(t)
	out := map[certs.Fingerprint][]string{}
	put := func(name string, data []byte) {
		for f := range bundle.Holds(data) {
			out[f] = append(out[f], name)
		}
	}
	for _, f := range s.Found {
		data, err := t.ReadFile(f.Real)
		if err != nil {
			if _, ok := unusable(err); ok || isMissing(err) {
				continue
			}
			return nil, fmt.Errorf("reading %s: %w", f.Path, err)
		}
		put(f.Path, data)
	}
	locals, _, err := s.locals(t)
	if err != nil {
		return nil, err
	}
	for _, l := range locals {
		put(l.path, l.data)
	}
	return out, nil
}
