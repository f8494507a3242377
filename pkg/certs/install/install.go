// Package install makes one container trust certificates, or trust them no more, and can undo it without a trace.
//
// It joins what package store says about the distribution's store and package runtime about the programs' own into one plan, has a target carry it out, reads everything
// back, and keeps a record of what was there before. It knows no daemon and only ever one container; package fleet has the many. Start at Installer.Add.
package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Trust is everything in one file system that decides which authorities its programs trust.
type Trust interface {
	// Family names the distribution's layout.
	Family() string
	// Bundles are the files in which a certificate has to be for programs with default settings to trust it.
	Bundles() []string
	// Others are the stores of programs that have one of their own.
	Others() []string
	// Combined is the content of the first bundle, PEM text.
	Combined(t tree.Tree) ([]byte, error)
	// Add plans to make it trust authorities; a plan without an effective change means that it does.
	Add(t tree.Tree, want []certs.Authority) (change.Plan, []certs.Note, error)
	// Remove plans to take certificates out.
	Remove(t tree.Tree, gone []certs.Fingerprint, o RemoveOptions) (change.Plan, []certs.Note, error)
	// Holds maps each certificate to the files that hold it.
	Holds(t tree.Tree) (map[certs.Fingerprint][]string, error)
	// Needs says what a change of files does not settle; since is when the stores last changed, the zero time for just now.
	Needs(want []certs.Authority, since time.Time) []certs.Note
	// Databases are those of NSS, which only its own tool changes.
	Databases() []runtime.Database
	// Tool is the command with which the family derives its bundles from the anchors; nil when it is not there.
	Tool() []string
}

// Layer is the owner's name in changes.
const Layer = "ca"

// Installer changes containers. Its methods are safe for concurrent use on different containers.
type Installer struct {
	// Survey finds out what a container has; see Surveyor.
	Survey func(t tree.Tree, c engine.Inspected, running []runtime.Process) (Trust, error)
	// Processes tells what runs in a container; nil tells nothing.
	Processes func(engine.Inspected) []runtime.Process
	// Records keep what was there before; nil keeps nothing, and then a removal goes by fingerprint.
	Records Records
	// Daemon is the ID of the daemon whose containers these are.
	Daemon string
	// ThroughMounts also changes what is mounted into the container.
	ThroughMounts bool
	// PlanOnly changes nothing.
	PlanOnly bool
	// Tool runs the family's own tool inside a container, instead of writing what it would write; nil writes.
	Tool func(ctx context.Context, c engine.Inspected, argv []string) error
	Now  func() time.Time

	plans plans
	blobs stored
}

// Add makes the container trust the authorities. Where it does already, nothing is written, its record neither. What fails is put back: the error then says what could not
// be, and the result lists it.
func (in *Installer) Add(ctx context.Context, t target.Target, c engine.Inspected, want []certs.Authority) (Result, error) {
	rec, first, err := in.settle(ctx, t, c)
	if err != nil {
		return first, err
	}
	res, err := in.add(ctx, t, c, rec, want)
	if err == nil {
		res, err = in.addToDatabases(ctx, t, c, want, res)
	}
	return first.And(res), err
}

// add is Add where no other run was interrupted.
func (in *Installer) add(ctx context.Context, t target.Target, c engine.Inspected, rec *record, want []certs.Authority) (Result, error) {
	running := in.running(c)
	p, trust, err := in.planAdd(ctx, t, c, running, want)
	res := Result{Files: []File{}, Notes: slices.Clone(p.notes), Unrestored: []string{}, Family: p.family}
	if err != nil {
		return res, err
	}
	plan := p.plan
	if len(plan) == 0 {
		return in.trusts(t, c, running, &res, p, rec, want)
	}
	res.Notes = append(res.Notes, named(p.needs, c.Name)...)
	res.Files = files(plan)
	if in.PlanOnly {
		res.Pending = true
		return res, nil
	}
	op := operation{rec: rec, want: want, plan: plan, check: func() error { return in.checkAdded(ctx, t, c, p, fingerprints(want)) }, keep: func(done []target.Done) error {
		next := rec.clone()
		in.added(next, done, want, in.now())
		return in.save(next, done, want)
	}}
	if in.Tool != nil {
		if trust == nil {
			if trust, err = in.Survey(t, c, running); err != nil {
				return res, fmt.Errorf("looking at its stores: %w", err)
			}
		}
		if argv := trust.Tool(); len(argv) > 0 {
			return in.byTool(ctx, t, c, &res, p, argv, op)
		}
		res.Notes = append(res.Notes, certs.Note{Kind: certs.Remark, Text: "the family's own tool is not there: its files were written as it would write them"})
	}
	out, err := in.carryOut(ctx, t, &res, op)
	if err == nil {
		err = p.left
	}
	return out, err
}

