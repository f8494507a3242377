package truth

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Counts of real dockerd restarts per host.
const (
	systemdRestarts = 20
	scriptRestarts  = 10
)

// liveHost is what the states for a booted host have to know about it.
type liveHost struct {
	kind    Kind
	manager string   // as liveApply names it
	dirs    []string // unit directories from the highest to the lowest
	config  string   // daemon.json
	startup string   // the startup file this host's dockerd could read, "" for none
	exec    string   // ExecStart= without flags
	proxies bool     // dockerd 23.0 or later: it knows proxies in daemon.json and the flags
	user    string   // whose daemon it is, "" for root's
}

// systemHost is a host whose dockerd is a system unit.
func systemHost(proxies bool) liveHost {
	return liveHost{
		kind: Systemd, manager: "systemd", dirs: []string{unitDirs[0], unitDirs[1], unitDirs[3]}, config: daemonJSON,
		startup: "/etc/default/docker", exec: "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock", proxies: proxies,
	}
}

// scriptHost is a host whose dockerd an init script starts.
func scriptHost(kind Kind, startup string) liveHost {
	return liveHost{kind: kind, manager: string(kind), config: daemonJSON, startup: startup, proxies: true}
}

// rootlessHost is a host where ann's user manager starts dockerd.
func rootlessHost() liveHost {
	return liveHost{
		kind: Systemd, manager: "user", dirs: []string{"/home/ann/.config/systemd/user", "/etc/systemd/user", "/usr/lib/systemd/user"},
		config: "/home/ann/.config/docker/daemon.json", exec: "/usr/bin/dockerd-rootless.sh", proxies: true, user: "ann",
	}
}

// handConfig is a daemon.json that only --config-file leads to.
const handConfig = "/opt/docker/daemon.json"

// handHost is a host where somebody types dockerd.
func handHost() liveHost {
	return liveHost{kind: Manual, manager: "manual", config: daemonJSON, proxies: true}
}

// liveStates writes configurations of the host's real docker.service or init
// script, with every layer at random. In the end Files hold real paths.
func liveStates(h liveHost) []State {
	n := scriptRestarts
	if h.manager == "systemd" {
		n = systemdRestarts
	}
	var states []State
	for i := range n {
		g := newGen(seedOf(fmt.Sprintf("live-%s-%v-%s", h.manager, h.proxies, h.startup), uint64(i)), fmt.Sprintf("live-%s-%02d", h.manager, i+1), h.kind) //nolint:gosec // small
		// An engine that refuses the proxies object is shown to do so twice.
		daemon := h.proxies || i%8 == 5
		for _, f := range families {
			g.liveFamily(h, f, daemon)
		}
		if len(g.files) == 0 && len(g.st.Env) == 0 && h.startup != "" {
			g.liveStartup(h, families[1].upper)
		}
		g.liveFlags(h)
		s := g.finish()
		for j := range s.Files {
			s.Files[j].Path = h.path(s.Files[j].Path)
			s.Files[j].Text = projectNames().Replace(s.Files[j].Text)
		}
		for j := range s.Marks {
			s.Marks[j].Path = h.path(s.Marks[j].Path)
		}
		if h.kind == Manual {
			s.byHand()
		}
		states = append(states, s)
	}
	return states
}

// path is a path of the grammar on the host.
func (h liveHost) path(p string) string {
	if p == daemonJSON {
		return h.config
	}
	return projectNames().Replace(p)
}

// liveFamily puts one setting into some of the layers.
func (g *gen) liveFamily(h liveHost, f family, daemon bool) {
	spelled := func() string {
		if g.chance(30) {
			return f.lower
		}
		return f.upper
	}
	if g.chance(45) && h.startup != "" {
		g.liveStartup(h, spelled())
	}
	switch {
	case !daemon:
	case g.chance(35):
		g.st.Winners = put(g.st.Winners, f.key, g.liveValue(f.upper))
	case g.chance(25):
		g.st.Args = append(g.st.Args, "--"+f.key+"="+g.plain(f.upper))
	}
	if h.kind == Manual {
		for _, v := range []string{f.upper, f.lower} {
			if g.chance(35) {
				g.st.Env = append(g.st.Env, v+"="+g.liveValue(v))
			}
		}
		return
	}
	if h.kind != Systemd {
		if g.chance(35) {
			v := spelled()
			g.st.Env = append(g.st.Env, v+"="+strings.Replace(g.plain(v), ".corp", ".caller", 1))
		}
		return
	}
	if g.chance(40) {
		v := spelled()
		g.dropIn(h.dirs[0], "10-ours.conf").add(`Environment="` + v + "=" + g.liveValue(v) + `"`)
	}
	if g.chance(25) {
		v := spelled()
		g.dropIn(h.dirs[2], "99-vendor.conf").add("Environment=" + v + "=" + g.plain(v))
	}
	if g.chance(20) {
		v := spelled()
		g.dropIn(h.dirs[1], "20-file.conf").add("EnvironmentFile=-/etc/docker/" + strings.ToLower(v) + ".env")
		g.file("/etc/docker/"+strings.ToLower(v)+".env", "systemd", "environment-file").add(v + "=" + g.plain(v))
	}
	if g.chance(20) {
		v := spelled()
		g.st.Env = append(g.st.Env, v+"="+strings.Replace(g.plain(v), ".corp", ".manager", 1))
	}
	if g.chance(15) {
		g.dropIn(h.dirs[0], "60-unset.conf").add("UnsetEnvironment=" + spelled())
	}
}

