package store

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/hash"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// maxCollisions is how many certificates with one hash `openssl rehash` links (MAX_COLLISIONS in apps/rehash.c).
const maxCollisions = 256

// linkDir is a directory in which OpenSSL looks a certificate up by the hash of its subject.
type linkDir struct {
	links
	tree  *memo
	real  string
	taken map[string]bool // names that the plan makes
}

// linkDirs finds the directories of the family that are kept: by its tool, or because a hash link is in them.
func (p *planner) linkDirs() ([]*linkDir, error) {
	var out []*linkDir
	seen := map[string]bool{}
	for _, l := range p.survey.Family.links {
		dir, e, err := tree.Resolve(p.tree, l.dir)
		if isMissing(err) && p.made[dir] { // it will be there and empty
			if l.always && p.survey.Tool != "" {
				out = append(out, &linkDir{links: l, tree: p.tree, real: dir, taken: map[string]bool{}})
			}
			continue
		}
		if _, ok := unusable(err); ok || isMissing(err) || err == nil && (!e.Mode.IsDir() || seen[dir]) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", l.dir, err)
		}
		seen[dir] = true
		kept := l.always && (p.survey.Tool != "" || l.to != linkToAnchor)
		if !kept {
			if kept, err = hashed(p.tree, dir); err != nil {
				return nil, err
			}
		}
		if kept {
			out = append(out, &linkDir{links: l, tree: p.tree, real: dir, taken: map[string]bool{}})
		}
	}
	return out, nil
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

// sums are the hashes by which the directory is looked at, OpenSSL's own first.
func (l *linkDir) sums(name []byte) ([]uint32, error) {
	sum, err := hash.Subject(name)
	if err != nil {
		return nil, err
	}
	if l.old {
		return []uint32{sum, hash.Old(name)}, nil
	}
	return []uint32{sum}, nil
}

// finds reports that OpenSSL finds the certificate in the directory, and the text of the link that leads to it: it reads HASH.0, HASH.1 and so on up to the first that is
// not there (crypto/x509/by_dir.c).
func (l *linkDir) finds(f certs.Fingerprint, sum uint32) (string, bool) {
	for n := range maxCollisions {
		name := path.Join(l.real, hashName(sum, n))
		e, err := l.tree.Lstat(name)
		if err != nil {
			return "", false
		}
		if data, err := l.read(name); err == nil && holds(data, f) {
			return e.Target, true
		}
	}
	return "", false
}

// maxLinked is the size up to which a file in the directory is read: OpenSSL takes one certificate from it, and there may be many.
const maxLinked = 128 << 10

// read reads a file of the directory, through a link.
func (l *linkDir) read(name string) ([]byte, error) {
	real, e, err := tree.Resolve(l.tree, name)
	if err != nil {
		return nil, err
	}
	if e.Size > maxLinked {
		return nil, &tree.TooLargeError{Path: real, Size: e.Size}
	}
	return l.tree.ReadFile(real)
}

func holds(data []byte, f certs.Fingerprint) bool {
	return slices.ContainsFunc(bundle.Scan(data), func(b bundle.Block) bool { return b.Fingerprint == f })
}

func hashName(sum uint32, n int) string { return fmt.Sprintf("%08x.%d", sum, n) }

