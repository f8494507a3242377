package systemd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// tree makes a root out of path → text; a text "-> x" is a link to x.
func tree(t *testing.T, list map[string]string) *host.FS {
	t.Helper()
	root := t.TempDir()
	for name, text := range list {
		name = filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			assert.NilError(t, os.Symlink(target, name))
			continue
		}
		assert.NilError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	files, err := host.Open(root)
	assert.NilError(t, err)
	t.Cleanup(func() { files.Close() })
	return files
}

const (
	vendor = "/usr/lib/systemd/system"
	admin  = "/etc/systemd/system"
)

func TestUnitFiles(t *testing.T) {
	ann := &UserDirs{ConfigHome: "/home/ann/.config", DataHome: "/home/ann/.local/share", RuntimeDir: "/run/user/1000"}
	for _, tc := range []struct {
		name string
		unit string
		user *UserDirs
		tree map[string]string
		want []UnitFile
	}{
		{name: "nothing there", tree: map[string]string{"/etc/os-release": "x"}},
		{
			name: "vendor drop-in beats the administrator's by name",
			tree: map[string]string{vendor + "/docker.service": "x", vendor + "/docker.service.d/99-vendor.conf": "x", admin + "/docker.service.d/10-mine.conf": "x"},
			want: []UnitFile{
				{Path: vendor + "/docker.service"},
				{Path: admin + "/docker.service.d/10-mine.conf", DropIn: true},
				{Path: vendor + "/docker.service.d/99-vendor.conf", DropIn: true},
			},
		},
		{
			name: "same name: the strongest directory, and what it hides",
			tree: map[string]string{
				vendor + "/docker.service": "x", admin + "/docker.service": "y", vendor + "/docker.service.d/a.conf": "x",
				"/run/systemd/system/docker.service.d/a.conf": "x", admin + "/docker.service.d/a.conf": "x", vendor + "/service.d/a.conf": "x",
			},
			want: []UnitFile{
				{Path: admin + "/docker.service", Shadowed: []string{vendor + "/docker.service"}},
				{Path: admin + "/docker.service.d/a.conf", DropIn: true, Shadowed: []string{
					"/run/systemd/system/docker.service.d/a.conf", vendor + "/docker.service.d/a.conf", vendor + "/service.d/a.conf",
				}},
			},
		},
		{
			name: "masked drop-in and masked unit",
			tree: map[string]string{vendor + "/docker.service": "x", admin + "/docker.service": "-> /dev/null", vendor + "/docker.service.d/a.conf": "x", admin + "/docker.service.d/a.conf": ""},
			want: []UnitFile{
				{Path: admin + "/docker.service", Real: "/dev/null", Masked: true, Shadowed: []string{vendor + "/docker.service"}},
				{Path: admin + "/docker.service.d/a.conf", DropIn: true, Masked: true, Shadowed: []string{vendor + "/docker.service.d/a.conf"}},
			},
		},
		{
			name: "transient, control and generated directories",
			tree: map[string]string{
				"/run/systemd/generator.late/docker.service": "x", "/run/systemd/transient/docker.service.d/50-Env.conf": "x",
				"/etc/systemd/system.control/docker.service.d/50-Env.conf": "x", "/run/systemd/generator/docker.service.d/g.conf": "x",
			},
			want: []UnitFile{
				{Path: "/run/systemd/generator.late/docker.service"},
				{Path: "/etc/systemd/system.control/docker.service.d/50-Env.conf", DropIn: true, Shadowed: []string{"/run/systemd/transient/docker.service.d/50-Env.conf"}},
				{Path: "/run/systemd/generator/docker.service.d/g.conf", DropIn: true},
			},
		},
		{
			name: "asked by its alias", unit: "moby.service",
			tree: map[string]string{vendor + "/docker.service": "x", admin + "/moby.service": "-> " + vendor + "/docker.service", admin + "/docker.service.d/a.conf": "x", admin + "/moby.service.d/b.conf": "x"},
			want: []UnitFile{
				{Path: vendor + "/docker.service"},
				{Path: admin + "/docker.service.d/a.conf", DropIn: true},
				{Path: admin + "/moby.service.d/b.conf", DropIn: true},
			},
		},
		{
			name: "linked from elsewhere, drop-in kept elsewhere",
			tree: map[string]string{"/opt/docker.service": "x", admin + "/docker.service": "-> /opt/docker.service", "/opt/a": "x", admin + "/docker.service.d/a.conf": "-> /opt/a"},
			want: []UnitFile{
				{Path: admin + "/docker.service", Real: "/opt/docker.service"},
				{Path: admin + "/docker.service.d/a.conf", Real: "/opt/a", DropIn: true},
			},
		},
		{
			name: "/lib is /usr/lib: found once",
			tree: map[string]string{vendor + "/docker.service": "x", "/lib": "-> usr/lib"},
			want: []UnitFile{{Path: vendor + "/docker.service"}},
		},
		{
			name: "/lib of its own comes before /usr/lib",
			tree: map[string]string{vendor + "/docker.service": "x", "/lib/systemd/system/docker.service": "x"},
			want: []UnitFile{{Path: "/lib/systemd/system/docker.service", Shadowed: []string{vendor + "/docker.service"}}},
		},
		{
			name: "user manager", user: ann,
			tree: map[string]string{
				"/home/ann/.config/systemd/user/docker.service": "x", "/usr/lib/systemd/user/docker.service": "x", "/etc/systemd/user/docker.service.d/b.conf": "x",
				"/run/user/1000/systemd/user.control/docker.service.d/a.conf": "x", "/home/ann/.config/systemd/user/service.d/c.conf": "x",
				"/home/ann/.local/share/systemd/user/docker.service.d/d.conf": "x", admin + "/docker.service.d/z.conf": "not of user managers",
			},
			want: []UnitFile{
				{Path: "/home/ann/.config/systemd/user/docker.service", Shadowed: []string{"/usr/lib/systemd/user/docker.service"}},
				{Path: "/run/user/1000/systemd/user.control/docker.service.d/a.conf", DropIn: true},
				{Path: "/etc/systemd/user/docker.service.d/b.conf", DropIn: true},
				{Path: "/home/ann/.config/systemd/user/service.d/c.conf", DropIn: true},
				{Path: "/home/ann/.local/share/systemd/user/docker.service.d/d.conf", DropIn: true},
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			unit := tc.unit
			if unit == "" {
				unit = "docker.service"
			}
			for i := range tc.want {
				if tc.want[i].Real == "" {
					tc.want[i].Real = tc.want[i].Path
				}
			}
			assert.DeepEqual(t, UnitFiles(tree(t, tc.tree), unit, tc.user), tc.want)
		})
	}
}

