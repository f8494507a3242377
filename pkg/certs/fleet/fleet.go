// Package fleet does one thing to many containers: a few at a time, each with a deadline, and without one failure stopping the others.
//
// It knows which containers are meant and what became of each; what is done to one is given to it (package install has that), and so is the way to its files (package
// target). Of a container nothing is kept but its Outcome. Start at Run.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
)

// Defaults of Options.
const (
	Workers  = 4
	Deadline = 60 * time.Second
)

// OptOut is the label with which a container is left alone: docker-proxy.ca=false.
const OptOut = "docker-proxy.ca"

// State says in one word what became of a container.
type State string

// The states.
const (
	Changed   State = "changed"
	Unchanged State = "unchanged" // nothing was to be done
	Pending   State = "pending"   // something is to be done, and only a plan was asked for
	Skipped   State = "skipped"   // it was left alone, and why
	Failed    State = "failed"    // what was asked for is not so, and why
)

// Outcome is what became of one container.
type Outcome struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Image  string `json:"image,omitempty"`
	State  State  `json:"state"`
	Reason string `json:"reason,omitempty"` // of Skipped and Failed, escaped for terminals
	install.Result
	Restarted bool `json:"restarted,omitempty"`
}

// Work does what is to be done to one container. An error makes it Failed; the result says also then what was changed.
type Work func(ctx context.Context, c engine.Inspected) (install.Result, error)

// Options adjust Run.
type Options struct {
	Workers  int           // how many containers at once; 0 means 4
	Deadline time.Duration // for one container; 0 means a minute
	// Done is told of each container as it ends, never twice at the same time.
	Done func(Outcome)
	// Err turns an error into text; nil means its own text. Both are escaped.
	Err func(error) string
}

// Run does the work in all containers and gives their outcomes in the order of chosen. A container that was chosen twice is done once. When ctx ends, those that were not begun
// are Failed with its cause.
func Run(ctx context.Context, d Daemon, chosen []Chosen, work Work, o Options) []Outcome {
	r := &run{daemon: d, work: work, Options: o, taken: map[string]bool{}, found: make([]*Outcome, len(chosen))}
	if r.Workers == 0 {
		r.Workers = Workers
	}
	if r.Deadline == 0 {
		r.Deadline = Deadline
	}
	if r.Err == nil {
		r.Err = error.Error
	}
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(r.Workers, len(chosen)) {
		wait.Go(func() {
			for i := range next {
				if out := r.one(ctx, chosen[i]); out != nil {
					r.tell(i, out)
				}
			}
		})
	}
	for i := range chosen {
		next <- i
	}
	close(next)
	wait.Wait()
	out := make([]Outcome, 0, len(chosen))
	for _, f := range r.found {
		if f != nil {
			out = append(out, *f)
		}
	}
	return out
}

type run struct {
	daemon Daemon
	work   Work
	Options

	mu    sync.Mutex
	taken map[string]bool // the IDs that a worker has
	found []*Outcome
}

func (r *run) tell(i int, out *Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found[i] = out
	if r.Done != nil {
		r.Done(*out)
	}
}

// one does the work in one container; nil for one that is not there any more, or is done already.
func (r *run) one(ctx context.Context, c Chosen) *Outcome {
	out := &Outcome{ID: c.ID, Name: redact.Terminal(c.Name), State: Failed}
	if reason := optedOut(c.Labels); reason != "" {
		out.State, out.Reason = Skipped, reason
		return out
	}
	if ctx.Err() != nil {
		out.Reason = context.Cause(ctx).Error()
		return out
	}
	found, err := r.daemon.Inspect(ctx, c.key())
	switch {
	case errdefs.IsNotFound(err) && c.ID != "":
		return nil // gone since it was listed
	case errdefs.IsNotFound(err):
		out.Reason = "no such container"
		return out
	case err != nil:
		out.Reason = r.text(err)
		return out
	}
	if !r.take(found.ID) {
		return nil
	}
	out.ID, out.Name, out.Image = found.ID, redact.Terminal(found.Name), redact.Terminal(found.Image)
	if out.Reason = Unfit(found); out.Reason != "" {
		out.State = Skipped
		return out
	}
	r.do(ctx, found, out)
	return out
}

// do runs the work with its deadline.
func (r *run) do(parent context.Context, c engine.Inspected, out *Outcome) {
	ctx, cancel := context.WithTimeout(parent, r.Deadline)
	defer cancel()
	result, err := r.work(ctx, c)
	out.Result = result
	switch {
	case err == nil && result.Skipped != "":
		out.State, out.Reason = Skipped, result.Skipped
	case err == nil && result.Pending:
		out.State = Pending
	case err == nil && result.Changed:
		out.State = Changed
	case err == nil:
		out.State = Unchanged
	case errors.Is(err, context.DeadlineExceeded) && parent.Err() == nil:
		out.Reason = fmt.Sprintf("not done within %s: %s", r.Deadline, r.text(err))
	default:
		out.Reason = r.text(err)
	}
}

// take reports whether nobody has this container yet, and takes it.
func (r *run) take(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[id] {
		return false
	}
	r.taken[id] = true
	return true
}

func (r *run) text(err error) string { return redact.Terminal(r.Err(err)) }

// Unfit says why nothing is done to a container, "" when nothing speaks against it.
func Unfit(c engine.Inspected) string {
	if c.Platform == "windows" {
		return "it is a Windows container, whose store is in the registry"
	}
	return optedOut(c.Labels)
}

func optedOut(labels map[string]string) string {
	if labels[OptOut] == "false" {
		return "it has the label " + OptOut + "=false"
	}
	return ""
}
