package store_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

const localDir = "/usr/local/share/ca-certificates/"

// small is a Debian container with the given roots packaged and files on top.
func small(bundle string, more map[string]string) *treetest.Mem {
	files := map[string]string{
		"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "", "/etc/ca-certificates.conf": "mozilla/x.crt\n",
		localDir: "", bundlePath: bundle,
	}
	maps.Copy(files, more)
	return treetest.New(files)
}

func read(t testing.TB, m *treetest.Mem, name string) string {
	t.Helper()
	data, err := m.ReadFile(name)
	assert.NilError(t, err)
	return string(data)
}

func texts(notes []certs.Note) string {
	var b strings.Builder
	for _, n := range notes {
		b.WriteString(string(n.Kind) + " " + n.String() + "\n")
	}
	return b.String()
}

// Bundles that the tool did not make: nothing in them is lost, and the report says so.
func TestBundleThatTheToolDidNotMake(t *testing.T) {
	x, hand, zzz, staged, ours := authority(t, "Packaged"), authority(t, "By hand"), authority(t, "Zzz"), authority(t, "Staged"), authority(t, "Ours")
	tests := []struct {
		name   string
		bundle string
		locals map[string]string
		want   string // the bundle afterwards
		notes  string
	}{
		{
			name: "as the tool makes it, with zzz.crt", bundle: pems(x, zzz), locals: map[string]string{localDir + "zzz.crt": pems(zzz)},
			want: pems(x, ours, zzz),
		},
		{
			name: "somebody appended by hand", bundle: pems(x, zzz, hand), locals: map[string]string{localDir + "zzz.crt": pems(zzz)},
			want:  pems(x, ours, zzz, hand),
			notes: "remark " + bundlePath + ": it is not what /usr/sbin/update-ca-certificates makes of the anchors; the certificate was added and nothing else changed\n",
		},
		{
			name: "somebody appended by hand, without a final newline", bundle: strings.TrimSuffix(pems(x, hand), "\n"),
			want:  strings.TrimSuffix(pems(x, hand, ours), "\n"),
			notes: "remark " + bundlePath + ": it is not what /usr/sbin/update-ca-certificates makes of the anchors; the certificate was added and nothing else changed\n",
		},
		{
			name: "the packaged ones were pruned", bundle: pems(x, hand),
			want:  pems(x, hand, ours),
			notes: "remark " + bundlePath + ": it holds 2 packaged certificates and /etc/ca-certificates.conf lists 1; the certificate was added and nothing else changed\n",
		},
		{
			name: "another one waits for the tool", bundle: pems(x), locals: map[string]string{localDir + "staged.crt": pems(staged)},
			want:  pems(x, ours),
			notes: "remark " + bundlePath + ": 1 other certificates in /usr/local/share/ca-certificates are not in it yet; they were not added\n",
		},
		{
			name: "comments, broken blocks and duplicates", bundle: "# head\r\n-----BEGIN CERTIFICATE-----\nbroken\n" + pems(x, x) + "\n\ntext\n",
			want:  "# head\r\n-----BEGIN CERTIFICATE-----\nbroken\n" + pems(x, x) + "\n\ntext\n" + pems(ours),
			notes: "remark " + bundlePath + ": it holds 2 packaged certificates and /etc/ca-certificates.conf lists 1; the certificate was added and nothing else changed\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := small(tt.bundle, tt.locals)
			before := m.Dump()
			notes := add(t, m, store.AddOptions{}, ours)
			got := read(t, m, bundlePath)
			if !strings.Contains(got, "\r\n") || strings.Contains(tt.want, "head") {
				got = strings.ReplaceAll(got, "\r\n", "\n")
				tt.want = strings.ReplaceAll(tt.want, "\r\n", "\n")
			}
			assert.Equal(t, got, tt.want)
			assert.Equal(t, texts(notes), tt.notes)
			addAgain(t, m, ours)
			remove(t, m, store.RemoveOptions{}, ours)
			assert.DeepEqual(t, m.Dump(), before)
		})
	}
}

