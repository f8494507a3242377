//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// onEach plays a suite on several hosts.
func onEach(t *testing.T, suite func(t *testing.T, h *hosts.Host), kinds ...string) {
	for _, kind := range kinds {
		on(t, kind, suite)
	}
}

// withImage makes an image of the host's static busybox by the name bb.
func withImage(t *testing.T, h *hosts.Host) {
	t.Helper()
	daemonSh(t, h, `d=$(mktemp -d); mkdir $d/bin; cp /usr/bin/busybox $d/bin/; for a in sh sleep cat wc; do ln -s busybox $d/bin/$a; done; tar -C $d -c . | docker import - bb; rm -r $d`)
}

// daemonSh runs a script as the user the daemon belongs to.
func daemonSh(t *testing.T, h *hosts.Host, script string) string {
	t.Helper()
	r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-ec", script}, User: h.Kind.User})
	assert.Equal(t, r.Code, 0, "%s\n%s", script, r)
	return strings.TrimSpace(r.Stdout)
}

// start starts a container that runs until it is stopped; options stand before the image.
func start(t *testing.T, h *hosts.Host, name, script string, options ...string) {
	t.Helper()
	args := append([]string{"run", "-d", "--stop-timeout", "2", "--name", name}, options...)
	h.MustDocker(t, append(args, "bb", "sh", "-c", script)...)
}

// What containers do when they are stopped: sleep is killed after two seconds.
const (
	forGood   = "sleep 100000"
	endWith0  = `trap "exit 0" TERM; while :; do sleep 0.1; done`
	endWith3  = `trap "exit 3" TERM; while :; do sleep 0.1; done`
	keepsDie  = "sleep 0.1; exit 4"
	usedTwice = `echo x >>/count/n; [ $(cat /count/n | wc -l) -ge 3 ] || exit 5; ` + endWith3
)

// restartPlan is what these tests read of the JSON of a changing command.
type restartPlan struct {
	Restarted  bool
	Containers []string
	Restart    struct {
		Running      *int
		LiveRestore  string
		Lost, Unsure []struct{ Name, Reason string }
		Vanish       []string
		Builds       *int
		BuildsExact  bool
	}
}

func (p restartPlan) lost() []string {
	var out []string
	for _, l := range p.Restart.Lost {
		out = append(out, l.Name)
	}
	return out
}

func (p restartPlan) unsure() []string {
	var out []string
	for _, l := range p.Restart.Unsure {
		out = append(out, l.Name)
	}
	return out
}

func planOf(t *testing.T, r hosts.Result) (p restartPlan) {
	t.Helper()
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &p), "%s", r)
	return p
}

// aProxy is the change with which these tests make a restart necessary.
func aProxy(h *hosts.Host, more ...string) []string {
	return append([]string{"set", "--layer", best(h.Kind), "--proxy", "http://10.200.0.9:1", "--no-proxy", "a.corp", "--only", "daemon", "--no-check"}, more...)
}

// TestRestartFates: what is said about running containers is what becomes of them, on three engines.
func TestRestartFates(t *testing.T) { onEach(t, playRestartFates, "trixie", "bookworm", "sid") }

