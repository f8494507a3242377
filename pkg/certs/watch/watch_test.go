package watch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs/watch"
)

// daemon is one that is listened to several times: connections say how each goes.
type daemon struct {
	mu          sync.Mutex
	connections []func(listening func(), on func(engine.Event)) error
	since       []time.Time
	actions     []string
	end         context.CancelFunc
}

func (d *daemon) Events(ctx context.Context, since time.Time, actions []string, listening func(), on func(engine.Event)) error {
	d.mu.Lock()
	d.since, d.actions = append(d.since, since), actions
	n := len(d.since)
	d.mu.Unlock()
	if n > len(d.connections) {
		d.end()
		<-ctx.Done()
		return ctx.Err()
	}
	return d.connections[n-1](listening, on)
}

// TestSurvivesTheDaemon: everything that was told and everything that is there after each absence is done; attempts come further and further apart, and a daemon that is stopped is
// not asked at all.
func TestSurvivesTheDaemon(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	gone := errors.New("gone")
	d := &daemon{end: cancel}
	d.connections = []func(func(), func(engine.Event)) error{
		func(listening func(), on func(engine.Event)) error {
			listening()
			on(engine.Event{ID: "new", Action: "create"})
			on(engine.Event{ID: "new", Action: "start"})
			return gone
		},
		func(func(), func(engine.Event)) error { return gone },
		func(listening func(), _ func(engine.Event)) error { listening(); return gone },
	}
	var mu sync.Mutex
	done := map[string]int{}
	var said []string
	var pauses []time.Duration
	asleep := 2 // after the first connection
	lists := 0
	w := watch.Watcher{
		Daemon: d,
		Awake: func(context.Context) bool {
			if len(d.since) == 1 && asleep > 0 {
				asleep--
				return false
			}
			return true
		},
		List: func(context.Context) ([]engine.Event, error) {
			lists++
			return []engine.Event{{ID: "old"}, {ID: fmt.Sprintf("list%d", lists)}}, nil
		},
		Do: func(_ context.Context, e engine.Event) {
			mu.Lock()
			defer mu.Unlock()
			done[e.ID]++
		},
		Down: func(err error) { said = append(said, fmt.Sprint("down ", err)) },
		Up:   func() { said = append(said, "up") },
		Wait: func(_ context.Context, p time.Duration) {
			pauses = append(pauses, p)
			for range 1000 { // let the workers empty the queue
				mu.Lock()
				n := len(done)
				mu.Unlock()
				if n >= 2+lists {
					return
				}
				time.Sleep(time.Millisecond)
			}
		},
		Now:   func() time.Time { return time.Unix(100, 0) },
		After: func(_ time.Duration, f func()) { f() },
	}
	w.Run(ctx)
	assert.DeepEqual(t, said, []string{"down gone", "up", "down gone"})
	assert.DeepEqual(t, pauses, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 100 * time.Millisecond})
	assert.Equal(t, lists, 2)
	assert.Assert(t, done["new"] > 0 && done["old"] >= 2 && done["list1"] == 1 && done["list2"] == 1, "%v", done)
	assert.DeepEqual(t, d.actions, []string{"create", "start"})
	assert.Assert(t, d.since[0].Before(time.Unix(100, 0)))
}

// TestOneAtATime: a container is never worked on twice at the same time, several are, and an event that comes meanwhile is not lost.
func TestOneAtATime(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	both := make(chan struct{})
	var once sync.Once
	d := &daemon{end: func() {}}
	var mu sync.Mutex
	var running, most int
	var seen []string
	w := watch.Watcher{Daemon: d, Awake: func(context.Context) bool { return true }, List: func(context.Context) ([]engine.Event, error) { return nil, nil },
		Down: func(error) {}, Up: func() {}, Wait: func(context.Context, time.Duration) {}, Now: time.Now, After: func(_ time.Duration, f func()) { f() }}
	entered := make(chan string, 10)
	d.connections = []func(func(), func(engine.Event)) error{func(listening func(), on func(engine.Event)) error {
		listening()
		on(engine.Event{ID: "a", Action: "create"})
		on(engine.Event{ID: "b", Action: "start"})
		first := []string{<-entered, <-entered}
		slices.Sort(first)
		assert.DeepEqual(t, first, []string{"a create", "b start"})
		on(engine.Event{ID: "a", Action: "start"}) // while "create" is being worked on
		once.Do(func() { close(both) })
		assert.Equal(t, <-entered, "a start")
		cancel()
		return nil
	}}
	w.Do = func(_ context.Context, e engine.Event) {
		mu.Lock()
		if e.ID == "a" {
			running++
			most = max(most, running)
		}
		seen = append(seen, e.ID)
		mu.Unlock()
		entered <- e.ID + " " + e.Action
		<-both
		mu.Lock()
		if e.ID == "a" {
			running--
		}
		mu.Unlock()
	}
	w.Run(ctx)
	assert.Equal(t, most, 1)
	assert.Equal(t, len(seen), 3)
}
