package target

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// maxTries is how often a look-up that a rename disturbed is repeated (openat2(2), EAGAIN).
const maxTries = 1000

// rootTarget is a container by its root directory. Every name is resolved by the kernel below that one descriptor (openat2(2), RESOLVE_IN_ROOT): no link of the
// container, whoever changes it when, leads out.
type rootTarget struct {
	root     *os.File
	mount    uint64 // id of the mount that the root directory is
	readOnly bool
	process  *process // nil for a plain directory
	uids     idMap
	gids     idMap
	known    []engine.Mount
	buffer   []byte // for comparing; calls follow each other
	end      <-chan struct{}
	limit    time.Duration

	mountOnce sync.Once
	mountinfo string

	step    func(op, name string) // see calls
	givenUp atomic.Bool
	use     sync.Mutex
	busy    int
	closed  bool
}

var _ Target = (*rootTarget)(nil)

// Directory opens a directory of this machine as if it were the root of a container whose owners are those of the machine. Whatever is below it is not trusted.
func Directory(end <-chan struct{}, dir string) (Target, error) {
	f, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0) //nolint:forbidigo // the root itself, named by the caller
	if err != nil {
		return nil, err
	}
	t := &rootTarget{root: f, end: end, limit: stuckAfter}
	if err := t.start(); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

func (t *rootTarget) start() error {
	st, err := statx(t.root, "", "/")
	if err != nil {
		return err
	}
	t.mount = st.Mnt_id
	t.readOnly, _, err = mountFlags(t.root)
	return err
}

// within runs f on a thread of its own and gives it up when it takes too long: a call that waits for a file system served by the container cannot be interrupted
// otherwise. After that the target is dead. The thread goes when its call ends, at the latest with this process; it changes nothing more.
func within[T any](t *rootTarget, name string, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if t.givenUp.Load() {
		return none, &StuckError{Path: name, After: t.limit}
	}
	if !t.enter() {
		return none, fs.ErrClosed
	}
	done := make(chan result, 1)
	go func() {
		defer t.leave()
		value, err := f()
		done <- result{value, err}
	}()
	limit := time.NewTimer(t.limit)
	defer limit.Stop()
	begun, ended := time.Now(), t.end
	for {
		select {
		case r := <-done:
			return r.value, r.err
		case <-ended:
			// The run is over, but what has begun ends, and what was done is taken back: with less patience.
			ended = nil
			limit.Reset(min(t.limit, lastPatience))
			continue
		case <-limit.C:
		}
		t.givenUp.Store(true)
		return none, &StuckError{Path: name, After: time.Since(begun).Round(time.Millisecond)}
	}
}

// lastPatience is how long one call may take after the context of Open has ended.
const lastPatience = 2 * time.Second

func (t *rootTarget) enter() bool {
	t.use.Lock()
	defer t.use.Unlock()
	if t.closed {
		return false
	}
	t.busy++
	return true
}

func (t *rootTarget) leave() {
	t.use.Lock()
	defer t.use.Unlock()
	if t.busy--; t.busy == 0 && t.closed {
		t.release()
	}
}

// Close implements Target. Descriptors that a call which was given up still holds are closed when it ends.
func (t *rootTarget) Close() error {
	t.use.Lock()
	defer t.use.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	if t.busy == 0 {
		t.release()
	}
	return nil
}

func (t *rootTarget) release() {
	t.root.Close()
	if t.process != nil {
		t.process.Close()
	}
}

// Lstat implements tree.Tree.
func (t *rootTarget) Lstat(name string) (tree.Entry, error) {
	return within(t, name, func() (tree.Entry, error) {
		f, err := t.open(name, unix.O_PATH|unix.O_NOFOLLOW)
		if err != nil {
			return tree.Entry{}, err
		}
		defer f.Close()
		return t.entry(f, "", name)
	})
}

