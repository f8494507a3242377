package install

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/nssdb"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// database is one of NSS in a container, and the program that changes it.
type database struct {
	runtime.Database
	real    string // its directory, after links
	program string // certutil
}

// addToDatabases makes the databases of NSS trust the authorities too, by the container's own certutil, where running it was asked for and it is there. A database that cannot be
// changed is as it was, and its note stays: the rest of the container is no worse for it.
func (in *Installer) addToDatabases(ctx context.Context, t target.Target, c engine.Inspected, want []certs.Authority, res Result) (Result, error) {
	if in.Tool == nil || res.Skipped != "" {
		return res, nil
	}
	trust, list, err := in.databases(t, c)
	if err != nil || len(list) == 0 {
		return res, err
	}
	holds, err := trust.Holds(t)
	if err != nil {
		return res, fmt.Errorf("reading its stores: %w", err)
	}
	for _, d := range list {
		missing := slices.DeleteFunc(slices.Clone(want), func(a certs.Authority) bool { return d.Trusts(a.Fingerprint) })
		if d.Legacy || len(missing) == 0 {
			continue
		}
		if in.PlanOnly {
			res.Pending, res.Files = true, append(res.Files, File{Path: redact.Terminal(path.Join(d.Dir, nssdb.File)), Action: "write", Cause: "by certutil"})
			res.dropNotes(d.Dir)
			continue
		}
		var argv [][]string
		for _, a := range missing {
			anchor := slices.IndexFunc(holds[a.Fingerprint], func(n string) bool { return path.Base(n) == a.Fingerprint.AnchorName() })
			if anchor < 0 {
				res.remark(d.Dir, "the container has no file with the certificate alone, which certutil could read")
				break
			}
			argv = append(argv, d.AddWords(a.Fingerprint, holds[a.Fingerprint][anchor]), d.ListWords(a.Fingerprint))
		}
		if len(argv) < 2*len(missing) {
			continue
		}
		enter := func(rec *record, done []target.Done) error {
			in.added(rec, done, missing, in.now())
			rec.hold(d.real, fingerprints(missing), true)
			return in.save(rec, done, missing)
		}
		err := in.byCertutil(ctx, t, c, d, argv, &res, missing, enter, func(now runtime.Database) bool {
			return !slices.ContainsFunc(missing, func(a certs.Authority) bool { return !now.Trusts(a.Fingerprint) })
		})
		if err != nil {
			return res, err
		}
	}
	return res, nil
}

// removeFromDatabases takes certificates out of databases that could not get their bytes back, by certutil.
func (in *Installer) removeFromDatabases(ctx context.Context, t target.Target, c engine.Inspected, gone []certs.Fingerprint, foreign bool, res Result) (Result, error) {
	if in.Tool == nil || res.Skipped != "" || in.PlanOnly {
		return res, nil
	}
	_, list, err := in.databases(t, c)
	if err != nil {
		return res, err
	}
	for _, d := range list {
		var argv [][]string
		for _, f := range gone {
			if words := d.RemoveWords(f, foreign); words != nil {
				argv = append(argv, words)
			}
		}
		if len(argv) == 0 {
			continue
		}
		enter := func(rec *record, done []target.Done) error {
			if len(rec.Added) == 0 {
				return nil
			}
			in.enter(rec, done)
			rec.hold(d.real, gone, false)
			return in.save(rec, done, nil)
		}
		err := in.byCertutil(ctx, t, c, d, argv, &res, nil, enter, func(now runtime.Database) bool {
			return !slices.ContainsFunc(gone, func(f certs.Fingerprint) bool { return now.RemoveWords(f, foreign) != nil })
		})
		if err != nil {
			return res, err
		}
	}
	return res, nil
}

