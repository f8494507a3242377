package truth

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A machine runs a shell script as root on a booted host.
type machine interface {
	// Run gives the script its standard input and returns its standard output.
	Run(script string, stdin []byte) ([]byte, error)
}

// Answer is what an oracle says about a state.
type Answer struct {
	// Ran is false when the daemon is not started at all: a unit that
	// systemd refuses, a daemon.json that dockerd refuses.
	Ran bool `json:"ran"`
	// Env is the process environment, reduced to the proxy variables.
	Env map[string]string `json:"env,omitempty"`
	// Log is what a live host printed when the daemon did not start.
	Log string `json:"-"`
	// Args are the arguments that reached the daemon.
	Args []string `json:"args,omitempty"`
	// Effects are what Go does with the winning values, by key.
	Effects map[string]string `json:"effects,omitempty"`
	// Info is what dockerd's own /info says, with its own masking.
	Info *Info `json:"info,omitempty"`
}

// Info is the part of the Engine API's /info that is about proxies.
type Info struct {
	HTTPProxy  string `json:"HttpProxy"`
	HTTPSProxy string `json:"HttpsProxy"`
	NoProxy    string `json:"NoProxy"`
}

// recorderScript writes the environment and arguments that PID 1 gave it, as
// the kernel keeps them: nothing a shell could have changed.
const recorderScript = `#!/bin/sh
u=$(/bin/sed -n 's,.*/\([^/]*\)\.service$,\1,p' /proc/self/cgroup | /usr/bin/tail -n 1)
/bin/cat /proc/$$/cmdline > /dpt/out/$u.cmd
/bin/cat /proc/$$/environ > /dpt/out/$u.tmp
/bin/mv /dpt/out/$u.tmp /dpt/out/$u.env
`

// factsScript notes which machine answers.
const factsScript = `facts() {
	systemctl --version | head -n 1 > /dpt/out/version
	dockerd --version > /dpt/out/dockerd
	cat /etc/os-release > /dpt/out/os-release
	cat /etc/machine-id > /dpt/out/machine-id
	cat /proc/sys/kernel/hostname > /dpt/out/hostname
}
`

// systemdScript unpacks all states, reloads the manager once, starts every
// unit, waits until none is left, and gives back what the recorders wrote.
const systemdScript = factsScript + `set -eu
mkdir -p /dpt/out
tar -C / -xf -
reload() { systemctl daemon-reload; }
reload
while read -r u; do set -- "$@" "$u"; done < /dpt/units
systemctl start --no-block "$@" 2>/dev/null || for u; do systemctl start --no-block "$u" 2>/dev/null || :; done
for i in $(seq 600); do
	busy=$(systemctl list-units --no-legend --plain --state=activating,active,reloading,deactivating 'dpt*.service')
	jobs=$(systemctl list-jobs --no-legend | grep -c ' dpt' || :)
	[ -z "$busy" ] && [ "$jobs" = 0 ] && break
	sleep 0.1
done
[ -z "$busy" ] && [ "$jobs" = 0 ]
facts
systemctl reset-failed 'dpt*.service' 2>/dev/null || :
tar -C /dpt/out -cf - .
while read -r f; do rm -rf "$f"; done < /dpt/files
rm -rf /dpt
reload
`

// askSystemd asks PID 1 about all states of one batch with one daemon-reload.
func askSystemd(m machine, states []State) (map[string]Answer, Facts, error) {
	files := []File{{Path: recorder, Text: recorderScript}}
	shared := map[string]bool{}
	var units, written strings.Builder
	for _, s := range states {
		names := oracleNames(s)
		fmt.Fprintf(&units, "%s.service\n", oracleUnit(s))
		for _, f := range s.Files {
			f.Path, f.Text, f.Link = names.Replace(f.Path), names.Replace(f.Text), names.Replace(f.Link)
			if shared[f.Path] {
				continue
			}
			shared[f.Path] = true
			files = append(files, f)
			fmt.Fprintf(&written, "%s\n", f.Path)
			if i := strings.Index(f.Path, ".service.d/"); i > 0 && strings.Contains(f.Path, "/dpt") {
				fmt.Fprintf(&written, "%s\n", f.Path[:i+len(".service.d")])
			}
		}
	}
	files = append(files, File{Path: "/dpt/units", Text: units.String()}, File{Path: "/dpt/files", Text: written.String()})
	in, err := archive(files)
	if err != nil {
		return nil, Facts{}, err
	}
	out, err := m.Run(systemdScript, in)
	if err != nil {
		return nil, Facts{}, err
	}
	return readSystemd(states, out)
}

// readSystemd takes the recorders' files apart.
func readSystemd(states []State, out []byte) (map[string]Answer, Facts, error) {
	got, err := unpack(out)
	if err != nil {
		return nil, Facts{}, err
	}
	facts := readFacts(got)
	answers := map[string]Answer{}
	for _, s := range states {
		u, names := oracleUnit(s), answerNames(s, facts)
		env, ran := got[u+".env"]
		a := Answer{Ran: ran}
		if ran {
			a.Env = proxyVariables(names.Replace(env))
			args := strings.Split(strings.TrimSuffix(names.Replace(got[u+".cmd"]), "\x00"), "\x00")
			if len(args) < 2 {
				return nil, facts, fmt.Errorf("%s: command line %q", s.Name, args)
			}
			a.Args = args[2:] // without the shell and the recorder's name
		}
		answers[s.Name] = a
	}
	return answers, facts, nil
}

// readFacts reads what factsScript noted.
func readFacts(got map[string]string) Facts {
	line := func(name string) string { return strings.TrimSpace(got[name]) }
	facts := Facts{OSRelease: got["os-release"], Hostname: line("hostname"), MachineID: line("machine-id")}
	if f := strings.Fields(line("version")); len(f) > 1 {
		facts.Systemd = strings.SplitN(f[1], "~", 2)[0]
	}
	if f := strings.Fields(line("dockerd")); len(f) > 2 {
		facts.Dockerd = strings.SplitN(strings.TrimSuffix(f[2], ","), "+", 2)[0]
	}
	return facts
}

// proxyVariables reduces a NUL-separated environment to the variables at issue.
func proxyVariables(environ string) map[string]string {
	env := map[string]string{}
	for _, e := range strings.Split(environ, "\x00") {
		name, value, ok := strings.Cut(e, "=")
		if _, known := familyOf(name); ok && known {
			env[name] = value
		}
	}
	return env
}

// unpack reads a tar of small files.
func unpack(data []byte) (map[string]string, error) {
	files := map[string]string{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the answers: %w", err)
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, r); err != nil { //nolint:gosec // our own recorder wrote it
			return nil, err
		}
		files[strings.TrimPrefix(h.Name, "./")] = b.String()
	}
}
