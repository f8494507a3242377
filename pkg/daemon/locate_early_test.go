//go:build linux

package daemon

import (
	"context"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
)

// early is a manager that answers its other questions only when the API was asked before, or after a while.
type early struct {
	*fakeSystemd
	asked chan struct{}
	late  bool
}

func (e *early) Version(context.Context) (int, error) {
	select {
	case <-e.asked:
	case <-time.After(10 * time.Second):
		e.late = true
	}
	return 252, nil
}

// earlyAPI tells that it was asked.
type earlyAPI struct {
	*engine.Fake
	asked chan struct{}
}

func (e earlyAPI) Info(ctx context.Context) (engine.Info, error) {
	close(e.asked)
	return e.Fake.Info(ctx)
}

// TestTheAPIAnswersWhileTheManagerIsAsked: both take about as long, so one after the other would double the time of every command.
func TestTheAPIAnswersWhileTheManagerIsAsked(t *testing.T) {
	asked := make(chan struct{})
	bus := &early{fakeSystemd: &fakeSystemd{units: loaded("active", 74)}, asked: asked}
	env := live(hostTree(t, runningSystemd(), process(74, 1, 0, "dockerd", "dockerd"), sockets(74, "/run/docker.sock")), nil, nil)
	env.Connect = func(context.Context, systemd.Bus) (UnitSource, error) { return bus, nil }
	env.Engine = earlyAPI{&engine.Fake{Answer: engine.Info{ServerVersion: "27.0.1"}}, asked}
	s, err := Locate(t.Context(), env)
	assert.NilError(t, err)
	assert.Assert(t, !bus.late)
	assert.Equal(t, s.Version, "27.0.1")
}

// TestNoBusIsNil: a manager that cannot be reached is no manager, not one that fails at every question.
func TestNoBusIsNil(t *testing.T) {
	bus, err := connectSystemd(t.Context(), systemd.Bus{RuntimeDir: t.TempDir()})
	assert.ErrorIs(t, err, systemd.ErrNoManager)
	assert.Assert(t, bus == nil)
}
