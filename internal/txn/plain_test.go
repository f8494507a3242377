package txn

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// plainStore is the store that systems other than Linux have.
func plainStore(dir string, fault Fault) *Store {
	t := plainTarget{fault: fault}
	state := filepath.Join(dir, "state", "docker-proxy")
	return &Store{path: state, opt: Options{Wait: time.Second, Now: time.Now}, target: t, state: plainHome{target: t, path: state}}
}

func plainSet(ctx context.Context, s *Store, changes []change.Change) error {
	tx, err := s.Begin(ctx, "docker proxy set")
	if err != nil {
		return err
	}
	err = tx.Apply(ctx, changes)
	if err == nil {
		err = tx.Commit()
	}
	return errors.Join(err, tx.Close())
}

func TestPlainTarget(t *testing.T) {
	for _, all := range []bool{false, true} {
		for at := 0; ; at++ {
			dir := t.TempDir()
			a, b, c := filepath.Join(dir, "a.json"), filepath.Join(dir, "new", "b"), filepath.Join(dir, "c")
			assert.NilError(t, os.WriteFile(a, []byte("old"), 0o600))
			assert.NilError(t, os.WriteFile(c, []byte("gone"), 0o644))
			assert.NilError(t, os.Symlink(a, filepath.Join(dir, "link.json")))
			n := 0
			broken := plainStore(dir, func(op, _ string) error {
				if n++; n == at || all && n > at {
					return &fs.PathError{Op: op, Path: "x", Err: fs.ErrPermission}
				}
				return nil
			})
			old := func(data string, mode fs.FileMode) change.State { return change.NewFile([]byte(data), mode) }
			err := plainSet(t.Context(), broken, []change.Change{
				{Path: filepath.Join(dir, "link.json"), From: old("old", 0o600), To: old("new", 0o640), Partial: true},
				{Path: b, To: old("made", 0o600)},
				{Path: c, From: old("gone", 0o644)},
			})
			if at > 0 && n < at {
				assert.NilError(t, err)
				break
			}
			s := plainStore(dir, nil)
			_, rerr := s.Recover(t.Context())
			assert.NilError(t, rerr, "operation %d: %v", at, err)
			data, rerr := os.ReadFile(a)
			assert.NilError(t, rerr)
			_, newErr := os.Stat(filepath.Dir(b))
			_, goneErr := os.Stat(c)
			want := "old"
			if newErr == nil {
				want = "new"
			}
			assert.Equal(t, string(data), want, "operation %d: %v", at, err)
			assert.Equal(t, goneErr != nil, newErr == nil)
			entries, rerr := os.ReadDir(dir)
			assert.NilError(t, rerr)
			for _, e := range entries {
				assert.Assert(t, filepath.Ext(e.Name()) != ".tmp", e.Name())
			}
		}
	}
}

func TestPlainRefusals(t *testing.T) {
	dir := t.TempDir()
	s := plainStore(dir, nil)
	for _, c := range []change.Change{
		{Path: filepath.Join(dir, "link"), To: change.NewLink("x")},
		{Path: filepath.Join(dir, "dir"), To: change.State{Kind: change.Dir, Mode: 0o755}},
	} {
		var unsupported *UnsupportedError
		assert.Assert(t, errors.As(plainSet(t.Context(), s, []change.Change{c}), &unsupported))
	}
	assert.NilError(t, os.Chmod(s.path, 0o755))
	var planted *JournalError
	_, err := s.List()
	assert.Assert(t, errors.As(err, &planted))
}
