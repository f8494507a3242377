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

// unlink plans the removal of what the certificates have in the directories of hash links. Those go that are this program's, whose block went from a bundle, or whose
// file in the directory has this program's name.
func (r *remover) unlink(cut map[certs.Fingerprint]bool) error {
	dirs, err := r.linkDirs()
	if err != nil {
		return err
	}
	for _, l := range dirs {
		var names []string
		file, drop, sums := map[certs.Fingerprint]bool{}, map[certs.Fingerprint]bool{}, []uint32{}
		for _, f := range r.fingerprints {
			own := certs.AnchorPrefix + f.Short() + ".pem"
			data, err := l.read(path.Join(l.real, own))
			if !r.ours[f] && !cut[f] && (err != nil || !holds(data, f)) {
				continue
			}
			names = append(names, own)
			for _, a := range r.locals {
				if a.holds(f) && r.goes(a) {
					names = append(names, l.linkName(a.path))
				}
			}
			file[f] = true
			drop[f] = r.ours[f] && r.staying(f) == 0 // then also under names that this program does not know
			if more, err := l.sums(r.subject(f, data)); err == nil {
				sums = append(sums, more...)
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
			if err := r.unname(l, path.Join(l.real, name), file); err != nil {
				return err
			}
		}
	}
	return nil
}

// subject is the certificate's subject in DER, from a bundle or an anchor, or else from its file in the directory.
func (r *remover) subject(f certs.Fingerprint, file []byte) []byte {
	if cert := r.subjects[f]; cert != nil {
		return cert.RawSubject
	}
	name, err := hash.Name(bundle.Find(file, f))
	if err != nil {
		return nil
	}
	return name
}

// only reports that data is one certificate, and one that goes.
func only(data []byte, drop map[certs.Fingerprint]bool) bool {
	blocks := bundle.Scan(data)
	return len(blocks) == 1 && drop[blocks[0].Fingerprint]
}

// unname plans the removal of one link, or of the certificate that stands there itself.
func (r *remover) unname(l *linkDir, name string, drop map[certs.Fingerprint]bool) error {
	e, err := r.tree.Lstat(name)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", name, err)
	}
	from := e.State()
	if e.Mode.IsRegular() {
		if from.Data, err = l.read(name); err != nil || !only(from.Data, drop) {
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

// unhash plans the removal of the hash links that lead to the given names or to the certificates under another name, and returns those names. OpenSSL stops looking at
// the first number that is missing, so a hole is closed with the link that has the highest number, as `openssl rehash` does.
func (r *remover) unhash(l *linkDir, sum uint32, names []string, drop map[certs.Fingerprint]bool) ([]string, error) {
	var all []numbered
	var more []string
	for n := range maxCollisions {
		one := numbered{path: path.Join(l.real, hashName(sum, n))}
		e, err := l.tree.Lstat(one.path)
		if isMissing(err) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", one.path, err)
		}
		one.entry = e
		target := path.Clean(e.Target)
		one.drop = e.IsLink() && slices.Contains(names, target)
		if e.IsLink() && !one.drop {
			data, err := l.read(one.path)
			if one.drop = err == nil && only(data, drop); one.drop && path.Base(target) == target {
				more = append(more, target)
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