// trusts is the end of Add where nothing is to be done.
func (in *Installer) trusts(t target.Target, c engine.Inspected, running []runtime.Process, res *Result, p *planned, rec *record, want []certs.Authority) (Result, error) {
	if p.left != nil {
		return *res, p.left
	}
	if rec.Time.IsZero() && p.right.Load() {
		return *res, nil
	}
	trust, err := in.Survey(t, c, running)
	if err != nil {
		return *res, fmt.Errorf("looking at its stores: %w", err)
	}
	if !rec.Time.IsZero() {
		res.Notes = append(res.Notes, named(trust.Needs(want, rec.Time), c.Name)...)
	}
	if !p.right.Load() {
		if err := in.trusted(t, trust, p.must, fingerprints(want)); err != nil {
			return *res, err
		}
		p.right.Store(true)
	}
	return *res, nil
}

// planAdd makes a plan, or takes one that was made for a container that is alike; then there is no Trust.
func (in *Installer) planAdd(ctx context.Context, t target.Target, c engine.Inspected, running []runtime.Process, want []certs.Authority) (*planned, Trust, error) {
	what := about(c, running) + short(fingerprints(want))
	p := in.plans.find(ctx, t, c, what)
	if p == nil {
		waited, done := in.plans.turn(ctx, what)
		defer done()
		if waited {
			p = in.plans.find(ctx, t, c, what)
		}
	}
	if p != nil {
		return p, nil, nil
	}
	t.Prefetch(ctx, "/etc") // one question instead of dozens, where each is one to the daemon
	r := recording(t)
	p = &planned{about: what, image: imageOf(c)}
	trust, err := in.Survey(r, c, running)
	if err != nil {
		return p, nil, fmt.Errorf("looking at its stores: %w", err)
	}
	p.family = trust.Family()
	plan, notes, err := trust.Add(r, want)
	p.notes = notes
	if err != nil {
		return p, nil, fmt.Errorf("planning: %w", err)
	}
	p.plan, p.needs = plan.Effective(), trust.Needs(want, time.Time{})
	if p.must, p.left = leftOut(trust.Bundles(), notes); len(trust.Bundles()) == 0 && len(p.plan) > 0 {
		p.left = nil // one is made
	}
	p.asked = r.asked
	in.plans.put(p)
	return p, trust, nil
}

func (in *Installer) running(c engine.Inspected) []runtime.Process {
	if in.Processes == nil {
		return nil
	}
	return in.Processes(c)
}

// named puts the container's name into the commands of notes.
func named(notes []certs.Note, name string) []certs.Note {
	notes = slices.Clone(notes)
	for i := range notes {
		notes[i].Command = strings.ReplaceAll(notes[i].Command, "NAME", redact.Terminal(name))
	}
	return notes
}

// leftOut divides the bundles into those that a plan takes care of and those that it left alone, as its notes say; of the latter an error names the first. Without any bundle it is
// the first note of that kind that names a file.
func leftOut(bundles []string, notes []certs.Note) (must []string, left error) {
	about := func(name string) error {
		i := slices.IndexFunc(notes, func(n certs.Note) bool {
			return (n.Kind == certs.Skipped || n.Kind == certs.NeedsRecreate) && (n.Path == name || name == "" && strings.HasPrefix(n.Path, "/"))
		})
		if i < 0 {
			return nil
		}
		return errors.New(notes[i].String())
	}
	for _, b := range bundles {
		switch err := about(redact.Terminal(b)); {
		case err == nil:
			must = append(must, b)
		case left == nil:
			left = err
		}
	}
	if len(bundles) == 0 {
		left = about("")
	}
	return must, left
}

// look surveys the container.
func (in *Installer) look(t target.Target, c engine.Inspected) (Trust, Result, error) {
	res := Result{Files: []File{}, Notes: []certs.Note{}, Unrestored: []string{}}
	trust, err := in.Survey(t, c, in.running(c))
	if err != nil {
		return nil, res, fmt.Errorf("looking at its stores: %w", err)
	}
	res.Family = trust.Family()
	return trust, res, nil
}

func short(list []certs.Fingerprint) string {
	var out []string
	for _, f := range list {
		out = append(out, f.String())
	}
	return strings.Join(out, ",")
}

func fingerprints(list []certs.Authority) []certs.Fingerprint {
	var out []certs.Fingerprint
	for _, a := range list {
		out = append(out, a.Fingerprint)
	}
	return out
}

func (in *Installer) now() time.Time {
	if in.Now == nil {
		return time.Time{}
	}
	return in.Now().UTC()
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
