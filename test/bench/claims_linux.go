package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// The limits.
const (
	infoLimit     = 1.0
	metadataLimit = 0.5
	memoryLimit   = 40_000_000
)

const (
	proxyURL = "http://proxy.corp:3128"
	noProxy  = "localhost,.corp"
	tracedTo = "/tmp/docker-proxy-bench.strace"
)

// claims measures everything.
//
// Each call of `docker SOMETHING` for a plugin costs the start of the client, the plugin's metadata call and the start of the plugin; `docker info` costs the start of the client,
// one metadata call for each installed plugin, and the question. So the comparison depends on what is installed: the claim is for a host with docker-buildx, which Debian's
// docker-cli and docker-ce-cli recommend; without any other plugin it is measured, too, where only the plugin called directly keeps the limit.
func (b *bench) claims(ctx context.Context) ([]line, error) {
	if _, err := b.output(ctx, "docker", "proxy", "set", "--proxy", proxyURL, "--no-proxy", noProxy, "--only", "daemon", "--no-check", "--restart", "--yes"); err != nil {
		return nil, err
	}
	var all []line
	for _, step := range []func(context.Context) ([]line, error){b.alone, b.withBuildx, b.memory, b.quiet, b.fleet} {
		lines, err := step(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	return all, nil
}

func showCommands() [][]string {
	return [][]string{{"docker", "info"}, {"docker", "proxy", "show", "--effective"}, {hosts.PluginPath, "show", "--effective"}, {hosts.PluginPath, "doctor"}}
}

// alone compares on the host as it is booted, where this is the only plugin.
func (b *bench) alone(ctx context.Context) ([]line, error) {
	t, err := b.time(ctx, showCommands()...)
	if err != nil {
		return nil, err
	}
	return []line{
		compare("docker-proxy show --effective : docker info, no other plugin", t[2], t[0], infoLimit),
		compare("docker proxy show --effective : docker info, no other plugin", t[1], t[0], 0),
		compare("docker-proxy doctor : docker info, no other plugin", t[3], t[0], infoLimit),
	}, nil
}

// withBuildx installs docker-buildx and compares again, and its metadata call.
func (b *bench) withBuildx(ctx context.Context) ([]line, error) {
	if err := b.install(ctx, b.buildx, hosts.BuildxPlace); err != nil {
		return nil, err
	}
	t, err := b.time(ctx, showCommands()...)
	if err != nil {
		return nil, err
	}
	const metadata = "docker-cli-plugin-metadata"
	m, err := b.time(ctx, []string{hosts.PluginPath, metadata}, []string{hosts.BuildxPlace, metadata})
	if err != nil {
		return nil, err
	}
	return []line{
		compare("docker proxy show --effective : docker info, with docker-buildx", t[1], t[0], infoLimit),
		compare("docker-proxy "+metadata+" : docker-buildx's", m[0], m[1], metadataLimit),
	}, nil
}

// memory takes the peaks of a reader and of a writer that plans a change.
func (b *bench) memory(ctx context.Context) ([]line, error) {
	t, err := b.time(ctx,
		[]string{hosts.PluginPath, "show", "--effective"},
		[]string{hosts.PluginPath, "set", "--proxy", "http://other.corp:3128", "--only", "daemon", "--no-check", "--dry-run"})
	if err != nil {
		return nil, err
	}
	return []line{memory("peak memory of show --effective", t[0].Peak, memoryLimit), memory("peak memory of set --dry-run", t[1].Peak, memoryLimit)}, nil
}

// quiet traces a reconcile with nothing to do: it changes no file and starts nothing anew.
func (b *bench) quiet(ctx context.Context) ([]line, error) {
	if _, err := b.output(ctx, hosts.PluginPath, "reconcile", "--check"); err != nil { // status 3: there is something to do
		return nil, err
	}
	before, err := b.daemon(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := b.output(ctx, "strace", "-f", "-y", "-o", tracedTo, hosts.PluginPath, "reconcile", "--restart", "--yes"); err != nil {
		return nil, err
	}
	trace, err := b.output(ctx, "cat", tracedTo)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(trace, "execve(") || !strings.Contains(trace, "exited with 0") {
		return nil, errors.New("strace wrote no complete trace")
	}
	after, err := b.daemon(ctx)
	if err != nil {
		return nil, err
	}
	found := writes(trace)
	b.trace = strings.Join(found, "\n")
	restarts := 0
	if before != after {
		restarts = 1
	}
	return []line{none("file changes by a reconcile with nothing to do", len(found)), none("restarts by it", restarts)}, nil
}

// daemon says which dockerd runs, since when and how often it was started.
func (b *bench) daemon(ctx context.Context) (string, error) {
	text, err := b.output(ctx, "systemctl", "show", "docker.service", "--property=MainPID,NRestarts,InvocationID,ExecMainStartTimestampMonotonic")
	if err == nil && strings.Contains(text, "MainPID=0") {
		err = fmt.Errorf("dockerd does not run: %s", text)
	}
	return text, err
}
