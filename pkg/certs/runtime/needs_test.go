package runtime_test

import (
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
)

// A variable that is set decides what the program reads: its file is edited where there is one, and named where there is none.
func TestVariablesLeadToFiles(t *testing.T) {
	pem := string(authority(t, "x").PEM())
	for _, v := range runtime.Variables() {
		if v.Effect == runtime.Directory {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			d := newTree(t, map[string]string{"/srv/own.pem": pem, "/etc/ssl/certs/ca-certificates.crt": pem})
			ours := authority(t, "ours")
			p := runtime.Processes{Env: []string{v.Name + "=/srv/own.pem"}}
			plan, _, err := look(t, d, p, runtime.Options{}).Add(d, []certs.Authority{ours}, runtime.AddOptions{})
			assert.NilError(t, err)
			assert.DeepEqual(t, paths(plan), []string{"/srv/own.pem"})
			assert.Assert(t, strings.Contains(plan[0].Cause, v.Name), plan[0].Cause)

			// Of a process that was started with another environment, too.
			p = runtime.Processes{Running: []runtime.Process{{Argv: []string{"x"}, Environ: []string{v.Name + "=/srv/own.pem"}}}}
			assert.Equal(t, len(look(t, d, p, runtime.Options{}).Stores), 1)

			s := look(t, d, runtime.Processes{Env: []string{v.Name + "=/srv/none.pem"}}, runtime.Options{})
			assert.DeepEqual(t, kindOf(s.Notes, certs.Remark), []string{"/srv/none.pem: named by " + v.Name + ", and is not there; it is not made"})

			s = look(t, d, runtime.Processes{Env: []string{v.Name + "=/etc/ssl/certs/ca-certificates.crt"}}, runtime.Options{})
			assert.Equal(t, len(s.Stores)+len(s.Notes), 0, "the system's own store is another package's")
		})
	}
}

// A file that a configuration names is edited; the setting is one in the file's own syntax.
func TestConfigurationsLeadToFiles(t *testing.T) {
	for name, text := range map[string]string{
		"/root/.npmrc":               "; cafile=/no\nstrict-ssl=true\ncafile = \"/srv/own.pem\"\n",
		"/etc/pip.conf":              "[global]\ncert = /srv/own.pem\n",
		"/root/.condarc":             "channels:\n  - x\nssl_verify: /srv/own.pem\n",
		"/etc/gitconfig":             "[http]\n\tsslCAInfo = /srv/own.pem\n",
		"/home/ann/.curlrc":          "--cacert /srv/own.pem\n",
		"/etc/wgetrc":                "ca_certificate=/srv/own.pem\n",
		"/etc/php/8.2/fpm/php.ini":   "[curl]\ncurl.cainfo = '/srv/own.pem'\n",
		"/usr/local/etc/php/php.ini": "openssl.cafile=/srv/own.pem\n",
		"/root/.aws/config":          "[default]\nca_bundle = /srv/own.pem\n",
		"/root/.cargo/config.toml":   "[http]\ncainfo = \"/srv/own.pem\"\n",
	} {
		t.Run(path.Base(name), func(t *testing.T) {
			d := newTree(t, map[string]string{name: text, "/srv/own.pem": ""})
			s := look(t, d, runtime.Processes{}, runtime.Options{})
			assert.Equal(t, len(s.Stores), 1, name)
			assert.Equal(t, s.Stores[0].Real, "/srv/own.pem")
			assert.Assert(t, strings.Contains(s.Stores[0].Why, name), s.Stores[0].Why)
		})
	}
}

func needs(t *testing.T, d *dirTree, p runtime.Processes, o runtime.NeedsOptions) []certs.Note {
	t.Helper()
	if o.Authorities == nil {
		o.Authorities = []certs.Authority{authority(t, "ours")}
	}
	return look(t, d, p, runtime.Options{}).Needs(o)
}