// A certificate that waits for the tool under another name is put where the tool would put it, with its own name; it is not this program's and stays.
func TestAnchorUnderAnotherName(t *testing.T) {
	x, ours := authority(t, "Packaged"), authority(t, "Ours")
	m := small(pems(x), map[string]string{localDir + "corp ca.crt": pems(ours)})
	add(t, m, store.AddOptions{}, ours)
	assert.Equal(t, read(t, m, bundlePath), pems(x, ours))
	assert.Equal(t, m.State("/etc/ssl/certs/corp_ca.pem").Target, localDir+"corp ca.crt")
	assert.Equal(t, m.State("/etc/ssl/certs/"+hexOf(subjectHash(t, ours))+".0").Target, "corp_ca.pem")
	addAgain(t, m, ours)
	_, err := m.Lstat(localDir + ours.Fingerprint.AnchorName())
	assert.ErrorContains(t, err, "not exist")
	after := m.Dump()
	notes := remove(t, m, store.RemoveOptions{}, ours)
	assert.Equal(t, len(notes), 1)
	assert.DeepEqual(t, m.Dump(), after)
	remove(t, m, store.RemoveOptions{Foreign: true}, ours)
	assert.Equal(t, read(t, m, bundlePath), pems(x))
	_, err = m.Lstat(localDir + "corp ca.crt")
	assert.ErrorContains(t, err, "not exist")
}

// The bundle has it and OpenSSL's directory has not: only the directory is changed, so that a removal finds a bundle that it never touched.
func TestOnlyTheDirectoryLacksIt(t *testing.T) {
	ours := authority(t, "Ours")
	m := small(pems(ours), nil)
	before := m.Dump()
	add(t, m, store.AddOptions{}, ours)
	addAgain(t, m, ours)
	assert.Equal(t, read(t, m, "/etc/ssl/certs/"+hexOf(subjectHash(t, ours))+".0"), pems(ours))
	_, err := m.Lstat(localDir + ours.Fingerprint.AnchorName())
	assert.ErrorContains(t, err, "not exist")
	remove(t, m, store.RemoveOptions{}, ours)
	assert.DeepEqual(t, m.Dump(), before)
}

func TestAnchorsThatHoldTheSame(t *testing.T) {
	x, ours := authority(t, "Packaged"), authority(t, "Ours")
	m := small(pems(x), nil)
	add(t, m, store.AddOptions{}, ours)
	// Somebody else installs it too, with the tool.
	m.Write(localDir+"theirs.crt", []byte(pems(ours)))
	m.Write(bundlePath, []byte(pems(x, ours, ours)))
	remove(t, m, store.RemoveOptions{}, ours)
	assert.Equal(t, read(t, m, bundlePath), pems(x, ours))
	assert.Equal(t, read(t, m, localDir+"theirs.crt"), pems(ours))
}

func TestRecordedBundlesOnly(t *testing.T) {
	ours := authority(t, "Ours")
	m := treetest.New(map[string]string{"/etc/pki/tls/cacert.pem": pems(ours), "/etc/ssl/cert.pem": ""})
	before := m.Dump()
	add(t, m, store.AddOptions{}, ours)
	assert.Equal(t, read(t, m, "/etc/pki/tls/cacert.pem"), pems(ours))
	recorded := map[certs.Fingerprint]bool{ours.Fingerprint: true}
	remove(t, m, store.RemoveOptions{Recorded: recorded, Changed: map[certs.Fingerprint][]string{ours.Fingerprint: {"/etc/ssl/cert.pem"}}}, ours)
	assert.DeepEqual(t, m.Dump(), before)
}

// Certificates with one subject: the numbers are those of `openssl rehash`, and no number is missing after a removal, in whatever order.
func TestCollisions(t *testing.T) {
	needRehash(t)
	x := authority(t, "Same")
	list := []certs.Authority{authority(t, "Same"), authority(t, "Same"), authority(t, "Same")}
	slices.SortFunc(list, func(a, b certs.Authority) int { return strings.Compare(a.Fingerprint.String(), b.Fingerprint.String()) })
	sum := hexOf(subjectHash(t, x))
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}} {
		m := small(pems(x), map[string]string{"/etc/ssl/certs/X.pem": pems(x), "/etc/ssl/certs/" + sum + ".0": "-> X.pem"})
		before := m.Dump()
		add(t, m, store.AddOptions{}, list...)
		assert.DeepEqual(t, linksIn(m), rehashed(t, m))
		for _, i := range order {
			remove(t, m, store.RemoveOptions{}, list[i])
			assert.DeepEqual(t, slices.Sorted(maps.Keys(linksIn(m))), slices.Sorted(maps.Keys(rehashed(t, m))))
		}
		assert.DeepEqual(t, m.Dump(), before)

		add(t, m, store.AddOptions{}, list...)
		remove(t, m, store.RemoveOptions{}, list[order[0]], list[order[2]])
		assert.Equal(t, len(linksIn(m)), 2)
		remove(t, m, store.RemoveOptions{}, list[order[1]])
		assert.DeepEqual(t, m.Dump(), before)
	}
}

