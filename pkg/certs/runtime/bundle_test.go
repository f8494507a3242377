package runtime_test

import (
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
)

func look(t *testing.T, d *dirTree, p runtime.Processes, o runtime.Options) runtime.Survey {
	t.Helper()
	s, err := runtime.Look(d, p, o)
	assert.NilError(t, err)
	return s
}

func kindOf(notes []certs.Note, kind certs.NoteKind) []string {
	out := []string{}
	for _, n := range notes {
		if n.Kind == kind {
			out = append(out, n.String())
		}
	}
	return out
}

// Every bundle of Python and conda that the issue names is found, a link to the system's own is not.
func TestBundlesAreFound(t *testing.T) {
	found := []string{
		"/usr/lib/python3/dist-packages/certifi/cacert.pem",
		"/usr/local/lib/python3.12/site-packages/certifi/cacert.pem",
		"/usr/local/lib/python3.12/site-packages/pip/_vendor/certifi/cacert.pem",
		"/usr/local/lib/python3.12/site-packages/botocore/cacert.pem",
		"/opt/venv/lib/python3.11/site-packages/certifi/cacert.pem",
		"/srv/thing/.venv/lib/python3.13/site-packages/certifi/cacert.pem", // WORKDIR
		"/elsewhere/lib/python3.10/site-packages/certifi/cacert.pem",       // VIRTUAL_ENV
		"/running/lib/python3.9/site-packages/certifi/cacert.pem",          // a running program
		"/conda/ssl/cacert.pem",
		"/opt/conda/ssl/cacert.pem",
		"/opt/conda/lib/python3.12/site-packages/certifi/cacert.pem",
		"/opt/conda/envs/ml/ssl/cacert.pem",
		"/opt/conda/envs/ml/lib/python3.8/site-packages/certifi/cacert.pem",
		"/opt/conda/pkgs/ca-certificates-2025.1-0/ssl/cacert.pem",
		"/opt/conda/pkgs/certifi-2025.1-py312/site-packages/certifi/cacert.pem",
		"/root/miniconda3/ssl/cacert.pem",
		"/home/ann/miniforge3/ssl/cacert.pem",
		"/home/ann/miniforge3/envs/x/lib/python3.12/site-packages/pip/_vendor/certifi/cacert.pem",
		"/root/.pyenv/versions/3.11.7/lib/python3.11/site-packages/certifi/cacert.pem",
		"/usr/local/aws-cli/v2/2.15.0/dist/awscli/botocore/cacert.pem",
	}
	theirs := string(authority(t, "there before").PEM())
	files := map[string]string{
		"/usr/share/docs/certifi/cacert.pem":                                theirs, // no place of packages
		"/usr/lib64/python3.6/site-packages/certifi/cacert.pem":             "-> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/usr/lib64/python3.6/site-packages/pip/_vendor/certifi/cacert.pem": "-> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem":                 theirs,
		"/opt/conda/lib/python3.12/site-packages/requests/cacert.pem":       "-> ../certifi/cacert.pem",
	}
	for _, name := range found {
		files[name] = theirs
	}
	d := newTree(t, files)
	p := runtime.Processes{
		Env:        []string{"VIRTUAL_ENV=/elsewhere", "PATH=/usr/bin:/bin"},
		WorkingDir: "/srv/thing",
		Running:    []runtime.Process{{PID: 7, Argv: []string{"/running/bin/python3.9", "app.py"}, Exe: "/running/bin/python3.9"}},
	}
	s := look(t, d, p, runtime.Options{})
	got := map[string]bool{}
	for _, st := range s.Stores {
		got[st.Real] = true
	}
	for _, name := range found {
		assert.Assert(t, got[name], "%s was not found", name)
	}
	assert.Equal(t, len(s.Stores), len(found), "%v", s.Stores)
	assert.Assert(t, d.looks < 6000, "%d look-ups", d.looks)

	ours := authority(t, "ours")
	plan, notes, err := s.Add(d, []certs.Authority{ours}, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(notes), 0, "%v", notes)
	assert.Equal(t, len(plan), len(found))
	d.apply(t, plan)
	held, err := s.Holds(d)
	assert.NilError(t, err)
	assert.Equal(t, len(held[ours.Fingerprint]), len(found))
	plan, _, err = look(t, d, p, runtime.Options{}).Add(d, []certs.Authority{ours}, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 0, "a second time changes nothing")
}

