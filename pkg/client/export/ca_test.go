package export_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the seal of JKS
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/mount"
	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

func authority(t *testing.T, name string) certs.Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	return certs.Authority{Fingerprint: certs.FingerprintOf(der), Cert: cert}
}

// subjects are the certificates of a PEM file, in order.
func subjects(t *testing.T, data []byte) []string {
	t.Helper()
	var out []string
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		assert.NilError(t, err)
		out = append(out, c.Subject.CommonName)
	}
	return out
}

// TestBundle: the roots stay as they are, the authorities come behind them, each once.
func TestBundle(t *testing.T) {
	root, old, fresh := authority(t, "root"), authority(t, "old"), authority(t, "fresh")
	roots := append(append([]byte("# words\n"), root.PEM()...), []byte(strings.TrimSuffix(string(old.PEM()), "\n"))...)
	data, count := export.Bundle(roots, []certs.Authority{old, fresh, fresh})
	assert.Equal(t, count, 2)
	assert.DeepEqual(t, subjects(t, data), []string{"root", "old", "fresh"})
	assert.Assert(t, cmp.Contains(string(data), string(roots)))
	assert.Assert(t, export.Ours(data) && export.Ours(export.Authorities(nil)))
	assert.DeepEqual(t, subjects(t, export.Authorities([]certs.Authority{fresh, old})), []string{"fresh", "old"})
	_, count = export.Bundle(nil, nil)
	assert.Equal(t, count, 0)
}

// TestNewTrust: which file goes where. A variable that replaces a program's roots never names the authorities alone, and one that adds to them never names the bundle.
func TestNewTrust(t *testing.T) {
	const alone, bundle = "/d/ca.pem", "/d/ca-bundle.pem"
	for _, tc := range []struct {
		name      string
		o         export.TrustOptions
		mounts    []export.Mount
		variables []export.Variable
	}{
		{"a program's own setting", export.TrustOptions{At: []string{"/etc/repo/ca_certs/ca_cert.pem"}, Names: []string{"REPO_CUSTOM_CA_CERT"}},
			[]export.Mount{{alone, "/etc/repo/ca_certs/ca_cert.pem"}}, []export.Variable{{"REPO_CUSTOM_CA_CERT", "/etc/repo/ca_certs/ca_cert.pem"}}},
		{"one that replaces", export.TrustOptions{At: []string{"/x.pem"}, Names: []string{"MINE", "SSL_CERT_FILE"}},
			[]export.Mount{{bundle, "/x.pem"}}, []export.Variable{{"MINE", "/x.pem"}, {"SSL_CERT_FILE", "/x.pem"}}},
		{"over a bundle", export.TrustOptions{At: []string{"/etc/ssl/certs/ca-certificates.crt", "/conda/ssl/cacert.pem"}},
			[]export.Mount{{bundle, "/etc/ssl/certs/ca-certificates.crt"}, {bundle, "/conda/ssl/cacert.pem"}}, nil},
		{"said to be combined", export.TrustOptions{At: []string{"/x.pem"}, Names: []string{"MINE"}, Combined: true}, []export.Mount{{bundle, "/x.pem"}}, []export.Variable{{"MINE", "/x.pem"}}},
		{"variables only", export.TrustOptions{Names: []string{"MINE", "PIP_CERT"}},
			[]export.Mount{{alone, "/etc/docker-proxy-ca/ca.pem"}, {bundle, "/etc/docker-proxy-ca/ca-bundle.pem"}},
			[]export.Variable{{"MINE", "/etc/docker-proxy-ca/ca.pem"}, {"PIP_CERT", "/etc/docker-proxy-ca/ca-bundle.pem"}}},
		{"one that adds", export.TrustOptions{Names: []string{"DENO_CERT"}}, []export.Mount{{alone, "/etc/docker-proxy-ca/ca.pem"}}, []export.Variable{{"DENO_CERT", "/etc/docker-proxy-ca/ca.pem"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.o.Dir = "/d"
			got := export.NewTrust(tc.o)
			assert.DeepEqual(t, got, export.Trust{Mounts: tc.mounts, Variables: tc.variables})
		})
	}
	all := map[string]string{}
	for _, v := range export.NewTrust(export.TrustOptions{Dir: "/d"}).Variables {
		all[v.Name] = filepath.Base(v.Value)
	}
	assert.DeepEqual(t, all, map[string]string{
		"NODE_EXTRA_CA_CERTS": "ca.pem", "DENO_CERT": "ca.pem", "SSL_CERT_FILE": "ca-bundle.pem", "REQUESTS_CA_BUNDLE": "ca-bundle.pem", "CURL_CA_BUNDLE": "ca-bundle.pem",
		"GIT_SSL_CAINFO": "ca-bundle.pem", "AWS_CA_BUNDLE": "ca-bundle.pem", "PIP_CERT": "ca-bundle.pem", "CARGO_HTTP_CAINFO": "ca-bundle.pem",
	})
}

// TestComposeCAReadsBack: the override, merged with the project by Compose's own loader, gives the service its mounts and variables, and nothing else of the project changes.
func TestComposeCAReadsBack(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "compose.yaml")
	assert.NilError(t, os.WriteFile(base, []byte("services:\n  web:\n    image: x\n    environment: [MINE=1, PIP_CERT=/old]\n    volumes: [\"data:/data\", \"./a:/etc/docker-proxy-ca/ca.pem\"]\n  db: {image: y}\nvolumes: {data: {}}\n"), 0o600))
	trust := export.NewTrust(export.TrustOptions{Dir: "/srv/my $CA files: \"x\""})
	data, err := export.ComposeCA([]string{"web"}, trust)
	assert.NilError(t, err)
	override := filepath.Join(dir, "o.yaml")
	assert.NilError(t, os.WriteFile(override, data, 0o600))
	before, err := load(t, dir, nil, []string{base})
	assert.NilError(t, err)
	p, err := load(t, dir, nil, []string{base, override})
	assert.NilError(t, err, "%s", data)
	assert.DeepEqual(t, p.Services["db"], before.Services["db"])
	web := p.Services["web"]
	assert.Equal(t, *web.Environment["MINE"], "1")
	for _, v := range trust.Variables {
		assert.Equal(t, *web.Environment[v.Name], v.Value)
	}
	assert.Equal(t, len(web.Environment), 1+len(trust.Variables))
	mounts := map[string]string{}
	for _, v := range web.Volumes {
		mounts[v.Target] = v.Source
		if v.Target != "/data" {
			assert.Assert(t, v.ReadOnly && v.Type == "bind" && v.Bind != nil && !bool(v.Bind.CreateHostPath), "%+v", v)
		}
	}
	assert.DeepEqual(t, mounts, map[string]string{
		"/data": "data", "/etc/docker-proxy-ca/ca.pem": "/srv/my $CA files: \"x\"/ca.pem", "/etc/docker-proxy-ca/ca-bundle.pem": "/srv/my $CA files: \"x\"/ca-bundle.pem",
	})
}