// What only a variable reaches is told with the exact variable and value: the authority alone where it adds.
func TestRecreate(t *testing.T) {
	ours := authority(t, "ours")
	alone := "/etc/pki/ca-trust/source/anchors/" + ours.Fingerprint.AnchorName()
	node := []runtime.Process{{Argv: []string{"node", "app.js"}, Exe: "/usr/local/bin/node"}}
	for _, tt := range []struct {
		name string
		p    runtime.Processes
		want string // of Env; "" for a restart, "none" for nothing
	}{
		{"node runs", runtime.Processes{Running: node}, "NODE_EXTRA_CA_CERTS=" + alone},
		{"node does not run", runtime.Processes{Env: []string{"NODE_VERSION=22.1.0"}}, "NODE_EXTRA_CA_CERTS=" + alone},
		{"node with a file of its own", runtime.Processes{Env: []string{"NODE_EXTRA_CA_CERTS=/srv/own.pem"}, Running: node}, ""},
		{"node with a file that is not there", runtime.Processes{Env: []string{"NODE_EXTRA_CA_CERTS=/srv/none.pem"}, Running: node}, "NODE_EXTRA_CA_CERTS=" + alone},
		{"node with the system's bundle", runtime.Processes{Env: []string{"NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"}, Running: node}, ""},
		{"node that reads the system's store", runtime.Processes{Env: []string{"NODE_OPTIONS=--max-old-space-size=100 --use-openssl-ca"}, Running: node}, ""},
		{"node with --use-system-ca", runtime.Processes{Running: []runtime.Process{{Argv: []string{"node", "--use-system-ca", "x.js"}}}}, ""},
		{"node with the variable for it", runtime.Processes{Env: []string{"NODE_USE_SYSTEM_CA=1"}, Running: node}, ""},
		{"node that reads it and does not run", runtime.Processes{Env: []string{"NODE_VERSION=24.6.0", "NODE_USE_SYSTEM_CA=1"}}, "none"},
		{"deno", runtime.Processes{Argv: []string{"/usr/bin/deno", "run"}}, "DENO_CERT=" + alone},
		{"deno with the system's store", runtime.Processes{Env: []string{"DENO_TLS_CA_STORE=system,mozilla"}, Running: []runtime.Process{{Argv: []string{"deno"}}}}, ""},
		{"bun", runtime.Processes{Running: []runtime.Process{{Argv: []string{"bun", "x.ts"}}}}, "NODE_EXTRA_CA_CERTS=" + alone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newTree(t, map[string]string{"/srv/own.pem": "", "/etc/ssl/certs/ca-certificates.crt": ""})
			notes := needs(t, d, tt.p, runtime.NeedsOptions{Authorities: []certs.Authority{ours}, Anchor: "/etc/pki/ca-trust/source/anchors"})
			switch tt.want {
			case "none":
				assert.Equal(t, len(notes), 0, "%v", notes)
			case "":
				assert.Equal(t, len(notes), 1, "%v", notes)
				assert.Equal(t, notes[0].Kind, certs.NeedsRestart)
				assert.Equal(t, notes[0].Command, "docker restart NAME")
			default:
				assert.Equal(t, len(notes), 1, "%v", notes)
				assert.Equal(t, notes[0].Kind, certs.NeedsRecreate)
				assert.DeepEqual(t, notes[0].Env, []string{tt.want})
				assert.Assert(t, strings.Contains(notes[0].Text, tt.want), notes[0].Text)
			}
		})
	}
}

// The variable takes one file: for several authorities it is one that has them all.
func TestRecreateForSeveral(t *testing.T) {
	p := runtime.Processes{Running: []runtime.Process{{Argv: []string{"node"}}}}
	notes := needs(t, newTree(t, nil), p, runtime.NeedsOptions{Authorities: []certs.Authority{authority(t, "one"), authority(t, "two")}})
	assert.Equal(t, len(notes), 1)
	assert.DeepEqual(t, notes[0].Env, []string{"NODE_EXTRA_CA_CERTS=/usr/local/share/ca-certificates/docker-proxy-authorities.crt"})
	assert.Assert(t, strings.Contains(notes[0].Text, "in one file"), notes[0].Text)
}

// Who has read its certificates at its start has to start again; who reads them anew, or was started after the change, does not.
func TestRestart(t *testing.T) {
	changed := time.Now()
	for _, tt := range []struct {
		name  string
		argv  []string
		start time.Time
		want  bool
	}{
		{name: "java", argv: []string{"/opt/java/bin/java", "-jar", "x"}, want: true},
		{name: "java that is older", argv: []string{"java"}, start: changed.Add(-time.Hour), want: true},
		{name: "java that is newer", argv: []string{"java"}, start: changed.Add(time.Hour)},
		{name: ".NET", argv: []string{"dotnet", "app.dll"}, want: true},
		{name: "nginx", argv: []string{"nginx: master process nginx"}, want: true},
		{name: "a program nobody knows", argv: []string{"/app/server"}, want: true},
		{name: "curl", argv: []string{"curl", "-s", "x"}},
		{name: "git", argv: []string{"git-remote-https"}},
		{name: "a shell", argv: []string{"/bin/sh", "-c", "x"}},
		{name: "python", argv: []string{"/usr/local/bin/python3.12", "app.py"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := runtime.Processes{Running: []runtime.Process{{PID: 4711, Argv: tt.argv, Start: tt.start}}}
			notes := needs(t, newTree(t, nil), p, runtime.NeedsOptions{Since: changed})
			if !tt.want {
				assert.Equal(t, len(notes), 0, "%v", notes)
				return
			}
			assert.Equal(t, len(notes), 1, "%v", notes)
			assert.Equal(t, notes[0].Kind, certs.NeedsRestart)
			assert.Equal(t, notes[0].Command, runtime.RestartCommand)
			assert.Assert(t, !strings.Contains(notes[0].String(), "4711"))
		})
	}
}

