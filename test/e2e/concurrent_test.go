//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
	"github.com/docker-proxy/docker-proxy/test/serial"
)

// crowdTime is how long a crowd works on a host: what issue and contract promise is promised for a minute.
const crowdTime = time.Minute

// crowd runs commands of several people at once on one host.
type crowd struct {
	t        *testing.T
	h        *hosts.Host
	http     *serial.Register
	https    *serial.Register
	list     *serial.Set // the daemon's NO_PROXY
	theirs   *serial.Set // NO_PROXY in dev's config.json
	restarts atomic.Int64
	commands atomic.Int64
	shows    atomic.Int64
}

// run is a command that must end well.
func (c *crowd) run(user string, args ...string) (hosts.Result, error) {
	c.commands.Add(1)
	r, err := c.h.Exec(c.t.Context(), hosts.Cmd{Argv: append([]string{"docker", "proxy"}, args...), User: user})
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("docker proxy %s (as %q): %s", strings.Join(args, " "), user, r)
	}
	return r, err
}

// add adds an entry of its own in each round.
func (c *crowd) add(to *serial.Set, user, name string, args ...string) func(int) error {
	return func(i int) error {
		entry := fmt.Sprintf("%s-%d.corp", name, i)
		end := to.Begin(entry)
		defer end()
		_, err := c.run(user, append([]string{"set", "--no-proxy-add", entry}, args...)...)
		return err
	}
}

// setAndRestart gives http-proxy another value each round, and the daemon, too.
func (c *crowd) setAndRestart(i int) error {
	value := fmt.Sprintf("http://10.200.0.9:%d", i+2)
	end := c.http.Begin(value)
	defer end()
	r, err := c.run("", "set", "--http-proxy", value, "--only", "daemon", "--no-check", "--restart", "--timeout", "60s", "--format", "json")
	if err != nil {
		return err
	}
	var out struct{ Changed, Restarted bool }
	if err := json.Unmarshal([]byte(r.Stdout), &out); err != nil || !out.Changed || !out.Restarted {
		return fmt.Errorf("set --restart answered %s: %w", r, err)
	}
	c.restarts.Add(1)
	return nil
}

// setAndUnset sets https-proxy and takes it out again, and moves everything to another layer from time to time.
func (c *crowd) setAndUnset(i int) error {
	if i%3 == 2 {
		_, err := c.run("", "reconcile", "--to", []string{"systemd", "daemon.json"}[i/3%2], "--no-check", "--no-restart")
		return err
	}
	value := fmt.Sprintf("http://10.200.0.8:%d", i+2)
	args := []string{"set", "--https-proxy", value}
	if i%3 == 1 {
		value, args = "", []string{"unset", "--https-proxy"}
	}
	end := c.https.Begin(value)
	defer end()
	_, err := c.run("", append(args, "--only", "daemon", "--no-check", "--no-restart")...)
	return err
}

// answer is what the crowd reads of `show --effective --format json`; what a user may not read is null.
type answer struct {
	Settings []struct {
		Key            string
		Value, Running *string
		Set            bool
		Shadowed       []struct {
			Value  *string // null: it may stand there
			Source struct{ Layer string }
		}
		Source struct{ Layer string }
	}
	Clients []struct {
		Settings []struct{ Key, Value string }
	}
	Findings []struct{ ID, Message string }
}

// show checks an answer: all of it is what some order of the commands allows, and nothing is half done.
func (c *crowd) show(user string) func(int) error {
	return func(int) error {
		http, https, list, theirs := c.http.Read(), c.https.Read(), c.list.Read(), c.theirs.Read()
		r, err := c.run(user, "show", "--effective", "--format", "json")
		if err != nil {
			return err
		}
		var now answer
		if err := json.Unmarshal([]byte(r.Stdout), &now); err != nil {
			return fmt.Errorf("show printed %s: %w", r, err)
		}
		c.shows.Add(1)
		var errs []error
		for _, s := range now.Settings {
			for _, lost := range s.Shadowed {
				if lost.Value != nil && lost.Source.Layer != s.Source.Layer {
					errs = append(errs, fmt.Errorf("%s stands in two places at once", s.Key))
				}
			}
			if s.Key == "http-proxy" && s.Running != nil && !c.http.Ever(*s.Running) {
				errs = append(errs, fmt.Errorf("running is %q, which nobody set", *s.Running))
			}
			value := ""
			switch {
			case s.Set && s.Value == nil:
				continue // in a file that only root reads
			case s.Set:
				value = *s.Value
			case user != "" && slices.ContainsFunc(now.Findings, func(f struct{ ID, Message string }) bool { return f.ID == "layer-not-readable" }):
				continue
			}
			switch s.Key {
			case "http-proxy":
				errs = append(errs, http(value))
			case "https-proxy":
				errs = append(errs, https(value))
			case "no-proxy":
				errs = append(errs, list(strings.Split(value, ",")))
			}
		}
		for _, f := range now.Findings {
			if f.ID == "change-in-progress" || f.ID == "unfinished-change" {
				errs = append(errs, fmt.Errorf("show finds %s: %s", f.ID, f.Message))
			}
		}
		for _, s := range clientSettings(now, user == "dev") {
			errs = append(errs, theirs(strings.Split(s, ",")))
		}
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("show as %q: %w\n%s", user, err, r)
		}
		return nil
	}
}

