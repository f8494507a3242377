package witness

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// AskShell lays a machine out below dir and lets sh source its startup files in the order of Debian's /etc/init.d/docker (under set -e) or, where there is
// a conf.d, of OpenRC's openrc-run.sh, which ends when a file it sources fails.
func AskShell(dir string, files []state.File) (Answer, error) {
	if err := state.WriteTree(dir, files); err != nil {
		return Answer{}, err
	}
	script := `set -e; . "$1/etc/default/docker"; exec /usr/bin/env -0`
	if _, err := os.Stat(dir + "/etc/conf.d"); err == nil {
		script = `
sourcex() { [ -e "$1" ] || return 1; . "$1" || exit 1; }
sourcex "$1/etc/rc.conf"
for f in "$1"/etc/rc.conf.d/*.conf; do sourcex "$f"; done
sourcex "$1/etc/conf.d/docker.default" || sourcex "$1/etc/conf.d/docker"
exec /usr/bin/env -0`
	}
	cmd := exec.Command("sh", "-c", script, "sh", dir) //nolint:gosec,noctx // a fixed script
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil {
			return Answer{}, fmt.Errorf("running sh: %w", err)
		}
		return Answer{Log: msg.String()}, nil
	}
	return Answer{Starts: true, Env: environ(out.String())}, nil
}
