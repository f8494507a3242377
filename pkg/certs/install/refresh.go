package install

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// byTool writes the anchors only and has the family's own tool do the rest. It is judged by what is there afterwards, not by how it ended: every bundle has to hold all that
// it held before, and the new certificates. Otherwise the old bytes come back, and the files are written as without a tool: an image whose packaged list was pruned,
// or a bundle to which somebody appended by hand, would lose authorities.
func (in *Installer) byTool(ctx context.Context, t target.Target, c engine.Inspected, res *Result, p *planned, argv []string, op operation) (Result, error) {
	plan, want := p.plan, op.want
	anchors, derived := divide(plan, want)
	places, err := in.places(t, derived)
	if err != nil {
		return *res, err
	}
	done, err := in.apply(ctx, t, anchors, op)
	if err == nil {
		err = in.noteTool(op, places)
	}
	if err != nil {
		return *res, in.takeBack(ctx, t, res, done, op.rec, err)
	}
	ran := in.Tool(ctx, c, argv)
	for _, d := range places {
		now, e, err := present(t, d.Real)
		if err != nil {
			return *res, in.takeBack(ctx, t, res, done, op.rec, fmt.Errorf("reading back: %w", err))
		}
		d.Change.To, d.Now = now, e
		if !d.Change.NoOp() {
			done = append(done, d)
		}
	}
	err = in.refreshed(t, c, done, p.must, fingerprints(want))
	if err == nil {
		err = op.keep(done)
	}
	if err == nil {
		res.Changed, res.Files = true, []File{}
		for _, d := range done {
			res.Files = append(res.Files, File{Path: redact.Terminal(d.Change.Path), Action: d.Change.Verb(), Cause: "by " + redact.Terminal(path.Base(argv[0]))})
		}
		return *res, nil
	}
	if ran != nil {
		err = fmt.Errorf("%w (%w)", err, ran)
	}
	if back := in.takeBack(ctx, t, res, done, op.rec, err); len(res.Unrestored) > 0 {
		return *res, back
	}
	res.Restored = false
	res.Notes = append(res.Notes, certs.Note{Kind: certs.Remark, Text: redact.Terminal(fmt.Sprintf("%s was run and taken back: %v; the files were written instead", path.Base(argv[0]), err))})
	res.Files = files(plan)
	return in.carryOut(ctx, t, res, op)
}

// noteTool records the files that the tool is about to write.
func (in *Installer) noteTool(op operation, places []target.Done) error {
	if in.Records == nil || op.rec.ID == "" {
		return nil
	}
	for _, d := range places {
		if err := in.note(op.rec, d, step{Time: in.now(), Tool: true}, op.want); err != nil {
			return err
		}
	}
	return nil
}

// divide separates the anchors from what is derived from them.
func divide(plan change.Plan, want []certs.Authority) (anchors, derived change.Plan) {
	for _, c := range plan {
		isAnchor := c.To.Kind == change.File && slices.ContainsFunc(want, func(a certs.Authority) bool { return path.Base(c.Path) == a.Fingerprint.AnchorName() })
		above := c.To.Kind == change.Dir && len(anchors) == 0
		if isAnchor || above {
			anchors = append(anchors, c)
			continue
		}
		derived = append(derived, c)
	}
	return anchors, derived
}

// places describes files before the tool changes them.
func (in *Installer) places(t tree.Tree, plan change.Plan) ([]target.Done, error) {
	var out []target.Done
	for _, c := range plan {
		d := target.Done{Change: c, Real: c.Path}
		var err error
		if c.From.Kind != change.Absent {
			if d.Was, err = t.Lstat(c.Path); err != nil {
				return nil, fmt.Errorf("looking at %s: %w", redact.Terminal(c.Path), err)
			}
		}
		if d.Dir, err = t.Lstat(path.Dir(c.Path)); err != nil && !missing(err) {
			return nil, fmt.Errorf("looking at %s: %w", redact.Terminal(path.Dir(c.Path)), err)
		}
		out = append(out, d)
	}
	return out, nil
}

// refreshed judges what the tool left.
func (in *Installer) refreshed(t target.Target, c engine.Inspected, done []target.Done, must []string, want []certs.Fingerprint) error {
	for _, d := range done {
		if d.Change.From.Kind != change.File {
			continue
		}
		if err := Subset(d.Change.From.Data, d.Change.To.Data); err != nil {
			return fmt.Errorf("%s: %w", redact.Terminal(d.Change.Path), err)
		}
	}
	trust, err := in.Survey(t, c, in.running(c))
	if err != nil {
		return fmt.Errorf("reading back: %w", err)
	}
	return in.trusted(t, trust, must, want)
}
