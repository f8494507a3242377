package truth

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// askShell lays a sysvinit or OpenRC state out below dir and lets sh source its
// files as the init system does, once from an empty environment and once from
// the one the caller of the init script had exported.
//
// The order is that of Debian's /etc/init.d/docker (`. /etc/default/docker` under set -e) and
// of OpenRC's openrc-run.sh: rc.conf, rc.conf.d/*.conf, then conf.d/docker.RUNLEVEL
// or else conf.d/docker. openrc-run.sh stops when a file it sources fails.
func askShell(sh, dir string, s State) (empty, inherited Answer, err error) {
	names := strings.NewReplacer(treeRoot, dir)
	for _, f := range s.Files {
		path := filepath.Join(dir, strings.TrimPrefix(names.Replace(f.Path), dir))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a tree of public files
			return empty, inherited, err
		}
		if err := os.WriteFile(path, []byte(names.Replace(f.Text)), 0o644); err != nil { //nolint:gosec // as above
			return empty, inherited, err
		}
	}
	script := `set -e; . "$1/etc/default/docker"; exec /usr/bin/env -0`
	if s.Kind == OpenRC {
		script = `
sourcex() { [ -e "$1" ] || return 1; . "$1" || exit 1; }
sourcex "$1/etc/rc.conf"
for f in "$1"/etc/rc.conf.d/*.conf; do sourcex "$f"; done
sourcex "$1/etc/conf.d/docker.default" || sourcex "$1/etc/conf.d/docker"
exec /usr/bin/env -0`
	}
	run := func(env []string) (Answer, error) {
		cmd := exec.Command(sh, "-c", script, "sh", dir) //nolint:gosec,noctx // a fixed script
		cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, env...)
		var out, msg bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &msg
		if err := cmd.Run(); err != nil {
			if cmd.ProcessState == nil {
				return Answer{}, fmt.Errorf("running %s: %w", sh, err)
			}
			return Answer{}, nil
		}
		return Answer{Ran: true, Env: proxyVariables(out.String())}, nil
	}
	if empty, err = run(nil); err != nil {
		return empty, inherited, err
	}
	inherited, err = run(s.Env)
	return empty, inherited, err
}
