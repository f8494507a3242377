//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestInterrupted sends signals, and takes the terminal and the readers away, in every phase of a change: the state before is back and a dockerd runs with it.
func TestInterrupted(t *testing.T) { on(t, "trixie", playInterrupted) }

// phase is a moment in a run at which something happens to it.
type phase struct {
	name, before string // before is a shell script that prepares the moment
	args         []string
	under        string // what the plugin runs under: strace and its options
	when         string // a shell command that succeeds in that moment
	then         string // what happens; $pid is the plugin
	ends         int
}

const (
	changing   = "systemctl show -P ActiveState docker | grep -q activating"
	sawNew     = "docker info 2>/dev/null | grep -q new.corp"
	givingBack = "grep -q Putting /tmp/out"
	// slowRename makes every rename of the program take a second more.
	slowRename = "strace -f -o /dev/null -e trace=rename,renameat,renameat2 -e inject=rename,renameat,renameat2:delay_enter=1000000"
)

func playInterrupted(t *testing.T, h *hosts.Host) {
	useStandIn(t, h)
	r := setProxy(t, h, oldProxy)
	assert.Equal(t, r.Code, 0, "%s", r)
	before := snapshot(t, h)

	hangs := setProxyArgs(h, "http://hangs.corp:1")
	fine := setProxyArgs(h, "http://new.corp:1")
	unit := []string{"set", "--layer", "systemd", "--reconcile", "--https-proxy", "http://new.corp:1", "--only", "daemon", "--no-check", "--restart"}
	for _, p := range []phase{
		{name: "before the first write", before: "systemd-run -q --unit=silent systemd-socket-activate -l 127.0.0.1:3999 sleep 600; sleep 0.5",
			args: []string{"set", "--https-proxy", "http://127.0.0.1:3999", "--only", "daemon", "--restart"}, when: "ss -Htn state established '( dport = :3999 )' | grep -q .", then: "kill -INT $pid", ends: 130},
		{name: "between two files", args: unit, under: slowRename, when: "test -e " + adminDropIns + "http-proxy.conf", then: "kill -TERM $pid", ends: 130},
		{name: "while systemd reads its files", before: slowReload, args: unit, when: "test -e /run/reloading", then: "kill -HUP $pid; rm /run/slow", ends: 130},
		{name: "in the restart", args: hangs, when: changing, then: "kill -TERM $pid", ends: 130},
		{name: "in the restart, and then again and again", args: hangs, when: changing, then: "kill -INT $pid; sleep 0.3; for s in HUP TERM HUP INT HUP; do kill -$s $pid; sleep 0.1; done", ends: 130},
		{name: "while it is watched", args: fine, when: sawNew, then: "kill -HUP $pid", ends: 130},
		{name: "while the old state is put back", args: append(hangs, "--timeout", "2s"), when: givingBack, then: "for s in HUP TERM INT INT HUP; do kill -$s $pid; sleep 0.2; done", ends: 5},
	} {
		t.Run(p.name, func(t *testing.T) {
			out, status := p.play(t, h)
			assert.Equal(t, status, p.ends, "%s", out)
			if p.ends == 130 {
				assert.Assert(t, cmp.Contains(out, "interrupted; "))
			}
			asBefore(t, h, before)
			resetFailed(t, h)
		})
	}
	t.Run("the terminal is gone", func(t *testing.T) {
		for _, p := range []phase{{args: hangs, when: changing}, {args: fine, when: sawNew}, {args: append(hangs, "--timeout", "2s"), when: givingBack}} {
			h.Sh(t, "rm -f /tmp/out; setsid script -qfec 'docker proxy "+strings.Join(p.args, " ")+"' /tmp/out </dev/null >/dev/null 2>&1 & s=$!\nuntil "+p.when+"; do sleep 0.05; done; kill -KILL $s; while pgrep -x docker-proxy >/dev/null; do sleep 0.05; done")
			asBefore(t, h, before)
			resetFailed(t, h)
		}
		assert.Assert(t, cmp.Contains(strings.Split(mustProxy(t, h, "rollback", "--list").Stdout, "\n")[1], " undone "))
	})
	t.Run("the readers are gone", func(t *testing.T) {
		r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "{ docker proxy " + strings.Join(fine, " ") + "; echo $? >/tmp/status; } 2>&1 | true; cat /tmp/status"}})
		assert.Assert(t, strings.TrimSpace(r.Stdout) != "141", "SIGPIPE ended it: %s", r)
		assert.Equal(t, h.Info(t).HTTPSProxy, "http://new.corp:1")
		assert.Equal(t, show(t, h).setting("https-proxy").Pending, "none")
		mustProxy(t, h, "rollback", "--restart")
		asBefore(t, h, before)
	})
}

// slowReload lets daemon-reload take two seconds as long as /run/slow is there.
const slowReload = `mkdir -p /run/systemd/system-generators; printf '#!/bin/sh\n[ -e /run/slow ] && { : >/run/reloading; sleep 2; }\nexit 0\n' >/run/systemd/system-generators/slow
chmod 755 /run/systemd/system-generators/slow; touch /run/slow`

