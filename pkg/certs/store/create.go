package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// A bundle that this program makes says so in two comment lines, which let a removal know what else was made and whether anything was added since.
const (
	madeLine = "# Made by docker-proxy, together with the directories:"
	linkLine = "# Made by docker-proxy in place of a link to: "
	seedLine = "# What it began with, SHA-256 of the text below: "
)

// create plans nothing itself but gives the bundle that a tree without any gets: in the first place that Go, curl and OpenSSL look at.
func (p *planner) create(o AddOptions) []*opened {
	for _, b := range append(p.survey.Family.bundles, generic()...) {
		if !b.create {
			continue
		}
		name, _, err := tree.Resolve(p.tree, b.Path)
		if !isMissing(err) || name == "" {
			continue
		}
		was, err := p.tree.Lstat(name)
		if !isMissing(err) || !p.writable(b.Path, name, was) {
			continue
		}
		dirs := p.mkdir(path.Dir(name))
		seed := o.Seed
		if len(seed) > 0 && seed[len(seed)-1] != '\n' {
			seed = append(bytes.Clone(seed), '\n')
		}
		holds := bundle.Holds(seed)
		if len(holds) == 0 {
			seed = nil
			p.remark(b.Path, "there was no bundle: it was made with the added certificate alone, so programs in it trust nothing else")
		} else {
			p.remark(b.Path, fmt.Sprintf("there was no bundle: it was made from %d public roots and the added certificate", len(holds)))
		}
		b.order = atEnd
		return []*opened{{Found: Found{Bundle: b, Real: name, at: name}, data: append(header(dirs, seed), seed...), holds: holds, fresh: true}}
	}
	return nil
}

// header is what a bundle begins with that this program makes where there was none.
func header(dirs []string, seed []byte) []byte {
	return withSeed(strings.Join(append([]string{madeLine}, dirs...), " "), seed)
}

// copyHeader is what a bundle begins with that takes the place of a link.
func copyHeader(link string, seed []byte) []byte {
	return withSeed(linkLine+strconv.QuoteToASCII(link), seed)
}

func withSeed(first string, seed []byte) []byte {
	sum := sha256.Sum256(seed)
	return []byte(first + "\n" + seedLine + hex.EncodeToString(sum[:]) + "\n")
}

// original gives what stood in the place of a bundle that this program made and that holds nothing any more but what it began with: nothing, with the directories
// that were made for it, innermost first, or a link. Any other bundle has none.
func original(data []byte) (was change.State, dirs []string, ok bool) {
	first, rest, _ := strings.Cut(string(data), "\n")
	second, rest, _ := strings.Cut(rest, "\n")
	want := sha256.Sum256([]byte(rest))
	if second != seedLine+hex.EncodeToString(want[:]) {
		return change.State{}, nil, false
	}
	if text, isCopy := strings.CutPrefix(first, linkLine); isCopy {
		target, err := strconv.Unquote(text)
		return change.NewLink(target), nil, err == nil && target != ""
	}
	list, made := strings.CutPrefix(first, madeLine)
	for _, dir := range strings.Fields(list) {
		if path.IsAbs(dir) && path.Clean(dir) == dir {
			dirs = append([]string{dir}, dirs...)
		}
	}
	return change.State{}, dirs, made
}

// mark is the comment above a certificate that has no anchor: the sign that this program put it there.
func mark(f certs.Fingerprint) string { return "# docker-proxy " + f.Short() }

// marked is a certificate with its mark.
func marked(a certs.Authority) []byte { return append([]byte(mark(a.Fingerprint)+"\n"), a.PEM()...) }

// removeDirs plans the removal of directories that this plan leaves empty, innermost first.
func (p *planner) removeDirs(dirs []string, gone map[string]bool) {
	for _, dir := range dirs {
		e, err := p.tree.Lstat(dir)
		if err != nil || !e.Mode.IsDir() || gone[dir] {
			continue
		}
		entries, err := p.tree.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, one := range entries {
			if !gone[path.Join(dir, path.Base(one.Path))] {
				return
			}
		}
		gone[dir] = true
		p.plan = append(p.plan, change.Change{Path: dir, From: e.State(), Cause: "is empty and was made for the certificate", Layer: layer})
	}
}
