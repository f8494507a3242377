//go:build inhost && linux

package target_test

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// debianLike is a store of the usual size: a bundle of 220 kB and 290 links.
func debianLike(t testing.TB) string {
	files := []file{dir(".", 0o755), dir("/etc", 0o755), dir("/etc/ssl", 0o755), dir("/etc/ssl/certs", 0o755), dir(anchorDir, 0o755), regular(bundleName, strings.Repeat("x", 220<<10), 0o644)}
	for i := range 145 {
		files = append(files, link(fmt.Sprintf("/etc/ssl/certs/Root_%d.pem", i), fmt.Sprintf("/usr/share/ca-certificates/mozilla/Root_%d.crt", i)), link(fmt.Sprintf("/etc/ssl/certs/%08x.0", i), fmt.Sprintf("Root_%d.pem", i)))
	}
	return image(t, "debian-like", files...)
}

// BenchmarkLive is what each step costs for one container, by both ways.
func BenchmarkLive(b *testing.B) {
	img := debianLike(b)
	for name, how := range ways() {
		id := start(b, img, "sleep", "--network=none")
		eng := api(b)
		b.Run(name+"/open", func(b *testing.B) {
			for b.Loop() {
				c, err := target.Open(b.Context(), eng, id, how)
				assert.NilError(b, err)
				c.Close()
			}
		})
		b.Run(name+"/survey", func(b *testing.B) {
			for b.Loop() {
				c := open(b, id, how)
				c.Prefetch(b.Context(), "/etc/ssl", anchorDir)
				_, err := c.ReadFile(bundleName)
				assert.NilError(b, err)
				_, err = c.ReadDir("/etc/ssl/certs")
				assert.NilError(b, err)
			}
		})
		b.Run(name+"/add and restore", func(b *testing.B) {
			before := change.NewFile([]byte(strings.Repeat("x", 220<<10)), 0o644)
			changes := change.Plan{
				{Path: anchorDir + "/a.crt", To: change.NewFile([]byte("a"), 0o644)}, {Path: "/etc/ssl/certs/a.pem", To: change.NewLink(anchorDir + "/a.crt")},
				{Path: "/etc/ssl/certs/ffffffff.0", To: change.NewLink("a.pem")}, {Path: bundleName, From: before, To: before.WithData(append([]byte("y"), before.Data...))},
			}
			for b.Loop() {
				c := open(b, id, how)
				done, err := c.Apply(b.Context(), changes, target.Options{})
				assert.NilError(b, err)
				left := c.Restore(b.Context(), done)
				assert.Equal(b, len(left), 0)
			}
		})
	}
}