// liveValue is plain or has credentials.
func (g *gen) liveValue(name string) string {
	if !strings.EqualFold(name, "no_proxy") && g.chance(20) {
		return "http://ann:" + secret + "2@" + g.mark() + ".corp:3128"
	}
	return g.plain(name)
}

func (g *gen) liveStartup(h liveHost, v string) {
	route := "script"
	if h.kind == Systemd {
		route = "environment-file"
	}
	f := g.file(h.startup, "startup", route)
	switch x := g.plain(v); g.rng.IntN(3) {
	case 0:
		f.add(v + "=" + x)
	case 1:
		f.add("export " + v + "=" + x)
	default:
		f.add(v + "='" + x + "'").add("export " + v)
	}
}

// liveFlags writes daemon.json from the winners collected for it and the flags
// where this host's dockerd gets them from.
func (g *gen) liveFlags(h liveHost) {
	if len(g.st.Winners) > 0 {
		var members []string
		for _, f := range families {
			if x, ok := g.st.Winners[f.key]; ok {
				members = append(members, member(f.key, x))
			}
		}
		g.proxies(members...)
		g.st.Winners = nil
	}
	if len(g.st.Args) == 0 {
		return
	}
	flags := strings.Join(g.st.Args, " ")
	if h.kind == Manual {
		return // they are typed
	}
	if h.kind != Systemd {
		g.file(h.startup, "startup", "script").addAs("flag", "flag", `DOCKER_OPTS="`+flags+`"`)
		return
	}
	f := g.dropIn(h.dirs[0], "50-flags.conf")
	f.add("ExecStart=").addAs("flag", "flag", "ExecStart="+h.exec+" "+flags)
}

// byHand gives every value that is typed its mark, and every second daemon.json
// a place that only a flag names.
func (s *State) byHand() {
	for _, typed := range []struct {
		words        []string
		layer, route string
	}{{s.Env, "process", "inherited"}, {s.Args, "flag", "flag"}} {
		for _, w := range typed.words {
			if i := strings.Index(w, ".corp"); i >= 3 {
				s.Marks = append(s.Marks, Mark{ID: w[i-3 : i], Layer: typed.layer, Route: typed.route})
			}
		}
	}
	if len(s.Files) == 0 || s.Name[len(s.Name)-1]%2 == 0 {
		return
	}
	s.Args = append(s.Args, "--config-file="+handConfig)
	for i := range s.Files {
		s.Files[i].Path = strings.Replace(s.Files[i].Path, daemonJSON, handConfig, 1)
	}
	for i := range s.Marks {
		s.Marks[i].Path = strings.Replace(s.Marks[i].Path, daemonJSON, handConfig, 1)
	}
}

// typedAgain is a state as a dockerd has it that is typed without a variable and
// without a flag: all that can be known of a host whose dockerd is stopped and
// that nothing starts.
func (s State) typedAgain() State {
	s.Env, s.Args = nil, nil
	return s
}

