//go:build linux

package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/tool"
)

func TestReplayedFlags(t *testing.T) {
	for _, tc := range []struct{ name, argv, want string }{
		{name: "nothing known", argv: "", want: ""},
		{name: "as systemd starts it", argv: "/usr/sbin/dockerd -H fd:// --containerd=/run/c.sock", want: "-H fd:// --containerd=/run/c.sock"},
		{name: "separate values, booleans, repeated, short", argv: "dockerd -D --tls=false --label a=b --label c=d -l warn -Hunix:///x", want: "-D --tls=false --label a=b --label c=d -l warn -Hunix:///x"},
		{name: "the file", argv: "dockerd --config-file=/a -D --config-file /b -p /x", want: "-D -p /x"},
		{name: "proxies", argv: "dockerd --http-proxy=http://u:s3cr3t@p --https-proxy http://u:s3cr3t@p --no-proxy=s3cr3t", want: "--http-proxy=http://proxy.invalid:1 --https-proxy=http://proxy.invalid:1 --no-proxy=proxy.invalid"},
		{name: "empty proxies", argv: "dockerd --http-proxy= -D", want: "--http-proxy= -D"},
		{name: "a value that is missing", argv: "dockerd -D --http-proxy", want: "-D"},
		{name: "validate itself", argv: "dockerd --validate -D", want: "-D"},
		{name: "after --", argv: "dockerd -- --http-proxy", want: "-- --http-proxy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.Equal(t, strings.Join(replayedFlags(strings.Fields(tc.argv)), " "), tc.want)
		})
	}
}

func TestComplaintLine(t *testing.T) {
	file := "{\n \"debug\": \"yes\",\n \"proxies\": {\n  \"http-proxy\": 1\n },\n \"hosts\": []\n}"
	for _, tc := range []struct {
		name, data, text string
		want             int
	}{
		{name: "unknown", data: file, text: "the following directives don't match any configuration option: debug, x", want: 2},
		{name: "conflict", data: file, text: "the following directives are specified both as a flag and in the configuration file: hosts: (from flag: [a], from file: [])", want: 6},
		{name: "conflict of a proxy", data: file, text: "both as a flag and in the configuration file: http-proxy: (from flag", want: 4},
		{name: "type", data: file, text: "json: cannot unmarshal string into Go struct field Config.CommonConfig.debug of type bool", want: 2},
		{name: "no setting named", data: file, text: "invalid IP address: debug", want: 0},
		{name: "not in the file", data: file, text: "any configuration option: nope", want: 0},
		{name: "no json", data: "{\n\"a\":}", text: "invalid character '}' looking for beginning of value", want: 2},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, complaintLine("/d.json", []byte(tc.data), tc.text), tc.want) })
	}
}

