//go:build linux

package health

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

const (
	anchorDir  = "/usr/local/share/ca-certificates/"
	bundleFile = "/etc/ssl/certs/ca-certificates.crt"
	certsD     = "/etc/docker/certs.d"
	oneMonth   = 30 * 24 * time.Hour
)

// root makes a self-signed authority that ends after a while.
func root(t *testing.T, name string, left time.Duration) certs.Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	assert.NilError(t, err)
	end := time.Now().Add(left)
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: end.Add(-10 * 365 * 24 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return certs.Authority{Fingerprint: certs.FingerprintOf(der), Cert: cert}
}

// debian is a machine of that family with these anchors and packaged roots, all in its bundle.
func debian(anchors map[string]certs.Authority, packaged ...certs.Authority) map[string]string {
	tree := map[string]string{"/var/lib/dpkg/status": "x", "/etc/debian_version": "13", "/usr/sbin/update-ca-certificates": "#!/bin/sh"}
	conf, bundle := "# a comment\n!mozilla/Distrusted.crt\n", ""
	for i, a := range packaged {
		name := fmt.Sprintf("mozilla/Root_%d.crt", i)
		conf += name + "\n"
		bundle += string(a.PEM())
		tree[debianShared+"/"+name] = string(a.PEM())
	}
	for name, a := range anchors {
		tree[anchorDir+name] = string(a.PEM())
		bundle += string(a.PEM())
	}
	tree[debianConf], tree[bundleFile] = conf, bundle
	return tree
}

func look(t *testing.T, tree map[string]string) *Machine {
	t.Helper()
	dir := t.TempDir()
	for name, text := range tree {
		at := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		assert.NilError(t, os.WriteFile(at, []byte(text), 0o755))
	}
	files, err := host.Open(dir)
	assert.NilError(t, err)
	t.Cleanup(func() { files.Close() })
	m, err := Look(files)
	assert.NilError(t, err)
	return m
}

// memory are records in memory.
type memory map[string]string