func TestManagerFiles(t *testing.T) {
	files := tree(t, map[string]string{
		"/etc/systemd/system.conf": "x", "/usr/lib/systemd/system.conf": "x", "/usr/lib/systemd/system.conf.d/20.conf": "x",
		"/etc/systemd/system.conf.d/10.conf": "x", "/etc/systemd/system.conf.d/20.conf": "-> /dev/null", "/run/systemd/system.conf.d/05.conf": "x",
		"/etc/systemd/user.conf": "x", "/home/ann/.config/systemd/user.conf.d/a.conf": "x", "/etc/environment": "x",
		"/usr/lib/environment.d/99-environment.conf": "-> ../../../etc/environment", "/home/ann/.config/environment.d/proxy.conf": "x", "/etc/environment.d/10.conf": "x",
	})
	assert.DeepEqual(t, ManagerFiles(files, nil), []ManagerFile{
		{"/etc/systemd/system.conf", ManagerConf}, {"/run/systemd/system.conf.d/05.conf", ManagerConf}, {"/etc/systemd/system.conf.d/10.conf", ManagerConf},
	})
	assert.DeepEqual(t, ManagerFiles(files, &UserDirs{ConfigHome: "/home/ann/.config"}), []ManagerFile{
		{"/etc/systemd/user.conf", ManagerConf}, {"/home/ann/.config/systemd/user.conf.d/a.conf", ManagerConf},
		{"/etc/environment.d/10.conf", EnvironmentDir}, {"/usr/lib/environment.d/99-environment.conf", EnvironmentDir}, {"/home/ann/.config/environment.d/proxy.conf", EnvironmentDir},
	})
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]int{"252.39-1~deb12u1": 252, "257-rc1": 257, "systemd 219": 219, "262.1-1": 262} {
		got, err := ParseVersion(text)
		assert.NilError(t, err)
		assert.Equal(t, got, want)
	}
	_, err := ParseVersion("none")
	assert.ErrorContains(t, err, "no version number")
}