func playRestartFates(t *testing.T, h *hosts.Host) {
	withImage(t, h)
	start(t, h, "no", forGood)
	start(t, h, "rm", forGood, "--rm")
	start(t, h, "always", endWith0, "--restart", "always")
	start(t, h, "unless", forGood, "--restart", "unless-stopped")
	start(t, h, "fails-killed", forGood, "--restart", "on-failure")
	start(t, h, "fails-0", endWith0, "--restart", "on-failure")
	start(t, h, "fails-3", endWith3, "--restart", "on-failure:5")
	start(t, h, "used-up", usedTwice, "--restart", "on-failure:2", "-v", "/srv/count:/count")
	start(t, h, "paused-no", forGood)
	start(t, h, "paused-rm", forGood, "--rm")
	start(t, h, "paused-always", forGood, "--restart", "always")
	h.MustDocker(t, "pause", "paused-no", "paused-rm", "paused-always")
	start(t, h, "loops", keepsDie, "--restart", "always")
	start(t, h, "joins-no", forGood, "--restart", "always", "--network", "container:no")
	start(t, h, "joins-joined", forGood, "--restart", "always", "--pid", "container:joins-no")
	start(t, h, "joins-always", forGood, "--restart", "always", "--network", "container:always")
	h.Sh(t, "until [ $(docker inspect -f '{{.RestartCount}}' used-up) = 2 ] && docker inspect -f '{{.State.Restarting}}' loops | grep -q true; do sleep 0.1; done")

	plan := planOf(t, mustProxy(t, h, aProxy(h, "--dry-run", "--format", "json")...))
	lost := []string{"joins-joined", "joins-no", "no", "paused-no", "used-up"}
	assert.DeepEqual(t, plan.lost(), lost)
	assert.DeepEqual(t, plan.Restart.Vanish, []string{"paused-rm", "rm"})
	assert.DeepEqual(t, plan.unsure(), []string{"fails-0", "fails-3", "fails-killed", "joins-always"})
	assert.Equal(t, *plan.Restart.Running, 15)
	assert.Equal(t, len(plan.Containers), 15)
	text := mustProxy(t, h, aProxy(h, "--dry-run")...).Stdout
	r := mustProxy(t, h, aProxy(h, "--restart")...)
	for _, line := range []string{
		"A restart of the daemon stops its 15 running containers.",
		"These do not come back by themselves (no restart policy): no, paused-no",
		"These do not come back by themselves (on-failure, and its restarts are used up): used-up",
		"These do not come back by themselves (in the namespaces of no, which does not come back): joins-no",
		"These vanish (--rm): paused-rm, rm",
		"--live-restore would keep them running.",
	} {
		assert.Assert(t, cmp.Contains(text, line))
		assert.Assert(t, cmp.Contains(r.Stderr, line))
	}
	returned := []string{"always", "unless", "fails-killed", "fails-3", "paused-always", "loops"}
	h.Sh(t, "for c in "+strings.Join(returned, " ")+"; do n=0; until docker inspect -f '{{.State.Running}}' $c | grep -q true; do n=$((n+1)); [ $n -lt 100 ] || { echo $c stays away >&2; exit 1; }; sleep 0.1; done; done")
	for _, name := range append(lost, "fails-0") {
		assert.Equal(t, h.MustDocker(t, "inspect", "-f", "{{.State.Status}}", name), "exited", name)
	}
	assert.Equal(t, h.MustDocker(t, "ps", "-aq", "--filter", "name=rm"), "")
}

// TestRestartInSwarm: the swarm replaces its tasks unless their service says otherwise, and live-restore is neither offered nor possible.
func TestRestartInSwarm(t *testing.T) { onEach(t, playRestartInSwarm, "trixie", "bookworm", "sid") }

func playRestartInSwarm(t *testing.T, h *hosts.Host) {
	withImage(t, h)
	h.MustDocker(t, "swarm", "init", "--advertise-addr", "127.0.0.1")
	for _, condition := range []string{"any", "on-failure", "none"} {
		h.MustDocker(t, "service", "create", "-d", "--name", "s-"+condition, "--restart-condition", condition, "--restart-delay", "1s", "bb", "sh", "-c", endWith0)
	}
	running := func(service string) string {
		return "docker ps -q --filter label=com.docker.swarm.service.name=s-" + service + " | grep -q ."
	}
	h.Sh(t, "until "+running("any")+" && "+running("on-failure")+" && "+running("none")+"; do sleep 0.2; done")
	r := mustProxy(t, h, aProxy(h, "--dry-run", "--format", "json")...)
	plan := planOf(t, r)
	assert.Equal(t, len(plan.lost()), 1, "%s", r)
	assert.Assert(t, strings.HasPrefix(plan.lost()[0], "s-none.1."), "%s", r)
	assert.Equal(t, len(plan.unsure())+len(plan.Restart.Vanish), 0, "%s", r)
	before := snapshot(t, h)
	refused := proxy(t, h, aProxy(h, "--restart", "--live-restore")...)
	assert.Equal(t, refused.Code, 1, "%s", refused)
	assert.Assert(t, cmp.Contains(refused.Stderr, "part of a swarm"))
	assert.Equal(t, snapshot(t, h), before)
	r = mustProxy(t, h, aProxy(h, "--restart")...)
	assert.Assert(t, !strings.Contains(r.Stderr, "--live-restore"), "%s", r)
	h.Sh(t, "n=0; until "+running("any")+" && "+running("on-failure")+"; do n=$((n+1)); [ $n -lt 200 ] || exit 1; sleep 0.2; done")
	assert.Equal(t, h.Run(t, "sh", "-c", running("none")).Code, 1)
}