// TestUnitComplaints reads what systemd 252, 257 and 262 say about the same files.
func TestUnitComplaints(t *testing.T) {
	const real = "/etc/systemd/system/docker.service.d/x.conf"
	conf := "[Service]\n" +
		"Environment=\"HTTP_PROXY=http://u:s3\\q@p:1\n" +
		"Environment=A=b \\\n  \"HTTPS_PROXY=http://u:s3=cr3t@p:1\n" +
		"Restart=sometimes\n"
	tree := unitTree{real: map[string]string{"/tmp/s/new/docker.service.d/x.conf": real}, bytes: map[string][]byte{real: []byte(conf)}}
	for _, tc := range []struct{ name, output, want string }{
		{name: "a quote", output: "/tmp/s/new/docker.service.d/x.conf:2: Invalid syntax, ignoring: \"HTTP_PROXY=http://u:s3\\q@p:1\n", want: real + ":2: Invalid syntax, ignoring: …"},
		{name: "a specifier", output: "/tmp/s/new/docker.service.d/x.conf:2: Failed to resolve specifiers in HTTP_PROXY=http://u:s3\\q@p:1, ignoring: Invalid slot\n", want: real + ":2: Failed to resolve specifiers in …, ignoring: Invalid slot"},
		{name: "a continued line", output: "/tmp/s/new/docker.service.d/x.conf:4: Unknown key '\"HTTPS_PROXY=http://u:s3' in section [Service], ignoring.\n", want: real + ":4: Unknown key '…' in section [Service], ignoring."},
		{name: "an assignment of two lines", output: "/tmp/s/new/docker.service.d/x.conf:3: Invalid syntax, ignoring: A=b \"HTTPS_PROXY=http://u:s3=cr3t@p:1\n", want: real + ":3: Invalid syntax, ignoring: …"},
		{name: "a word", output: "/tmp/s/new/docker.service.d/x.conf:5: Failed to parse Restart=sometimes, ignoring: Invalid argument\n", want: real + ":5: Failed to parse Restart=…, ignoring: Invalid argument"},
		{name: "the unit", output: "docker.service: Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.\nUnit docker.service has a bad unit file setting.\n", want: "docker.service:0: Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.|docker.service:0: Unit docker.service has a bad unit file setting."},
		{name: "other units", output: "/usr/lib/systemd/system/x.service:3: Unknown key 'A' in section [Service], ignoring.\nx.service: Command /y is not executable: No such file or directory\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make([]string, 0, 2)
			for _, c := range tree.complaints("docker.service", tc.output) {
				got = append(got, fmt.Sprintf("%s:%d: %s", c.path, c.line, c.text))
			}
			assert.Equal(t, strings.Join(got, "|"), tc.want)
			assert.Assert(t, !strings.Contains(strings.Join(got, ""), "s3"))
		})
	}
}

func TestNewComplaints(t *testing.T) {
	a, b := complaint{"/a", 1, "x"}, complaint{"/b", 1, "x"}
	moved := complaint{"/a", 9, "x"}
	assert.Equal(t, len(newComplaints([]complaint{a}, []complaint{moved})), 0)
	assert.DeepEqual(t, newComplaints([]complaint{a}, []complaint{moved, moved, b}), []complaint{moved, b}, cmp.AllowUnexported(complaint{}))
	assert.DeepEqual(t, newComplaints(nil, []complaint{a}), []complaint{a}, cmp.AllowUnexported(complaint{}))
}

// sysvSite is a host whose init script sources /etc/default/docker.
func sysvSite(t *testing.T, old string) *Site {
	t.Helper()
	files := hostTree(t, map[string]string{"/etc/init.d/docker": debianInit, "/etc/default/docker": old})
	return &Site{
		FS: files, Live: true, Manager: ManagerSysV, InitScript: "/etc/init.d/docker",
		Startup: []StartupFile{{Path: "/etc/default/docker", Reader: ReaderSourced, By: "/etc/init.d/docker:9"}},
	}
}

