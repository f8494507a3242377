package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
)

// daemon is a daemon with containers by name.
type daemon struct {
	containers map[string]engine.Inspected
	listed     []engine.Selected
	err        error
	asked      map[string][]string // filters
	inspected  atomic.Int32
}

func (d *daemon) Select(_ context.Context, all bool, filters map[string][]string) ([]engine.Selected, error) {
	d.asked = filters
	if !all {
		return nil, errors.New("stopped containers were left out")
	}
	return d.listed, d.err
}

func (d *daemon) Inspect(_ context.Context, name string) (engine.Inspected, error) {
	d.inspected.Add(1)
	for id, c := range d.containers {
		if id == name || c.Name == name {
			return c, nil
		}
	}
	return engine.Inspected{}, fmt.Errorf("No such container: %s: %w", name, errdefs.ErrNotFound)
}

func newDaemon(names ...string) *daemon {
	d := &daemon{containers: map[string]engine.Inspected{}}
	for _, n := range names {
		id := strings.Repeat("0", 60) + n
		d.containers[id] = engine.Inspected{ID: id, Name: n, Platform: "linux"}
		d.listed = append(d.listed, engine.Selected{ID: id, Name: n})
	}
	return d
}

func find(t *testing.T, d *daemon, s fleet.Selector) []fleet.Chosen {
	t.Helper()
	list, err := s.Find(t.Context(), d)
	assert.NilError(t, err)
	return list
}

