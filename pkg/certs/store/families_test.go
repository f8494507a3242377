package store_test

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

const bundlePath = "/etc/ssl/certs/ca-certificates.crt"

func pems(authorities ...certs.Authority) string {
	var b strings.Builder
	for _, a := range authorities {
		b.Write(a.PEM())
	}
	return b.String()
}

func TestFamilies(t *testing.T) {
	root := authority(t, "A Root")
	bundle := pems(root)
	tests := []struct {
		name   string
		files  map[string]string
		family string
		proof  string
		// where the certificate is afterwards, besides in the bundles
		anchor string
		reads  []string
		change []string // every name that is changed
	}{
		{
			name: "debian", family: "debian", proof: "/var/lib/dpkg/status",
			files: map[string]string{
				"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "", "/usr/bin/dpkg": "", "/etc/ca-certificates.conf": "x.crt\n",
				"/usr/local/share/ca-certificates/": "", bundlePath: bundle,
			},
			reads:  []string{bundlePath},
			change: []string{"/usr/local/share/ca-certificates/ANCHOR.crt", bundlePath, "/etc/ssl/certs/ANCHOR.pem", "/etc/ssl/certs/HASH.0"},
		},
		{
			name: "debian slim: neither tool nor bundle", family: "debian", proof: "/var/lib/dpkg/status",
			files:  map[string]string{"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/bin/dpkg": "", "/usr/local/share/": ""},
			change: []string{"/etc/ssl", "/etc/ssl/certs", bundlePath, "/usr/local/share/ca-certificates", "/usr/local/share/ca-certificates/ANCHOR.crt"},
		},
		{
			name: "alpine with the tool", family: "alpine", proof: "/etc/alpine-release",
			files: map[string]string{
				"/etc/alpine-release": "", "/usr/sbin/update-ca-certificates": "", "/sbin/apk": "", "/usr/local/share/ca-certificates/": "", bundlePath: bundle + "\n",
				"/etc/ssl/cert.pem": "-> certs/ca-certificates.crt",
			},
			reads:  []string{bundlePath},
			change: []string{"/usr/local/share/ca-certificates/ANCHOR.crt", bundlePath, "/etc/ssl/certs/ca-cert-ANCHOR.pem", "/etc/ssl/certs/HASH.0"},
		},
		{
			name: "alpine without the tool", family: "alpine", proof: "/etc/alpine-release",
			files:  map[string]string{"/etc/alpine-release": "", "/sbin/apk": "", "/usr/share/": "", bundlePath: bundle, "/etc/ssl/cert.pem": "-> certs/ca-certificates.crt"},
			reads:  []string{bundlePath},
			change: []string{"/usr/local", "/usr/local/share", "/usr/local/share/ca-certificates", "/usr/local/share/ca-certificates/ANCHOR.crt", bundlePath},
		},
		{
			name: "wolfi static: no apk", family: "alpine", proof: "/lib/apk/db/installed",
			files:  map[string]string{"/lib/apk/db/installed": "", "/etc/os-release": "ID=wolfi\n", bundlePath: bundle},
			reads:  []string{bundlePath},
			change: []string{bundlePath},
		},
		{
			name: "ubi-micro: no tool, links into extracted", family: "rhel", proof: "/etc/redhat-release",
			files: map[string]string{
				"/etc/redhat-release": "", "/etc/pki/ca-trust/source/anchors/": "", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": bundle,
				"/etc/pki/tls/certs/ca-bundle.crt": "-> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/certs": "-> /etc/pki/tls/certs",
			},
			reads:  []string{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
			change: []string{"/etc/pki/ca-trust/source/anchors/ANCHOR.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
		},
		{
			name: "fedora with hashed directories", family: "rhel", proof: "/etc/redhat-release",
			files: map[string]string{
				"/etc/redhat-release": "", "/etc/pki/ca-trust/source/anchors/": "", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": bundle,
				"/etc/pki/ca-trust/extracted/pem/directory-hash/X.pem": bundle, "/etc/pki/tls/certs/0123abcd.0": "-> /etc/pki/ca-trust/extracted/pem/directory-hash/X.pem",
			},
			reads: []string{"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
			change: []string{
				"/etc/pki/ca-trust/source/anchors/ANCHOR.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/ca-trust/extracted/pem/directory-hash/Proxy_Root.pem",
				"/etc/pki/ca-trust/extracted/pem/directory-hash/HASH.0", "/etc/pki/ca-trust/extracted/pem/directory-hash/OLD.0", "/etc/pki/tls/certs/HASH.0", "/etc/pki/tls/certs/OLD.0",
			},
		},
		{
			name: "gentoo", family: "gentoo", proof: "/etc/gentoo-release",
			files: map[string]string{
				"/etc/gentoo-release": "", "/usr/sbin/update-ca-certificates": "", "/etc/ca-certificates.conf": "x.crt\n", "/usr/local/share/ca-certificates/": "", bundlePath: bundle,
			},
			reads:  []string{bundlePath},
			change: []string{"/usr/local/share/ca-certificates/ANCHOR.crt", bundlePath, "/etc/ssl/certs/ANCHOR.pem", "/etc/ssl/certs/HASH.0"},
		},
		{
			name: "photon", family: "photon", proof: "/etc/photon-release",
			files: map[string]string{
				"/etc/photon-release": "", "/etc/pki/tls/certs/ca-bundle.crt": bundle, "/etc/ssl/certs/X.pem": bundle, "/etc/ssl/certs/0123abcd.0": "-> X.pem",
			},
			reads:  []string{"/etc/pki/tls/certs/ca-bundle.crt"},
			change: []string{"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ANCHOR.pem", "/etc/ssl/certs/HASH.0"},
		},
		{
			name: "flatcar", family: "flatcar", proof: "/etc/os-release",
			files: map[string]string{
				"/etc/os-release": "ID=flatcar\nID_LIKE=coreos\n", bundlePath: bundle, "/etc/ssl/certs/X.pem": bundle, "/etc/ssl/certs/0123abcd.0": "-> X.pem",
			},
			reads:  []string{bundlePath},
			change: []string{bundlePath, "/etc/ssl/certs/ANCHOR.pem", "/etc/ssl/certs/HASH.0"},
		},
		{
			name: "nix: the link is replaced", family: "nix", proof: "/nix/store",
			files: map[string]string{
				"/nix/store/abc-cacert/etc/ssl/certs/ca-bundle.crt": bundle, bundlePath: "-> /nix/store/abc-cacert/etc/ssl/certs/ca-bundle.crt",
				"/etc/ssl/certs/ca-bundle.crt": "-> /nix/store/abc-cacert/etc/ssl/certs/ca-bundle.crt",
			},
			reads:  []string{bundlePath, "/etc/ssl/certs/ca-bundle.crt"},
			change: []string{bundlePath, "/etc/ssl/certs/ca-bundle.crt"},
		},
		{
			name: "distroless", family: "distroless", proof: "/var/lib/dpkg/status.d",
			files:  map[string]string{"/etc/os-release": "ID=debian\n", "/etc/debian_version": "", "/var/lib/dpkg/status.d/base": "", bundlePath: bundle},
			reads:  []string{bundlePath},
			change: []string{bundlePath},
		},
		{
			name: "busybox", family: "scratch", proof: "/bin/busybox",
			files:  map[string]string{"/bin/busybox": "", "/etc/passwd": ""},
			change: []string{"/etc/ssl", "/etc/ssl/certs", bundlePath},
		},
		{
			name: "scratch", family: "unknown",
			files:  map[string]string{"/app": ""},
			change: []string{"/etc", "/etc/ssl", "/etc/ssl/certs", bundlePath},
		},
		{
			name: "unknown with two bundles", family: "unknown",
			files:  map[string]string{"/etc/ssl/cert.pem": bundle, "/etc/pki/tls/cacert.pem": bundle},
			reads:  []string{"/etc/pki/tls/cacert.pem", "/etc/ssl/cert.pem"},
			change: []string{"/etc/pki/tls/cacert.pem", "/etc/ssl/cert.pem"},
		},
		{
			name: "a lying os-release does not win over files", family: "alpine", proof: "/etc/alpine-release",
			files:  map[string]string{"/etc/alpine-release": "", "/etc/os-release": "ID=fedora\nID_LIKE=\"rhel centos\"\n", bundlePath: bundle},
			reads:  []string{bundlePath},
			change: []string{bundlePath},
		},
		{
			name: "a directory of RHEL on Ubuntu is no proof", family: "debian", proof: "/var/lib/dpkg/status",
			files: map[string]string{
				"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/etc/pki/ca-trust/source/anchors/": "", "/usr/sbin/update-ca-certificates": "", "/usr/local/share/ca-certificates/": "",
				"/etc/ca-certificates.conf": "x.crt\n", bundlePath: bundle,
			},
			reads:  []string{bundlePath},
			change: []string{"/usr/local/share/ca-certificates/ANCHOR.crt", bundlePath, "/etc/ssl/certs/ANCHOR.pem", "/etc/ssl/certs/HASH.0"},
		},
		{
			name: "os-release alone", family: "suse", proof: "/usr/lib/os-release",
			files:  map[string]string{"/usr/lib/os-release": "NAME=x\nID=\"sle-micro\"\nID_LIKE='suse'\n", "/etc/ssl/ca-bundle.pem": bundle},
			reads:  []string{"/etc/ssl/ca-bundle.pem"},
			change: []string{"/etc/ssl/ca-bundle.pem"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := treetest.New(tt.files)
			before := m.Dump()
			s, err := store.Look(m)
			assert.NilError(t, err)
			assert.Equal(t, s.Family.Name, tt.family)
			assert.Equal(t, s.Proof, tt.proof)
			assert.DeepEqual(t, s.Bundles(), tt.reads)

			ours := authority(t, "Proxy Root")
			plan, _, err := s.Add(m, []certs.Authority{ours}, store.AddOptions{})
			assert.NilError(t, err)
			assert.NilError(t, m.Apply(plan))
			var changed []string
			for _, c := range plan {
				changed = append(changed, generalName(t, c.Path, ours))
			}
			slices.Sort(changed)
			slices.Sort(tt.change)
			assert.DeepEqual(t, changed, tt.change)

			addAgain(t, m, ours)
			after, err := store.Look(m)
			assert.NilError(t, err)
			held, err := after.Holds(m)
			assert.NilError(t, err)
			for _, name := range after.Bundles() {
				assert.Assert(t, slices.Contains(held[ours.Fingerprint], name), "%s in %v", name, held[ours.Fingerprint])
			}
			if len(tt.reads) > 0 {
				assert.Assert(t, len(held[root.Fingerprint]) >= len(tt.reads), "the root is lost")
				combined, err := after.Combined(m)
				assert.NilError(t, err)
				assert.Assert(t, strings.Contains(string(combined), string(ours.PEM())) && strings.Contains(string(combined), bundle))
			}
			// A certificate that was there before is not taken out.
			stays := remove(t, m, store.RemoveOptions{}, root)
			assert.Assert(t, len(tt.reads) == 0 || len(stays) > 0 && stays[0].Kind == certs.Unrestored, "%v", stays)

			remove(t, m, store.RemoveOptions{}, ours)
			dump := m.Dump()
			if tt.name == "alpine without the tool" { // directories above the anchors' own are the record's business
				maps.DeleteFunc(dump, func(name, _ string) bool { return name == "/usr/local" || name == "/usr/local/share" })
			}
			assert.DeepEqual(t, dump, before)
		})
	}
}

// generalName replaces what depends on the certificate.
func generalName(t *testing.T, name string, a certs.Authority) string {
	t.Helper()
	name = strings.ReplaceAll(name, strings.TrimSuffix(a.Fingerprint.AnchorName(), ".crt"), "ANCHOR")
	for word, sum := range map[string]uint32{"HASH": subjectHash(t, a), "OLD": oldHash(a)} {
		name = strings.ReplaceAll(name, hexOf(sum), word)
	}
	return name
}

func TestSeed(t *testing.T) {
	a, b, ours := authority(t, "A"), authority(t, "B"), authority(t, "Ours")
	for _, seed := range []string{pems(a, b), "# comment\n\n" + strings.TrimSuffix(pems(a, b), "\n")} {
		m := treetest.New(map[string]string{"/app": ""})
		before := m.Dump()
		notes := add(t, m, store.AddOptions{Seed: []byte(seed)}, ours)
		assert.Equal(t, len(notes), 1)
		assert.Equal(t, notes[0].Text, "there was no bundle: it was made from 2 public roots and the added certificate")
		data, err := m.ReadFile(bundlePath)
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(string(data), strings.TrimSpace(seed)))
		// Somebody adds one by hand: then the file stays.
		m.Write(bundlePath, append(data, authority(t, "Hand").PEM()...))
		remove(t, m, store.RemoveOptions{}, ours)
		_, err = m.Lstat(bundlePath)
		assert.NilError(t, err)
		m.Write(bundlePath, data)
		remove(t, m, store.RemoveOptions{}, ours)
		assert.DeepEqual(t, m.Dump(), before)
	}
	m := treetest.New(map[string]string{"/app": ""})
	notes := add(t, m, store.AddOptions{}, ours)
	assert.Equal(t, notes[0].Text, "there was no bundle: it was made with the added certificate alone, so programs in it trust nothing else")
}

func TestHostile(t *testing.T) {
	root, ours := authority(t, "A Root"), authority(t, "Ours")
	two := map[string]string{"/etc/pki/tls/cacert.pem": pems(root), "/etc/ssl/cert.pem": pems(root)}
	tests := []struct {
		name string
		do   func(m *treetest.Mem)
		kind certs.NoteKind
		text string
	}{
		{"a gigabyte", func(m *treetest.Mem) { m.Set("/etc/ssl/cert.pem", func(e *tree.Entry) { e.Size = 1 << 30 }) }, certs.Skipped, "left alone: /etc/ssl/cert.pem has 1073741824 bytes; more than 16777216 are not read"},
		{"a FIFO", func(m *treetest.Mem) { m.Special("/etc/ssl/cert.pem", fs.ModeNamedPipe|0o644) }, certs.Skipped, "left alone: /etc/ssl/cert.pem is not a regular file (prw-r--r--)"},
		{"a device", func(m *treetest.Mem) { m.Special("/etc/ssl/cert.pem", fs.ModeDevice|0o644) }, certs.Skipped, "left alone: /etc/ssl/cert.pem is not a regular file (Drw-r--r--)"},
		{"a directory", func(m *treetest.Mem) { m.Special("/etc/ssl/cert.pem", fs.ModeDir|0o755) }, certs.Skipped, "left alone: /etc/ssl/cert.pem is not a regular file (drwxr-xr-x)"},
		{"a loop", func(m *treetest.Mem) { m.Link("/etc/ssl/cert.pem", "cert.pem") }, certs.Skipped, "left alone: /etc/ssl/cert.pem: too many levels of symbolic links"},
		{"grows between", func(m *treetest.Mem) {
			m.Fail("/etc/ssl/cert.pem", &tree.TooLargeError{Path: "/x\x1b[2J", Size: 1 << 30})
		}, certs.Skipped, `left alone: /x\x1b[2J has 1073741824 bytes; more than 16777216 are not read`},
		{"UTF-16", func(m *treetest.Mem) { m.Write("/etc/ssl/cert.pem", []byte("\xff\xfe-\x00-\x00")) }, certs.Skipped, "left alone: is no text file"},
		{"a volume", func(m *treetest.Mem) {
			m.Set("/etc/ssl/cert.pem", func(e *tree.Entry) { e.Mount, e.Source = true, "volume certs" })
		}, certs.Skipped, "left alone: it is on a mount (volume certs), and changing it changes that for everybody who uses it; --through-mounts does"},
		{"read-only", func(m *treetest.Mem) { m.Set("/etc/ssl/cert.pem", func(e *tree.Entry) { e.ReadOnly = true }) }, certs.NeedsRecreate, "is on a read-only file system: create the container anew with a bundle that holds the certificate mounted there (docker proxy ca export run or compose)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := treetest.New(two)
			tt.do(m)
			notes := add(t, m, store.AddOptions{}, ours)
			assert.Equal(t, len(notes), 1, "%v", notes)
			assert.Equal(t, notes[0].Kind, tt.kind)
			assert.Equal(t, notes[0].Path, "/etc/ssl/cert.pem")
			assert.Equal(t, notes[0].Text, tt.text)
			data, err := m.ReadFile("/etc/pki/tls/cacert.pem") // the other store goes on
			assert.NilError(t, err)
			assert.Assert(t, strings.Contains(string(data), string(ours.PEM())))
			remove(t, m, store.RemoveOptions{}, ours)
			data, err = m.ReadFile("/etc/pki/tls/cacert.pem")
			assert.NilError(t, err)
			assert.Equal(t, string(data), pems(root))
		})
	}
}

// Where the only bundle cannot be changed, nothing else is: an anchor would look like success.
func TestOnlyBundleUnusable(t *testing.T) {
	m := treetest.New(map[string]string{"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "", "/usr/local/share/ca-certificates/": "", "/etc/ssl/certs/": ""})
	m.Special(bundlePath, fs.ModeNamedPipe)
	s, err := store.Look(m)
	assert.NilError(t, err)
	plan, notes, err := s.Add(m, []certs.Authority{authority(t, "Ours")}, store.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, plan.String(), "")
	assert.Equal(t, len(notes), 1)
}