// Taking the block out gives the bytes back, however the bundle ended and in whatever order blocks go.
func TestBlocksLeaveNoTrace(t *testing.T) {
	theirs := string(authority(t, "there before").PEM())
	one, two := authority(t, "one"), authority(t, "two")
	strange, _ := newAuthority(t, pkix.Name{CommonName: "Ümläut \x1b[31m\n-----END CERTIFICATE-----\n中", Organization: []string{`a "b"`}})
	for _, tt := range []struct{ name, before string }{
		{"as usual", theirs},
		{"without a newline at the end", strings.TrimSuffix(theirs, "\n")},
		{"empty", ""},
		{"with carriage returns", strings.ReplaceAll(theirs, "\n", "\r\n")},
		{"with comments", "# Issuer: x\n" + theirs + "# end"},
		{"without certificates", "\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const name = "/conda/ssl/cacert.pem"
			d := newTree(t, map[string]string{name: tt.before})
			s := look(t, d, runtime.Processes{}, runtime.Options{})
			for _, a := range []certs.Authority{one, two, strange} {
				plan, _, err := s.Add(d, []certs.Authority{a}, runtime.AddOptions{})
				assert.NilError(t, err)
				assert.DeepEqual(t, paths(plan), []string{name})
				d.apply(t, plan)
			}
			text := d.text(t, name)
			assert.Assert(t, strings.HasPrefix(text, tt.before))
			for _, c := range []byte(text) {
				assert.Assert(t, c < 0x80 && (c >= ' ' || c == '\n' || c == '\r'), "%q in the bundle", c)
			}
			held, err := s.Holds(d)
			assert.NilError(t, err)
			for _, a := range []certs.Authority{one, two, strange} {
				assert.DeepEqual(t, held[a.Fingerprint], []string{name})
			}
			for _, a := range []certs.Authority{one, strange, two} {
				plan, _, err := s.Remove(d, []certs.Fingerprint{a.Fingerprint}, runtime.RemoveOptions{})
				assert.NilError(t, err)
				d.apply(t, plan)
			}
			assert.Equal(t, d.text(t, name), tt.before)
		})
	}
}

// A root that was there before stays, unless it is asked for; it is not put in a second time either.
func TestForeignCertificate(t *testing.T) {
	const name = "/conda/ssl/cacert.pem"
	theirs, other := authority(t, "theirs"), authority(t, "other")
	before := "# Label\n" + string(theirs.PEM()) + "\n" + string(other.PEM())
	d := newTree(t, map[string]string{name: before})
	s := look(t, d, runtime.Processes{}, runtime.Options{})
	plan, _, err := s.Add(d, []certs.Authority{theirs}, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 0)
	plan, notes, err := s.Remove(d, []certs.Fingerprint{theirs.Fingerprint}, runtime.RemoveOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 0)
	assert.Equal(t, len(kindOf(notes, certs.Remark)), 1, "%v", notes)
	plan, _, err = s.Remove(d, []certs.Fingerprint{theirs.Fingerprint}, runtime.RemoveOptions{Foreign: true})
	assert.NilError(t, err)
	d.apply(t, plan)
	assert.Equal(t, d.text(t, name), "# Label\n\n"+string(other.PEM()))
}

// --bundle: what is there is edited, what is not is named and never made.
func TestNamedBundle(t *testing.T) {
	d := newTree(t, map[string]string{"/srv/app/ca.pem": string(authority(t, "x").PEM()), "/fifo-dir/": ""})
	s := look(t, d, runtime.Processes{}, runtime.Options{Bundles: []string{"/srv/app/ca.pem", "/absent.pem", "relative.pem", "/fifo-dir", "/proc/1/environ"}})
	assert.Equal(t, len(s.Stores), 1)
	assert.DeepEqual(t, kindOf(s.Notes, certs.Remark), []string{
		"/absent.pem: named by --bundle, and is not there; it is not made",
		"relative.pem: named by --bundle, and not looked for: it is not an absolute path",
		"/proc/1/environ: named by --bundle, and is not there; it is not made",
	})
	assert.Equal(t, len(kindOf(s.Notes, certs.Skipped)), 1)
}