// TestStartupCandidates asks the real sh of this machine.
func TestStartupCandidates(t *testing.T) {
	const set = "export HTTP_PROXY='http://u:s3cr3t@p:1'\n"
	for _, tc := range []struct{ name, old, new, fails, note string }{
		{name: "a plain file", new: set},
		{name: "every kind of value", old: "A=1\n", new: "A=1\nHTTP_PROXY='a b'\\''c\\\"$x'\nexport HTTP_PROXY\nNO_PROXY=not-exported\n"},
		{name: "it prints", new: "echo HTTP_PROXY=x\nprintf 'NO_PROXY=y\\0'\n" + set},
		{name: "it reads", new: "read x; read y </dev/tty\n" + set},
		{name: "it ends with a false condition", new: set + "[ -f /nonexistent ] && DOCKER_OPTS=x\n"},
		{name: "it changes the directory and the arguments", new: "cd /; set -- a b c\n" + set},
		{name: "it leaves something running", new: "sleep 600 &\n" + set},
		{name: "it defines functions", new: "env() { echo no; }; exec_() { :; }\n" + set},
		{name: "it needs what only the init script has", old: "log_daemon_msg hello\n", new: "log_daemon_msg hello\n" + set},
		{name: "a syntax error", new: "if true; then\n" + set, fails: "/etc/default/docker:3: sh cannot read it: Syntax error: end of file unexpected"},
		{name: "it ends the shell", old: "A=1\n", new: "A=1\nexit 4\n" + set, fails: "it ends the shell with status 4"},
		{name: "it ends the shell with an error", old: "A=1\n", new: "readonly HTTP_PROXY=x\nHTTP_PROXY=y\n" + set, fails: "HTTP_PROXY: is read only"},
		{name: "it did before", old: "exit 4\n", new: "exit 4\n" + set, note: "it ends the shell with status 4"},
		{name: "it hangs", new: "while :; do sleep 1; done\n" + set, fails: "does not come to an end within"},
		{name: "it hung before", old: "sleep 600\n", new: "sleep 600\n" + set, note: "does not come to an end within"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			site := sysvSite(t, tc.old)
			from, err := change.Observe(site.FS, "/etc/default/docker")
			assert.NilError(t, err)
			scratch, err := tool.NewScratch()
			assert.NilError(t, err)
			defer scratch.Close()
			v := &validator{site: site, plan: change.Plan{{Path: "/etc/default/docker", From: from, To: from.WithData([]byte(tc.new))}}, scratch: scratch, sourceLimit: 2 * time.Second}
			err = v.startup(t.Context())
			if tc.fails == "" {
				assert.NilError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.fails)
				assert.ErrorContains(t, err, "/etc/default/docker:")
				assert.Assert(t, !strings.Contains(err.Error(), "s3cr3t") && !strings.Contains(err.Error(), scratch.Dir()), err.Error())
			}
			notes := strings.Join(v.notes, "\n")
			assert.Assert(t, strings.Contains(notes, tc.note) && (notes == "") == (tc.note == ""), notes)
		})
	}
}

// TestStartupValueDiffers has a file that the shell reads otherwise than this program: another file it sources is not what it was taken for.
func TestStartupValueDiffers(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.sh")
	assert.NilError(t, os.WriteFile(other, []byte("export HTTP_PROXY=http://u:s3cr3t@real:1\n"), 0o600))
	site := sysvSite(t, "A=1\n")
	site.FS = hostTree(t, map[string]string{"/etc/default/docker": "A=1\n", other: "export HTTP_PROXY=http://u:s3cr3t@thought:1\n"})
	from, err := change.Observe(site.FS, "/etc/default/docker")
	assert.NilError(t, err)
	_, err = Validate(t.Context(), site, change.Plan{{Path: "/etc/default/docker", From: from, To: from.WithData([]byte(". " + other + "\n"))}}, false, false)
	assert.ErrorContains(t, err, "sh does not make of HTTP_PROXY what is wanted")
	assert.Assert(t, !strings.Contains(err.Error(), "s3cr3t"))
}

// TestValidateAsks tells when nobody is asked.
func TestValidateAsks(t *testing.T) {
	site := sysvSite(t, "A=1\n")
	from, err := change.Observe(site.FS, "/etc/default/docker")
	assert.NilError(t, err)
	bad := change.Plan{{Path: "/etc/default/docker", From: from, To: from.WithData([]byte("if\n"))}}
	_, err = Validate(t.Context(), site, bad, false, false)
	assert.ErrorContains(t, err, "sh cannot read it")
	same := change.Plan{{Path: "/etc/default/docker", From: from, To: from}}
	_, err = Validate(t.Context(), site, same, false, false)
	assert.NilError(t, err)
	root := *site
	root.Live = false
	_, err = Validate(t.Context(), &root, bad, false, false)
	assert.NilError(t, err, "nothing is executed under --root")
	read := *site
	read.Startup = []StartupFile{{Path: "/etc/default/docker", Reader: ReaderEnvironmentFile}}
	_, err = Validate(t.Context(), &read, bad, false, false)
	assert.ErrorContains(t, err, "sh cannot read it", "it was shell before")
	noShell := change.Change{Path: "/etc/default/docker", From: from.WithData([]byte("A=(\n")), To: from.WithData([]byte("A=(\nB=1\n"))}
	_, err = Validate(t.Context(), &read, change.Plan{noShell}, false, false)
	assert.NilError(t, err, "systemd reads it, and it never was shell")
}
