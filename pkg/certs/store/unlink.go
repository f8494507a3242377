package store

import (
	"fmt"
	"path"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/hash"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// unlink plans the removal of the certificates' names in the directory of hash links: the links to the anchors that go, or every one that leads to them where the
// caller wants them gone whoever put them there.
func (r *remover) unlink(l *linkDir, fingerprints []certs.Fingerprint, drop map[certs.Fingerprint]bool, locals []local, open []*opened) error {
	if l.dir == "" {
		return nil
	}
	var names []string
	var sums []uint32
	for _, f := range fingerprints {
		if !drop[f] {
			continue
		}
		names = append(names, certs.AnchorPrefix+f.Short()+".pem")
		var der []byte
		for _, a := range locals {
			if a.holds(f) && r.goes(a, drop) {
				names = append(names, l.name(path.Base(a.path)))
				der = bundle.Find(a.data, f)
			}
		}
		for _, b := range open {
			if der == nil {
				der = bundle.Find(b.data, f)
			}
		}
		if sum, err := hash.OfCertificate(der); err == nil && l.hash {
			sums = append(sums, sum)
		}
	}
	slices.Sort(sums)
	for _, sum := range slices.Compact(sums) {
		more, err := r.unhash(l, sum, names, drop)
		if err != nil {
			return err
		}
		names = append(names, more...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := r.unname(path.Join(l.dir, name), drop); err != nil {
			return err
		}
	}
	return nil
}

// only reports that data is one certificate, and one that goes.
func only(data []byte, drop map[certs.Fingerprint]bool) bool {
	blocks := bundle.Scan(data)
	return len(blocks) == 1 && drop[blocks[0].Fingerprint]
}

// unname plans the removal of one link, or of the certificate that stands there itself.
func (r *remover) unname(name string, drop map[certs.Fingerprint]bool) error {
	e, err := r.tree.Lstat(name)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", name, err)
	}
	from := e.State()
	if e.Mode.IsRegular() {
		if from.Data, err = r.tree.ReadFile(name); err != nil || !only(from.Data, drop) {
			return nil //nolint:nilerr // not this certificate's file
		}
	} else if !e.IsLink() {
		return nil
	}
	if r.writable(name, name, e) {
		r.gone[name] = true
		r.plan = append(r.plan, change.Change{Path: name, From: from, Cause: "the name under which OpenSSL finds it", Layer: layer})
	}
	return nil
}

// numbered is one hash link.
type numbered struct {
	path  string
	entry tree.Entry
	drop  bool
}

// unhash plans the removal of the hash links to the given names and returns further names that lead to the certificate. OpenSSL stops looking at the first number
// that is missing, so a hole is closed with the link that has the highest number, as `openssl rehash` does.
func (r *remover) unhash(l *linkDir, sum uint32, names []string, drop map[certs.Fingerprint]bool) ([]string, error) {
	var all []numbered
	var more []string
	for n := range maxCollisions {
		one := numbered{path: path.Join(l.dir, hashName(sum, n))}
		e, err := r.tree.Lstat(one.path)
		if isMissing(err) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", one.path, err)
		}
		one.entry = e
		one.drop = e.IsLink() && slices.Contains(names, path.Clean(e.Target))
		if e.IsLink() && r.options.Foreign && !one.drop {
			data, err := r.tree.ReadFile(one.path)
			if one.drop = err == nil && only(data, drop); one.drop && path.Base(e.Target) == path.Clean(e.Target) {
				more = append(more, path.Clean(e.Target))
			}
		}
		all = append(all, one)
	}
	for i := 0; i < len(all); {
		last := all[len(all)-1]
		switch {
		case !all[i].drop:
			i++
			continue
		case !last.drop && !last.entry.IsLink(): // a file has the last number: it is nobody's to move
			r.swapLink(all[i], change.State{})
			all[i].drop = false
			continue
		case !last.drop:
			r.swapLink(all[i], change.NewLink(last.entry.Target))
			all[i].drop = false
		}
		r.swapLink(last, change.State{})
		all = all[:len(all)-1]
	}
	return more, nil
}

func (r *remover) swapLink(n numbered, to change.State) {
	if r.writable(n.path, n.path, n.entry) {
		r.gone[n.path] = to.Kind == change.Absent
		r.plan = append(r.plan, change.Change{Path: n.path, From: n.entry.State(), To: to, Cause: "where OpenSSL looks for what is removed", Layer: layer})
	}
}