// play runs the plugin up to the moment and returns what it printed, and its status.
func (p phase) play(t *testing.T, h *hosts.Host) (string, int) {
	t.Helper()
	script := p.before + "\nrm -f /tmp/out /tmp/pid\n" + p.under + ` sh -c 'echo $$ >/tmp/pid; exec ` + hosts.PluginPath + " " + strings.Join(p.args, " ") + ` >/tmp/out 2>&1' & job=$!
until ` + p.when + `; do kill -0 $job || { cat /tmp/out; echo "it ended before the moment came"; exit 99; }; sleep 0.02; done
pid=$(cat /tmp/pid); ` + p.then + `
wait $job; s=$?; cat /tmp/out; exit $s`
	r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", script}})
	return r.Stdout + r.Stderr, r.Code
}

// TestKilled kills a run in the middle of its restart: what is there is told as it is, and the next commands end it, in whatever state the daemon was left.
func TestKilled(t *testing.T) { on(t, "trixie", playKilled) }

func playKilled(t *testing.T, h *hosts.Host) {
	useStandIn(t, h)
	r := setProxy(t, h, oldProxy)
	assert.Equal(t, r.Code, 0, "%s", r)
	before := snapshot(t, h)
	h.Sh(t, "tar -cf /tmp/before.tar -C / "+changedByRuns)
	kill := func(t *testing.T, host, when string) {
		t.Helper()
		p := phase{args: setProxyArgs(h, "http://"+host+".corp:1"), when: when, then: "kill -KILL $pid"}
		out, status := p.play(t, h)
		assert.Equal(t, status, 137, "%s", out)
		s := show(t, h)
		assert.Assert(t, s.has("unfinished-change"))
		assert.Equal(t, s.setting("https-proxy").Value, "http://"+host+".corp:1", "what the files say")
	}
	t.Run("the new daemon comes up without it", func(t *testing.T) {
		startAnew(t, h, before)
		kill(t, "new", sawNew)
		killed := newestChange(t, h)
		assert.Equal(t, *show(t, h).setting("https-proxy").Running, "http://new.corp:1")
		again := setProxy(t, h, "http://new.corp:1")
		assert.Equal(t, again.Code, 0, "%s", again)
		assert.Assert(t, cmp.Contains(killed.Command, "--https-proxy http://new.corp:1"))
		assert.Assert(t, cmp.Contains(again.Stderr, fmt.Sprintf("The interrupted change %s (%s) was finished first.", killed.ID, killed.Command)))
		assert.Assert(t, !show(t, h).has("unfinished-change"))
		mustProxy(t, h, "rollback", "--restart")
		asBefore(t, h, before)
	})
	t.Run("it hangs and is taken back", func(t *testing.T) {
		startAnew(t, h, before)
		kill(t, "hangs", changing)
		text := mustProxy(t, h, "show", "--effective").Stdout
		assert.Assert(t, cmp.Contains(text, "docker proxy rollback --restart"))
		mustProxy(t, h, "rollback", "--restart")
		asBefore(t, h, before)
	})
	t.Run("it has failed and is taken back", func(t *testing.T) {
		startAnew(t, h, before)
		kill(t, "gives-up", changing) // it takes its time, so that the run is killed before it sees that and puts the old state back
		h.Eventually(t, "the end of all tries", func() bool {
			return strings.TrimSpace(h.Run(t, "systemctl", "show", "-P", "ActiveState", "docker").Stdout) == "failed"
		})
		r := proxy(t, h, "restart", "--restart")
		assert.Equal(t, r.Code, 5, "%s", r)
		assert.Assert(t, cmp.Contains(r.Stderr, "unknown shorthand: no proxy wanted"))
		assert.Assert(t, cmp.Contains(r.Stderr, "docker.service does not run, as before; to take back the change that was interrupted: docker proxy rollback --restart"))
		back := proxy(t, h, "rollback", "--restart")
		assert.Equal(t, back.Code, 0, "%s", back)
		asBefore(t, h, before)
	})
	t.Run("the old one runs still", func(t *testing.T) {
		startAnew(t, h, before)
		h.WriteFile(t, adminDropIns+"slowstop.conf", "[Service]\nExecStop=/bin/sleep 3\n", 0o644)
		h.RestartDocker(t)
		before := snapshot(t, h)
		kill(t, "new", "systemctl show -P ActiveState docker | grep -q deactivating")
		again := setProxy(t, h, "http://new.corp:1")
		assert.Equal(t, again.Code, 0, "%s", again)
		assert.Equal(t, h.Info(t).HTTPSProxy, "http://new.corp:1")
		mustProxy(t, h, "rollback", "--restart")
		asBefore(t, h, before)
	})
}

// changedByRuns are the directories below / that a run on a host with systemd changes: the two that hold dockerd's settings, and the journal.
const changedByRuns = "etc/docker etc/systemd/system var/lib/docker-proxy"

