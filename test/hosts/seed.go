//go:build linux

package hosts

import (
	"os"
	"path/filepath"
)

// A Seed is what a machine finds on its disk when it boots.
type Seed struct {
	// Files by absolute path; 0644 and root's.
	Files map[string]string
	// Prepare is a script that sh -e runs in the root before it boots.
	Prepare string
}

// writeSeed lays out what machine.sh puts on the machine's disk.
func writeSeed(dir string, seed Seed) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for path, text := range seed.Files {
		target := filepath.Join(dir, "files", path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if seed.Prepare == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "prepare.sh"), []byte(seed.Prepare), 0o600)
}
