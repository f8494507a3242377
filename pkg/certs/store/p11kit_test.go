package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

// p11kit is a root directory in which the real `trust extract` of p11-kit writes what a family's script lets it write.
type p11kit struct {
	root, home, module string
	sources            []string
}

func newP11Kit(t *testing.T, sources ...string) p11kit {
	t.Helper()
	for _, tool := range []string{"trust", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s on this machine (make test installs it)", tool)
		}
	}
	found, err := filepath.Glob("/usr/lib/*/pkcs11/p11-kit-trust.so")
	assert.NilError(t, err)
	if len(found) == 0 {
		t.Skip("no p11-kit-trust.so on this machine (make test installs it)")
	}
	dir, err := os.MkdirTemp("", "p11kit") //nolint:usetesting // another user has to get into it
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	assert.NilError(t, os.Chmod(dir, 0o755))
	p := p11kit{root: filepath.Join(dir, "root"), home: filepath.Join(dir, "home"), module: found[0]}
	var paths []string
	for _, s := range sources {
		assert.NilError(t, os.MkdirAll(filepath.Join(p.root, s, "anchors"), 0o755))
		paths = append(paths, filepath.Join(p.root, s))
	}
	p.sources = sources
	config := filepath.Join(p.home, ".config/pkcs11")
	assert.NilError(t, os.MkdirAll(filepath.Join(config, "modules"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(config, "pkcs11.conf"), []byte("user-config: only\n"), 0o644))
	module := "module: " + p.module + "\ntrust-policy: yes\nx-init-reserved: paths='" + strings.Join(paths, ":") + "'\n"
	assert.NilError(t, os.WriteFile(filepath.Join(config, "modules/test.module"), []byte(module), 0o644))
	return p
}

func (p p11kit) anchor(t *testing.T, source, name string, a certs.Authority) {
	t.Helper()
	assert.NilError(t, os.WriteFile(filepath.Join(p.root, source, "anchors", name), a.PEM(), 0o644))
}

// extract runs `trust extract` once for every output. As root p11-kit reads no configuration but the machine's, so another user runs it.
func (p p11kit) extract(t *testing.T, outputs []string) {
	t.Helper()
	for _, line := range outputs {
		args := strings.Fields(line)
		out := filepath.Join(p.root, args[len(args)-1])
		assert.NilError(t, os.MkdirAll(filepath.Dir(out), 0o755))
		if os.Geteuid() == 0 {
			assert.NilError(t, filepath.WalkDir(filepath.Join(p.root, strings.Split(args[len(args)-1], "/")[1]), func(name string, _ os.DirEntry, err error) error {
				assert.NilError(t, err)
				return os.Lchown(name, 65534, 65534)
			}))
		}
		argv := append([]string{"trust", "extract", "--overwrite"}, append(args[:len(args)-1], out)...)
		if os.Geteuid() == 0 {
			argv = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"}, argv...)
		}
		cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...) //nolint:gosec // fixed arguments of the table
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "LC_ALL=C.UTF-8"}
		text, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s: %s", line, text)
	}
}

func (p p11kit) load(t *testing.T) *treetest.Mem {
	t.Helper()
	m, err := treetest.Load(p.root)
	assert.NilError(t, err)
	return m
}

// families whose bundles p11-kit makes, and how their scripts call it: update-ca-trust of ca-certificates (Fedora), the hooks of openSUSE's ca-certificates.
var p11Families = []struct {
	name, admin, packaged string
	outputs               []string
	proof                 string
}{
	{
		name: "rhel", admin: "etc/pki/ca-trust/source", packaged: "usr/share/pki/ca-trust-source", proof: "etc/redhat-release",
		outputs: []string{
			"--format=openssl-bundle --filter=certificates --comment /etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt",
			"--format=pem-bundle --filter=ca-anchors --comment --purpose=server-auth /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
			"--format=pem-bundle --filter=ca-anchors --comment --purpose=email /etc/pki/ca-trust/extracted/pem/email-ca-bundle.pem",
			"--format=pem-bundle --filter=ca-anchors --comment --purpose=code-signing /etc/pki/ca-trust/extracted/pem/objsign-ca-bundle.pem",
			"--format=edk2-cacerts --filter=ca-anchors --purpose=server-auth /etc/pki/ca-trust/extracted/edk2/cacerts.bin",
			"--format=pem-directory-hash --filter=ca-anchors --purpose=server-auth /etc/pki/ca-trust/extracted/pem/directory-hash",
		},
	},
	{
		name: "suse", admin: "etc/pki/trust", packaged: "usr/share/pki/trust", proof: "etc/SUSE-brand",
		outputs: []string{
			"--format=pem-bundle --purpose=server-auth --filter=ca-anchors /var/lib/ca-certificates/ca-bundle.pem",
			"--format=openssl-directory --filter=ca-anchors /var/lib/ca-certificates/openssl",
			"--format=pem-directory-hash --purpose=server-auth --filter=ca-anchors /var/lib/ca-certificates/pem",
		},
	},
	{
		name: "arch", admin: "etc/ca-certificates/trust-source", packaged: "usr/share/ca-certificates/trust-source", proof: "etc/arch-release",
		outputs: []string{
			"--format=openssl-bundle --filter=certificates --comment /etc/ca-certificates/extracted/ca-bundle.trust.crt",
			"--format=pem-bundle --filter=ca-anchors --comment --purpose=server-auth /etc/ca-certificates/extracted/tls-ca-bundle.pem",
			"--format=edk2-cacerts --filter=ca-anchors --purpose=server-auth /etc/ca-certificates/extracted/edk2-cacerts.bin",
			"--format=pem-directory-hash --filter=ca-anchors --purpose=server-auth /etc/ca-certificates/extracted/cadir",
		},
	},
}

