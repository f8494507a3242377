package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

// debian is a root directory with Debian's packaged certificates in which the real update-ca-certificates runs.
type debian struct{ root string }

func newDebian(t *testing.T) debian {
	t.Helper()
	for _, tool := range []string{"update-ca-certificates", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on this machine (make test installs it)", tool)
		}
	}
	d := debian{root: t.TempDir()}
	for _, dir := range []string{"etc/ssl/certs", "usr/share/ca-certificates/mozilla", "usr/local/share/ca-certificates", "etc/ca-certificates/update.d"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(d.root, dir), 0o755))
	}
	packaged, err := filepath.Glob("/usr/share/ca-certificates/mozilla/*.crt")
	assert.NilError(t, err)
	assert.Assert(t, len(packaged) > 100, "the package ca-certificates is not whole")
	var list strings.Builder
	list.WriteString("# a comment\n")
	for i, name := range packaged[:24] { // enough for an order; the tool takes its time for each
		data, err := os.ReadFile(name)
		assert.NilError(t, err)
		d.write(t, "usr/share/ca-certificates/mozilla/"+filepath.Base(name), string(data))
		if i == 3 {
			list.WriteString("!")
		}
		list.WriteString("mozilla/" + filepath.Base(name) + "\n")
	}
	d.write(t, "etc/ca-certificates.conf", list.String())
	for _, name := range []string{"etc/debian_version", "var/lib/dpkg/status", "usr/sbin/update-ca-certificates", "usr/bin/dpkg"} {
		d.write(t, name, "")
	}
	return d
}

func (d debian) write(t *testing.T, name, data string) {
	t.Helper()
	name = filepath.Join(d.root, name)
	assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	assert.NilError(t, os.WriteFile(name, []byte(data), 0o644))
}

// update runs the tool.
func (d debian) update(t *testing.T, args ...string) {
	t.Helper()
	in := func(name string) string { return filepath.Join(d.root, name) }
	cmd := exec.CommandContext(t.Context(), "update-ca-certificates", append([]string{
		"--certsconf", in("etc/ca-certificates.conf"), "--certsdir", in("usr/share/ca-certificates"), "--localcertsdir", in("usr/local/share/ca-certificates"),
		"--etccertsdir", in("etc/ssl/certs"), "--hooksdir", in("etc/ca-certificates/update.d"),
	}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, string(out))
}

// load reads the root directory, with the links as they were made in a root of their own.
func (d debian) load(t *testing.T) *treetest.Mem {
	t.Helper()
	m, err := treetest.Load(d.root)
	assert.NilError(t, err)
	for _, name := range m.Names() {
		m.Set(name, func(e *tree.Entry) { e.Target = strings.TrimPrefix(e.Target, d.root) })
	}
	return m
}

func TestDebianEqualsTheTool(t *testing.T) {
	same := authority(t, "Same Subject")
	tests := []struct {
		name   string
		locals map[string]string // already installed with the tool
	}{
		{name: "nothing local"},
		{name: "local certificates round ours by name", locals: map[string]string{"aaa.crt": "", "zzz.crt": "", "sub/dir/mmm.crt": ""}},
		{name: "tricky names", locals: map[string]string{"with space.crt": "", "round (brackets).crt": "", "a,comma.crt": "", "Übung.crt": "", "e.crt.crt": "", "E.crt": "", "not-taken.pem": ""}},
		{name: "no final newline, comments, several in one file", locals: map[string]string{"b.crt": "trim", "x.crt": "comment", "y.crt": "two"}},
		{name: "the same subject", locals: map[string]string{"same.crt": "same"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDebian(t)
			for name, how := range tt.locals {
				text := string(authority(t, name).PEM())
				switch how {
				case "trim":
					text = strings.TrimSuffix(text, "\n")
				case "comment":
					text = "# hello\r\n" + strings.ReplaceAll(text, "\n", "\r\n") + "\n\ntext behind"
				case "two":
					text += string(authority(t, "second").PEM())
				case "same":
					text = string(authority(t, "Same Subject").PEM())
				}
				d.write(t, "usr/local/share/ca-certificates/"+name, text)
			}
			d.update(t)
			m := d.load(t)
			before := m.Dump()

			other := authority(t, "Other")
			notes := add(t, m, store.AddOptions{}, same, other)
			assert.Equal(t, len(notes), 0, "%v", notes)
			addAgain(t, m, same, other)

			d.write(t, "usr/local/share/ca-certificates/"+same.Fingerprint.AnchorName(), string(same.PEM()))
			d.write(t, "usr/local/share/ca-certificates/"+other.Fingerprint.AnchorName(), string(other.PEM()))
			d.update(t)
			assert.DeepEqual(t, m.Dump(), d.load(t).Dump())

			remove(t, m, store.RemoveOptions{}, same, other)
			assert.DeepEqual(t, m.Dump(), before)
		})
	}
}
