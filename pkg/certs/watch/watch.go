// Package watch has something done to containers as they come: to those there are, and to each that is created or started later, for as long as it runs.
//
// It listens to the daemon's events and asks no clock. When the daemon goes away it waits until it is back, and then looks at all containers again, since it may have missed
// some. What is done to a container, and which ones are meant, is given to it. Start at Watcher.Run.
package watch

import (
	"context"
	"sync"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// Daemon is what is asked of a Docker daemon here; engine.Engine is one.
type Daemon interface {
	Events(ctx context.Context, since time.Time, actions []string, listening func(), on func(engine.Event)) error
}

// Watcher watches one daemon. All fields but Workers are needed.
type Watcher struct {
	Daemon Daemon
	// Awake reports whether the daemon runs, without waking it: a connection would start one that somebody stopped, where a socket unit listens for it.
	Awake func(ctx context.Context) bool
	// List names the containers there are that are meant, at the start and each time the daemon is back.
	List func(ctx context.Context) ([]engine.Event, error)
	// Do does what is to be done to one container, whether it is meant or not: it finds that out. It is called for one container once at a time, for several at once.
	Do func(ctx context.Context, e engine.Event)
	// Down and Up are told when the daemon cannot be listened to, and when it can be again.
	Down func(err error)
	Up   func()
	// Wait waits between two attempts; it ends early with ctx.
	Wait func(ctx context.Context, d time.Duration)
	Now  func() time.Time
	// After calls f after a while, from another goroutine.
	After func(d time.Duration, f func())
	// Workers is how many containers are worked on at once; 0 means 4.
	Workers int
}

// The pauses between two attempts to reach a daemon: the first, and the longest.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// overlap is how far back the daemon is asked for events: those between its answer to the question and its beginning to listen, and a clock of its own.
const overlap = 2 * time.Second

// Actions of containers that are listened to. A container that is created is not started yet: what is done to it then is there when its program begins.
func actions() []string { return []string{"create", "start"} }

// Run watches until ctx ends; it then waits for what is being done to containers.
func (w *Watcher) Run(ctx context.Context) {
	q := newQueue()
	workers := w.Workers
	if workers == 0 {
		workers = 4
	}
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() { w.work(ctx, q) })
	}
	w.listen(ctx, q)
	q.close()
	wait.Wait()
}

// listen keeps listening to the daemon.
func (w *Watcher) listen(ctx context.Context, q *queue) {
	pause := firstPause
	down := false
	for ctx.Err() == nil {
		if w.Awake(ctx) {
			since := w.Now().Add(-overlap)
			listened := false
			err := w.Daemon.Events(ctx, since, actions(), func() {
				listened, pause = true, firstPause
				if down {
					w.Up()
				}
				down = false
				w.all(ctx, q)
			}, func(e engine.Event) { w.tell(q, e) })
			if ctx.Err() != nil {
				return
			}
			if !down || listened {
				w.Down(err)
			}
			down = true
		} else if !down {
			w.Down(nil)
			down = true
		}
		w.Wait(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// settle is how long a container that was created is left to itself: docker run starts it in that time, and a container that runs is changed much faster than one that does
// not, whose every file is a question to a daemon that is busy starting it.
const settle = 300 * time.Millisecond

// tell puts an event into the queue, that of a creation a little later.
func (w *Watcher) tell(q *queue, e engine.Event) {
	if e.Action == "create" {
		w.After(settle, func() { q.put(e) })
		return
	}
	q.put(e)
}

// all puts the containers there are into the queue.
func (w *Watcher) all(ctx context.Context, q *queue) {
	list, err := w.List(ctx)
	if err != nil {
		return // the daemon went away again, which the events tell
	}
	for _, e := range list {
		q.put(e)
	}
}

func (w *Watcher) work(ctx context.Context, q *queue) {
	for {
		e, ok := q.take()
		if !ok {
			return
		}
		if ctx.Err() == nil {
			w.Do(ctx, e)
		}
		q.done(e.ID)
	}
}