// TestRunningBuilds: builds of the daemon's own BuildKit are seen while they run, and only then.
func TestRunningBuilds(t *testing.T) { onEach(t, playRunningBuilds, "trixie", "bookworm", "sid") }

func playRunningBuilds(t *testing.T, h *hosts.Host) {
	withImage(t, h)
	builds := func() restartPlan { return planOf(t, mustProxy(t, h, aProxy(h, "--dry-run", "--format", "json")...)) }
	assert.Equal(t, *builds().Restart.Builds, 0)
	h.Sh(t, `mkdir /srv/ctx && printf 'FROM bb\nRUN until [ -e /nowhere ]; do sleep 0.1; done\n' >/srv/ctx/Dockerfile && tar -C /srv/ctx -cf /srv/ctx.tar .
		for i in 1 2; do curl -s --unix-socket /var/run/docker.sock -X POST -H 'Content-Type: application/x-tar' --data-binary @/srv/ctx.tar "http://d/build?version=2&nocache=1&t=x$i" >/srv/b$i.out 2>&1 & done
		until [ $(pgrep -fc 'until .*nowhere') -ge 2 ]; do sleep 0.1; done`)
	plan := builds()
	want := map[bool]int{true: 2, false: 1}[plan.Restart.BuildsExact]
	assert.Equal(t, plan.Restart.BuildsExact, h.Kind.Name != "bookworm")
	assert.Equal(t, *plan.Restart.Builds, want)
	r := mustProxy(t, h, aProxy(h, "--restart")...)
	assert.Assert(t, cmp.Contains(r.Stderr, map[bool]string{true: "2 running builds are cancelled.", false: "A running build, or more than one, is cancelled."}[plan.Restart.BuildsExact]))
	after := planOf(t, mustProxy(t, h, "unset", "--all", "--only", "daemon", "--dry-run", "--format", "json"))
	assert.Equal(t, *after.Restart.Builds, 0)
}

// pids are the main processes of all containers, by name.
func pids(t *testing.T, h *hosts.Host) string {
	t.Helper()
	return daemonSh(t, h, `docker ps -q | xargs docker inspect -f '{{.Name}} {{.State.Pid}} {{.State.Status}}' | sort`)
}

// without drops the lines of a list that begin with a text.
func without(list, start string) string {
	lines := slices.DeleteFunc(strings.Split(list, "\n"), func(l string) bool { return strings.HasPrefix(l, start) })
	return strings.Join(lines, "\n")
}

// liveOff checks that neither the daemon nor a file has live-restore any more.
func liveOff(t *testing.T, h *hosts.Host) {
	t.Helper()
	assert.Equal(t, h.MustDocker(t, "info", "-f", "{{.LiveRestoreEnabled}}"), "false")
	assert.Equal(t, h.Run(t, "grep", "-rl", "live-restore", "/etc/docker").Stdout, "")
}

// TestLiveRestore: running containers keep their processes through restarts, whatever becomes of daemon.json meanwhile, and nothing of it stays.
func TestLiveRestore(t *testing.T) {
	onEach(t, playLiveRestore, "trixie", "bookworm", "sid", "sysvinit", "openrc", "runit")
}