// startAnew gives the host the state that /tmp/before.tar and before hold, whatever another test has left of it: the files, the journal, and a daemon that has read them.
func startAnew(t *testing.T, h *hosts.Host, before string) {
	t.Helper()
	h.Sh(t, "systemctl kill -s KILL docker.service 2>/dev/null; cd / && rm -rf "+changedByRuns+" && tar -xpf /tmp/before.tar && systemctl daemon-reload")
	resetFailed(t, h)
	h.RestartDocker(t)
	asBefore(t, h, before)
}

// recorded is a row of `rollback --list`.
type recorded struct{ ID, Command, State string }

// newestChange is the first row of `rollback --list`.
func newestChange(t *testing.T, h *hosts.Host) recorded {
	t.Helper()
	var rows []recorded
	r := mustProxy(t, h, "rollback", "--list", "--format", "json")
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &rows), "%s", r)
	assert.Assert(t, len(rows) > 0)
	return rows[0]
}

// TestInterruptedRollback interrupts and kills a rollback in its restart: by a signal the change that was to be taken back stands again; what was killed the next rollback carries to
// its end, and takes nothing else back.
func TestInterruptedRollback(t *testing.T) { on(t, "trixie", playInterruptedRollback) }

func playInterruptedRollback(t *testing.T, h *hosts.Host) {
	useStandIn(t, h)
	slow, next := setProxyArgs(h, "http://slow.corp:1"), setProxyArgs(h, "http://new.corp:1")
	for _, args := range [][]string{setProxyArgs(h, oldProxy), slow, next} {
		mustProxy(t, h, args...)
		resetFailed(t, h)
	}
	before := snapshot(t, h)
	p := phase{args: []string{"rollback", "--restart", "--no-check"}, when: changing, then: "kill -INT $pid"}
	out, status := p.play(t, h)
	assert.Equal(t, status, 130, "%s", out)
	assert.Equal(t, snapshot(t, h), before)
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://new.corp:1")
	s := show(t, h)
	assert.Equal(t, s.setting("https-proxy").Pending, "none")
	assert.Assert(t, !s.has("unfinished-change"))
	assert.Equal(t, newestChange(t, h).State, "undone")

	resetFailed(t, h)
	p.then = "kill -KILL $pid"
	out, status = p.play(t, h)
	assert.Equal(t, status, 137, "%s", out)
	assert.Assert(t, show(t, h).has("unfinished-change"))
	resetFailed(t, h)
	again := mustProxy(t, h, "rollback", "--restart", "--no-check")
	killed := newestChange(t, h)
	assert.Assert(t, cmp.Contains(again.Stderr, fmt.Sprintf("The interrupted change %s (%s) was finished first.", killed.ID, killed.Command)))
	assert.Equal(t, h.Info(t).HTTPSProxy, "http://slow.corp:1")
	s = show(t, h)
	assert.Equal(t, s.setting("https-proxy").Pending, "none")
	assert.Assert(t, !s.has("unfinished-change"))
	mustProxy(t, h, "rollback", "--restart", "--no-check")
	assert.Equal(t, h.Info(t).HTTPSProxy, oldProxy, "the change before it is the next one to take back")
}

// TestInterruptedScript types ^C, and takes the terminal away, while an init script restarts dockerd: both go to all programs of the terminal's foreground group. The script is none of
// them and is not cut in two.
func TestInterruptedScript(t *testing.T) { on(t, "sysvinit", playInterruptedScript) }

func playInterruptedScript(t *testing.T, h *hosts.Host) {
	h.Sh(t, `sed -i 's/log_begin_msg "Stopping/sleep 2; &/' /etc/init.d/docker && grep -q 'sleep 2' /etc/init.d/docker`)
	args := strings.Join([]string{"set", "--layer", "startup", "--only", "daemon", "--no-check", "--restart", "--no-proxy", "a.corp", "--https-proxy"}, " ")
	mustProxy(t, h, append(strings.Fields(args), oldProxy)...)
	before := snapshot(t, h)
	for _, c := range [][2]string{{"INT", "130"}, {"HUP", "129"}} { // the docker CLI does not catch SIGHUP; the plugin goes on without it
		r := h.Do(t, hosts.Cmd{Argv: []string{"bash", "-c", "setsid script -qec 'docker proxy " + args + ` http://new.corp:1' /dev/null </dev/null >/tmp/out 2>&1 & job=$!
until pgrep -f '^/bin/sh /etc/init.d/docker stop' >/dev/null; do kill -0 $job || exit 99; sleep 0.05; done
pid=$(pgrep -x docker-proxy); kill -` + c[0] + ` -- -$(ps -o pgid= -p $pid | tr -d ' ')
wait $job; s=$?; while kill -0 $pid 2>/dev/null; do sleep 0.05; done; echo $s`}})
		assert.Equal(t, strings.TrimSpace(r.Stdout), c[1], "%s", r)
		asBefore(t, h, before)
	}
}
