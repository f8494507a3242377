package runtime_test

import (
	"crypto/x509/pkix"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
)

// A JVM that is told of the copy trusts the authority and still what was in the store before, with the password that the copy asks for; the image's own file stays.
func TestCopyJava(t *testing.T) {
	need(t, "java", "javac", "keytool")
	ours, key := newAuthority(t, pkix.Name{CommonName: "ours"})
	before, beforeKey := newAuthority(t, pkix.Name{CommonName: "before"})
	port, oldPort, dir := serve(t, ours, key), serve(t, before, beforeKey), t.TempDir()
	const home = "/usr/lib/jvm/one"
	tests := []struct {
		name, password string
		files          map[string]string
		p              runtime.Processes
		from           string
	}{
		{
			name:  "JKS, java in PATH",
			files: map[string]string{home + "/lib/security/cacerts": keytool(t, dir+"/jks", before, "-storetype", "JKS", "-storepass", "changeit"), home + "/bin/java": "", "/usr/bin/java": "-> " + home + "/bin/java"},
			from:  home + "/lib/security/cacerts",
		},
		{
			name: "PKCS#12 without a password, JAVA_HOME, a link",
			files: map[string]string{
				"/opt/java/lib/security/cacerts": "-> /etc/ssl/certs/java/cacerts",
				"/etc/ssl/certs/java/cacerts":    keytool(t, dir+"/clear", before, "-J-Dkeystore.pkcs12.macAlgorithm=NONE", "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-storetype", "PKCS12", "-storepass", "changeit"),
			},
			p: runtime.Processes{Env: []string{"JAVA_HOME=/opt/java"}}, from: "/opt/java/lib/security/cacerts",
		},
		{
			name:     "encrypted PKCS#12, the image's own command",
			password: "changeit",
			files:    map[string]string{"/srv/jre/lib/security/cacerts": keytool(t, dir+"/p12", before, "-storetype", "PKCS12", "-storepass", "changeit"), "/srv/jre/bin/java": ""},
			p:        runtime.Processes{Argv: []string{"/srv/jre/bin/java", "-jar", "x"}, Env: []string{"PATH=/bin"}}, from: "/srv/jre/lib/security/cacerts",
		},
	}
	client := filepath.Join(dir, "Client.java")
	assert.NilError(t, os.WriteFile(client, []byte(javaClient), 0o600))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newTree(t, tt.files)
			got, err := runtime.CopyJava(d, tt.p, []certs.Authority{ours}, time.Now())
			assert.NilError(t, err)
			assert.Equal(t, got.From, tt.from)
			assert.Equal(t, got.Count, 2)
			assert.Equal(t, got.Password, tt.password)
			file := filepath.Join(t.TempDir(), "cacerts")
			assert.NilError(t, os.WriteFile(file, got.Data, 0o600))
			for _, p := range []string{port, oldPort} {
				said := run(t, "", "java", "-XX:TieredStopAtLevel=1", client, p, file, got.Password)
				assert.Assert(t, strings.HasSuffix(said, " trusted\n"), said)
			}
			for name, text := range tt.files {
				if !strings.HasPrefix(text, "-> ") {
					assert.Equal(t, d.text(t, name), text)
				}
			}
		})
	}
}

// What cannot be copied is told; what the image says about its trust store already goes, and its other options stay.
func TestCopyJavaRefuses(t *testing.T) {
	need(t, "keytool")
	list := []certs.Authority{authority(t, "ours")}
	p := runtime.Processes{Env: []string{"JAVA_HOME=/jdk", "JAVA_TOOL_OPTIONS=-Xmx1g -Djavax.net.ssl.trustStore=/mine -Djavax.net.ssl.trustStorePassword=own-word  -Da=b"}}
	store := keytool(t, t.TempDir()+"/x", authority(t, "before"), "-storetype", "JKS", "-storepass", "own-word")
	got, err := runtime.CopyJava(newTree(t, map[string]string{"/jdk/lib/security/cacerts": store}), p, list, time.Now())
	assert.NilError(t, err, "the password is in the image's options")
	assert.Equal(t, got.Options, "-Xmx1g -Da=b")
	assert.Equal(t, got.Password, "", "a JKS store is read without one")

	p.Env = p.Env[:1]
	_, err = runtime.CopyJava(newTree(t, map[string]string{"/jdk/lib/security/cacerts": store}), p, list, time.Now())
	assert.Assert(t, errors.Is(err, keystore.ErrLocked), "%v", err)
	_, err = runtime.CopyJava(newTree(t, map[string]string{"/jdk/lib/security/cacerts": "what is this"}), p, list, time.Now())
	assert.Assert(t, errors.Is(err, keystore.ErrFormat), "%v", err)
	_, err = runtime.CopyJava(newTree(t, map[string]string{"/etc/passwd": ""}), p, list, time.Now())
	assert.Assert(t, errors.Is(err, runtime.ErrNoJava), "%v", err)
}
