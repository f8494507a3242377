package witness

import (
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// recorderScript keeps the environment and the command line that PID 1 gave it, as the kernel has them.
const recorderScript = `#!/bin/sh
u=$(/bin/sed -n 's,.*/\([^/]*\)\.service$,\1,p' /proc/self/cgroup | /usr/bin/tail -n 1)
/bin/cat /proc/$$/cmdline > /dpt/out/$u.cmd
/bin/cat /proc/$$/environ > /dpt/out/$u.tmp
/bin/mv /dpt/out/$u.tmp /dpt/out/$u.env
`

// systemdScript lays all states out, has the manager load them at once, starts every unit, waits until none is left and gives back what the recorders wrote.
// What it laid out under /dpt stays for dockerdScript.
const systemdScript = `set -eu
rm -rf /dpt
mkdir -p /dpt/out
tar -C / -xf -
systemctl daemon-reload
while read -r u; do set -- "$@" "$u"; done < /dpt/units
systemctl start --no-block "$@" 2>/dev/null || for u; do systemctl start --no-block "$u" 2>/dev/null || :; done
for i in $(seq 600); do
	busy=$(systemctl list-units --no-legend --plain --state=activating,active,reloading,deactivating 'dpt*.service')
	jobs=$(systemctl list-jobs --no-legend | grep -c ' dpt' || :)
	[ -z "$busy" ] && [ "$jobs" = 0 ] && break
	sleep 0.1
done
[ -z "$busy" ] && [ "$jobs" = 0 ]
setpriv --reuid=65534 --regid=65534 --clear-groups systemctl show -p Id -p Result -p Environment "$@" > /dpt/out/shown
systemctl reset-failed 'dpt*.service' 2>/dev/null || :
tar -C /dpt/out -cf - .
while read -r f; do rm -rf "$f"; done < /dpt/written
systemctl daemon-reload
`

// AskSystemd starts a unit for every state, given as whole machines, and returns what it was started with, in their order.
func AskSystemd(m Machine, machines [][]state.File) ([]Answer, error) {
	files := []state.File{{Path: recorder, Data: recorderScript, Mode: 0o755}}
	var units, written strings.Builder
	for n, whole := range machines {
		fmt.Fprintf(&units, "%s.service\n", unitOf(n))
		for _, f := range place(whole, n) {
			files = append(files, f)
			if strings.HasPrefix(f.Path, top) {
				continue
			}
			fmt.Fprintln(&written, f.Path)
			if i := strings.Index(f.Path, ".d/"); i > 0 {
				fmt.Fprintln(&written, f.Path[:i+2])
			}
		}
	}
	files = append(files, state.File{Path: top + "/units", Data: units.String(), Mode: 0o644}, state.File{Path: top + "/written", Data: written.String(), Mode: 0o644})
	in, err := pack(files)
	if err != nil {
		return nil, err
	}
	out, err := m.Run(systemdScript, in)
	if err != nil {
		return nil, err
	}
	got, err := unpack(out)
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, len(machines))
	shown := map[string]string{}
	for unit := range strings.SplitSeq(got["shown"], "\n\n") {
		_, id, _ := strings.Cut("\n"+unit, "\nId=")
		id, _, _ = strings.Cut(id, ".service")
		shown[id] = unit
	}
	for n := range machines {
		u := unitOf(n)
		env, ok := got[u+".env"]
		if !ok {
			answers[n].Log = "the unit did not start: " + shown[u]
			continue
		}
		words := strings.Split(strings.TrimSuffix(got[u+".cmd"], "\x00"), "\x00")
		if len(words) < 2 {
			return nil, fmt.Errorf("%s: command line %q", u, words)
		}
		answers[n] = Answer{Starts: true, Env: environ(env), Args: words[2:], Shown: shown[u]} // behind the shell and the recorder's name
	}
	return answers, nil
}
