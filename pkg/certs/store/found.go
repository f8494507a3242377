package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Found is a bundle that is there.
type Found struct {
	Bundle
	// Real is where Path leads after all links; Entry is what stands there.
	Real  string
	Entry tree.Entry
	// at is the name that a change is made to: Real, or the link itself where it leads to what must not change; link is then its text.
	at, link string
}

// immutable is the directory of packages that are the same for all who use them; their files have the hash of all their inputs in their name.
const immutable = "/nix/store"

// find looks for bundles and keeps those that can be used.
func (s *Survey) find(t tree.Tree, bundles []Bundle) error {
	seen := map[string]bool{}
	for _, b := range bundles {
		f, err := locate(t, b)
		if isMissing(err) || err == nil && seen[f.at] {
			continue
		}
		if err != nil {
			reason, ok := unusable(err)
			if !ok {
				return fmt.Errorf("looking at %s: %w", b.Path, err)
			}
			s.Notes = append(s.Notes, certs.Note{Kind: certs.Skipped, Path: b.Path, Text: reason})
			continue
		}
		seen[f.at] = true
		s.Found = append(s.Found, f)
	}
	return nil
}

// errImmutable is a bundle that is reached through a directory in the Nix store.
var errImmutable = errors.New("its directory is in " + immutable + ", where nothing is changed")

func locate(t tree.Tree, b Bundle) (Found, error) {
	real, e, err := tree.Resolve(t, b.Path)
	if err != nil {
		return Found{}, err
	}
	if err := readable(real, e); err != nil {
		return Found{}, err
	}
	f := Found{Bundle: b, Real: real, Entry: e, at: real}
	if !strings.HasPrefix(real, immutable+"/") {
		return f, nil
	}
	dir, _, err := tree.Resolve(t, path.Dir(b.Path))
	if err != nil {
		return Found{}, err
	}
	f.at = path.Join(dir, path.Base(b.Path))
	if strings.HasPrefix(f.at, immutable+"/") {
		return Found{}, errImmutable
	}
	if f.Entry, err = t.Lstat(f.at); err != nil {
		return Found{}, err
	}
	f.link = f.Entry.Target
	return f, nil
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

// errNotLists is a file that should be made of signature lists.
var errNotLists = errors.New("is not made of signature lists")

// unusable gives the reason why one file cannot be used, and false when the error is about more than this file.
func unusable(err error) (string, bool) {
	_, large := errors.AsType[*tree.TooLargeError](err)
	_, irregular := errors.AsType[*tree.NotRegularError](err)
	if large || irregular {
		return "left alone: " + redact.Terminal(err.Error()), true
	}
	for _, one := range []error{tree.ErrLoop, fs.ErrPermission, bundle.ErrNotText, errImmutable, errNotLists} {
		if errors.Is(err, one) {
			return "left alone: " + redact.Terminal(err.Error()), true
		}
	}
	return "", false
}

// opened is a bundle with its bytes.
type opened struct {
	Found
	data   []byte
	blocks []bundle.Block
	holds  map[certs.Fingerprint]bool
	own    map[certs.Fingerprint]bool // certificates that this program added, where that matters
	from   change.State
	head   []byte // what is put in front of the bytes when they are written
	fresh  bool   // is made by this plan
}

// open reads the bundles that can be changed.
func (p *planner) open() ([]*opened, error) {
	var out []*opened
	for _, f := range p.survey.Found {
		b := &opened{Found: f}
		err := b.read(p.tree)
		if reason, ok := unusable(err); ok {
			p.skip(f.Path, reason)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.Path, err)
		}
		out = append(out, b)
	}
	return out, nil
}

func (b *opened) read(t tree.Tree) error {
	var err error
	if b.data, err = t.ReadFile(b.Real); err != nil {
		return err
	}
	if err := b.scan(); err != nil {
		return err
	}
	b.from = b.Entry.State()
	if b.link != "" {
		b.head = copyHeader(b.link, b.data)
	} else {
		b.from.Data = b.data
	}
	return nil
}

// scan finds the certificates in the bytes.
func (b *opened) scan() error {
	if b.format == edk2 {
		var ok bool
		if b.blocks, ok = scanEDK2(b.data); !ok {
			return errNotLists
		}
	} else {
		if err := bundle.Check(b.data); err != nil {
			return err
		}
		b.blocks = bundle.Scan(b.data)
	}
	b.holds = map[certs.Fingerprint]bool{}
	for _, one := range b.blocks {
		b.holds[one.Fingerprint] = true
	}
	return nil
}

// lacks reports that the bundle should hold the certificate and does not.
func (b *opened) lacks(a certs.Authority) bool {
	return !b.holds[a.Fingerprint] && (b.Purpose == "" || permits(a.Cert, b.Purpose))
}

// to is the bundle's state with other bytes.
func (b *opened) to(data []byte) change.State {
	data = append(b.head[:len(b.head):len(b.head)], data...)
	if b.from.Kind == change.File {
		return b.from.WithData(data)
	}
	return change.NewFile(data, 0o644)
}
