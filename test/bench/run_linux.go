package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// stopWatch is where this program lies inside the host.
const stopWatch = "/usr/local/bin/docker-proxy-bench"

// run boots a host, measures every claim there and prints the table.
func run(ctx context.Context, out io.Writer, o options) error {
	if os.Geteuid() != 0 {
		return errors.New("every measurement (times against docker info and docker-buildx, peak memory, the system calls of a reconcile) needs a booted test host, " +
			"and booting one needs root: sudo make bench; nothing was measured")
	}
	if err := hosts.InstallDeps(ctx, out); err != nil {
		return err
	}
	other, err := hosts.Buildx(ctx, o.host, out)
	if err != nil {
		return err
	}
	m, release, err := hosts.Start(ctx, o.host, hosts.Seed{}, out)
	if err != nil {
		return err
	}
	defer m.Stop()
	err = m.AwaitDocker(ctx)
	release()
	if err != nil {
		return err
	}
	b := &bench{machine: m, runs: o.runs, buildx: other}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := errors.Join(b.install(ctx, self, stopWatch), b.install(ctx, o.binary, hosts.PluginPath)); err != nil {
		return err
	}
	version, err := b.output(ctx, "docker", "version", "--format", "{{.Server.Version}}, docker CLI {{.Client.Version}}")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "host %s (dockerd %s), %d CPUs; medians of %d interleaved runs\n\n", o.host, strings.TrimSpace(version), runtime.NumCPU(), o.runs)
	lines, err := b.claims(ctx)
	if err != nil {
		return err
	}
	if b.trace != "" {
		fmt.Fprintf(out, "a reconcile with nothing to do made these calls:\n%s\n\n", b.trace)
	}
	return write(out, lines)
}

// bench is one booted host.
type bench struct {
	machine *hosts.Machine
	runs    int
	buildx  string // path of docker-buildx on this machine
	trace   string // writing calls of a quiet reconcile, when there were any
}

// install copies a program into the host.
func (b *bench) install(ctx context.Context, from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	r, err := b.machine.Exec(ctx, hosts.Cmd{
		Argv:  []string{"sh", "-e", "-c", `mkdir -p "$(dirname "$1")" && cat >"$1" && chmod 755 "$1"`, "sh", to},
		Stdin: string(data),
	})
	return failed("installing "+to, r, err)
}

// output runs a command as root that has to succeed.
func (b *bench) output(ctx context.Context, argv ...string) (string, error) {
	r, err := b.machine.Exec(ctx, hosts.Cmd{Argv: argv})
	return r.Stdout, failed(fmt.Sprintf("%q", argv), r, err)
}

// time runs commands in turns inside the host.
func (b *bench) time(ctx context.Context, commands ...[]string) ([]timing, error) {
	return b.measure(ctx, order{Runs: b.runs, Commands: commands})
}

// measure has the stop-watch inside the host carry an order out.
func (b *bench) measure(ctx context.Context, o order) ([]timing, error) {
	var question bytes.Buffer
	if err := json.NewEncoder(&question).Encode(o); err != nil {
		return nil, err
	}
	r, err := b.machine.Exec(ctx, hosts.Cmd{Argv: []string{stopWatch, measureWord}, Stdin: question.String(), Timeout: 10 * time.Minute})
	if err := failed("measuring", r, err); err != nil {
		return nil, err
	}
	var answers []timing
	err = json.Unmarshal([]byte(r.Stdout), &answers)
	return answers, err
}

// ask puts questions to the daemon from inside the host.
func (b *bench) ask(ctx context.Context, q questions) ([]time.Duration, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	r, err := b.machine.Exec(ctx, hosts.Cmd{Argv: []string{stopWatch, askWord}, Stdin: string(text), Timeout: 10 * time.Minute})
	if err := failed("asking the daemon", r, err); err != nil {
		return nil, err
	}
	var answers []time.Duration
	err = json.Unmarshal([]byte(r.Stdout), &answers)
	return answers, err
}

func failed(what string, r hosts.Result, err error) error {
	if err == nil && r.Code != 0 {
		err = errors.New(r.String())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