func states(out []fleet.Outcome) string {
	var all []string
	for _, o := range out {
		text := o.Name + " " + string(o.State)
		if o.Reason != "" {
			text += ": " + o.Reason
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

func TestFind(t *testing.T) {
	d := newDaemon("a", "b", "c")
	assert.Equal(t, len(find(t, d, fleet.Selector{Names: []string{"a", "a"}})), 1)
	assert.Assert(t, d.asked == nil) // names alone need no list
	assert.Equal(t, len(find(t, d, fleet.Selector{All: true})), 3)
	both := find(t, d, fleet.Selector{All: true, Names: []string{"b"}})
	assert.Equal(t, len(both), 3)
	assert.Equal(t, both[0].Name, "b")
	find(t, d, fleet.Selector{Project: "shop", Filters: map[string][]string{"label": {"x=y"}, "status": {"running"}}})
	assert.DeepEqual(t, d.asked, map[string][]string{"label": {"x=y", "com.docker.compose.project=shop"}, "status": {"running"}})
	d.err = errors.New("invalid filter \x1b[31m")
	_, err := fleet.Selector{All: true}.Find(t.Context(), d)
	assert.ErrorContains(t, err, "listing containers: invalid filter")
	assert.Assert(t, !strings.Contains(err.Error(), "\x1b"))
	assert.Assert(t, fleet.Selector{}.Empty() && !fleet.Selector{Project: "x"}.Empty())
}

// One failure stops nobody, each is told of once, and the order is the one asked for.
func TestRun(t *testing.T) {
	d := newDaemon("a", "b", "c", "d", "e", "f")
	var told []string
	out := fleet.Run(t.Context(), d, find(t, d, fleet.Selector{All: true, Names: []string{"nobody"}}), func(_ context.Context, c engine.Inspected) (install.Result, error) {
		switch c.Name {
		case "b":
			return install.Result{}, errors.New("broken \x1b[31m")
		case "c":
			return install.Result{Changed: true}, nil
		case "d":
			return install.Result{Pending: true}, nil
		case "e":
			return install.Result{Skipped: "why not"}, nil
		case "f":
			return install.Result{Changed: true}, errors.New("half")
		}
		return install.Result{}, nil
	}, fleet.Options{Done: func(o fleet.Outcome) { told = append(told, o.Name) }})
	assert.Equal(t, states(out), "nobody failed: no such container\na unchanged\nb failed: broken \\x1b[31m\nc changed\nd pending\ne skipped: why not\nf failed: half")
	assert.Equal(t, len(told), 7)
	assert.Assert(t, out[6].Changed)
	assert.Equal(t, d.inspected.Load(), int32(7)) // one question for each
}

func TestLeftAlone(t *testing.T) {
	d := newDaemon("win", "out", "gone", "x\x1b[31m")
	for id, c := range d.containers {
		switch c.Name {
		case "win":
			c.Platform = "windows"
		case "out":
			c.Labels = map[string]string{fleet.OptOut: "false"}
		}
		d.containers[id] = c
		if c.Name == "gone" {
			delete(d.containers, id)
		}
	}
	work := func(context.Context, engine.Inspected) (install.Result, error) { return install.Result{}, nil }
	out := fleet.Run(t.Context(), d, find(t, d, fleet.Selector{All: true}), work, fleet.Options{})
	assert.Equal(t, states(out), "win skipped: it is a Windows container, whose store is in the registry\nout skipped: it has the label docker-proxy.ca=false\nx\\x1b[31m unchanged")

	// A label that the list tells spares the question.
	d.listed[1].Labels, d.inspected = map[string]string{fleet.OptOut: "false"}, atomic.Int32{}
	fleet.Run(t.Context(), d, find(t, d, fleet.Selector{All: true})[1:2], work, fleet.Options{})
	assert.Equal(t, d.inspected.Load(), int32(0))
}

// A container that was chosen by name and by ID is worked on once.
func TestOnce(t *testing.T) {
	d := newDaemon("a")
	var id string
	for id = range d.containers {
	}
	var times atomic.Int32
	out := fleet.Run(t.Context(), d, []fleet.Chosen{{Name: "a"}, {Name: id}}, func(context.Context, engine.Inspected) (install.Result, error) {
		times.Add(1)
		return install.Result{}, nil
	}, fleet.Options{})
	assert.Equal(t, times.Load(), int32(1))
	assert.Equal(t, len(out), 1)
}

// Never more than the workers are at it, and all of them are.
func TestWorkers(t *testing.T) {
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("n%02d", i))
	}
	d := newDaemon(names...)
	var mu sync.Mutex
	now, most := 0, 0
	meet := make(chan struct{})
	out := fleet.Run(t.Context(), d, find(t, d, fleet.Selector{All: true}), func(ctx context.Context, _ engine.Inspected) (install.Result, error) {
		mu.Lock()
		now++
		most = max(most, now)
		if now == fleet.Workers {
			select {
			case <-meet:
			default:
				close(meet)
			}
		}
		mu.Unlock()
		<-meet
		mu.Lock()
		now--
		mu.Unlock()
		return install.Result{}, ctx.Err()
	}, fleet.Options{})
	assert.Equal(t, most, fleet.Workers)
	assert.Equal(t, len(out), 12)
}

// One that hangs ends at its deadline, and the others are not kept waiting for good.
func TestDeadline(t *testing.T) {
	d := newDaemon("a", "b")
	out := fleet.Run(t.Context(), d, find(t, d, fleet.Selector{All: true}), func(ctx context.Context, c engine.Inspected) (install.Result, error) {
		if c.Name == "a" {
			<-ctx.Done()
			return install.Result{}, ctx.Err()
		}
		return install.Result{Changed: true}, nil
	}, fleet.Options{Deadline: time.Millisecond, Workers: 1})
	assert.Equal(t, states(out), "a failed: not done within 1ms: context deadline exceeded\nb changed")
}

// After an interruption nothing more is begun.
func TestInterrupted(t *testing.T) {
	d := newDaemon("a", "b", "c")
	ctx, cancel := context.WithCancelCause(t.Context())
	out := fleet.Run(ctx, d, find(t, d, fleet.Selector{All: true}), func(context.Context, engine.Inspected) (install.Result, error) {
		cancel(errors.New("interrupted"))
		return install.Result{Changed: true}, nil
	}, fleet.Options{Workers: 1})
	assert.Equal(t, states(out), "a changed\nb failed: interrupted\nc failed: interrupted")
	assert.Equal(t, d.inspected.Load(), int32(1))
}
