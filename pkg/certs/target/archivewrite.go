package target

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// write makes files, links and directories by one tar, unpacked in dir. The daemon removes a file and makes it again; it never follows a link out of the container.
// It unpacks in the order of the tar and ends at the first error (moby pkg/archive and go-archive, Unpack), so that what replaces a file comes last.
func (t *archiveTarget) write(ctx context.Context, dir string, steps []*step) error {
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b *step) int { return cmp.Compare(a.replaces(), b.replaces()) })
	const block = 4 << 10 // of headers for each
	size := block
	for _, s := range steps {
		size += len(s.to.Data) + (len(s.made)+1)*block
	}
	buf := bytes.NewBuffer(make([]byte, 0, size))
	w := tar.NewWriter(buf)
	for _, s := range steps {
		for _, made := range s.made {
			h := &tar.Header{Typeflag: tar.TypeDir, Mode: dirMode, Uid: s.above.entry.UID, Gid: s.above.entry.GID, ModTime: s.at}
			if err := put(w, dir, made, h, nil); err != nil {
				return err
			}
		}
		if err := put(w, dir, s.real, s.header(), s.to.Data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return t.send(ctx, dir, buf)
}

// replaces is 1 for a file in the place of another one, else 0.
func (s *step) replaces() int {
	if s.state.Kind == change.File && s.to.Kind == change.File {
		return 1
	}
	return 0
}

func (t *archiveTarget) send(ctx context.Context, dir string, buf *bytes.Buffer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.changed = true
	return t.asked(dir, func(ctx context.Context) error { return t.eng.PutArchive(ctx, t.seen.ID, dir, buf) })
}

// header is the step as a tar has it. PAX, since nothing else has nanoseconds.
func (s *step) header() *tar.Header {
	h := &tar.Header{Mode: int64(tarMode(s.to)), Uid: s.to.UID, Gid: s.to.GID, ModTime: s.at}
	switch s.to.Kind {
	case change.Dir:
		h.Typeflag = tar.TypeDir
	case change.Link:
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, s.to.Target, 0o777
	case change.File, change.Absent:
		h.Typeflag, h.Size, h.PAXRecords = tar.TypeReg, int64(len(s.to.Data)), s.xattr
	}
	return h
}

// put adds one entry, by its name below the directory it is unpacked in.
func put(w *tar.Writer, dir, real string, h *tar.Header, data []byte) error {
	h.Name, h.Format = strings.TrimPrefix(strings.TrimPrefix(real, strings.TrimSuffix(dir, "/")), "/"), tar.FormatPAX
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// tarMode gives the permission bits as tar has them, which is as chmod(2) does.
func tarMode(s change.State) uint32 {
	m := uint32(s.Mode.Perm())
	if s.Mode&fs.ModeSetuid != 0 {
		m |= 0o4000
	}
	if s.Mode&fs.ModeSetgid != 0 {
		m |= 0o2000
	}
	if s.Mode&fs.ModeSticky != 0 {
		m |= 0o1000
	}
	return m
}

// times gives directories their times back, each an entry as it was. The root directory is no entry that a daemon takes.
func (t *archiveTarget) times(ctx context.Context, dirs map[string]tree.Entry, order []string) []Unrestored {
	var out []Unrestored
	groups := map[string][]string{}
	var dests []string
	for _, name := range order {
		dest := t.where(name)
		if dest == name {
			if now, err := t.node(name); err != nil || !now.entry.ModTime.Equal(dirs[name].ModTime) {
				out = append(out, Unrestored{Path: name, Reason: "the archive API does not set the time of this directory"})
			}
			continue
		}
		if groups[dest] == nil {
			dests = append(dests, dest)
		}
		groups[dest] = append(groups[dest], name)
	}
	for _, dest := range dests {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		var err error
		for _, name := range groups[dest] {
			// Nothing but the time: who owns it, and who may, is as it is now.
			e := dirs[name]
			if now, _ := t.cache.find(name); now != nil {
				e.Mode, e.UID, e.GID = now.entry.Mode, now.entry.UID, now.entry.GID
			}
			h := &tar.Header{Typeflag: tar.TypeDir, Mode: int64(tarMode(e.State())), Uid: e.UID, Gid: e.GID, ModTime: e.ModTime}
			if err = put(w, dest, name, h, nil); err != nil {
				break
			}
		}
		if err == nil {
			err = w.Close()
		}
		if err == nil {
			err = t.send(ctx, dest, &buf)
		}
		if err != nil {
			for _, name := range groups[dest] {
				out = append(out, Unrestored{Path: name, Reason: err.Error()})
			}
		}
	}
	return out
}

// kindTime is the time a file gets that is put back.
func kindTime(was tree.Entry) time.Time {
	if was.Path == "" {
		return time.Now()
	}
	return was.ModTime
}

// clean reports whether a name is absolute and has no element that leads elsewhere.
func clean(name string) bool { return path.IsAbs(name) && path.Clean(name) == name }
