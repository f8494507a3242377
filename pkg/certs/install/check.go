package install

import (
	"context"
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// LostError says that a store would have lost certificates it held before.
type LostError struct {
	Count int
	First string // one of them, its fingerprint
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the change would have lost %d certificates that were trusted before, such as %s", e.Count, e.First)
}

// UntrustedError says that a bundle does not hold a certificate that it should hold.
type UntrustedError struct {
	Path        string
	Fingerprint string
}

func (e *UntrustedError) Error() string {
	return fmt.Sprintf("%s does not hold %s", redact.Terminal(e.Path), e.Fingerprint)
}

// readBack compares every changed file with what was to be written.
func readBack(ctx context.Context, t target.Target, plan change.Plan) error {
	var names []string
	for _, c := range plan {
		if c.To.Kind != change.Absent {
			names = append(names, c.Path)
		}
	}
	t.Prefetch(ctx, names...)
	for _, c := range plan {
		if err := readOne(t, c); err != nil {
			return err
		}
	}
	return nil
}

// replaced are the files that a plan makes in the place of others; all of it where there are none. A target that makes changes in order makes these last, so that they show that
// the others were made, too: what programs read is among them. In the first container with a plan everything is read back.
func replaced(plan change.Plan) change.Plan {
	var out change.Plan
	for _, c := range plan {
		if c.From.Kind == change.File && c.To.Kind == change.File {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return plan
	}
	return out
}

func readOne(t target.Target, c change.Change) error {
	differs := fmt.Errorf("%s is not what was written to it", redact.Terminal(c.Path))
	switch c.To.Kind {
	case change.File:
		same, err := t.Holds(c.Path, c.To.Data)
		if err != nil {
			return fmt.Errorf("reading back: %w", err)
		}
		if !same {
			return differs
		}
	case change.Link:
		e, err := t.Lstat(c.Path)
		if err != nil {
			return fmt.Errorf("reading back: %w", err)
		}
		if e.Target != c.To.Target {
			return differs
		}
	case change.Dir:
		if e, err := t.Lstat(c.Path); err != nil || !e.Mode.IsDir() {
			return differs
		}
	case change.Absent:
		if _, err := t.Lstat(c.Path); !missing(err) {
			return differs
		}
	}
	return nil
}

// checkAdded reads back, and looks whether every bundle holds what it should and nothing is lost: once for each plan, since reading certificates out of a bundle takes longer than
// all else, and the same bytes hold the same certificates.
func (in *Installer) checkAdded(ctx context.Context, t target.Target, c engine.Inspected, p *planned, want []certs.Fingerprint) error {
	plan := p.plan
	if p.right.Load() && t.Can().Ordered {
		plan = replaced(plan)
	}
	if err := readBack(ctx, t, plan); err != nil || p.right.Load() {
		return err
	}
	trust, err := in.Survey(t, c, in.running(c))
	if err != nil {
		return fmt.Errorf("reading back: %w", err)
	}
	if err := in.trusted(t, trust, p.must, want); err != nil {
		return err
	}
	if err := keepsAll(p.plan); err != nil {
		return err
	}
	p.right.Store(true)
	return nil
}

// trusted reports the first of the bundles that lacks one of the certificates. Where there is none, something at least has to hold them.
func (in *Installer) trusted(t tree.Tree, trust Trust, must []string, want []certs.Fingerprint) error {
	holds, err := trust.Holds(t)
	if err != nil {
		return fmt.Errorf("reading back: %w", err)
	}
	for _, f := range want {
		if len(holds[f]) == 0 {
			return fmt.Errorf("there is no store in it that could be made to trust %s", f.Short())
		}
	}
	for _, b := range must {
		for _, f := range want {
			if !slices.Contains(holds[f], b) {
				return &UntrustedError{Path: b, Fingerprint: f.Short()}
			}
		}
	}
	return nil
}

// keepsAll compares the certificates in PEM text before and after.
func keepsAll(plan change.Plan) error {
	for _, c := range plan {
		if c.From.Kind != change.File || c.To.Kind != change.File {
			continue
		}
		if err := Subset(c.From.Data, c.To.Data); err != nil {
			return fmt.Errorf("%s: %w", redact.Terminal(c.Path), err)
		}
	}
	return nil
}

// Subset reports a *LostError when the first PEM text holds certificates that the second one lacks. What is no PEM text holds none.
func Subset(before, after []byte) error {
	held := bundle.Holds(after)
	lost := &LostError{}
	for f := range bundle.Holds(before) {
		if !held[f] {
			lost.Count++
			if lost.First == "" || f.Short() < lost.First {
				lost.First = f.Short()
			}
		}
	}
	if lost.Count > 0 {
		return lost
	}
	return nil
}