// TestRunCAReadsBack: the docker CLI's own types read the mounts and variables as they were meant, through every shell.
func TestRunCAReadsBack(t *testing.T) {
	for _, dir := range []string{"/srv/ca", "/srv/c,a", "/srv/a \"b\"", "/srv/it's"} {
		trust := export.NewTrust(export.TrustOptions{Dir: dir})
		words, err := export.RunCA(trust)
		assert.NilError(t, err)
		text, isPlain := export.Words(words)
		assert.Equal(t, isPlain, dir == "/srv/ca" || dir == "/srv/c,a" && !strings.ContainsAny(text, `"'`), text)
		for _, shell := range shells(t) {
			flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
			env, mounts := opts.NewListOpts(opts.ValidateEnv), opts.MountOpt{}
			flags.VarP(&env, "env", "e", "")
			flags.Var(&mounts, "mount", "")
			assert.NilError(t, flags.Parse(split(t, shell, text, !isPlain)))
			assert.Equal(t, len(env.GetSlice()), len(trust.Variables))
			var want []mount.Mount
			for _, m := range trust.Mounts {
				want = append(want, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: true})
			}
			assert.DeepEqual(t, mounts.Value(), want)
		}
	}
}

// TestBuildFiles: the two files that shells read say what BuildVariables says, in every shell, and the starter becomes the command it is given.
func TestBuildFiles(t *testing.T) {
	dir := t.TempDir()
	ca := authority(t, "a")
	for _, f := range export.BuildFiles([]certs.Authority{ca}, ca.PEM(), nil, true) {
		path := filepath.Join(dir, f.Name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		data := strings.ReplaceAll(string(f.Data), "/dev/docker-proxy-ca/", dir+"/docker-proxy-ca/") // where it is here
		assert.NilError(t, os.WriteFile(path, []byte(data), 0o600))
	}
	for _, shell := range shells(t) {
		out, err := exec.CommandContext(t.Context(), shell[0], append(shell[1:len(shell):len(shell)], dir+"/docker-proxy-ca/run", "env")...).Output()
		assert.NilError(t, err)
		for _, v := range export.BuildVariables(nil) {
			value := dir + strings.TrimPrefix(v.Value, "/dev")
			assert.Assert(t, cmp.Contains(string(out), v.Name+"="+value+"\n"))
			_, err := os.Stat(value)
			assert.NilError(t, err, "%s names a file that is written", v.Name)
		}
	}
	words := strings.Join(export.BuildOptions("out", "Dockerfile", nil, true), " ")
	assert.Equal(t, strings.Count(words, "--secret "), len(export.BuildVariables(nil)))
	for w := range strings.FieldsSeq(words) {
		if _, src, ok := strings.Cut(w, ",src=out/"); ok {
			_, err := os.Stat(filepath.Join(dir, src))
			assert.NilError(t, err, w)
		}
	}
}

// TestJava: the store is mounted whatever else is asked for, its variable keeps what the image says to Java already, and shells and the CLI read it back.
func TestJava(t *testing.T) {
	java := &export.Java{Data: []byte("store"), Password: "change it", Options: "-Xmx1g"}
	const want = "-Xmx1g -Djavax.net.ssl.trustStore=/etc/docker-proxy-ca/cacerts -Djavax.net.ssl.trustStorePassword=change it"
	for _, at := range [][]string{nil, {"/bundle.pem"}} {
		trust := export.NewTrust(export.TrustOptions{Dir: "/d", At: at, Java: java})
		assert.DeepEqual(t, trust.Mounts[len(trust.Mounts)-1], export.Mount{Source: "/d/cacerts", Target: "/etc/docker-proxy-ca/cacerts"})
		assert.DeepEqual(t, trust.Variables[len(trust.Variables)-1], export.Variable{Name: "JAVA_TOOL_OPTIONS", Value: want})
		words, err := export.RunCA(trust)
		assert.NilError(t, err)
		text, isPlain := export.Words(words)
		assert.Assert(t, !isPlain)
		for _, shell := range shells(t) {
			got := split(t, shell, text, true)
			assert.Equal(t, got[len(got)-1], "JAVA_TOOL_OPTIONS="+want)
		}
	}
	plain, err := export.RunCA(export.NewTrust(export.TrustOptions{Dir: "/d", Java: &export.Java{}}))
	assert.NilError(t, err)
	_, isPlain := export.Words(plain)
	assert.Assert(t, isPlain, "docker run $(…) takes it as it is")

	dir := t.TempDir()
	for _, f := range export.BuildFiles(nil, nil, java, true) {
		path := filepath.Join(dir, f.Name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		assert.NilError(t, os.WriteFile(path, f.Data, 0o600))
	}
	step := strings.ReplaceAll(want, "/etc/", "/dev/")
	for _, shell := range shells(t) {
		out, err := exec.CommandContext(t.Context(), shell[0], append(shell[1:len(shell):len(shell)], "-c", ". "+dir+`/docker-proxy-ca/env; printf %s "$JAVA_TOOL_OPTIONS"`)...).Output()
		assert.NilError(t, err)
		assert.Equal(t, string(out), step)
	}
	_, rest, ok := strings.Cut(strings.Join(export.BuildOptions(dir, "Dockerfile", java, true), " "), "JAVA_TOOL_OPTIONS,src=")
	assert.Assert(t, ok)
	secret, err := os.ReadFile(strings.Fields(rest)[0])
	assert.NilError(t, err)
	assert.Equal(t, string(secret), step)
}

// TestOursJava: a store that an export wrote is known by its entry, somebody else's is not.
func TestOursJava(t *testing.T) {
	store, err := keystore.Open([]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x00"+emptySeal()), "changeit")
	assert.NilError(t, err)
	assert.Assert(t, !export.Ours(store.Bytes()))
	a := authority(t, "a")
	assert.NilError(t, store.Add("docker-proxy-"+a.Fingerprint.Short(), a.DER(), time.Now()))
	assert.Assert(t, export.Ours(store.Bytes()))
}

// emptySeal is what ends a JKS store without entries whose password is changeit (sun.security.provider.JavaKeyStore.getPreKeyedHash).
func emptySeal() string {
	text := "Mighty Aphrodite\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x00"
	for i := len("changeit") - 1; i >= 0; i-- {
		text = "\x00" + "changeit"[i:i+1] + text
	}
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	return string(sum[:])
}

func TestMarkDockerfile(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "FROM a\n", "@FROM a\n"},
		{"a comment", "# why\nFROM a\n", "@# why\nFROM a\n"},
		{"directives", "# syntax=docker/dockerfile:1\n#escape=`\n\nFROM a\n", "# syntax=docker/dockerfile:1\n#escape=`\n@\nFROM a\n"},
		{"a byte order mark", "\ufeffFROM a\n", "\ufeffFROM a\n"},
		{"CRLF", "# syntax=x\r\nFROM a\r\n", "# syntax=x\r\n@FROM a\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := export.MarkDockerfile([]byte(tc.in))
			assert.Equal(t, string(got), strings.ReplaceAll(tc.want, "@", export.Marker))
			assert.Equal(t, export.Ours(got), strings.Contains(tc.want, "@"))
		})
	}
}
