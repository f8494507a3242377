package install

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// cleanUp is how long putting things back may take when the time for a container, or the run, is over.
const cleanUp = 30 * time.Second

// operation is one plan to be carried out.
type operation struct {
	rec  *record // of the container, before
	want []certs.Authority
	plan change.Plan
	// check looks at what was done, keep records it.
	check func() error
	keep  func([]target.Done) error
}

// apply makes changes and notes each before.
func (in *Installer) apply(ctx context.Context, t target.Target, plan change.Plan, op operation) ([]target.Done, error) {
	return t.Apply(ctx, plan, target.Options{ThroughMounts: in.ThroughMounts, Before: in.ahead(op.rec, !t.Can().Atomic, op.want)})
}

// carryOut applies, checks and records; when any of it fails, what was done is taken back.
func (in *Installer) carryOut(ctx context.Context, t target.Target, res *Result, op operation) (Result, error) {
	done, err := in.apply(ctx, t, op.plan, op)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = op.check()
	}
	if err == nil {
		err = op.keep(done)
	}
	if err != nil {
		return *res, in.takeBack(ctx, t, res, done, op.rec, err)
	}
	res.Changed = true
	res.Notes = append(res.Notes, lossy(t, done)...)
	for i, d := range done {
		if i < len(res.Files) && d.InPlace != "" {
			res.Files[i].InPlace = d.InPlace
		}
	}
	return *res, nil
}

// takeBack undoes what was done until err came, and makes void what the record says of it; rec may be nil. What cannot be undone is in the result, which then says that the
// container is changed, and the next run tries again.
func (in *Installer) takeBack(ctx context.Context, t target.Target, res *Result, done []target.Done, rec *record, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	left := t.Restore(ctx, done)
	for _, u := range left {
		res.Unrestored = append(res.Unrestored, redact.Terminal(u.Path+": "+u.Reason))
	}
	res.Files = []File{}
	if len(left) > 0 {
		res.Changed, res.Broken = true, true
		return fmt.Errorf("%w; %d of its files could not be put back", err, len(left))
	}
	res.Restored = len(done) > 0
	return errors.Join(explain(err), in.forget(rec))
}

// explain adds to an error what can be done about it.
func explain(err error) error {
	var mount *target.MountError
	var readOnly *target.ReadOnlyError
	switch {
	case errors.As(err, &mount) && !mount.Hidden:
		return fmt.Errorf("%w: nothing was changed; --through-mounts changes it there", err)
	case errors.As(err, &readOnly) && readOnly.Source == "":
		return fmt.Errorf("%w: it has to be created anew with the certificate (docker proxy ca export run)", err)
	}
	return err
}