// link plans, in every directory that lacks a certificate, the name that the tool gives it there and the links by hash, each with the lowest free number.
func (p *planner) link(authorities []certs.Authority, locals []local) error {
	dirs, err := p.linkDirs()
	if err != nil {
		return err
	}
	for _, a := range authorities {
		file := "" // the certificate's file in the directory before
		for _, l := range dirs {
			sums, err := l.sums(a.Cert.RawSubject)
			if err != nil {
				p.remark(l.dir, "OpenSSL cannot hash the subject of "+a.Fingerprint.Short()+" and will not find it there")
				continue
			}
			if to, ok := l.finds(a.Fingerprint, sums[0]); ok {
				file = path.Join(l.real, to)
				continue
			}
			to := file
			if l.name != withoutNames {
				if to, err = p.name(l, a, locals); err != nil {
					return err
				}
				file = path.Join(l.real, to)
			}
			if to == "" {
				continue
			}
			for _, sum := range sums {
				if err := p.hashLink(l, a, sum, to); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// name plans what stands for the certificate in the directory and returns its base name, "" when it cannot be made.
func (p *planner) name(l *linkDir, a certs.Authority, locals []local) (string, error) {
	to, base := p.content(l, a, locals)
	stem, ext := strings.TrimSuffix(base, ".pem"), ".pem"
	for n := range maxCollisions {
		name := base
		if n > 0 {
			name = stem + "." + strconv.Itoa(n) + ext
		}
		full := path.Join(l.real, name)
		was, err := l.tree.Lstat(full)
		switch {
		case isMissing(err) && !l.taken[full]:
			if !p.writable(full, full, tree.Entry{}) {
				return "", nil
			}
			l.taken[full] = true
			p.plan = append(p.plan, change.Change{Path: full, To: to, Cause: "the name of " + a.Fingerprint.Short() + " for OpenSSL", Layer: layer})
			return name, nil
		case err != nil && !isMissing(err):
			return "", fmt.Errorf("looking at %s: %w", full, err)
		case err == nil && was.IsLink() && to.Kind == change.Link && was.Target == to.Target:
			return name, nil
		case err == nil && was.Mode.IsRegular():
			if data, err := l.read(full); err == nil && holds(data, a.Fingerprint) {
				return name, nil
			}
		}
		if l.name != byLabel { // p11-kit counts on; a name made from the anchor is not given to anything else
			p.skip(full, "something else has the name of the link")
			return "", nil
		}
	}
	return "", nil
}

// content is what stands in the directory for the certificate, and the name that the tool would give it.
func (p *planner) content(l *linkDir, a certs.Authority, locals []local) (change.State, string) {
	own := certs.AnchorPrefix + a.Fingerprint.Short() + ".pem"
	i := slices.IndexFunc(locals, func(x local) bool { return x.holds(a.Fingerprint) && len(x.fingerprints) == 1 })
	switch {
	case l.to == linkToAnchor && i >= 0:
		return change.NewLink(locals[i].path), l.linkName(locals[i].path)
	case l.name != byLabel:
		return change.NewFile(a.PEM(), 0o644), own
	case l.to == copyTrusted:
		return change.NewFile(trustedPEM(a), readOnly), fileName(a.Cert) + ".pem"
	}
	return change.NewFile(a.PEM(), readOnly), fileName(a.Cert) + ".pem"
}

// readOnly is the mode of what `trust extract` writes (p11_save_open_file).
const readOnly fs.FileMode = 0o444

// linkName is the name that update-ca-certificates makes of an anchor's.
func (l links) linkName(anchor string) string {
	name := strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_").Replace(strings.TrimSuffix(path.Base(anchor), ".crt")) + ".pem"
	if l.name == byAlpine {
		return "ca-cert-" + name
	}
	return name
}

func (p *planner) hashLink(l *linkDir, a certs.Authority, sum uint32, to string) error {
	for n := range maxCollisions {
		name := path.Join(l.real, hashName(sum, n))
		if l.taken[name] {
			continue
		}
		e, err := l.tree.Lstat(name)
		if isMissing(err) {
			if !p.writable(name, name, tree.Entry{}) {
				return nil
			}
			l.taken[name] = true
			p.plan = append(p.plan, change.Change{Path: name, To: change.NewLink(to), Cause: "where OpenSSL looks for " + a.Fingerprint.Short(), Layer: layer})
			return nil
		}
		if err != nil {
			return fmt.Errorf("looking at %s: %w", name, err)
		}
		if e.IsLink() && e.Target == to {
			return nil
		}
	}
	p.skip(l.real, fmt.Sprintf("%d certificates have the hash of %s", maxCollisions, a.Fingerprint.Short()))
	return nil
}
