package target

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// maxStream is how many bytes of one answer are read: a directory comes with all that is in it, and a hole in a file takes as long as bytes.
const maxStream = 64 << 20

// header gives the first entry of a tar, which is the asked name itself, and what the daemon says about it beside.
func (t *archiveTarget) header(ctx context.Context, real string) (*tar.Header, engine.PathStat, error) {
	r, st, err := t.eng.GetArchive(ctx, t.seen.ID, real)
	if err != nil {
		return nil, st, err
	}
	defer r.Close()
	h, err := tar.NewReader(io.LimitReader(r, maxStream)).Next()
	return h, st, oddTar(real, err)
}

// fetchOne asks for one name without its bytes.
func (t *archiveTarget) fetchOne(ctx context.Context, real string) (*node, error) {
	h, st, err := t.header(ctx, real)
	if err != nil {
		return nil, err
	}
	return t.newNode(ctx, real, h, &st)
}

// fetchFile asks for a file and its bytes, which are at most tree.MaxFile whatever the headers say.
func (t *archiveTarget) fetchFile(ctx context.Context, real string) (*node, error) {
	r, st, err := t.eng.GetArchive(ctx, t.seen.ID, real)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in := tar.NewReader(io.LimitReader(r, maxStream))
	h, err := in.Next()
	if err != nil {
		return nil, oddTar(real, err)
	}
	n, err := t.newNode(ctx, real, h, &st)
	if err != nil {
		return nil, err
	}
	// It may be another one than a moment ago.
	if !n.entry.Mode.IsRegular() {
		return nil, &tree.NotRegularError{Path: real, Mode: n.entry.Mode}
	}
	if n.entry.Size > tree.MaxFile {
		return nil, &tree.TooLargeError{Path: real, Size: n.entry.Size}
	}
	if n.data, err = readBody(in, h.Size); err != nil {
		return nil, oddTar(real, err)
	}
	n.read = true
	return n, nil
}

// fetchAll asks for a directory and keeps what is below it. *FullError when that is too much; what was read by then is kept.
func (t *archiveTarget) fetchAll(ctx context.Context, real string) error {
	r, st, err := t.eng.GetArchive(ctx, t.seen.ID, real)
	if err != nil {
		return err
	}
	defer r.Close()
	limit := &io.LimitedReader{R: r, N: maxStream}
	in := tar.NewReader(limit)
	for count := 0; ; count++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) && limit.N > 0 && count > 0 {
			t.cache.whole[real] = true
			return nil
		}
		if limit.N <= 0 {
			return &FullError{Path: real, What: "bytes", Max: maxStream}
		}
		if err != nil {
			return oddTar(real, err)
		}
		if count > maxNames {
			return &FullError{Path: real, What: "names", Max: maxNames}
		}
		if h.Size > limit.N {
			return &FullError{Path: real, What: "bytes", Max: maxStream}
		}
		stat := &st
		if count > 0 {
			stat = nil
		}
		if err := t.keep(ctx, real, h, stat, in); err != nil {
			return err
		}
	}
}

// keep takes one entry of the tar of a directory.
func (t *archiveTarget) keep(ctx context.Context, dir string, h *tar.Header, st *engine.PathStat, body io.Reader) error {
	name, ok := below(dir, h.Name)
	if !ok {
		return fmt.Errorf("reading %s: the archive has an entry %q, which is not in it", dir, h.Name)
	}
	if t.hidden(name) != nil {
		return nil
	}
	n, err := t.newNode(ctx, name, h, st)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeLink {
		// Another name of a file that came before.
		if first, ok := below(dir, h.Linkname); ok {
			if was, known := t.cache.find(first); known && was != nil {
				n.entry.Size, n.read, n.data = was.entry.Size, was.read, was.data
			}
		}
	}
	// A file that others may not read, such as a key, is not kept in memory for nothing.
	if n.entry.Mode.IsRegular() && h.Typeflag != tar.TypeLink && h.Size <= tree.MaxFile && n.entry.Mode&0o004 != 0 {
		if n.data, err = readBody(body, h.Size); err != nil {
			return oddTar(dir, err)
		}
		n.read = true
	}
	t.cache.put(name, n)
	return nil
}

// maxAhead is how many bytes are made room for because a header says so; more only as they come.
const maxAhead = 1 << 20

// readBody reads the bytes of an entry, at most tree.MaxFile as its header says.
func readBody(body io.Reader, size int64) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, 0, min(size, maxAhead)+bytes.MinRead)) // which ReadFrom wants at the end
	_, err := buf.ReadFrom(body)
	return buf.Bytes(), err
}

// below turns a name of the tar of a directory, which begins with the directory's own last element, into one of the container. Nothing else than names below the directory is taken.
func below(dir, name string) (string, bool) {
	clean := path.Clean("/" + name)
	first, rest, _ := strings.Cut(strings.TrimPrefix(clean, "/"), "/")
	if dir != "/" && first != path.Base(dir) {
		return "", false
	}
	if dir == "/" {
		return clean, true
	}
	return path.Join(dir, rest), true
}

func (t *archiveTarget) newNode(ctx context.Context, real string, h *tar.Header, st *engine.PathStat) (*node, error) {
	mode := h.FileInfo().Mode()
	if h.Typeflag == tar.TypeLink {
		mode &^= fs.ModeType
	}
	e := tree.Entry{Path: real, Mode: mode, Size: h.Size, ModTime: h.ModTime}
	var err error
	if e.UID, e.GID, err = t.owners(ctx, h.Uid, h.Gid); err != nil {
		return nil, err
	}
	if e.IsLink() {
		e.Target = h.Linkname
	}
	n := &node{entry: e}
	if st != nil && !st.ModTime.IsZero() && st.ModTime.Truncate(time.Second).Equal(h.ModTime.Truncate(time.Second)) {
		n.entry.ModTime, n.exact = st.ModTime, true
	}
	t.mounted(&n.entry)
	for key, value := range h.PAXRecords {
		if strings.HasPrefix(key, "SCHILY.xattr.") {
			if n.xattrs == nil {
				n.xattrs = map[string]string{}
			}
			n.xattrs[key] = value
		}
	}
	return n, nil
}

func oddTar(real string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading the archive of %s: %w", real, err)
}