func TestTrustExtractEqualsTheTool(t *testing.T) {
	for _, tt := range p11Families {
		t.Run(tt.name, func(t *testing.T) {
			p := newP11Kit(t, tt.admin, tt.packaged)
			assert.NilError(t, os.WriteFile(filepath.Join(p.root, tt.proof), nil, 0o644))
			for _, name := range []string{"Packaged One", "Packaged, Two (and more)", "Übung"} {
				p.anchor(t, tt.packaged, fileNameOf(name), authority(t, name))
			}
			p.extract(t, tt.outputs)
			m := p.load(t)
			before := m.Dump()

			ours := authority(t, "Proxy (root), 1 äöü")
			notes := add(t, m, store.AddOptions{}, ours)
			assert.Equal(t, len(notes), 0, "%v", notes)
			addAgain(t, m, ours)
			s, err := store.Look(m)
			assert.NilError(t, err)
			assert.Equal(t, s.Family.Name, tt.name)
			assert.Equal(t, s.Proof, "/"+tt.proof)

			p.anchor(t, tt.admin, ours.Fingerprint.AnchorName(), ours)
			p.extract(t, tt.outputs)
			assert.DeepEqual(t, withoutOwners(m.Dump()), withoutOwners(p.load(t).Dump()))

			remove(t, m, store.RemoveOptions{}, ours)
			assert.DeepEqual(t, m.Dump(), before)
		})
	}
}

// With several anchors of the administrator, p11-kit before 0.25 takes them as the directory lists them: what is in the bundles is compared, not its order.
func TestTrustExtractWithSeveralAnchors(t *testing.T) {
	for _, tt := range p11Families {
		t.Run(tt.name, func(t *testing.T) {
			p := newP11Kit(t, tt.admin, tt.packaged)
			assert.NilError(t, os.WriteFile(filepath.Join(p.root, tt.proof), nil, 0o644))
			p.anchor(t, tt.packaged, "one.crt", authority(t, "Packaged One"))
			p.anchor(t, tt.admin, "aaa.pem", authority(t, "Admin A"))
			p.anchor(t, tt.admin, "zzz.crt", authority(t, "Admin Z"))
			p.extract(t, tt.outputs)
			m := p.load(t)
			before := m.Dump()
			first, second := authority(t, "First"), authority(t, "Second")
			add(t, m, store.AddOptions{}, first, second)
			addAgain(t, m, second, first)
			for _, a := range []certs.Authority{first, second} {
				p.anchor(t, tt.admin, a.Fingerprint.AnchorName(), a)
			}
			p.extract(t, tt.outputs)
			assert.DeepEqual(t, unordered(m.Dump()), unordered(p.load(t).Dump()))
			remove(t, m, store.RemoveOptions{}, second)
			remove(t, m, store.RemoveOptions{}, first)
			assert.DeepEqual(t, m.Dump(), before)
		})
	}
}

func fileNameOf(name string) string { return strings.ReplaceAll(name, " ", "-") + ".crt" }

// withoutOwners leaves the owner out: the test lets another user run the tool than the one who would.
func withoutOwners(dump map[string]string) map[string]string {
	for name, text := range dump {
		words := strings.SplitN(text, " ", 4)
		dump[name] = words[0] + " " + words[1] + " " + words[3]
	}
	return dump
}

// unordered sorts what is in each bundle.
func unordered(dump map[string]string) map[string]string {
	dump = withoutOwners(dump)
	for name, text := range dump {
		parts := strings.Split(text, "# ")
		if strings.HasSuffix(name, ".bin") {
			parts = strings.Split(text, "\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a")
		}
		if len(parts) == 1 {
			parts = strings.SplitAfter(text, "-----END CERTIFICATE-----\n")
		}
		for i, part := range parts {
			parts[i] = strings.TrimRight(strings.TrimPrefix(part, "file 444 "), "\n")
		}
		slices.Sort(parts)
		dump[name] = strings.Join(parts, "|")
	}
	return dump
}