// ReadDir implements tree.Tree. *FullError above 65536 names.
func (t *rootTarget) ReadDir(name string) ([]tree.Entry, error) {
	return within(t, name, func() ([]tree.Entry, error) {
		f, err := t.open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		names, err := f.Readdirnames(maxNames + 1)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(names) > maxNames {
			return nil, &FullError{Path: name, What: "names", Max: maxNames}
		}
		slices.Sort(names)
		out := make([]tree.Entry, 0, len(names))
		for _, base := range names {
			e, err := t.entry(f, base, path.Join("/", name, base))
			if errors.Is(err, fs.ErrNotExist) { // gone since
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		return out, nil
	})
}

// open resolves a name in the container and opens it.
func (t *rootTarget) open(name string, flags uint64) (*os.File, error) {
	return t.openHow(name, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

// openExact is open for a name that was resolved before: a link in it is an error, since somebody put it there meanwhile.
func (t *rootTarget) openExact(name string, flags uint64) (*os.File, error) {
	return t.openHow(name, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
}

func (t *rootTarget) openHow(name string, flags, resolve uint64) (*os.File, error) {
	rel := strings.TrimLeft(path.Clean("/"+name), "/")
	if rel == "" {
		rel = "."
	}
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for tries := 0; ; tries++ {
		fd, err := unix.Openat2(int(t.root.Fd()), rel, &how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), name), nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN) && tries < maxTries:
			if t.givenUp.Load() {
				return nil, &fs.PathError{Op: "open", Path: name, Err: err}
			}
		case errors.Is(err, unix.ENOTDIR) && flags&unix.O_DIRECTORY == 0:
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		case errors.Is(err, unix.ELOOP):
			return nil, fmt.Errorf("%s: %w", name, tree.ErrLoop)
		default:
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// entry describes base in an open directory, or, for "", the open file itself.
func (t *rootTarget) entry(f *os.File, base, name string) (tree.Entry, error) {
	st, err := statx(f, base, name)
	if err != nil {
		return tree.Entry{}, err
	}
	e := tree.Entry{
		Path: path.Clean("/" + name), Mode: fileMode(st.Mode), UID: t.uids.in(int(st.Uid)), GID: t.gids.in(int(st.Gid)),
		Size: int64(st.Size), ModTime: time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)), ReadOnly: t.readOnly, //nolint:gosec // sizes are off_t
	}
	if e.IsLink() {
		if e.Target, err = readlinkat(int(f.Fd()), base); err != nil {
			return tree.Entry{}, &fs.PathError{Op: "readlink", Path: name, Err: err}
		}
	}
	if st.Mnt_id == t.mount {
		return e, nil
	}
	e.Mount, e.Source = true, t.source(st.Mnt_id)
	at := f
	if base != "" {
		if at, err = openat(int(f.Fd()), base, name, unix.O_PATH|unix.O_NOFOLLOW); err != nil {
			return tree.Entry{}, err
		}
		defer at.Close()
	}
	e.ReadOnly, _, err = mountFlags(at)
	return e, err
}

// mountOf finds what is mounted by its id. The text is read once, and of its lines, of which a machine has many, only that one.
func (t *rootTarget) mountOf(id uint64) (mountLine, bool) {
	t.mountOnce.Do(func() {
		if t.process != nil {
			t.mountinfo, _ = t.process.read("mountinfo")
			return
		}
		data, _ := os.ReadFile("/proc/self/mountinfo") //nolint:forbidigo // of this process
		t.mountinfo = string(data)
	})
	begin := strconv.FormatUint(id, 10) + " "
	for line := range strings.Lines(t.mountinfo) {
		if !strings.HasPrefix(line, begin) {
			continue
		}
		for _, m := range parseMounts(line) {
			return m, true
		}
	}
	return mountLine{}, false
}

func (t *rootTarget) source(id uint64) string {
	if m, ok := t.mountOf(id); ok {
		return m.describe(t.known)
	}
	return "another file system"
}
