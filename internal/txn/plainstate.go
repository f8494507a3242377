package txn

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"
)

// holderFile says who has the lock.
const holderFile = "lock.json"

// plainHome is the state directory of the user who runs this program.
type plainHome struct {
	target plainTarget
	path   string
}

func (h plainHome) open(create bool) (stateDir, error) {
	if create {
		if err := os.MkdirAll(h.path, 0o700); err != nil {
			return nil, err
		}
	}
	st, err := os.Lstat(h.path)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() || h.target.Can().Modes && st.Mode()&0o077 != 0 {
		return nil, &JournalError{Path: h.path, Reason: "it is not a directory that only its owner may use"}
	}
	return plainState{home: h}, nil
}

// activity implements stateOpener: nothing is known.
func (h plainHome) activity() Activity { return Activity{} }

type plainState struct{ home plainHome }

func (s plainState) close() {}

func (s plainState) name(base string) string { return filepath.Join(s.home.path, base) }

func (s plainState) names() ([]string, error) {
	entries, err := os.ReadDir(s.home.path)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, err
}

func (s plainState) read(base string) ([]byte, error) {
	st, err := os.Lstat(s.name(base))
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > maxJournal || s.home.target.Can().Modes && st.Mode()&0o077 != 0 {
		return nil, &JournalError{Path: s.name(base), Reason: "it is not a file that only its owner may use"}
	}
	return os.ReadFile(s.name(base))
}

func (s plainState) append(base string, size int64, data []byte) error {
	if err := s.home.target.ask("write", s.name(base)); err != nil {
		return err
	}
	f, err := os.OpenFile(s.name(base), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	if _, err = f.WriteAt(data, size); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	return nil
}

func (s plainState) replace(base string, data []byte) error {
	if err := s.remove(stateTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeByRename(s.home.target, s.name(stateTemp), s.name(base), data, 0o600)
}

// put implements stateDir.
func (s plainState) put(base string, data []byte) error { return s.replace(base, data) }

// extend implements stateDir.
func (s plainState) extend(base string) (stateEnd, error) {
	if st, err := os.Lstat(s.name(base)); err == nil && !st.Mode().IsRegular() {
		return nil, &JournalError{Path: s.name(base), Reason: "it is not a file that only its owner may use"}
	}
	f, err := os.OpenFile(s.name(base), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return plainEnd{s, f}, nil
}

type plainEnd struct {
	home plainState
	file *os.File
}

// add implements stateEnd.
func (e plainEnd) add(data []byte) error {
	if err := e.home.home.target.ask("write", e.file.Name()); err != nil {
		return err
	}
	st, err := e.file.Stat()
	if err != nil {
		return err
	}
	if _, err = e.file.Write(data); err != nil {
		return errors.Join(err, e.file.Truncate(st.Size()))
	}
	return nil
}

func (e plainEnd) close() { e.file.Close() }

// drop implements stateDir.
func (s plainState) drop(base string) error { return s.remove(base) }

// flush implements stateDir: put has done it.
func (s plainState) flush([]string) error { return nil }

func (s plainState) remove(base string) error { return os.Remove(s.name(base)) }

func (s plainState) writing() (done func()) { return func() {} }

func (s plainState) await(ctx context.Context, exclusive bool) grant {
	l := flock.New(s.name(lockFile))
	try := l.TryRLockContext
	if exclusive {
		try = l.TryLockContext
	}
	if _, err := try(ctx, lockPoll); err != nil {
		return grant{err: err}
	}
	return grant{unlock: func() { _ = l.Close() }}
}

// sign implements stateDir with a file beside the lock: Windows does not let others read a locked file.
func (s plainState) sign(h Holder) {
	h.PID = os.Getpid()
	if text, err := json.Marshal(h); err == nil {
		_ = s.replace(holderFile, append(text, '\n'))
	}
}

func (s plainState) holder() Holder {
	data, err := s.read(holderFile)
	if err != nil {
		return Holder{}
	}
	return parseHolder(data)
}

func (s plainState) lock(exclusive bool) (func(), bool, error) {
	l := flock.New(s.name(lockFile))
	try := l.TryRLock
	if exclusive {
		try = l.TryLock
	}
	ok, err := try()
	if err != nil || !ok {
		return nil, false, err
	}
	return func() { _ = l.Close() }, true, nil
}
