package tool

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Scratch is a directory that only this user can enter, for candidates that a helper program is asked about. It is no host file: Close removes it with all it holds.
type Scratch struct{ dir string }

// NewScratch makes an empty directory with mode 0700 below the system's directory for temporary files. Its absolute path has no character that means anything to a shell or
// in a list of paths: a TMPDIR that has some is not used.
func NewScratch() (*Scratch, error) {
	odd := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+", r))
	}
	parent := os.TempDir()
	if runtime.GOOS != "windows" && (!filepath.IsAbs(parent) || strings.ContainsFunc(parent, odd)) {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "docker-proxy-candidate-")
	if err != nil {
		return nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	return &Scratch{dir: dir}, nil
}

// Write puts a file with mode 0600 into the directory, with the base name of name, and returns its path.
func (s *Scratch) Write(name string, data []byte) (string, error) {
	return s.WriteAt(filepath.Base(name), data)
}

// WriteAt is Write for a path of several elements below the directory; the directories on the way are for this user only.
func (s *Scratch) WriteAt(rel string, data []byte) (string, error) {
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("writing a candidate file: %q is not below the scratch directory", rel)
	}
	path := filepath.Join(s.dir, rel)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("writing a candidate file: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", fmt.Errorf("writing a candidate file: %w", err)
	}
	return path, nil
}

// Dir is the directory itself.
func (s *Scratch) Dir() string { return s.dir }

// Close removes the directory.
func (s *Scratch) Close() { _ = os.RemoveAll(s.dir) } // what stays is readable for this user only