func playLiveRestore(t *testing.T, h *hosts.Host) {
	withImage(t, h)
	start(t, h, "no", forGood)
	start(t, h, "rm", forGood, "--rm")
	start(t, h, "port", forGood, "-p", "18080:80")
	start(t, h, "paused", forGood)
	h.MustDocker(t, "pause", "paused")
	before, running, daemonPID := snapshot(t, h), pids(t, h), h.DaemonPID(t)

	r := mustProxy(t, h, aProxy(h, "--restart", "--live-restore")...)
	assert.Assert(t, cmp.Contains(r.Stderr, "running containers keep running: live-restore is turned on in /etc/docker/daemon.json for the restart, and off again afterwards."))
	if h.Kind.Name == "bookworm" { // engines before 24.0.8 remove --rm containers all the same, and that is said
		assert.Assert(t, cmp.Contains(r.Stderr, "These vanish (--rm, which this engine removes with live-restore, too): rm"))
		running = without(running, "/rm ")
	}
	assert.Equal(t, pids(t, h), running)
	assert.Assert(t, h.DaemonPID(t) != daemonPID)
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://10.200.0.9:1")
	liveOff(t, h)
	assert.Equal(t, show(t, h).setting("https-proxy").Pending, "none")

	mustProxy(t, h, "rollback", "--restart", "--live-restore")
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, pids(t, h), running)
	liveOff(t, h)
	assert.Equal(t, h.Info(t).HTTPSProxy, "")

	// A key that somebody set to false is false again, to the byte; and --keep-live-restore means what it says.
	odd := "{ \"live-restore\" : false ,\t\"debug\":false}"
	h.WriteFile(t, "/etc/docker/daemon.json", odd, 0o640)
	r = mustProxy(t, h, "set", "--layer", best(h.Kind), "--proxy", "http://10.200.0.9:2", "--only", "daemon", "--no-check", "--dry-run")
	assert.Assert(t, !strings.Contains(r.Stdout, "--live-restore"), "offered against an explicit false: %s", r)
	mustProxy(t, h, aProxy(h, "--restart", "--live-restore")...)
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/etc/docker/daemon.json"), "\"live-restore\" : false ,\t\"debug\":false"))
	mustProxy(t, h, "unset", "--all", "--only", "daemon", "--restart", "--live-restore")
	assert.Equal(t, h.ReadFile(t, "/etc/docker/daemon.json"), odd)
	assert.Equal(t, pids(t, h), running)
	r = mustProxy(t, h, aProxy(h, "--restart", "--keep-live-restore")...)
	assert.Assert(t, cmp.Contains(r.Stderr, "/etc/docker/daemon.json:1 says false"))
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/etc/docker/daemon.json"), "\"live-restore\" : true"))
	r = mustProxy(t, h, "unset", "--all", "--only", "daemon", "--restart")
	assert.Assert(t, cmp.Contains(r.Stderr, fmt.Sprintf("The %d running containers keep running (live-restore is on).", strings.Count(running, "\n")+1)))
	assert.Equal(t, pids(t, h), running)
	assert.Equal(t, h.MustDocker(t, "info", "-f", "{{.LiveRestoreEnabled}}"), "true")
}

// TestLiveRestoreRefused: where containers would not survive it, live-restore is neither offered nor done.
func TestLiveRestoreRefused(t *testing.T) { on(t, "rootless", playLiveRestoreRefused) }

func playLiveRestoreRefused(t *testing.T, h *hosts.Host) {
	withImage(t, h)
	start(t, h, "no", forGood)
	before, running := snapshot(t, h), pids(t, h)
	r := mustProxy(t, h, aProxy(h, "--dry-run")...)
	assert.Assert(t, cmp.Contains(r.Stdout, "These do not come back by themselves (no restart policy): no"))
	assert.Assert(t, !strings.Contains(r.Stdout, "--live-restore"), "%s", r)
	r = proxy(t, h, aProxy(h, "--restart", "--live-restore")...)
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "KillMode=mixed"))
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, pids(t, h), running)

	// The refusal is right: with live-restore on, this unit takes the containers along.
	h.WriteFile(t, ".config/docker/daemon.json", `{"live-restore": true}`, 0o644)
	h.RestartDocker(t)
	h.MustDocker(t, "start", "no")
	assert.Equal(t, h.MustDocker(t, "info", "-f", "{{.LiveRestoreEnabled}}"), "true")
	r = mustProxy(t, h, aProxy(h, "--restart")...)
	assert.Assert(t, cmp.Contains(r.Stderr, "These do not come back by themselves (no restart policy): no"))
	assert.Equal(t, h.MustDocker(t, "ps", "-q"), "")
}

