package txn

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// lock implements stateDir with flock(2): the kernel gives the lock back when its owner dies, and it works on the descriptor that was judged, not on a path.
func (s *stateFiles) lock(exclusive bool) (func(), bool, error) {
	f, err := s.openLock(exclusive)
	if err != nil {
		return nil, false, err
	}
	err = s.flock(f, lockKind(exclusive)|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return nil, false, nil
	}
	if err != nil {
		f.Close()
		return nil, false, err
	}
	return s.held(f, exclusive), true, nil
}

// held gives the lock back.
func (s *stateFiles) held(f *os.File, exclusive bool) (unlock func()) {
	if exclusive {
		s.home.target.lock = f
	}
	return func() {
		if s.home.target.lock == f {
			s.home.target.lock = nil
		}
		f.Close()
	}
}

// await implements stateDir. It waits in the kernel, which serves those who wait in their order; that cannot be cut short, so that ctx is not looked at.
func (s *stateFiles) await(_ context.Context, exclusive bool) grant {
	f, err := s.openLock(exclusive)
	if err != nil {
		return grant{err: err}
	}
	if err := s.flock(f, lockKind(exclusive)); err != nil {
		f.Close()
		return grant{err: err}
	}
	return grant{unlock: s.held(f, exclusive)}
}

func (s *stateFiles) flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return &fs.PathError{Op: "flock", Path: s.name(lockFile), Err: err}
		}
		return nil
	}
}

func lockKind(exclusive bool) int {
	if exclusive {
		return unix.LOCK_EX
	}
	return unix.LOCK_SH
}

func (s *stateFiles) openLock(create bool) (*os.File, error) {
	f, err := s.openFile(lockFile, unix.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) && create {
		f, err = s.makeLock()
	}
	return f, err
}

func (s *stateFiles) makeLock() (*os.File, error) {
	f, err := s.home.target.calls.create(int(s.dir.Fd()), lockFile, s.name(lockFile))
	if errors.Is(err, fs.ErrExist) {
		return s.openFile(lockFile, unix.O_RDONLY)
	}
	if err != nil {
		return nil, err
	}
	return f, s.home.target.calls.chmod(f, 0o600)
}

// sign implements stateDir: one line in the lock file itself; what a longer one left behind it does not count.
func (s *stateFiles) sign(h Holder) {
	h.PID = os.Getpid()
	text, err := json.Marshal(h)
	if err != nil || len(text) >= chunk {
		return
	}
	f, err := s.openFile(lockFile, unix.O_WRONLY)
	if err != nil {
		return
	}
	defer f.Close()
	_ = s.home.target.calls.write(f, append(text, '\n'), 0) // a message more or less is no reason to change nothing
}

// holder implements stateDir.
func (s *stateFiles) holder() Holder {
	f, err := s.openFile(lockFile, unix.O_RDONLY)
	if err != nil {
		return Holder{}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, chunk))
	if err != nil {
		return Holder{}
	}
	h := parseHolder(data)
	// One that died without the lock being signed anew since is not who has it. EPERM says that it lives.
	if h.PID <= 0 || errors.Is(unix.Kill(h.PID, 0), unix.ESRCH) {
		return Holder{}
	}
	return h
}
