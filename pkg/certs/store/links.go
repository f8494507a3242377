package store

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/hash"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// maxCollisions is how many certificates with one hash `openssl rehash` links (MAX_COLLISIONS in apps/rehash.c).
const maxCollisions = 256

// linkDir is the directory in which OpenSSL looks a certificate up by the hash of its subject.
type linkDir struct {
	links
	tree   *memo
	dir    string // real, "" when there is none to keep
	needed map[certs.Fingerprint]bool
	taken  map[string]bool // names that the plan makes
}

// linkDir finds the directory. One that nobody hashes (no tool, no hash link in it) is left as it is.
func (p *planner) linkDir() (*linkDir, error) {
	l := &linkDir{links: p.survey.Family.links, tree: p.tree, needed: map[certs.Fingerprint]bool{}, taken: map[string]bool{}}
	if l.links.dir == "" {
		return l, nil
	}
	dir, e, err := tree.Resolve(p.tree, l.links.dir)
	if err != nil || !e.Mode.IsDir() {
		if _, ok := unusable(err); err == nil || ok || isMissing(err) {
			return l, nil
		}
		return nil, fmt.Errorf("looking at %s: %w", l.links.dir, err)
	}
	if p.survey.Tool == "" {
		l.hash, err = hashed(p.tree, dir)
		if err != nil || !l.hash {
			return l, err
		}
	}
	l.dir = dir
	return l, nil
}

// hashed reports that a directory has a hash link.
func hashed(t tree.Tree, dir string) (bool, error) {
	entries, err := t.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", dir, err)
	}
	return slices.ContainsFunc(entries, func(e tree.Entry) bool { return e.IsLink() && isHashName(path.Base(e.Path)) }), nil
}

// isHashName is eight hexadecimal digits, a dot and a number; the names of revocation lists have an "r" in front of the number.
func isHashName(name string) bool {
	digits, number, ok := strings.Cut(name, ".")
	return ok && len(digits) == 8 && strings.Trim(digits, "0123456789abcdef") == "" && number != "" && strings.Trim(number, "0123456789") == ""
}

// wants reports that OpenSSL does not find the certificate in the directory: it reads HASH.0, HASH.1 and so on up to the first that is not there (by_dir.c).
func (l *linkDir) wants(a certs.Authority) bool {
	if l.dir == "" || !l.hash {
		return false
	}
	sum, err := hash.Subject(a.Cert.RawSubject)
	if err != nil {
		return false
	}
	for n := range maxCollisions {
		name := path.Join(l.dir, hashName(sum, n))
		if _, err := l.tree.Lstat(name); err != nil {
			break
		}
		data, err := l.tree.ReadFile(name)
		if err == nil && bundle.Holds(data)[a.Fingerprint] {
			return false
		}
	}
	l.needed[a.Fingerprint] = true
	return true
}

func hashName(sum uint32, n int) string { return fmt.Sprintf("%08x.%d", sum, n) }

// link plans the links of the certificates that the directory lacks: one named after the anchor, as the tool names it, and one by hash with the lowest free number, as
// `openssl rehash` gives it. Without an anchor the certificate itself is put into the directory.
func (p *planner) link(l *linkDir, authorities []certs.Authority, locals []local) error {
	if l.dir == "" {
		return nil
	}
	for _, a := range authorities {
		if !l.needed[a.Fingerprint] {
			continue
		}
		to, name := change.NewFile(a.PEM(), 0o644), certs.AnchorPrefix+a.Fingerprint.Short()+".pem"
		i := slices.IndexFunc(locals, func(x local) bool { return x.holds(a.Fingerprint) && len(x.fingerprints) == 1 })
		if i >= 0 {
			to, name = change.NewLink(locals[i].path), l.name(path.Base(locals[i].path))
		}
		full := path.Join(l.dir, name)
		was, err := l.tree.Lstat(full)
		switch {
		case isMissing(err):
			if !p.writable(full, full, tree.Entry{}) {
				continue
			}
			p.plan = append(p.plan, change.Change{Path: full, To: to, Cause: "the name of " + a.Fingerprint.Short() + " for OpenSSL", Layer: layer})
		case err != nil:
			return fmt.Errorf("looking at %s: %w", full, err)
		case !was.IsLink() || was.Target != to.Target:
			p.skip(full, "something else has the name of the link")
			continue
		}
		if err := p.hashLink(l, a, name); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) hashLink(l *linkDir, a certs.Authority, to string) error {
	sum, err := hash.Subject(a.Cert.RawSubject)
	if err != nil {
		return fmt.Errorf("hashing the subject of %s: %w", a.Fingerprint.Short(), err)
	}
	for n := range maxCollisions {
		name := path.Join(l.dir, hashName(sum, n))
		if l.taken[name] {
			continue
		}
		_, err := l.tree.Lstat(name)
		if isMissing(err) {
			l.taken[name] = true
			p.plan = append(p.plan, change.Change{Path: name, To: change.NewLink(to), Cause: "where OpenSSL looks for " + a.Fingerprint.Short(), Layer: layer})
			return nil
		}
		if err != nil {
			return fmt.Errorf("looking at %s: %w", name, err)
		}
	}
	p.skip(l.dir, fmt.Sprintf("%d certificates have the hash of %s", maxCollisions, a.Fingerprint.Short()))
	return nil
}
