package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// Can implements Target.
func (t *rootTarget) Can() Capabilities { return Capabilities{Delete: true, Atomic: true, Nanos: true} }

// Prefetch implements Target; there is nothing to gain.
func (t *rootTarget) Prefetch(context.Context, ...string) {}

// Apply implements Target.
func (t *rootTarget) Apply(ctx context.Context, changes change.Plan, o Options) ([]Done, error) {
	var all []Done
	for _, c := range changes.Effective() {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		if !t.process.running() {
			return all, ErrGone
		}
		type result struct {
			done Done
			made bool
		}
		r, err := within(t, c.Path, func() (result, error) {
			done, made, err := t.apply(c, o)
			return result{done, made}, err
		})
		if r.made {
			all = append(all, r.done)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// apply makes one change. made says that something was changed, with an error or without.
func (t *rootTarget) apply(c change.Change, o Options) (done Done, made bool, err error) {
	p, err := t.locate(c)
	if err != nil {
		return Done{}, false, err
	}
	defer p.Close()
	if !p.state.Equal(c.From) {
		return Done{}, false, &ChangedError{Path: c.Path}
	}
	done = Done{Change: c, Real: p.real(), Was: p.was, Dir: p.dir.entry}
	if done.InPlace, err = t.allowed(p, c, o); err != nil {
		return done, false, err
	}
	if c.To.Kind == change.Absent && p.state.Kind == change.File {
		if done.Change.Xattrs, err = xattrsAt(p.dir, p.base); err != nil {
			return done, false, err
		}
	}
	if err := o.before(done.planned(p)); err != nil {
		return done, false, err
	}
	if done.Made, err = t.makeDirs(p); err != nil {
		return done, len(done.Made) > 0, err
	}
	if err := t.swap(p, c.To, c.Xattrs, done.InPlace != ""); err != nil {
		return done, len(done.Made) > 0, err
	}
	if c.To.Kind == change.Absent {
		return done, true, nil
	}
	now, err := t.entry(p.dir.File, p.base, p.dir.path(p.base))
	if done.Now = now; err != nil {
		done.Now.Path = done.Real
	}
	return done, true, err
}

// planned is what is going to be done at a place, directories included.
func (d Done) planned(p *place) Done {
	at := p.dir.at
	for _, base := range p.missing {
		at = path.Join(at, base)
		d.Made = append(d.Made, at)
	}
	return d
}

// allowed says whether the place may be written to, and why in place if it may only be so.
func (t *rootTarget) allowed(p *place, c change.Change, o Options) (inPlace string, err error) {
	source, readOnly := "", p.dir.entry.ReadOnly
	switch {
	case p.own:
		source, readOnly = p.was.Source, p.was.ReadOnly
	case p.dir.mount != t.mount:
		source = p.dir.entry.Source
	}
	if source != "" && !o.ThroughMounts {
		return "", &MountError{Path: c.Path, Source: source}
	}
	if readOnly {
		return "", &ReadOnlyError{Path: c.Path, Source: source}
	}
	if p.own && c.To.Kind != c.From.Kind {
		return "", &UnsupportedError{Path: c.Path, Reason: "it is a mount point, which can neither be removed nor replaced"}
	}
	return source, nil
}

// makeDirs makes the directories that are missing, with the owner of the one above them, and moves the place into the last.
func (t *rootTarget) makeDirs(p *place) (made []string, err error) {
	for len(p.missing) > 0 {
		base := p.missing[0]
		want := change.State{Kind: change.Dir, Mode: dirMode, UID: change.Keep, GID: change.Keep}
		if err := t.newDir(p.dir, base, want); err != nil {
			if errors.Is(err, fs.ErrExist) {
				err = &ChangedError{Path: p.dir.path(base)}
			}
			return made, err
		}
		made = append(made, p.dir.path(base))
		d, err := t.openFolder(p.dir.path(base))
		if err != nil {
			return made, err
		}
		p.dir.Close()
		p.dir, p.missing = d, p.missing[1:]
	}
	return made, nil
}

func (t *rootTarget) newDir(d *folder, base string, want change.State) error {
	uid, gid, err := t.owner(d, want, d.uid, d.gid)
	if err != nil {
		return err
	}
	if err := t.calls().mkdir(d, base); err != nil {
		return err
	}
	return t.setDir(d, base, uid, gid, want.Mode)
}

// setDir gives a directory owner and mode, by its own descriptor.
func (t *rootTarget) setDir(d *folder, base string, uid, gid int, mode fs.FileMode) error {
	f, err := openat(int(d.Fd()), base, d.path(base), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.calls().chown(f, uid, gid); err != nil {
		return err
	}
	return t.calls().chmod(f, mode)
}

// owner translates the wanted owner; Keep is the given one.
func (t *rootTarget) owner(d *folder, want change.State, uid, gid int) (int, int, error) {
	u, known := t.uids.out(want.UID)
	g, also := t.gids.out(want.GID)
	if want.UID == overflowID && !known || want.UID == change.Keep {
		u, known = uid, true
	}
	if want.GID == overflowID && !also || want.GID == change.Keep {
		g, also = gid, true
	}
	if !known || !also {
		return 0, 0, &UnsupportedError{Path: d.at, Reason: fmt.Sprintf("the container has no owner %d:%d", want.UID, want.GID)}
	}
	return u, g, nil
}

// swap turns what is at the place into what is wanted.
func (t *rootTarget) swap(p *place, to change.State, attrs map[string][]byte, inPlace bool) error {
	from := p.state
	switch {
	case from.Kind == change.Dir && to.Kind == change.Absent:
		err := t.calls().rmdir(p.dir, p.base)
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
			return &UnsupportedError{Path: p.real(), Reason: "the directory is not empty"}
		}
		return err
	case to.Kind == change.Absent:
		return t.calls().unlink(p.dir, p.base)
	case from.Kind == change.Dir && to.Kind == change.Dir:
		uid, gid, err := t.owner(p.dir, to, p.uid, p.gid)
		if err != nil {
			return err
		}
		return t.setDir(p.dir, p.base, uid, gid, to.Mode)
	case from.Kind == change.Dir:
		return &UnsupportedError{Path: p.real(), Reason: "a directory does not become a file"}
	case to.Kind == change.Dir && from.Kind != change.Absent:
		return &UnsupportedError{Path: p.real(), Reason: "a file does not become a directory"}
	case to.Kind == change.Dir:
		return t.newDir(p.dir, p.base, to)
	case inPlace && from.Kind == change.File && to.Kind == change.File:
		return t.rewrite(p, to)
	}
	return t.replace(p, to, attrs)
}

// tempName is a name that nobody has, see IsTemp.
func tempName(random uint64) string { return fmt.Sprintf("%s%016x%s", tempPrefix, random, tempSuffix) }