func needRehash(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl on this machine (make test installs it)")
	}
}

// linksIn are the hash links of /etc/ssl/certs.
func linksIn(m *treetest.Mem) map[string]string {
	out := map[string]string{}
	for _, name := range m.Names() {
		if base := filepath.Base(name); filepath.Dir(name) == "/etc/ssl/certs" && len(base) == 10 && base[8] == '.' {
			out[base] = m.State(name).Target
		}
	}
	return out
}

// rehashed runs `openssl rehash` on a copy of /etc/ssl/certs and returns its hash links.
func rehashed(t *testing.T, m *treetest.Mem) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range m.Names() {
		if filepath.Dir(name) != "/etc/ssl/certs" || name == bundlePath {
			continue
		}
		to := filepath.Join(dir, filepath.Base(name))
		if s := m.State(name); s.Target != "" && linksIn(m)[filepath.Base(name)] != "" {
			assert.NilError(t, os.Symlink(s.Target, to))
		} else {
			assert.NilError(t, os.WriteFile(to, []byte(read(t, m, name)), 0o644))
		}
	}
	out, err := exec.CommandContext(t.Context(), "openssl", "rehash", dir).CombinedOutput()
	assert.NilError(t, err, string(out))
	links := map[string]string{}
	entries, err := os.ReadDir(dir)
	assert.NilError(t, err)
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			links[e.Name()] = target
		}
	}
	return links
}

func TestForeignPackagedRoot(t *testing.T) {
	x, y := authority(t, "X"), authority(t, "Y")
	sum := hexOf(subjectHash(t, x))
	m := small(pems(x, y), map[string]string{"/usr/share/ca-certificates/x.crt": pems(x), "/etc/ssl/certs/X.pem": "-> /usr/share/ca-certificates/x.crt", "/etc/ssl/certs/" + sum + ".0": "-> X.pem"})
	notes := remove(t, m, store.RemoveOptions{Foreign: true}, x)
	assert.Equal(t, read(t, m, bundlePath), pems(y))
	assert.Equal(t, len(linksIn(m)), 0)
	assert.Equal(t, texts(notes), "remark /usr/sbin/update-ca-certificates: "+x.Fingerprint.Short()+" has no anchor: if it comes with a package, the next run of the tool brings it back\n")
}

// Links in the way: the real file is changed and the links stay.
func TestThroughLinks(t *testing.T) {
	x, ours := authority(t, "X"), authority(t, "Ours")
	m := treetest.New(map[string]string{
		"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "", "/etc/ca-certificates.conf": "x\n",
		"/data/anchors/": "", "/data/certs/real.crt": pems(x), "/etc/ssl": "-> ../data", bundlePath[:0] + "/data/certs/ca-certificates.crt": "-> real.crt",
		"/usr/local/share/ca-certificates": "-> ../../../data/anchors",
	})
	before := m.Dump()
	add(t, m, store.AddOptions{}, ours)
	addAgain(t, m, ours)
	assert.Equal(t, read(t, m, "/data/certs/real.crt"), pems(x, ours))
	assert.Equal(t, read(t, m, "/data/anchors/"+ours.Fingerprint.AnchorName()), pems(ours))
	assert.Equal(t, m.State("/data/certs/ca-certificates.crt").Target, "real.crt")
	remove(t, m, store.RemoveOptions{}, ours)
	assert.DeepEqual(t, m.Dump(), before)
}

func TestMountOverAnchors(t *testing.T) {
	x, ours := authority(t, "X"), authority(t, "Ours")
	m := small(pems(x), nil)
	m.Set(strings.TrimSuffix(localDir, "/"), mounted("tmpfs"))
	before := m.Dump()
	notes := add(t, m, store.AddOptions{}, ours)
	assert.Assert(t, strings.Contains(texts(notes), "it is on a mount (tmpfs)"), texts(notes))
	assert.Assert(t, strings.HasPrefix(read(t, m, bundlePath), pems(x)+"# docker-proxy "))
	addAgain(t, m, ours)
	remove(t, m, store.RemoveOptions{}, ours)
	assert.DeepEqual(t, m.Dump(), before)

	notes = add(t, m, store.AddOptions{ThroughMounts: true}, ours)
	assert.Equal(t, len(notes), 0, texts(notes))
	assert.Equal(t, read(t, m, bundlePath), pems(x, ours))
	remove(t, m, store.RemoveOptions{ThroughMounts: true}, ours)
	assert.DeepEqual(t, m.Dump(), before)
}

