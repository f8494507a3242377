package engine

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// FakeFile is a file, directory or link of a Fake's container.
type FakeFile struct {
	Header tar.Header // Name is set by Fake
	Data   []byte
}

// maxFakeLinks is the kernel's limit of links in one look-up (path_resolution(7)).
const maxFakeLinks = 40

// resolve follows the links of the directories above name, as the daemon does.
func (f *Fake) resolve(name string) (string, error) {
	todo, at := strings.Split(strings.Trim(name, "/"), "/"), "/"
	for links := 0; len(todo) > 0; {
		next := path.Join(at, todo[0])
		todo = todo[1:]
		file, ok := f.Files[next]
		if !ok || file.Header.Typeflag != tar.TypeSymlink || len(todo) == 0 {
			at = next
			continue
		}
		if links++; links > maxFakeLinks {
			return "", errors.New("too many links")
		}
		if path.IsAbs(file.Header.Linkname) {
			at = "/"
		}
		todo = append(strings.Split(strings.Trim(file.Header.Linkname, "/"), "/"), todo...)
	}
	return at, nil
}

// find is the file at a name. A directory that has files needs no entry of its own.
func (f *Fake) find(name string) (string, FakeFile, error) {
	real, err := f.resolve(name)
	if err != nil {
		return "", FakeFile{}, err
	}
	if file, ok := f.Files[real]; ok {
		return real, file, nil
	}
	for other := range f.Files {
		if real == "/" || strings.HasPrefix(other, real+"/") {
			return real, FakeFile{Header: tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}, nil
		}
	}
	return "", FakeFile{}, fmt.Errorf("could not find the file %s in container: %w", name, errdefs.ErrNotFound)
}

// StatPath describes an entry of f.Files.
func (f *Fake) StatPath(ctx context.Context, _, name string) (PathStat, error) {
	f.Asked++
	if f.Err != nil || ctx.Err() != nil {
		return PathStat{}, errors.Join(f.Err, ctx.Err())
	}
	_, file, err := f.find(name)
	return file.stat(), err
}

func (file FakeFile) stat() PathStat {
	info := file.Header.FileInfo()
	return PathStat{Mode: info.Mode() | typeBits(file.Header.Typeflag), Size: int64(len(file.Data)), ModTime: file.Header.ModTime, Target: file.Header.Linkname}
}

func typeBits(flag byte) fs.FileMode {
	switch flag {
	case tar.TypeDir:
		return fs.ModeDir
	case tar.TypeSymlink:
		return fs.ModeSymlink
	}
	return 0
}

// GetArchive packs an entry of f.Files and all below it, times to the second as the daemon does.
func (f *Fake) GetArchive(_ context.Context, _, name string) (io.ReadCloser, PathStat, error) {
	f.Asked++
	if f.Err != nil {
		return nil, PathStat{}, f.Err
	}
	real, file, err := f.find(name)
	if err != nil {
		return nil, PathStat{}, err
	}
	base := path.Base(name)
	all := map[string]FakeFile{base: file}
	names := []string{base}
	for other, file := range f.Files {
		if rest, ok := strings.CutPrefix(other, strings.TrimSuffix(real, "/")+"/"); ok && other != real {
			all[path.Join(base, rest)] = file
			names = append(names, path.Join(base, rest))
		}
	}
	slices.Sort(names)
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		for _, name := range names {
			h := all[name].Header
			h.Name, h.Size, h.Format = name, int64(len(all[name].Data)), tar.FormatPAX
			if h.Typeflag == tar.TypeDir {
				h.Name += "/"
			}
			if err := t.WriteHeader(&h); err != nil {
				w.CloseWithError(err)
				return
			}
			if _, err := t.Write(all[name].Data); err != nil {
				w.CloseWithError(err)
				return
			}
		}
		w.CloseWithError(t.Close())
	}()
	return r, file.stat(), nil
}

// ReplaceArchive unpacks into f.Files.
func (f *Fake) ReplaceArchive(ctx context.Context, id, dir string, stream io.Reader) error {
	return f.PutArchive(ctx, id, dir, stream)
}

// PutArchive unpacks into f.Files. As with the daemon's, what is there goes before what takes its place is made, which for a hard link may fail.
func (f *Fake) PutArchive(ctx context.Context, _, dir string, stream io.Reader) error {
	f.Asked++
	if f.Err != nil || ctx.Err() != nil {
		return errors.Join(f.Err, ctx.Err())
	}
	real, _, err := f.find(dir)
	if err != nil {
		return err
	}
	for t := tar.NewReader(stream); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return err
		}
		name := path.Join(real, h.Name)
		if f.Files == nil {
			f.Files = map[string]FakeFile{}
		}
		delete(f.Files, name)
		file := FakeFile{Header: *h, Data: data}
		if h.Typeflag == tar.TypeLink {
			first, ok := f.Files[path.Join(real, h.Linkname)]
			if !ok {
				return fmt.Errorf("link %s: %w", h.Linkname, fs.ErrNotExist)
			}
			file = first
		}
		f.Files[name] = file
	}
}

// Exec knows rm and rmdir, when there is such a file, and answers 127 to all else.
func (f *Fake) Exec(_ context.Context, _ string, argv ...string) (int, string, error) {
	f.Asked++
	f.Ran = append(f.Ran, argv)
	if f.Err != nil {
		return 0, "", f.Err
	}
	if _, ok := f.Files[argv[0]]; !ok || path.Base(argv[0]) != "rm" && path.Base(argv[0]) != "rmdir" {
		return 127, "no such program", nil
	}
	for _, name := range argv[1:] {
		if strings.HasPrefix(name, "-") {
			continue
		}
		real, err := f.resolve(name)
		if err != nil {
			return 1, err.Error(), nil
		}
		delete(f.Files, real)
	}
	return 0, "", nil
}