// TestLiveRestoreFailures: a daemon that does not come up, a run that is killed, and one that is interrupted, all under live-restore: the containers run on, the files are the old ones,
// and no live-restore stays.
func TestLiveRestoreFailures(t *testing.T) { on(t, "trixie", playLiveRestoreFailures) }

func playLiveRestoreFailures(t *testing.T, h *hosts.Host) {
	withImage(t, h)
	start(t, h, "no", forGood)
	h.WriteFile(t, "/usr/local/sbin/dockerd-wrapper", "#!/bin/sh\ngrep -q :1 /etc/docker/daemon.json 2>/dev/null && { echo 'failed to start daemon: no proxy wanted' >&2; exit 1; }\ngrep -q :2 /etc/docker/daemon.json && sleep 1000\nexec /usr/sbin/dockerd \"$@\"\n", 0o755)
	h.WriteFile(t, "/etc/systemd/system/docker.service.d/wrapper.conf", "[Service]\nExecStart=\nExecStart=/usr/local/sbin/dockerd-wrapper -H fd://\n", 0o644)
	h.RestartDocker(t)
	h.MustDocker(t, "start", "no")
	before, running := snapshot(t, h), pids(t, h)
	intact := func(what string) {
		t.Helper()
		h.AwaitAnswer(t)
		assert.Equal(t, pids(t, h), running, what)
		assert.Equal(t, snapshot(t, h), before, what)
		liveOff(t, h)
	}
	r := proxy(t, h, aProxy(h, "--restart", "--live-restore", "--timeout", "20s")...)
	assert.Equal(t, r.Code, 5, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "no proxy wanted"))
	intact("a failed start")

	set := hosts.PluginPath + " set --layer daemon.json --proxy http://10.200.0.9:2 --no-proxy a.corp --only daemon --no-check --restart --live-restore"
	during := "until systemctl show -P ActiveState docker | grep -q activating; do sleep 0.02; done; "
	for _, how := range []struct {
		signal string
		code   int
	}{{"INT", 130}, {"KILL", 137}} {
		r = h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "systemctl reset-failed docker; " + set + " >/tmp/out 2>&1 & p=$!; " + during + "kill -" + how.signal + " $p; wait $p; s=$?; cat /tmp/out; exit $s"}})
		assert.Equal(t, r.Code, how.code, "%s: %s", how.signal, r)
		if how.signal == "INT" {
			intact("interrupted")
		}
	}
	// The killed one left dockerd hanging with its files; the next command that changes something puts them back.
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/etc/docker/daemon.json"), "live-restore"))
	r = proxy(t, h, "set", "--layer", "systemd", "--no-proxy", "b.corp", "--only", "daemon", "--no-restart")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Equal(t, h.Run(t, "test", "-e", "/etc/docker/daemon.json").Code, 1)
	mustProxy(t, h, "rollback", "--no-restart")
	h.Sh(t, "systemctl reset-failed docker docker.socket; systemctl kill -s KILL docker; systemctl stop docker; systemctl start docker")
	assert.Equal(t, snapshot(t, h), before)

	// Killed after the restart: the daemon runs, healthy, and has live-restore in memory.
	h.Sh(t, "docker start no; sed -i s/:2/:3/ /usr/local/sbin/dockerd-wrapper")
	running = pids(t, h)
	before = snapshot(t, h)
	r = h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "systemctl reset-failed docker; p0=$(systemctl show -P MainPID docker); " + set + " >/tmp/out 2>&1 & p=$!; " + `until n=$(systemctl show -P MainPID docker) && [ "$n" != 0 ] && [ "$n" != "$p0" ] && systemctl is-active -q docker; do sleep 0.02; done; kill -KILL $p; wait $p; s=$?; cat /tmp/out; exit $s`}})
	assert.Equal(t, r.Code, 137, "%s", r)
	h.AwaitAnswer(t)
	assert.Equal(t, h.MustDocker(t, "info", "-f", "{{.LiveRestoreEnabled}}"), "true")
	r = mustProxy(t, h, "unset", "--all", "--only", "daemon", "--no-restart")
	liveOff(t, h)
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, pids(t, h), running)
}

