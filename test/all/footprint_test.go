package main

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestLeftBehind(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(t *testing.T, dir string)
		want string // what the error names, "" for none
	}{
		{"nothing happened", func(*testing.T, string) {}, ""},
		{"a journal came", func(t *testing.T, dir string) {
			assert.NilError(t, os.MkdirAll(filepath.Join(dir, "journal", "1"), 0o700))
		}, "journal/1"},
		{"a file was changed", func(t *testing.T, dir string) {
			assert.NilError(t, os.WriteFile(filepath.Join(dir, "etc", "daemon.json"), []byte("{ }\n"), 0o600))
		}, "etc/daemon.json"},
		{"a mode was changed", func(t *testing.T, dir string) {
			assert.NilError(t, os.Chmod(filepath.Join(dir, "etc", "daemon.json"), 0o400))
		}, "etc/daemon.json"},
		{"a file went", func(t *testing.T, dir string) {
			assert.NilError(t, os.Remove(filepath.Join(dir, "etc", "daemon.json")))
		}, "etc/daemon.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			assert.NilError(t, os.Mkdir(filepath.Join(dir, "etc"), 0o700))
			assert.NilError(t, os.WriteFile(filepath.Join(dir, "etc", "daemon.json"), []byte("{}\n"), 0o600))
			places := []string{filepath.Join(dir, "journal"), filepath.Join(dir, "etc")}
			before := footprint(places)
			tc.do(t, dir)
			err := leftBehind(before, footprint(places))
			if tc.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, filepath.Join(dir, tc.want))
		})
	}
}