// A database of NSS gets the command, a variable into the store of Nix its replacement, a snap a word.
func TestReported(t *testing.T) {
	ours := authority(t, "ours")
	d := newTree(t, map[string]string{
		"/root/.pki/nssdb/cert9.db": "SQLite", "/home/ann b/.mozilla/firefox/x.default/cert9.db": "SQLite", "/snap/": "",
		"/nix/store/abc-nss-cacert/etc/ssl/certs/ca-bundle.crt": "", "/etc/ssl/certs/ca-certificates.crt": "",
	})
	p := runtime.Processes{Env: []string{"NIX_SSL_CERT_FILE=/nix/store/abc-nss-cacert/etc/ssl/certs/ca-bundle.crt"}}
	s := look(t, d, p, runtime.Options{})
	plan, notes, err := s.Add(d, []certs.Authority{ours}, runtime.AddOptions{})
	assert.NilError(t, err)
	assert.Equal(t, len(plan), 0)
	assert.Assert(t, strings.Contains(strings.Join(kindOf(notes, certs.Skipped), ""), "store of Nix"), "%v", notes)
	notes = s.Needs(runtime.NeedsOptions{Authorities: []certs.Authority{ours}, Anchor: "/usr/local/share/ca-certificates", Combined: "/etc/ssl/certs/ca-certificates.crt"})
	var commands, env []string
	for _, n := range notes {
		if n.Command != "" {
			commands = append(commands, n.Command)
		}
		env = append(env, n.Env...)
	}
	short := ours.Fingerprint.Short()
	assert.DeepEqual(t, commands, []string{
		"docker exec NAME certutil -A -d sql:/root/.pki/nssdb -t C,, -n docker-proxy-" + short + " -i /usr/local/share/ca-certificates/docker-proxy-" + short + ".crt",
		"docker exec NAME certutil -A -d 'sql:/home/ann b/.mozilla/firefox/x.default' -t C,, -n docker-proxy-" + short + " -i /usr/local/share/ca-certificates/docker-proxy-" + short + ".crt",
	})
	assert.DeepEqual(t, env, []string{"NIX_SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"})
	assert.Equal(t, len(kindOf(notes, certs.Limit)), 1)
}

// The table has what the issue names, and every variable and store belongs to a row.
func TestMatrix(t *testing.T) {
	rows := map[string]runtime.Row{}
	for _, r := range runtime.Matrix() {
		assert.Assert(t, r.Title != "" && r.Found != "" && r.Reads != "" && r.Notices != "" && r.Do != "" && r.Action != "" && r.Effect != "", "%v", r)
		_, twice := rows[r.Name]
		assert.Assert(t, !twice, r.Name)
		rows[r.Name] = r
	}
	for _, name := range []string{"openssl", "go", "curl", "wget", "git", "java", "certifi", "pip", "conda", "node", "npm", "deno", "bun", "ruby", "dotnet", "rust", "nss", "snap"} {
		_, ok := rows[name]
		assert.Assert(t, ok, name)
	}
	for _, v := range runtime.Variables() {
		_, ok := rows[v.Runtime]
		assert.Assert(t, ok, v.Runtime)
	}
}

// The processes of this machine are read from /proc: this very test is one.
func TestRunning(t *testing.T) {
	files, err := host.Open("/")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, files.Close()) })
	list := runtime.Running(files, os.Getpid())
	assert.Assert(t, len(list) > 0)
	exe, err := os.Executable()
	assert.NilError(t, err)
	assert.Equal(t, list[0].Exe, exe)
	assert.Equal(t, list[0].Name(), path.Base(exe))
	assert.Assert(t, len(list[0].Argv) > 0 && list[0].Environ != nil && !list[0].Start.IsZero())
	assert.Equal(t, len(runtime.Running(files, 1<<30)), 0)
}