func (m memory) Names(prefix string) ([]string, error) {
	var out []string
	for n := range m {
		if strings.HasPrefix(n, prefix) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (m memory) Read(name string) ([]byte, error) {
	if text, ok := m[name]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}
func (m memory) Write(string, []byte) error  { return fs.ErrInvalid }
func (m memory) Append(string, []byte) error { return fs.ErrInvalid }
func (m memory) Remove(string) error         { return fs.ErrInvalid }

// give records that a container was given authorities.
func (m memory) give(container, daemon string, list ...certs.Authority) memory {
	var added []string
	for _, a := range list {
		added = append(added, `"`+a.Fingerprint.String()+`"`)
		m["cert-"+a.Fingerprint.String()] = string(a.PEM())
	}
	m["container-"+container+"-id"] = fmt.Sprintf(`{"version":1,"id":"%s-id","name":"%s","daemon":"%s","added":[%s],"files":[]}`+"\n", container, container, daemon, strings.Join(added, ","))
	return m
}

func TestFindings(t *testing.T) {
	const year = 365 * 24 * time.Hour
	corp, ended, soonEnds := root(t, "Corp Proxy Root", year), root(t, "Corp Proxy Root", -year), root(t, "Corp Proxy Root", 10*24*time.Hour)
	one, two := root(t, "Public One", year), root(t, "Public Two", -year) // packaged roots may have ended: that is their packager's business
	only := func(name string, a certs.Authority) map[string]certs.Authority {
		return map[string]certs.Authority{name: a}
	}
	future, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	for _, c := range []struct {
		name    string
		tree    map[string]string
		change  func(tree map[string]string)
		daemon  Daemon
		records memory
		want    string // ids
		says    string
		fix     string
	}{
		{name: "a plain machine", tree: debian(nil, one, two), daemon: Daemon{Started: past, Proxied: true, Classic: true, CertsDir: certsD}},
		{name: "an anchor, dockerd newer", tree: debian(only("corp.crt", corp), one), daemon: Daemon{Started: future, Proxied: true}},
		{name: "expired", tree: debian(only("corp.crt", ended), one), want: "ca-expired", says: "Corp Proxy Root (" + ended.Fingerprint.Short() + "), trusted by this machine, has expired", fix: "docker proxy ca replace /usr/local/share/ca-certificates/corp.crt NEW --machine --foreign"},
		{name: "expired, of this program", tree: debian(only(ended.Fingerprint.AnchorName(), ended), one), want: "ca-expired", fix: "docker proxy ca replace " + ended.Fingerprint.Short() + " NEW --machine"},
		{name: "expires soon", tree: debian(only("corp.crt", soonEnds), one), want: "ca-expires-soon", says: "expires on " + soonEnds.Cert.NotAfter.UTC().Format(time.DateOnly)},
		{name: "expired, and renewed", tree: debian(map[string]certs.Authority{"old.crt": ended, "new.crt": corp}, one)},
		{name: "expired, and its successor expires, too", tree: debian(map[string]certs.Authority{"old.crt": ended, "new.crt": soonEnds}, one), want: "ca-expired ca-expires-soon"},
		{name: "expired, by a record", tree: debian(nil, one), records: memory{}.give("web", "me", ended).give("db", "me", ended), daemon: Daemon{ID: "me"}, want: "ca-expired", says: "the containers db, web", fix: "docker proxy ca replace " + ended.Fingerprint.Short() + " NEW --all"},
		{name: "expired, in containers of another daemon", tree: debian(nil, one), records: memory{}.give("web", "other", ended), daemon: Daemon{ID: "me"}},
		{name: "an anchor that is not in the bundle", tree: debian(only("corp.crt", corp), one), change: func(tree map[string]string) { tree[bundleFile] = string(one.PEM()) }, want: "ca-bundle-shrank", says: "corp.crt, which stands among the sources", fix: "update-ca-certificates"},
		{name: "an anchor that the tool does not take", tree: debian(only("corp.pem", corp), one), change: func(tree map[string]string) { tree[bundleFile] = string(one.PEM()) }},
		{name: "packaged roots lost", tree: debian(nil, one, two), change: func(tree map[string]string) { tree[bundleFile] = string(corp.PEM()) }, want: "ca-bundle-shrank", says: "Root_0.crt, Root_1.crt, which stand"},
		{name: "another one in the place of a packaged root", tree: debian(nil, one, two), change: func(tree map[string]string) { tree[bundleFile] = string(corp.PEM()) + string(two.PEM()) }, want: "ca-bundle-shrank", says: "Root_0.crt, which stands"},
		{name: "a packaged root turned off", tree: debian(nil, one, two), change: func(tree map[string]string) {
			tree[bundleFile] = string(one.PEM())
			tree[debianConf] = strings.Replace(tree[debianConf], "mozilla/Root_1", "!mozilla/Root_1", 1)
		}},
		{name: "a packaged root that is gone", tree: debian(nil, one, two), change: func(tree map[string]string) {
			tree[bundleFile] = string(one.PEM())
			delete(tree, debianShared+"/mozilla/Root_1.crt")
		}},
		{name: "a bundle without a tool", tree: debian(nil, one, two), change: func(tree map[string]string) {
			tree[bundleFile] = string(corp.PEM())
			delete(tree, "/usr/sbin/update-ca-certificates")
		}},
		{name: "added after dockerd was started", tree: debian(only("corp.crt", corp), one), daemon: Daemon{Started: past}, want: "ca-daemon-not-restarted", says: "reads the machine's roots once", fix: "docker proxy restart"},
		{name: "added, and dockerd has other roots", tree: debian(only("corp.crt", corp), one), daemon: Daemon{Started: past, OwnRoots: true}},
		{name: "certs.d for Docker Hub", tree: debian(nil, one), change: func(tree map[string]string) {
			tree[certsD+"/docker.io/ca.crt"], tree[certsD+"/registry.corp:5000/ca.crt"] = string(corp.PEM()), string(corp.PEM())
		}, daemon: Daemon{Classic: true, CertsDir: certsD, Started: future}, want: "ca-certs-d-not-used-for-hub", says: "Corp Proxy Root", fix: "docker proxy ca add /etc/docker/certs.d/docker.io/ca.crt --machine --restart"},
		{name: "certs.d for Docker Hub, by its server's name", tree: debian(nil, one), change: func(tree map[string]string) { tree[certsD+"/registry-1.docker.io/ca.crt"] = string(corp.PEM()) }, daemon: Daemon{Classic: true, CertsDir: certsD}, want: "ca-certs-d-not-used-for-hub"},
		{name: "certs.d for Docker Hub, of containerd's store", tree: debian(nil, one), change: func(tree map[string]string) { tree[certsD+"/docker.io/ca.crt"] = string(corp.PEM()) }, daemon: Daemon{CertsDir: certsD}},
		{name: "certs.d for Docker Hub, and the machine has it", tree: debian(only("corp.crt", corp), one), change: func(tree map[string]string) { tree[certsD+"/docker.io/ca.crt"] = string(corp.PEM()) }, daemon: Daemon{Classic: true, CertsDir: certsD, Started: future}},
		{name: "a client's key there is no authority", tree: debian(nil, one), change: func(tree map[string]string) { tree[certsD+"/docker.io/client.cert"] = string(corp.PEM()) }, daemon: Daemon{Classic: true, CertsDir: certsD}},
		{name: "only containers have it", tree: debian(nil, one), records: memory{}.give("web", "me", corp), daemon: Daemon{ID: "me", Proxied: true}, want: "ca-not-in-daemon-store", says: "was added to the container web and not to this machine", fix: "docker proxy ca add " + corp.Fingerprint.Short() + " --machine --restart"},
		{name: "only containers have it, and there is no proxy", tree: debian(nil, one), records: memory{}.give("web", "me", corp), daemon: Daemon{ID: "me"}},
		{name: "containers and the machine have it", tree: debian(only("corp.crt", corp), one), records: memory{}.give("web", "me", corp), daemon: Daemon{ID: "me", Proxied: true, Started: future}},
		{name: "containers have it, and dockerd for its registry", tree: debian(nil, one), change: func(tree map[string]string) { tree[certsD+"/registry.corp:5000/ca.crt"] = string(corp.PEM()) },
			records: memory{}.give("web", "me", corp), daemon: Daemon{ID: "me", Proxied: true, CertsDir: certsD}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.change != nil {
				c.change(c.tree)
			}
			found := look(t, c.tree).Findings(c.daemon, c.records, time.Now(), oneMonth)
			var ids, text []string
			for _, f := range found {
				ids, text = append(ids, f.ID), append(text, f.Message)
			}
			slices.Sort(ids)
			assert.Equal(t, strings.Join(ids, " "), c.want, "%q", text)
			assert.Assert(t, strings.Contains(strings.Join(text, "\n"), c.says), text)
			if c.fix != "" {
				assert.Equal(t, found[0].Fix, c.fix)
			}
		})
	}
}

// TestTakenLater: an anchor that is older than dockerd and was taken into the bundle afterwards, as update-ca-certificates shows by its link.
func TestTakenLater(t *testing.T) {
	corp, one := root(t, "Corp", time.Hour), root(t, "One", time.Hour)
	dir := t.TempDir()
	put := func(name, text string) {
		at := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		assert.NilError(t, os.WriteFile(at, []byte(text), 0o644))
	}
	link := func(name string) { assert.NilError(t, os.Symlink("x", filepath.Join(dir, "etc/ssl/certs", name))) }
	for name, text := range debian(map[string]certs.Authority{"corp (new).crt": corp}, one) {
		put(name, text)
	}
	link("Root_0.pem")
	pause := func() time.Time { // the clock of files is coarse
		time.Sleep(30 * time.Millisecond)
		now := time.Now()
		time.Sleep(30 * time.Millisecond)
		return now
	}
	started := pause()
	link("corp_=new=.pem")
	files, err := host.Open(dir)
	assert.NilError(t, err)
	defer files.Close()
	newer := func(moment time.Time) string {
		m, err := Look(files)
		assert.NilError(t, err)
		name, _ := m.NewerThan(moment)
		return name
	}
	assert.Equal(t, newer(started), anchorDir+"corp (new).crt")
	later := pause()
	assert.Equal(t, newer(later), "")
	t.Run("all links made anew tell nothing", func(t *testing.T) {
		for _, n := range []string{"Root_0.pem", "corp_=new=.pem"} {
			assert.NilError(t, os.Remove(filepath.Join(dir, "etc/ssl/certs", n)))
			link(n)
		}
		assert.Equal(t, newer(later), "")
	})
}

// TestForeignText: what certificates and files are called is shown escaped.
func TestForeignText(t *testing.T) {
	a := root(t, "x\x1b[31m\u202e", -time.Hour)
	a = certs.Authority{Fingerprint: a.Fingerprint, Cert: a.Cert}
	tree := debian(map[string]certs.Authority{"it's.crt": a})
	for _, f := range look(t, tree).Findings(Daemon{}, nil, time.Now(), oneMonth) {
		assert.Assert(t, !strings.ContainsAny(f.Message+f.Fix, "\x1b\u202e"), f.Message)
		assert.Assert(t, strings.Contains(f.Fix, `'/usr/local/share/ca-certificates/it'\''s.crt'`), f.Fix)
	}
}

func TestParsed(t *testing.T) {
	a := root(t, "A", time.Hour)
	junk := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	assert.Equal(t, len(parsed(slices.Concat(junk, a.PEM(), []byte("words\n"), a.PEM()))), 2)
	assert.Equal(t, len(parsed(a.DER())), 1)
	assert.Equal(t, len(parsed([]byte("nothing"))), 0)
}

func TestMissing(t *testing.T) {
	corp := root(t, "Corp", time.Hour)
	web, db, off := Container{ID: "web-id", Name: "web"}, Container{ID: "db-id", Name: "db"}, Container{ID: "off-id", Name: "off", Excluded: true}
	for _, c := range []struct {
		name    string
		records memory
		running []Container
		want    string
	}{
		{"no records", nil, []Container{web, db}, ""},
		{"all have it", memory{}.give("web", "me", corp).give("db", "me", corp), []Container{web, db, off}, ""},
		{"one lacks it", memory{}.give("web", "me", corp), []Container{web, db, off}, "was not added to db; of the running containers 1 have it"},
		{"created anew", memory{}.give("web", "me", corp), []Container{{ID: "new-id", Name: "web"}}, "was not added to web; web had it before it was created anew"},
		{"of another daemon", memory{}.give("web", "other", corp), []Container{web, db}, ""},
		{"whoever had it is gone", memory{}.give("web", "me", corp), []Container{db}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var text []string
			for _, f := range Missing(c.records, "me", c.running) {
				assert.Equal(t, f.ID, "ca-containers-missing")
				assert.Equal(t, f.Fix, "docker proxy ca add "+corp.Fingerprint.Short()+" --all")
				text = append(text, strings.TrimPrefix(f.Message, "Corp ("+corp.Fingerprint.Short()+") "))
			}
			assert.Equal(t, strings.Join(text, "|"), c.want)
		})
	}
}