// TestRestartQuestion: on a terminal the question names the costs, and l keeps the containers.
func TestRestartQuestion(t *testing.T) { on(t, "trixie", playRestartQuestion) }

func playRestartQuestion(t *testing.T, h *hosts.Host) {
	withImage(t, h)
	start(t, h, "no", forGood)
	running := pids(t, h)
	answer := func(word string, args ...string) hosts.Result {
		return h.Do(t, hosts.Cmd{Argv: []string{"script", "-qec", "docker proxy " + strings.Join(args, " "), "/dev/null"}, Stdin: word + "\n"})
	}
	r := answer("n", aProxy(h)...)
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stdout, "These do not come back by themselves (no restart policy): no"))
	assert.Assert(t, cmp.Contains(r.Stdout, "[y/l/N]"))
	assert.Assert(t, cmp.Contains(r.Stdout, "pending: restart"))
	r = answer("l", "restart", "--no-check")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Equal(t, pids(t, h), running)
	liveOff(t, h)
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://10.200.0.9:1")
	r = answer("y", "unset", "--all", "--only", "daemon")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Equal(t, h.MustDocker(t, "ps", "-q"), "")
}

// TestNeverApplied: what is taken back before any daemon had it, by unset or by rollback, needs no restart.
func TestNeverApplied(t *testing.T) { on(t, "trixie", playNeverApplied) }

func playNeverApplied(t *testing.T, h *hosts.Host) {
	pid := h.DaemonPID(t)
	for _, back := range [][]string{{"unset", "--all", "--only", "daemon"}, {"rollback"}} {
		r := mustProxy(t, h, append(aProxy(h), "--no-restart")...)
		assert.Assert(t, cmp.Contains(r.Stdout, "pending: restart"))
		r = mustProxy(t, h, append(back, "--restart", "--no-check")...)
		assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, "restart"), "%v: %s", back, r)
		assert.Equal(t, h.DaemonPID(t), pid, "%v", back)
	}
}

// TestSilentDaemon: of a daemon that does not answer it is not said that nothing is pending, nor that it has the settings.
func TestSilentDaemon(t *testing.T) { on(t, "trixie", playSilentDaemon) }

func playSilentDaemon(t *testing.T, h *hosts.Host) {
	r := h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "restart"}, User: "guest"})
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "permission denied"))
	assert.Assert(t, cmp.Contains(r.Stderr, "next: sudo docker proxy restart"))
	pid := h.DaemonPID(t)
	h.Sh(t, fmt.Sprintf("kill -STOP %d", pid))
	r = proxy(t, h, "restart", "--restart")
	h.Sh(t, fmt.Sprintf("kill -CONT %d", pid))
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "whether a restart is pending is not known"))
	assert.Assert(t, cmp.Contains(r.Stderr, "systemctl restart docker.service"))
	assert.Equal(t, h.DaemonPID(t), pid)
	r = h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "unset", "--only", "daemon"}, User: "guest"})
	assert.Assert(t, !strings.Contains(r.Stderr, "has it"), "%s", r)
}

// TestStartLimits: three starts in the last minute, of the service and of the socket, do not keep a restart from working.
func TestStartLimits(t *testing.T) { on(t, "trixie", playStartLimits) }

