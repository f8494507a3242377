package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/streams"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// restartJob is a job that needs a restart, on a terminal whose person answers yes to everything; said is what they read.
func restartJob(t *testing.T, running ...engine.Container) (j *job, said *bytes.Buffer) {
	t.Helper()
	said = &bytes.Buffer{}
	in := streams.NewIn(io.NopCloser(strings.NewReader("y\ny\n")))
	in.SetIsTerminal(true)
	cli, err := command.NewDockerCli(command.WithBaseContext(t.Context()), command.WithOutputStream(io.Discard), command.WithErrorStream(said))
	assert.NilError(t, err)
	cli.SetIn(in)
	site := &daemon.Site{Live: true, Active: true, Manager: daemon.ManagerSystemd, Unit: "docker.service", Info: &engine.Info{}}
	obs := &daemon.Observation{Site: site, Verdicts: verdicts("", "", "")}
	return &job{
		app: &app{cli: cli}, memo: &memo{}, planned: true, force: true,
		view: &view{site: site, obs: obs, engine: &engine.Fake{Running: running}},
		plan: &daemon.Plan{After: obs},
	}, said
}

// TestConsentIsAskedOnce: a plan that was made anew under the lock is covered by the answer to the one before, as long as it costs the same.
func TestConsentIsAskedOnce(t *testing.T) {
	web, db := engine.Container{Name: "web"}, engine.Container{Name: "db", AutoRemove: true}
	prev, said := restartJob(t, web)
	assert.Assert(t, prev.mustAsk(t.Context(), &job{}), "nobody was asked yet")
	assert.NilError(t, prev.consent(t.Context(), nil))
	assert.Assert(t, prev.restart && prev.asked)
	assert.Assert(t, strings.Contains(said.String(), "web") && strings.Contains(said.String(), "Restart docker.service now?"), said)

	same, said := restartJob(t, web)
	assert.Assert(t, !same.mustAsk(t.Context(), prev))
	assert.NilError(t, same.consent(t.Context(), prev))
	assert.Assert(t, same.restart)
	assert.Equal(t, said.String(), "", "nobody is asked twice")

	dearer, _ := restartJob(t, web, db)
	assert.Assert(t, dearer.mustAsk(t.Context(), prev), "a container more would be lost")

	for _, flag := range []func(*applyOptions){func(o *applyOptions) { o.restart = true }, func(o *applyOptions) { o.noRestart = true }} {
		decided, _ := restartJob(t, web, db)
		flag(&decided.opts)
		assert.Assert(t, !decided.mustAsk(t.Context(), prev), "a flag is an answer to every question")
	}
	idle, _ := restartJob(t, web, db)
	idle.force = false
	assert.Assert(t, !idle.mustAsk(context.WithoutCancel(t.Context()), prev), "without a restart there is nothing to ask")
}
