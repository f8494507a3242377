package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

func TestErrorLines(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []logLine
		want  []string
	}{
		{name: "errors before routine", lines: []logLine{
			{text: `time="2026-01-01T00:00:00Z" level=info msg="Starting up, error-free"`},
			{text: `time="2026-01-01T00:00:01Z" level=warning msg="failed but only a warning"`},
			{text: `time="2026-01-01T00:00:02Z" level=fatal msg="stop"`},
			{text: `{"level":"error","msg":"json","time":"x"}`},
			{text: `{"level":"info","msg":"could not matter less"}`},
			{text: "docker.service: Failed with result 'exit-code'.", manager: true},
		}, want: []string{`time="2026-01-01T00:00:02Z" level=fatal msg="stop"`, `{"level":"error","msg":"json","time":"x"}`}},
		{name: "a usage error has no level", lines: []logLine{{text: "Status: unknown flag: --no-such-flag"}, {text: "See 'dockerd --help'., Code: 125"}}, want: []string{"Status: unknown flag: --no-such-flag"}},
		{name: "a shell's message", lines: []logLine{{text: "/etc/default/docker: 3: Syntax error: Unterminated quoted string\n"}}, want: []string{"/etc/default/docker: 3: Syntax error: Unterminated quoted string"}},
		{name: "better anything than nothing", lines: []logLine{{text: "no proxy wanted here"}, {text: "Starting docker.service", manager: true}}, want: []string{"no proxy wanted here"}},
		{name: "only systemd speaks", lines: []logLine{{text: "Starting docker.service", manager: true}, {text: "docker.service: Failed to load environment files: No such file or directory", manager: true}}, want: []string{"docker.service: Failed to load environment files: No such file or directory"}},
		{name: "three tries say it three times", lines: []logLine{
			{text: `time="1" level=error msg="same"`}, {text: "failed to start daemon: x"}, {text: `time="2" level=error msg="same"`}, {text: "failed to start daemon: x"},
		}, want: []string{`time="2" level=error msg="same"`, "failed to start daemon: x"}},
		{name: "foreign bytes", lines: []logLine{{text: "\x1b[31;01mERROR\x1b[0m: docker \x1b]0;title\x07 failed\r"}}, want: []string{`ERROR: docker \x1b]0;title\a failed`}},
		{name: "the last five", lines: []logLine{{text: "error 1"}, {text: "error 2"}, {text: "error 3"}, {text: "error 4"}, {text: "error 5"}, {text: "error 6"}}, want: []string{"error 2", "error 3", "error 4", "error 5", "error 6"}},
		{name: "nothing", lines: []logLine{{text: ""}, {text: "+ exec dockerd --fail"}, {text: `time="1" level=info msg="API listen on /run/docker.sock"`}}},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.DeepEqual(t, errorLines(tc.lines), tc.want) })
	}
	long := errorLines([]logLine{{text: "error " + strings.Repeat("ö", 1000)}})
	assert.Assert(t, len(long[0]) < 510 && strings.HasSuffix(long[0], "ö…"))
}

// Only what came after the mark is the daemon's: in the same file, in one that was emptied, and in one that was rotated away.
func TestLogsSinceTheMark(t *testing.T) {
	const old, fresh = "error: of the old daemon\n", "error: of this start\n"
	for _, tc := range []struct {
		name, path string
		manager    Manager
		then       func(name string) error
	}{
		{"grown", "/var/log/docker.log", ManagerSysV, func(name string) error { return os.WriteFile(name, []byte(old+fresh), 0o600) }},
		{"emptied", "/var/log/docker.log", ManagerOpenRC, func(name string) error { return os.WriteFile(name, []byte(fresh), 0o600) }},
		{"rotated", "/var/log/docker.log", ManagerSysV, func(name string) error {
			if err := os.Rename(name, name+".1"); err != nil {
				return err
			}
			return os.WriteFile(name, []byte(fresh+"more, and longer than the old one was\n"), 0o600)
		}},
		{"OpenRC's own", "/var/log/rc.log", ManagerOpenRC, func(name string) error {
			return os.WriteFile(name, []byte(old+"error: of udev\ndocker | "+fresh), 0o600)
		}},
		{"syslog", "/var/log/syslog", ManagerSysV, func(name string) error {
			return os.WriteFile(name, []byte(old+"Jan 1 h cron: error\ndockerd[7]: "+fresh), 0o600)
		}},
		{"svlogd", "/var/log/docker/current", ManagerRunit, func(name string) error { return os.WriteFile(name, []byte(old+fresh), 0o600) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, tc.path)
			assert.NilError(t, os.MkdirAll(filepath.Dir(name), 0o700))
			assert.NilError(t, os.WriteFile(name, []byte(old), 0o600))
			files, err := host.Open(dir)
			assert.NilError(t, err)
			defer files.Close()
			logs := MarkLogs(&Site{FS: files, Manager: tc.manager})
			assert.Equal(t, len(logs.ErrorLines(t.Context())), 0, "an old error")
			assert.NilError(t, tc.then(name))
			got := logs.ErrorLines(t.Context())
			assert.Equal(t, len(got), 1, "%q", got)
			assert.Assert(t, strings.HasSuffix(got[0], strings.TrimSpace(fresh)), "%q", got)
			assert.Equal(t, logs.Where(), "tail -n 50 "+tc.path)
		})
	}
}

func TestJournalMessages(t *testing.T) {
	text := `{"MESSAGE":"goodbye, error","_SYSTEMD_INVOCATION_ID":"01","SYSLOG_IDENTIFIER":"dockerd"}
{"MESSAGE":[102,97,105,108,255,10,50],"_SYSTEMD_INVOCATION_ID":"02","SYSLOG_IDENTIFIER":"dockerd"}
not json
{"MESSAGE":null}
{"MESSAGE":"docker.service: Failed","SYSLOG_IDENTIFIER":"systemd"}
`
	assert.Assert(t, slices.Equal(journalMessages(text, "01"), []logLine{{text: "fail\xff\n"}, {text: "2"}, {text: "docker.service: Failed", manager: true}}))
	assert.Equal(t, len(journalMessages(text, "")), 4)
}
