package systemd

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// realOrder asks systemd itself which files it reads and in what order: every file has a key that systemd does not know, and complains about.
func realOrder(t *rapid.T, root, unit string) []string {
	cmd := exec.Command("systemd-analyze", "--root="+root, "--man=no", "--generators=no", "verify", unit)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_LOG_COLOR=0", "LC_ALL=C"}
	out, _ := cmd.CombinedOutput() // the exit status says what verify thinks of the unit, which is not the question
	complaint := regexp.MustCompile(`^(/\S+):\d+: Unknown key (?:name )?'Marker'`)
	var files []string
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if m := complaint.FindStringSubmatch(lines.Text()); m != nil {
			files = append(files, strings.TrimPrefix(m[1], root))
		}
	}
	if len(files) == 0 && len(out) > 0 {
		t.Logf("systemd-analyze: %s", out)
	}
	return files
}

const markedUnit = "[Service]\nExecStart=/bin/true\nMarker=1\n"

// TestUnitFilesLikeSystemd compares the order of unit file and drop-ins with the real systemd on random trees: directories of all priorities, prefix, alias and
// type-level drop-ins, equal names, empty files, links to /dev/null, links elsewhere and dangling ones.
func TestUnitFilesLikeSystemd(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed; TestUnitFiles has the fixed cases")
	}
	rapid.Check(t, func(rt *rapid.T) {
		root := t.TempDir()
		write := func(name, text string) {
			name = filepath.Join(root, name)
			assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
			assert.NilError(t, os.WriteFile(name, []byte(text), 0o644))
		}
		link := func(target, name string) {
			name = filepath.Join(root, name)
			assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
			assert.NilError(t, os.Symlink(target, name))
		}
		write("usr/bin/true", "")
		// Not /run/systemd/transient: systemd-analyze puts a directory of its own in its place.
		dirs := []string{"etc/systemd/system.control", "run/systemd/system.control", "etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system"}
		write("opt/linked.service", markedUnit)
		for _, dir := range dirs {
			if dir == "usr/lib/systemd/system" {
				write(dir+"/dp-one.service", markedUnit)
				link("dp-one.service", dir+"/other.service")
				continue
			}
			switch rapid.SampledFrom([]string{"", "", "", "", "file", "self", "linked"}).Draw(rt, "fragment "+dir) {
			case "file":
				write(dir+"/dp-one.service", markedUnit)
			case "self":
				link("/usr/lib/systemd/system/dp-one.service", dir+"/dp-one.service")
			case "linked":
				if strings.HasPrefix(dir, "etc") {
					link("../../../opt/linked.service", dir+"/dp-one.service")
				}
			}
		}
		for _, dir := range dirs {
			for _, sub := range []string{"dp-one.service.d", "dp-.service.d", "other.service.d", "service.d"} {
				for _, name := range []string{"10-a.conf", "50-b.conf", "B.conf", ".c.conf", "d.conf~"} {
					at := filepath.Join(dir, sub, name)
					switch rapid.SampledFrom([]string{"", "", "", "", "file", "file", "empty", "null", "link", "dangling", "dir"}).Draw(rt, at) {
					case "file":
						write(at, "[Service]\nMarker=1\n")
					case "empty":
						write(at, "")
					case "dir":
						assert.NilError(t, os.MkdirAll(filepath.Join(root, at), 0o755))
					case "dangling":
						link("../nowhere", at)
					case "null":
						link("/dev/null", at)
					case "link":
						write(filepath.Join("opt", at), "[Service]\nMarker=1\n")
						link(filepath.Join(strings.Repeat("../", strings.Count(at, "/")), "opt", at), at) // relative: systemd-analyze follows absolute ones out of its root
					}
				}
			}
		}
		files, err := host.Open(root)
		assert.NilError(t, err)
		defer files.Close()
		var got []string
		for _, f := range UnitFiles(files, "dp-one.service", nil) {
			if !f.Masked {
				got = append(got, f.Path)
			}
		}
		assert.DeepEqual(rt, got, realOrder(rt, root, "dp-one.service"))
	})
}
