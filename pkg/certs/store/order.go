package store

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// debianConf lists the packaged certificates that update-ca-certificates takes, one name a line, "!" before one that is switched off.
const debianConf = "/etc/ca-certificates.conf"

// place gives the bundle's bytes with certificates that have an anchor, each where the tool would put it. Where that would cut another one in two, because anchors hold
// parts of certificates, they go to the end.
func (p *planner) place(b *opened, known []certs.Authority, locals, anchored []local) []byte {
	var data []byte
	switch b.order {
	case afterByName:
		data = p.insertLocals(b, known, locals, anchored)
	case before:
		data = insertBefore(b, known, slices.Concat(locals, anchored))
	case spaced:
		data = b.data
		for _, a := range known {
			text := a.PEM()
			if len(data) == 0 || data[len(data)-1] == '\n' { // update-ca.c writes a line break behind every file
				text = append(text, '\n')
			}
			data = bundle.Append(data, text)
		}
	case atEnd:
		return appendPEM(b.data, known)
	}
	if len(locals) > 0 && !b.keeps(data, known) {
		return appendPEM(b.data, known)
	}
	return data
}

func appendPEM(data []byte, list []certs.Authority) []byte {
	for _, a := range list {
		data = bundle.Append(data, a.PEM())
	}
	return data
}

// keeps reports that data holds what the bundle holds, and the added ones.
func (b *opened) keeps(data []byte, added []certs.Authority) bool {
	after := &opened{Found: b.Found, data: data}
	if after.scan() != nil {
		return false
	}
	for f := range b.holds {
		if !after.holds[f] {
			return false
		}
	}
	return !slices.ContainsFunc(added, func(a certs.Authority) bool { return !after.holds[a.Fingerprint] })
}

// insertLocals is what update-ca-certificates does: the packaged certificates in the order of its list, then the anchors sorted by path, each with a final newline
// (sed '$a\'). The packaged part is kept as it is; where the anchors' part is not what the tool makes of the anchors, the certificates go before the first anchor that
// comes after them, and nothing else moves.
func (p *planner) insertLocals(b *opened, missing []certs.Authority, locals, fresh []local) []byte {
	wanted := map[certs.Fingerprint]bool{}
	for _, a := range missing {
		wanted[a.Fingerprint] = true
	}
	var present, added []local
	staged := 0
	for _, l := range locals {
		switch {
		case slices.ContainsFunc(l.fingerprints, func(f certs.Fingerprint) bool { return wanted[f] }):
			added = append(added, l)
		case slices.ContainsFunc(l.fingerprints, func(f certs.Fingerprint) bool { return !b.holds[f] }):
			staged++
		default:
			present = append(present, l)
		}
	}
	for _, l := range fresh {
		if wanted[l.fingerprints[0]] {
			added = append(added, l)
		}
	}
	if staged > 0 {
		p.remark(b.Path, fmt.Sprintf("%d other certificates in %s are not in it yet; they were not added", staged, p.survey.Family.anchors.dir))
	}
	tail := contributions(present)
	if !bytes.HasSuffix(b.data, tail) || len(b.data) > 0 && b.data[len(b.data)-1] != '\n' {
		p.remark(b.Path, "it is not what "+p.survey.toolName()+" makes of the anchors; the certificate was added and nothing else changed")
		return insertNear(b.data, present, added)
	}
	head := b.data[:len(b.data)-len(tail)]
	p.compareConf(b, head)
	return slices.Concat(head, contributions(slices.Concat(present, added)))
}

// toolName is the family's tool for a sentence.
func (s Survey) toolName() string {
	if len(s.Family.tool) == 0 {
		return "a tool"
	}
	return s.Family.tool[0]
}

// contributions are the bytes that the files have in the bundle, sorted by path.
func contributions(locals []local) []byte {
	sorted := slices.SortedFunc(slices.Values(locals), func(a, b local) int { return cmp.Compare(a.path, b.path) })
	var out []byte
	for _, l := range sorted {
		out = append(out, contribution(l)...)
	}
	return out
}

func contribution(l local) []byte {
	if len(l.data) == 0 || l.data[len(l.data)-1] == '\n' {
		return l.data
	}
	return append(slices.Clone(l.data), '\n')
}

// insertNear puts each file before the first of the present ones that comes after it by name and whose bytes are found in the bundle, else at the end.
func insertNear(data []byte, present, added []local) []byte {
	for _, l := range slices.SortedFunc(slices.Values(added), func(a, b local) int { return cmp.Compare(a.path, b.path) }) {
		at := -1
		for _, other := range present {
			if text := contribution(other); other.path > l.path && len(text) > 0 {
				if i := bytes.LastIndex(data, text); i == 0 || i > 0 && data[i-1] == '\n' {
					at = i
					break
				}
			}
		}
		if at >= 0 {
			data = bundle.Insert(data, at, contribution(l))
		} else {
			data = bundle.Append(data, contribution(l))
		}
	}
	return data
}

// compareConf notes when the packaged part of the bundle has another number of certificates than the tool's list: then the tool's next run changes more than what is
// asked for here, which is why it is not what decides. Only the number is compared: reading every packaged file would cost more than all the rest.
func (p *planner) compareConf(b *opened, head []byte) {
	if p.survey.Tool == "" {
		return
	}
	listed, err := confCount(p.tree)
	if err != nil {
		p.remark(b.Path, fmt.Sprintf("%s cannot be read: the next run of %s leaves only the anchors in the bundle", debianConf, p.survey.Tool))
		return
	}
	have := 0
	for _, one := range b.blocks {
		if one.End <= len(head) {
			have++
		}
	}
	if have != listed {
		p.remark(b.Path, fmt.Sprintf("it holds %d packaged certificates and %s lists %d; the certificate was added and nothing else changed", have, debianConf, listed))
	}
}

// confCount is the number of certificates that the list switches on.
func confCount(t tree.Tree) (int, error) {
	data, err := t.ReadFile(debianConf)
	if err != nil {
		return 0, err
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' && line[0] != '!' {
			n++
		}
	}
	return n, nil
}
