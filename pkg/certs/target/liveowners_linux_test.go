//go:build inhost && linux

package target_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// TestLiveOwners: whatever numbers the machine has for them, owners are those that the container sees. On a daemon without user namespaces the two are the same.
func TestLiveOwners(t *testing.T) {
	img := image(t, "sample", sampleFiles()...)
	for name, how := range ways() {
		t.Run(name, func(t *testing.T) {
			id := start(t, img, "sleep", "--network=none")
			root := "/proc/" + docker(t, "inspect", "-f", "{{.State.Pid}}", id) + "/root"
			text, err := os.ReadFile(strings.TrimSuffix(root, "root") + "uid_map")
			assert.NilError(t, err)
			t.Log("uid_map", strings.Join(strings.Fields(string(text)), " "))
			c := open(t, id, how)
			done, err := c.Apply(t.Context(), plan(), target.Options{})
			assert.NilError(t, err)
			outside := func(name string) uint32 {
				st, err := os.Lstat(root + name)
				assert.NilError(t, err)
				return st.Sys().(*syscall.Stat_t).Uid
			}
			base := outside("/etc/ssl")
			for name, want := range map[string]int{bundleName: 0, "/usr/share/ca.crt": 7, "/opt/a/b/c.crt": 3, "/opt/a": 0, "/etc/ssl/certs/docker-proxy-0123.pem": 0, anchorDir + "/docker-proxy-0123.crt": 0} {
				e, err := c.Lstat(name)
				assert.NilError(t, err)
				assert.Equal(t, e.UID, want, name)
				if base > 65535 {
					assert.Equal(t, outside(name), base+uint32(want), name)
				}
			}
			if how == target.ContainerRoot {
				assert.Assert(t, is.Len(c.Restore(t.Context(), done), 0))
			}
		})
	}
}
