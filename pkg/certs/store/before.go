package store

import (
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
)

// insertBefore is where `trust extract` puts the administrator's anchors: p11-kit reads the administrator's directory before that of the packages, the files in it by name
// (trust/token.c, loader_load_directory; versions before 0.25 as the directory lists them), and writes certificates in the order in which they were read.
func insertBefore(b *opened, known []certs.Authority, locals []local) []byte {
	anchor := func(f certs.Fingerprint) string {
		for _, l := range locals {
			if l.holds(f) {
				return l.path
			}
		}
		return ""
	}
	known = slices.SortedStableFunc(slices.Values(known), func(x, y certs.Authority) int {
		return strings.Compare(anchor(x.Fingerprint), anchor(y.Fingerprint))
	})
	one := &opened{Found: b.Found, data: b.data, blocks: b.blocks, own: ownAnchors(locals)}
	for _, a := range known {
		mine, at := anchor(a.Fingerprint), 0
		for i, block := range one.blocks {
			other := anchor(block.Fingerprint)
			if other > mine {
				at = i
				break
			}
			if other != "" {
				at = i + 1
			}
		}
		one.data = one.insertAt(at, a)
		if err := one.scan(); err != nil {
			return b.data
		}
	}
	return one.data
}

// insertAt puts the certificate before the block with the number at, in the bundle's format and with a comment where the others have one.
func (b *opened) insertAt(at int, a certs.Authority) []byte {
	text := a.PEM()
	switch b.format {
	case trusted:
		text = trustedPEM(a)
	case edk2:
		text = signatureList(a)
		if at == len(b.blocks) {
			return slices.Concat(b.data, text)
		}
		return bundle.Insert(b.data, b.blocks[at].Start, text)
	case plain:
	}
	commented := b.commented()
	if commented {
		text = append([]byte(comment(a.Cert)+"\n"), text...)
	}
	if at == len(b.blocks) {
		if commented && len(b.data) > 0 {
			text = append([]byte("\n"), text...)
		}
		return bundle.Append(b.data, text)
	}
	start := b.blocks[at].Start
	if commented {
		start, _ = bundle.CommentAbove(b.data, b.blocks[at])
		text = append(text, '\n')
	}
	return bundle.Insert(b.data, start, text)
}

// commented reports that the tool was asked for comments, judged by the first block that this program did not add: a bundle without any other does not show it, so it
// counts as one of the families that have them.
func (b *opened) commented() bool {
	for _, block := range b.blocks {
		if !b.own[block.Fingerprint] {
			_, ok := bundle.CommentAbove(b.data, block)
			return ok
		}
	}
	return strings.HasPrefix(b.Path, "/etc/pki/ca-trust/extracted/") || strings.HasPrefix(b.Path, "/etc/ca-certificates/extracted/")
}

// ownAnchors are the certificates of anchors with this program's name.
func ownAnchors(locals []local) map[certs.Fingerprint]bool {
	out := map[certs.Fingerprint]bool{}
	for _, l := range locals {
		if len(l.fingerprints) == 1 && path.Base(l.path) == l.fingerprints[0].AnchorName() {
			out[l.fingerprints[0]] = true
		}
	}
	return out
}