// Where no bundle can be written, nothing is, and it is said once.
func TestReadOnlyRoot(t *testing.T) {
	m := small(pems(authority(t, "X")), nil)
	for _, name := range m.Names() {
		m.Set(name, func(e *tree.Entry) { e.ReadOnly = true })
	}
	s, err := store.Look(m)
	assert.NilError(t, err)
	plan, notes, err := s.Add(m, []certs.Authority{authority(t, "Ours"), authority(t, "Other")}, store.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, plan.String(), "")
	assert.Equal(t, texts(notes), "recreate "+bundlePath+": is on a read-only file system: create the container anew with a bundle that holds the certificate mounted there (docker proxy ca export run or compose)\n")

	m = small(pems(authority(t, "X")), nil)
	m.Set(bundlePath, mounted("/srv/certs \x1b[31m on the host"))
	s, err = store.Look(m)
	assert.NilError(t, err)
	plan, notes, err = s.Add(m, []certs.Authority{authority(t, "Ours")}, store.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, plan.String(), "")
	assert.Equal(t, texts(notes), `skipped `+bundlePath+`: left alone: it is on a mount (/srv/certs \x1b[31m on the host), and changing it changes that for everybody who uses it; --through-mounts does`+"\n")
}

// The tool is there and its directories are not: what is made for the bundle is kept like any other.
func TestToolWithoutDirectories(t *testing.T) {
	ours := authority(t, "Ours")
	m := treetest.New(map[string]string{"/etc/debian_version": "", "/var/lib/dpkg/status": "", "/usr/sbin/update-ca-certificates": "", "/etc/ca-certificates.conf": ""})
	add(t, m, store.AddOptions{}, ours)
	addAgain(t, m, ours)
	assert.Equal(t, read(t, m, "/etc/ssl/certs/"+hexOf(subjectHash(t, ours))+".0"), pems(ours))
	remove(t, m, store.RemoveOptions{Made: []string{"/usr/local", "/usr/local/share", strings.TrimSuffix(localDir, "/"), "/etc/ssl", "/etc/ssl/certs"}}, ours)
	assert.DeepEqual(t, m.Names(), []string{"/", "/etc", "/etc/ca-certificates.conf", "/etc/debian_version", "/usr", "/usr/sbin", "/usr/sbin/update-ca-certificates", "/var", "/var/lib", "/var/lib/dpkg", "/var/lib/dpkg/status"})
}

// Links that make a million paths of twenty directories, and more bytes than are read: it ends, and the report says so.
func TestAnchorsWithoutEnd(t *testing.T) {
	x, ours := authority(t, "X"), authority(t, "Ours")
	files := map[string]string{}
	for i := range 20 {
		dir := localDir + string(rune('a'+i))
		files[dir+"/"] = ""
		if i < 19 {
			next := localDir + string(rune('b'+i))
			files[dir+"/one"], files[dir+"/two"] = "-> "+next, "-> "+next
		}
	}
	m := small(pems(x), files)
	notes := add(t, m, store.AddOptions{}, ours)
	assert.Assert(t, strings.Contains(texts(notes), "there is more in it than is read"), texts(notes))
	assert.Equal(t, read(t, m, bundlePath), pems(x, ours))

	m = small(pems(x), nil)
	for i := range 5 {
		name := localDir + string(rune('a'+i)) + ".crt"
		m.Write(name, []byte("#"))
		m.Set(name, func(e *tree.Entry) { e.Size = 10 << 20 })
	}
	notes = add(t, m, store.AddOptions{}, ours)
	assert.Assert(t, strings.Contains(texts(notes), "there is more in it than is read"), texts(notes))
}

// p11-kit takes anchors in DER encoding: such a one is not added a second time.
func TestAnchorInDER(t *testing.T) {
	ours := authority(t, "Ours")
	const pem = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
	m := treetest.New(map[string]string{"/etc/redhat-release": "", "/etc/pki/ca-trust/source/anchors/corp.cer": string(ours.DER()), pem: ""})
	add(t, m, store.AddOptions{}, ours)
	assert.Equal(t, read(t, m, pem), "# Ours\n"+pems(ours))
	_, err := m.Lstat("/etc/pki/ca-trust/source/anchors/" + ours.Fingerprint.AnchorName())
	assert.ErrorContains(t, err, "not exist")
}