// databases are those that certutil can change; none where it is not there, or cannot run.
func (in *Installer) databases(t target.Target, c engine.Inspected) (Trust, []database, error) {
	trust, err := in.Survey(t, c, in.running(c))
	if err != nil {
		return nil, nil, fmt.Errorf("looking for databases of NSS: %w", err)
	}
	found := trust.Databases()
	if len(found) == 0 || !c.Running() {
		return trust, nil, nil
	}
	program := ""
	for _, name := range []string{"/usr/bin/certutil", "/usr/local/bin/certutil", "/bin/certutil"} {
		if _, e, err := tree.Resolve(t, name); err == nil && e.Mode.IsRegular() && e.Mode.Perm()&0o111 != 0 {
			program = name
			break
		}
	}
	var out []database
	for _, d := range found {
		real, _, err := tree.Resolve(t, d.Dir)
		if err == nil && program != "" {
			out = append(out, database{d, real, program})
		}
	}
	return trust, out, nil
}

// byCertutil runs certutil, judges by what the database then holds, and records it. What fails is put back, and told in a remark; an error is one of putting back, or of the record.
func (in *Installer) byCertutil(ctx context.Context, t target.Target, c engine.Inspected, d database, argv [][]string, res *Result, want []certs.Authority,
	enter func(*record, []target.Done) error, right func(runtime.Database) bool,
) error {
	rec, err := in.load(c)
	if err != nil {
		return err
	}
	places, reason, err := in.databasePlaces(t, d)
	if err != nil || reason != "" {
		res.remark(d.Dir, reason)
		return err
	}
	op := operation{rec: rec, want: want}
	if err := in.noteTool(op, places); err != nil {
		return err
	}
	for _, words := range argv {
		if err == nil {
			err = in.Tool(ctx, c, append([]string{d.program}, words...))
		}
	}
	done, also := in.databaseDone(t, places)
	if err = errors.Join(err, also); err == nil {
		err = in.databaseRight(t, c, d, right)
	}
	if err == nil {
		err = enter(rec.clone(), done)
	}
	if err != nil {
		back := Result{}
		if restored := in.takeBack(ctx, t, &back, done, rec, err); back.Broken {
			res.Unrestored, res.Changed, res.Broken = append(res.Unrestored, back.Unrestored...), true, true
			return restored
		}
		res.remark(d.Dir, fmt.Sprintf("certutil was run and taken back: %v", err))
		return nil
	}
	res.Changed = true
	res.dropNotes(d.Dir)
	for _, one := range done {
		res.Files = append(res.Files, File{Path: redact.Terminal(path.Join(d.Dir, path.Base(one.Real))), Action: one.Change.Verb(), Cause: "by certutil"})
	}
	return nil
}

// databasePlaces describes the files of a database before certutil changes them, or says why it is left alone.
func (in *Installer) databasePlaces(t tree.Tree, d database) (places []target.Done, reason string, err error) {
	var plan change.Plan
	for _, name := range nssdb.Files() {
		at := path.Join(d.real, name)
		now, e, err := present(t, at)
		switch {
		case err != nil:
			return nil, "", fmt.Errorf("looking at %s: %w", redact.Terminal(at), err)
		case now.Kind != change.File:
			return nil, fmt.Sprintf("%s is missing, or no plain file", name), nil
		case e.Mount:
			return nil, "it is mounted from elsewhere, which others may use", nil
		case e.ReadOnly:
			return nil, "it is on a file system that takes no writes", nil
		}
		plan = append(plan, change.Change{Path: at, From: now, To: now, Layer: Layer, Cause: "by certutil"})
	}
	places, err = in.places(t, plan)
	return places, "", err
}

// databaseDone is what certutil has changed.
func (in *Installer) databaseDone(t tree.Tree, places []target.Done) ([]target.Done, error) {
	var done []target.Done
	for _, p := range places {
		now, e, err := present(t, p.Real)
		if err != nil {
			return places, fmt.Errorf("reading back: %w", err)
		}
		p.Change.To, p.Now = now, e
		// SQLite writes in place, so that owner and mode stay; the time changes even where the bytes do not.
		if !p.Change.NoOp() || !e.ModTime.Equal(p.Was.ModTime) {
			done = append(done, p)
		}
	}
	return done, nil
}