// clientSettings gives the lists of NO_PROXY in the answer's config.json.
func clientSettings(a answer, want bool) []string {
	var out []string
	for _, c := range a.Clients {
		for _, s := range c.Settings {
			if want && s.Key == "noProxy" {
				out = append(out, s.Value)
			}
		}
	}
	return out
}

// TestCrowd has eight people at work for a minute, three of whom look: root restarts the daemon, root and dev write the same config.json under different locks.
func TestCrowd(t *testing.T) { on(t, "trixie", playCrowd) }

func playCrowd(t *testing.T, h *hosts.Host) {
	c := &crowd{t: t, h: h, http: serial.NewRegister("http://10.200.0.9:1"), https: serial.NewRegister(""), list: serial.NewSet("start.corp"), theirs: serial.NewSet("start.corp")}
	mustProxy(t, h, "set", "--http-proxy", "http://10.200.0.9:1", "--no-proxy", "start.corp", "--only", "daemon", "--no-check", "--restart")
	mustProxy(t, h, "set", "--no-proxy", "start.corp", "--only", "client", "--user", "dev")
	h.Sh(t, `grep -q start.corp /home/dev/.docker/config.json`)
	workers := []func(int) error{
		c.setAndRestart, c.setAndUnset,
		c.add(c.list, "", "root", "--only", "daemon", "--no-check", "--no-restart"),
		c.add(c.theirs, "dev", "dev", "--only", "client"),
		c.add(c.theirs, "", "sudo", "--only", "client", "--user", "dev"),
		c.show(""), c.show("dev"), c.show("guest"),
	}
	end := time.Now().Add(crowdTime)
	var wg sync.WaitGroup
	var failed atomic.Bool
	for n, work := range workers {
		wg.Go(func() {
			for i := 0; time.Now().Before(end) && !failed.Load(); i++ {
				if err := work(i); err != nil {
					failed.Store(true)
					t.Errorf("worker %d, round %d: %v", n, i, err)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d commands, %d of them shows; %d restarts", c.commands.Load(), c.shows.Load(), c.restarts.Load())
	assert.Assert(t, !failed.Load())
	assert.Assert(t, c.restarts.Load() > 2)

	for _, user := range []string{"", "dev", "guest"} {
		assert.NilError(t, c.show(user)(0))
	}
	mustProxy(t, h, "reconcile", "--to", "daemon.json", "--no-check", "--no-restart")
	mustProxy(t, h, "restart", "--restart", "--no-check")
	final := show(t, h)
	info := h.Info(t)
	assert.Equal(t, info.HTTPProxy, c.http.Value())
	assert.Equal(t, info.HTTPSProxy, c.https.Value())
	assert.Equal(t, info.NoProxy, final.setting("no-proxy").Value)
	assert.NilError(t, c.list.Read()(strings.Split(info.NoProxy, ",")))
	assert.Equal(t, h.Sh(t, `find /etc /home /root /var/lib/docker-proxy -name '*.tmp'`), "")
	assert.Equal(t, h.Sh(t, `stat -c '%a %U' /home/dev/.docker/config.json`), "600 dev")
	assert.Equal(t, h.Sh(t, `systemctl is-active docker`), "active")
}

// TestBesideTheDockerCLI has the docker CLI itself write guest's config.json, as `docker login` does too, while root writes proxies into it: what the CLI wrote is there when it ends. The
// other direction cannot be promised: the CLI writes the whole file as it read it before.
func TestBesideTheDockerCLI(t *testing.T) { on(t, "trixie", playBesideTheDockerCLI) }

func playBesideTheDockerCLI(t *testing.T, h *hosts.Host) {
	guest := func(script string) hosts.Result {
		return h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", script}, User: "guest"})
	}
	for _, name := range []string{"one", "two"} {
		assert.Equal(t, guest("docker context create "+name+" --docker host=unix:///var/run/docker.sock").Code, 0)
	}
	h.Sh(t, "rm -f /tmp/stop")
	done := make(chan hosts.Result)
	go func() {
		r, err := h.Exec(t.Context(), hosts.Cmd{User: "guest", Argv: []string{"sh", "-c", `n=0; while [ ! -e /tmp/stop ]; do for c in one two; do
			docker context use $c >/dev/null || exit 1; grep -q "\"currentContext\": \"$c\"" .docker/config.json || { echo "lost $c after $n"; cat .docker/config.json; exit 1; }; n=$((n+1)); done; done; echo $n`}})
		if err != nil {
			r.Stderr += err.Error()
			r.Code = 1
		}
		done <- r
	}()
	count := 0
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); count++ {
		mustProxy(t, h, "set", "--only", "client", "--user", "guest", "--ftp-proxy", fmt.Sprintf("http://p.corp:%d", count+1), "--no-proxy", "x.corp")
	}
	h.Sh(t, "touch /tmp/stop")
	r := <-done
	assert.Equal(t, r.Code, 0, "%s", r)
	t.Logf("%d changes beside %s of the docker CLI", count, strings.TrimSpace(r.Stdout))
	mustProxy(t, h, "set", "--only", "client", "--user", "guest", "--ftp-proxy", "http://last.corp:1", "--no-proxy", "x.corp")
	assert.Equal(t, guest(`grep -c -e '"currentContext": "two"' -e last.corp .docker/config.json`).Stdout, "2\n")
	assert.Equal(t, h.Sh(t, "find /home/guest /var/lib/docker-proxy -name '*.tmp'"), "")
}
