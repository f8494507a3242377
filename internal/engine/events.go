package engine

import (
	"context"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Event is something that happened to a container.
type Event struct {
	ID, Name string
	Action   string // create, start, …
	At       time.Time
}

// Events tells on of the given actions on containers, those since a moment first (the daemon remembers the last 256), until ctx or the connection ends: a daemon that stops
// or restarts is an error. listening is called as soon as the daemon has taken the question: what it says comes to on from then on, one at a time.
func (a api) Events(ctx context.Context, since time.Time, actions []string, listening func(), on func(Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)))
	for _, action := range actions {
		args.Add("event", action)
	}
	// Seconds and nanoseconds, as the daemon reads them (moby api/types/time, ParseTimestamps).
	from := strconv.FormatInt(since.Unix(), 10) + "." + strconv.FormatInt(int64(since.Nanosecond())+1e9, 10)[1:]
	messages, errs := a.client.Events(ctx, events.ListOptions{Since: from, Filters: args})
	told := false
	for {
		if !told {
			select {
			case err := <-errs: // the question itself failed
				return err
			default:
				listening()
				told = true
			}
		}
		select {
		case m := <-messages:
			on(Event{ID: m.Actor.ID, Name: m.Actor.Attributes["name"], Action: string(m.Action), At: time.Unix(0, m.TimeNano)})
		case err := <-errs:
			return err
		}
	}
}