// databaseRight reads the database back, by this program's own reading, after certutil has found what it wrote.
func (in *Installer) databaseRight(t target.Target, c engine.Inspected, d database, right func(runtime.Database) bool) error {
	trust, err := in.Survey(t, c, in.running(c))
	if err != nil {
		return fmt.Errorf("reading back: %w", err)
	}
	for _, now := range trust.Databases() {
		if now.Dir == d.Dir && right(now) {
			return nil
		}
	}
	return errors.New("it does not hold what it should")
}

// wholeDatabases takes care that the files of a database are put back together or not at all: a key of one seals what another holds.
func wholeDatabases(rec *record, back []target.Done, changed []was) ([]target.Done, []was) {
	torn := map[string]bool{}
	for _, w := range changed {
		if slices.Contains(nssdb.Files(), path.Base(w.Real)) {
			torn[path.Dir(w.Real)] = true
		}
	}
	back = slices.DeleteFunc(back, func(d target.Done) bool {
		if !torn[path.Dir(d.Real)] || !slices.Contains(nssdb.Files(), path.Base(d.Real)) {
			return false
		}
		if i := slices.IndexFunc(rec.Files, func(w was) bool { return w.Real == d.Real }); i >= 0 {
			changed = append(changed, rec.Files[i])
		}
		return true
	})
	return back, changed
}

// hold enters what the database in a directory has of this program's, or has no more.
func (r *record) hold(dir string, list []certs.Fingerprint, there bool) {
	for i := range r.Files {
		if r.Files[i].Real != path.Join(dir, nssdb.File) {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(r.Files[i].Holds), func(s string) bool {
			return slices.ContainsFunc(list, func(f certs.Fingerprint) bool { return f.String() == s })
		})
		for _, f := range list {
			if there {
				kept = append(kept, f.String())
			}
		}
		r.Files[i].Holds = kept
	}
}

// recordedDatabases adds what recorded databases hold that the survey did not look for, and tells for each certificate that was added to one whether that lacks it now.
func (r *record) recordedDatabases(t tree.Tree, holds map[certs.Fingerprint][]string) func(certs.Fingerprint) []string {
	found, held := map[string][]certs.Fingerprint{}, map[string][]string{}
	for _, w := range r.Files {
		if path.Base(w.Real) != nssdb.File {
			continue
		}
		found[w.Path], held[w.Path] = nil, w.Holds
		data, err := t.ReadFile(w.Real)
		if err != nil {
			continue
		}
		list, err := nssdb.Read(data)
		if err != nil {
			continue
		}
		for _, e := range list {
			f := certs.FingerprintOf(e.DER)
			if !e.Trusted {
				continue
			}
			found[w.Path] = append(found[w.Path], f)
			if !slices.Contains(holds[f], w.Path) {
				holds[f] = append(holds[f], w.Path)
			}
		}
	}
	return func(f certs.Fingerprint) []string {
		var out []string
		for name, list := range found {
			if slices.Contains(held[name], f.String()) && !slices.Contains(list, f) {
				out = append(out, name)
			}
		}
		slices.Sort(out)
		return out
	}
}

// dropNotes takes out the notes about a database that is taken care of.
func (r *Result) dropNotes(dir string) {
	r.Notes = slices.DeleteFunc(r.Notes, func(n certs.Note) bool {
		return n.Path == redact.Terminal(dir) && (n.Kind == certs.Skipped || n.Kind == certs.Unrestored)
	})
}

// remark says why a database was left alone; nothing without a reason.
func (r *Result) remark(dir, reason string) {
	if reason != "" {
		r.Notes = append(r.Notes, certs.Note{Kind: certs.Remark, Path: redact.Terminal(dir), Text: redact.Terminal("left alone: " + reason)})
	}
}
