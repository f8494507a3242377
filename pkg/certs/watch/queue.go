package watch

import (
	"sync"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// queue holds what is to be done, in its order: for each container the last event, and none while it is being worked on. It never grows beyond the containers there are.
type queue struct {
	mu     sync.Mutex
	more   *sync.Cond
	order  []string
	events map[string]engine.Event
	busy   map[string]bool
	closed bool
}

func newQueue() *queue {
	q := &queue{events: map[string]engine.Event{}, busy: map[string]bool{}}
	q.more = sync.NewCond(&q.mu)
	return q
}

// put adds an event. An earlier one of the same container that nobody has taken is replaced, and the place in the order stays.
func (q *queue) put(e engine.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if _, waits := q.events[e.ID]; !waits {
		q.order = append(q.order, e.ID)
	}
	q.events[e.ID] = e
	q.more.Signal()
}

// take waits for an event of a container that nobody works on, and gives it; false when the queue is closed. The caller calls done.
func (q *queue) take() (engine.Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed {
		for i, id := range q.order {
			if q.busy[id] {
				continue
			}
			q.order = append(q.order[:i:i], q.order[i+1:]...)
			e := q.events[id]
			delete(q.events, id)
			q.busy[id] = true
			return e, true
		}
		q.more.Wait()
	}
	return engine.Event{}, false
}

func (q *queue) done(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy, id)
	q.more.Broadcast()
}

// close ends take; what waits is forgotten.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}
