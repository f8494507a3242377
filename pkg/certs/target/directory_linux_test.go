package target_test

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// sample makes the tree of suite in a directory.
func sample(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	for dir, mode := range map[string]os.FileMode{"etc/ssl/certs": 0o755, "usr/share": 0o755, anchorDir: 0o775} {
		assert.NilError(t, os.MkdirAll(in(dir), 0o755))
		assert.NilError(t, os.Chmod(in(dir), mode))
	}
	assert.NilError(t, os.WriteFile(in(bundleName), []byte(bundleText), 0o644))
	assert.NilError(t, os.WriteFile(in("usr/share/ca.crt"), []byte("ca\n"), 0o640))
	assert.NilError(t, os.Chmod(in("usr/share/ca.crt"), 0o640))
	assert.NilError(t, os.Chown(in("usr/share/ca.crt"), 7, 8))
	assert.NilError(t, os.Chown(in(anchorDir), 0, 50))
	for name, text := range map[string]string{"etc/ssl/cert.pem": "certs/ca-certificates.crt", "etc/ssl/certs/ca.pem": "/usr/share/ca.crt", "etc/away": "../../../../../../etc/ssl", "etc/ssl/dangling": "/none/at/all"} {
		assert.NilError(t, os.Symlink(text, in(name)))
	}
	for _, name := range []string{bundleName, "usr/share/ca.crt", anchorDir, "etc/ssl/certs", "etc/ssl", "etc", "usr/share", ""} {
		assert.NilError(t, os.Chtimes(in(name), oddTime(), oddTime()))
	}
	return root
}

func openDirectory(t *testing.T, dir string) target.Target {
	t.Helper()
	c, err := target.Directory(t.Context().Done(), dir)
	assert.NilError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// The container-root target on a plain directory: the same code without a container.
func TestDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("owners are given as root only: the run as root covers this")
		return
	}
	suite(t, func(t *testing.T) target.Target { return openDirectory(t, sample(t)) })
}
