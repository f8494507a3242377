package watch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs/watch"
)

// TestScriptsReadBack has sh run the scripts, with start-stop-daemon and supervise-daemon being programs that print their words: the service gets those that were meant, whatever is in
// them, and its environment. (The real ones: test/e2e, on hosts with OpenRC and with SysV scripts.)
func TestScriptsReadBack(t *testing.T) {
	dir := t.TempDir()
	show := filepath.Join(dir, "show")
	assert.NilError(t, os.WriteFile(show, []byte("#!/bin/sh\nprintf '%s\\n' \"$DOCKER_HOST\" \"$@\"\n"), 0o755))
	argv := []string{show, "ca", "watch", "--filter", "label=a b", "--filter", `name=^/we"b$`, "--bundle", "/a'b/100%/$HOME\\x", ";", "*", "", "/etc/ca.crt"}
	unit := watch.Unit{Argv: argv, Environment: []string{`DOCKER_HOST=tcp://h:1 'x" $HOME`}, StateDir: "docker-proxy"}
	want := strings.Join(append([]string{`tcp://h:1 'x" $HOME`}, argv[1:]...), "\n") + "\n"
	for _, tt := range []struct {
		manager watch.Manager
		run     string // how the manager gets at the command, with the script as $1
	}{
		// openrc-run: the shell evaluates the words (sh/supervise-daemon.sh: eval supervise-daemon … -- $command_args).
		{watch.OpenRC, `. "$1"; eval '"$command"' $command_args`},
		{watch.SysV, `start_stop() { while [ "$1" != -- ]; do shift; done; shift; /bin/sh "$@"; }; set -- "$1" start; eval "$(sed -e 's/start-stop-daemon/start_stop/' -e 's,>>/[^ ]* 2>&1,,' "$1" | sed 's/^script=.*/action=start/')"`},
		{watch.Runit, `eval "$(sed 's,>>/[^ ]* 2>&1,,' "$1")"`},
	} {
		t.Run(string(tt.manager), func(t *testing.T) {
			service := unit.For(tt.manager)
			assert.Assert(t, watch.Ours([]byte(service.Text)))
			assert.Equal(t, service.Mode, os.FileMode(0o755))
			file := filepath.Join(dir, "script")
			assert.NilError(t, os.WriteFile(file, []byte(service.Text), service.Mode))
			out, err := exec.CommandContext(t.Context(), "/bin/sh", "-n", file).CombinedOutput()
			assert.NilError(t, err, "%s", out)
			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", tt.run, "sh", file)
			cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/wrong"}
			out, err = cmd.CombinedOutput()
			assert.NilError(t, err, "%s", out)
			assert.Equal(t, string(out), want)
		})
	}
	assert.Assert(t, !watch.Ours([]byte("#!/bin/sh\necho mine\n"+watch.UnitMarker)))
	assert.Equal(t, unit.For(watch.Systemd).Text, unit.String())
}