func put(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// liveKeep saves the files of the host that states replace.
const liveKeep = `set -eu
mkdir -p /dpt-keep
for f in /etc/default/docker /etc/conf.d/docker /etc/docker/daemon.json /etc/rc.conf; do
	[ -e "$f" ] && cp -a --parents "$f" /dpt-keep || :
done
: > /dpt-keep-list
`

// liveApply takes the last state away, puts the next one in place, restarts
// dockerd as an administrator would, and reports what the daemon really has.
// Arguments: manager, then the environment of the caller or manager.
const liveApply = `set -u
manager=$1; shift
socket=/var/run/docker.sock
ctl() { systemctl "$@"; }
if [ $manager = user ]; then
	socket=/run/user/1000/docker.sock
	ctl() {
		setpriv --reuid=ann --regid=ann --init-groups env HOME=/home/ann XDG_RUNTIME_DIR=/run/user/1000 \
			DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus systemctl --user "$@"
	}
fi
while read -r f; do rm -f "$f"; done < /dpt-keep-list
cp -a /dpt-keep/. /
rm -rf /dpt-new /dpt-live
mkdir -p /dpt-new /dpt-live
tar -C /dpt-new -xf -
(cd /dpt-new && find . -type f -o -type l) | cut -c2- > /dpt-keep-list
cp -a /dpt-new/. /
case $manager in
systemd | user)
	ctl show-environment | sed -n 's/^\([A-Za-z]*_[A-Za-z]*\)=.*/\1/p' | grep -i _proxy > /dpt-live/names
	while read -r v; do ctl unset-environment "$v"; done < /dpt-live/names
	for e; do ctl set-environment "$e"; done
	ctl daemon-reload
	ctl reset-failed docker.service docker.socket 2>/dev/null
	ctl restart docker.service > /dpt-live/log 2>&1
	;;
sysv)
	# Debian's script cannot restart what is stopped: cat of the missing pid file ends it under set -e.
	verb=restart; pidof dockerd >/dev/null || verb=start
	if [ $# -gt 0 ]; then env -i PATH="$PATH" "$@" /etc/init.d/docker $verb; else service docker $verb; fi > /dpt-live/log 2>&1
	;;
openrc) env -i PATH="$PATH" "$@" rc-service docker restart > /dpt-live/log 2>&1 ;;
manual)
	# The last words are the command line.
	pkill -x dockerd
	while pidof dockerd > /dev/null; do sleep 0.05; done
	setsid env -i PATH="$PATH" "$@" < /dev/null > /dpt-live/log 2>&1 &
	;;
esac
i=0
while [ $i -lt 100 ]; do
	if curl -s -f --unix-socket $socket http://localhost/info > /dpt-live/info 2>/dev/null; then break; fi
	rm -f /dpt-live/info
	case $manager in systemd | user) ctl -q is-failed docker.service && break ;; esac
	i=$((i+1)); sleep 0.1
done
if [ -e /dpt-live/info ]; then
	pid=$(pidof -s dockerd)
	cat /proc/$pid/environ > /dpt-live/environ
	cat /proc/$pid/cmdline > /dpt-live/cmdline
fi
tar -C /dpt-live -cf - .
`

// liveStop stops dockerd, and its socket, so that nothing starts it again.
const liveStop = `case $1 in
systemd) systemctl stop docker.socket docker.service ;;
user) setpriv --reuid=ann --regid=ann --init-groups env XDG_RUNTIME_DIR=/run/user/1000 systemctl --user stop docker.service ;;
sysv) service docker stop ;;
openrc) rc-service docker stop ;;
manual) pkill -x dockerd ;;
esac >/dev/null 2>&1
i=0
while pidof dockerd >/dev/null && [ $i -lt 100 ]; do i=$((i+1)); sleep 0.1; done
! pidof dockerd >/dev/null
`

// liveAnswer reads what liveApply reported.
func liveAnswer(out []byte) (Answer, error) {
	got, err := unpack(out)
	if err != nil {
		return Answer{}, err
	}
	text, ran := got["info"]
	if !ran {
		return Answer{Log: got["log"]}, nil
	}
	a := Answer{Ran: true, Info: &Info{}, Env: proxyVariables(got["environ"]), Args: strings.Split(strings.TrimSuffix(got["cmdline"], "\x00"), "\x00")}
	if err := json.Unmarshal([]byte(text), a.Info); err != nil {
		return a, fmt.Errorf("/info: %w", err)
	}
	return a, nil
}

// judgeLive is judge for a live host. A value that came from the caller of the
// init script is not to be known when the daemon is stopped, nor one of the
// service manager's own environment from files alone.
func judgeLive(s State, a Answer, r result, offline, fromFiles bool) []string {
	if !a.Ran {
		return judge(s, a, r, false)
	}
	if !r.parsed || len(r.out.Settings) != len(families) {
		return []string{fmt.Sprintf("exit status %d, no settings: %s", r.exit, strings.TrimSpace(r.stderr))}
	}
	var wrong []string
	for i, f := range families {
		want, got := expect(f, a), r.out.Settings[i]
		if offline && callerDecides(s, f) || fromFiles && strings.Contains(want.value+want.lower, ".manager") {
			continue
		}
		if !offline {
			wrong = append(wrong, judgeRunning(s, f, want, got)...)
		}
		if callerDecides(s, f) && got.Pending == "restart" {
			continue // said to last until the next start only, which is the truth
		}
		for _, w := range judgeSetting(s, f, want, got, false) {
			wrong = append(wrong, f.key+": "+w)
		}
	}
	if strings.Contains(r.stdout+r.stderr, secret) {
		wrong = append(wrong, "a password is printed")
	}
	return wrong
}

// judgeRunning compares what the running daemon is said to have.
func judgeRunning(s State, f family, want expected, got Setting) []string {
	var wrong []string
	if got.Running == nil || *got.Running != mask(want.value) {
		wrong = append(wrong, fmt.Sprintf("%s: running is %s, the daemon has %q", f.key, show1(got.Running), mask(want.value)))
	}
	if !strings.Contains(mask(want.value), "xxxxx@") && !callerDecides(s, f) && got.Pending != "none" {
		wrong = append(wrong, fmt.Sprintf("%s: pending is %q after a restart", f.key, got.Pending))
	}
	return wrong
}

// callerDecides reports whether the caller of the init script had exported a
// variable of the family: then another start gives another value.
func callerDecides(s State, f family) bool {
	return s.Kind != Systemd && s.Kind != Manual && slices.ContainsFunc(s.Env, func(e string) bool {
		return strings.HasPrefix(e, f.upper+"=") || strings.HasPrefix(e, f.lower+"=")
	})
}

// redacted shows an environment in a failure.
func redacted(env map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range env {
		out[k] = mask(v)
	}
	return out
}