// What is mounted belongs to others, what is no text is no bundle: both are left alone with a reason.
func TestLeftAlone(t *testing.T) {
	pem := string(authority(t, "x").PEM())
	d := newTree(t, map[string]string{
		"/conda/ssl/cacert.pem": pem, "/opt/conda/ssl/cacert.pem": "\x00\x01", "/root/conda/ssl/cacert.pem": "-> /root/conda/ssl/cacert.pem",
		"/mambaforge/ssl/cacert.pem/": "", "/micromamba/ssl/cacert.pem": "-> /proc/self/mem",
	})
	d.mounts["/conda/ssl/cacert.pem"] = "/host/ca\x1b[2J"
	s := look(t, d, runtime.Processes{}, runtime.Options{})
	list := []certs.Authority{authority(t, "ours")}
	plan, notes, err := s.Add(d, list, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 0)
	skipped := strings.Join(kindOf(append(s.Notes, notes...), certs.Skipped), "\n")
	for _, want := range []string{"/conda/ssl/cacert.pem: left alone: it is mounted from /host/ca\\x1b[2J", "it is no text file", "too many levels", "not a regular file"} {
		assert.Assert(t, strings.Contains(skipped, want), "%s: %s", want, skipped)
	}
	plan, _, err = s.Add(d, list, runtime.AddOptions{Common: runtime.Common{ThroughMounts: true}})
	assert.NilError(t, err)
	assert.DeepEqual(t, paths(plan), []string{"/conda/ssl/cacert.pem"})
}

// An image without any of it costs a bounded number of questions.
func TestEmptyTreeIsCheap(t *testing.T) {
	files := map[string]string{"/etc/debian_version": "12\n", "/usr/bin/env": "", "/usr/lib/": "", "/opt/": "", "/home/ann/": "", "/home/bob/": "", "/root/": "", "/srv/": "", "/var/lib/": ""}
	for i := range 50 {
		for _, dir := range []string{"/usr/share", "/usr/lib", "/usr/local/share", "/etc", "/var/lib"} {
			files[fmt.Sprintf("%s/%d/", dir, i)] = ""
		}
	}
	d := newTree(t, files)
	p := runtime.Processes{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	look(t, d, p, runtime.Options{})
	assert.Assert(t, d.looks < 80, "%d questions", d.looks)
	d.looks = 0
	look(t, d, runtime.Processes{}, runtime.Options{NoListing: true})
	assert.Assert(t, d.looks < 15, "%d questions", d.looks)
}

// Where nothing can be listed, the environment and the processes tell enough.
func TestWithoutListing(t *testing.T) {
	pem := string(authority(t, "x").PEM())
	d := newTree(t, map[string]string{
		"/usr/local/lib/python3.12/site-packages/certifi/cacert.pem": pem, "/opt/venv/lib/python3.12/site-packages/certifi/cacert.pem": pem, "/opt/conda/ssl/cacert.pem": pem,
		"/usr/lib/python3/dist-packages/pip/_vendor/certifi/cacert.pem": pem, "/opt/java/openjdk/lib/security/cacerts": "x", "/srv/own.pem": pem,
		"/opt/other/bin/java": "x", "/opt/other/lib/security/cacerts": "x",
	})
	p := runtime.Processes{
		Env:     []string{"PYTHON_VERSION=3.12.4", "PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin", "JAVA_HOME=/opt/java/openjdk", "SSL_CERT_FILE=/srv/own.pem"},
		Running: []runtime.Process{{Exe: "/opt/other/bin/java"}, {Exe: "/usr/local/bin/python3.12"}},
	}
	s := look(t, d, p, runtime.Options{NoListing: true})
	assert.Equal(t, len(s.Stores), 7, "%v", s.Stores)
	assert.Assert(t, d.looks < 150, "%d questions", d.looks)
	s = look(t, d, p, runtime.Options{})
	assert.Equal(t, len(s.Stores), 7, "%v", s.Stores)
}