func playStartLimits(t *testing.T, h *hosts.Host) {
	h.Sh(t, "systemctl reset-failed docker; for i in 1 2 3; do systemctl restart docker; done")
	assert.Assert(t, cmp.Contains(h.Sh(t, "systemctl show -P StartLimitBurst docker"), "3"))
	mustProxy(t, h, aProxy(h, "--restart")...)
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://10.200.0.9:1")
	h.Sh(t, "rm /etc/docker/daemon.json")

	// A dockerd that dies soon after it was ready, while somebody keeps connecting: systemd gives up the service, and then the socket, too. Both are back with the old files.
	h.WriteFile(t, "/usr/local/sbin/dockerd-wrapper", "#!/bin/sh\n[ -n \"$NO_PROXY\" ] && { (sleep 2; kill -KILL $$) & }\nexec /usr/sbin/dockerd \"$@\"\n", 0o755)
	h.WriteFile(t, adminDropIns+"wrapper.conf", "[Unit]\nStartLimitBurst=1\n[Service]\nRestartSec=50ms\nExecStart=\nExecStart=/usr/local/sbin/dockerd-wrapper -H fd://\n", 0o644)
	h.RestartDocker(t)
	before := snapshot(t, h)
	r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", `(while :; do curl -s --max-time 1 --unix-socket /run/docker.sock http://d/_ping; done) >/dev/null 2>&1 & c=$!
		docker proxy set --layer systemd --no-proxy a --only daemon --no-check --restart --timeout 20s; s=$?; kill $c; exit $s`}})
	assert.Equal(t, r.Code, 5, "%s", r)
	assert.Assert(t, cmp.Contains(h.Sh(t, "journalctl --no-pager -u docker.socket"), "service-start-limit-hit"), "the case is not there")
	h.AwaitAnswer(t)
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, strings.TrimSpace(h.Sh(t, "systemctl is-active docker.socket docker.service | tr '\n' ' '")), "active active")

	// One that has failed for good stays so, and what starts it is said.
	h.Sh(t, "sed -i 's/sleep 2/sleep 0.1/; s/NO_PROXY/PATH/' /usr/local/sbin/dockerd-wrapper; systemctl reset-failed docker; systemctl restart docker || true; until systemctl is-failed -q docker.service; do sleep 0.5; done")
	r = mustProxy(t, h, "restart", "--restart")
	assert.Assert(t, cmp.Contains(r.Stderr, "it has failed ("))
	h.Sh(t, "sed -i 's/PATH/NO_PROXY/' /usr/local/sbin/dockerd-wrapper")
	_, lines, _ := strings.Cut(r.Stderr, "to start it:\n")
	lines, _, _ = strings.Cut(lines, "\nwarning: ") // the same, as a finding
	h.Sh(t, "set -e\n"+lines)
	h.AwaitAnswer(t)
}

// TestMasked: a unit that systemd would not start again is refused before anything is written, with the command that mends it.
func TestMasked(t *testing.T) { on(t, "trixie", playMasked) }

func playMasked(t *testing.T, h *hosts.Host) {
	pid := h.DaemonPID(t)
	for _, unit := range []string{"docker.service", "docker.socket"} {
		h.Sh(t, "systemctl mask "+unit)
		before := snapshot(t, h)
		r := proxy(t, h, aProxy(h, "--restart")...)
		assert.Equal(t, r.Code, 1, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, unit+" is masked"))
		assert.Assert(t, cmp.Contains(r.Stderr, "systemctl unmask "+unit))
		assert.Equal(t, snapshot(t, h), before)
		assert.Equal(t, h.DaemonPID(t), pid)
		h.Sh(t, "systemctl unmask "+unit)
	}
	h.Sh(t, "systemctl stop docker.socket docker.service; systemctl mask docker.service")
	before := snapshot(t, h)
	r := proxy(t, h, aProxy(h, "--restart")...)
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr, "docker.service is masked"))
	assert.Equal(t, snapshot(t, h), before)
}

// TestNeverReady: a Type=notify unit that never gets ready is not waited for longer than told, and leaves no job behind.
func TestNeverReady(t *testing.T) { on(t, "trixie", playNeverReady) }

func playNeverReady(t *testing.T, h *hosts.Host) {
	// dockerd works, but systemd never hears of it.
	h.WriteFile(t, "/usr/local/sbin/mute", "#!/bin/sh\n[ -n \"$HTTPS_PROXY\" ] && unset NOTIFY_SOCKET\nexec /usr/sbin/dockerd \"$@\"\n", 0o755)
	h.WriteFile(t, adminDropIns+"mute.conf", "[Service]\nExecStart=\nExecStart=/usr/local/sbin/mute -H fd://\n", 0o644)
	h.RestartDocker(t)
	before := snapshot(t, h)
	r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", `docker proxy set --layer systemd --https-proxy http://x:1 --no-proxy a --only daemon --no-check --restart --timeout 5s >/tmp/out 2>&1 & p=$!
		while kill -0 $p 2>/dev/null; do systemctl list-jobs --no-legend | grep docker.service; sleep 0.2; done | sort -u >/tmp/jobs; wait $p; s=$?; cat /tmp/out; exit $s`}})
	assert.Equal(t, r.Code, 5, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stderr+r.Stdout, "not ready within 5s"))
	assert.Assert(t, cmp.Contains(h.ReadFile(t, "/tmp/jobs"), "docker.service"))
	assert.Equal(t, h.Sh(t, "systemctl list-jobs --no-legend | grep docker || true"), "")
	assert.Equal(t, snapshot(t, h), before)
	h.AwaitAnswer(t)
	assert.Equal(t, h.Info(t).HTTPSProxy, "")
}

// TestByHand: the lines that are printed for a dockerd that somebody typed restart it with the new values, its options and its variables, and contain no password.
func TestByHand(t *testing.T) { on(t, "manual", playByHand) }

func playByHand(t *testing.T, h *hosts.Host) {
	old := []string{"HTTPS_PROXY=http://ann:old%20secret@10.200.0.9:1", "https_proxy=http://ann:old%20secret@10.200.0.9:1", "no_proxy=old.corp", "DOCKER_TMPDIR=/srv/it's tmp", "GODEBUG=x=1"}
	h.Sh(t, "mkdir -p \"/srv/it's tmp\"")
	h.StopDocker(t)
	h.StartByHand(t, old, "--label", "a=b c$d")
	r := withPassword(t, h, "new secret", "set", "--proxy", "http://10.200.0.9:2", "--username", "ann", "--password-stdin", "--no-proxy", "new.corp", "--only", "daemon", "--no-check")
	assert.Equal(t, r.Code, 0, "%s", r)
	assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, "secret"), "%s", r)
	_, lines, ok := strings.Cut(r.Stderr, "type:\n")
	assert.Assert(t, ok, "%s", r)
	var script []string
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "  ") {
			break
		}
		script = append(script, strings.TrimSpace(line))
	}
	assert.Assert(t, slices.ContainsFunc(script, func(l string) bool {
		return strings.HasPrefix(l, "# HTTPS_PROXY: ") && strings.Contains(l, "/etc/docker/daemon.json:")
	}), "%q", script)
	pid := h.DaemonPID(t)
	h.Do(t, hosts.Cmd{Argv: []string{"setsid", "sh", "-c", strings.Join(script, "\n") + "\n"}, Env: []string{"HTTPS_PROXY=http://shell:1"}})
	h.AwaitAnswer(t)
	assert.Assert(t, h.DaemonPID(t) != pid)
	info := h.Info(t)
	assert.Equal(t, info.HTTPSProxy, "http://xxxxx:xxxxx@10.200.0.9:2")
	assert.Equal(t, info.NoProxy, "new.corp")
	env := h.DaemonEnviron(t)
	assert.Equal(t, env["DOCKER_TMPDIR"], "/srv/it's tmp")
	assert.Equal(t, env["GODEBUG"], "x=1")
	assert.Equal(t, env["no_proxy"], "new.corp")
	assert.Equal(t, env["HTTPS_PROXY"]+env["https_proxy"], "")
	assert.Assert(t, cmp.Contains(h.MustDocker(t, "info", "-f", "{{.Labels}}"), "a=b c$d"))
	assert.Equal(t, show(t, h).setting("https-proxy").Pending, "none")
	fmt.Fprintln(t.Output(), strings.Join(script, "\n"))
}
