package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// exportLayer is what files of an export count to: none of the daemon's layers.
const exportLayer = "export"

// write puts the files into the directory of -o, all or none.
func (x *exportRun) write(ctx context.Context, files []export.File) error {
	if len(files) == 0 {
		return nil
	}
	todo, foreign, err := x.plan(files)
	if err != nil {
		return err
	}
	if len(foreign) > 0 && !x.opts.yes {
		if err := x.mayOverwrite(ctx, foreign); err != nil {
			return err
		}
	}
	todo = todo.Effective()
	if len(todo) > 0 {
		if err := x.commit(ctx, todo); err != nil {
			return err
		}
	}
	for _, c := range todo {
		fmt.Fprintf(x.app.cli.Err(), "%s %s\n", past(c.Verb()), x.asTyped(c.Path))
	}
	return nil
}

// plan returns the changes, and the files among them that no export wrote.
func (x *exportRun) plan(files []export.File) (change.Plan, []string, error) {
	dir, err := filepath.Abs(x.opts.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("finding the directory of -o: %w", err)
	}
	var todo change.Plan
	var foreign []string
	makeDir := func(dir string) error {
		st, err := change.Observe(x.view.files, dir)
		switch {
		case err != nil:
			return fmt.Errorf("reading the directory of -o: %w", plainPathError(err))
		case st.Kind == change.File:
			return usageErrorf("-o: %s is not a directory", dir)
		case st.Kind == change.Absent:
			to := change.State{Kind: change.Dir, Mode: 0o755, UID: change.Keep, GID: change.Keep}
			todo = append(todo, change.Change{Path: dir, To: to, Cause: "for the files of an export", Layer: exportLayer})
		}
		return nil
	}
	if err := makeDir(dir); err != nil {
		return nil, nil, err
	}
	made := map[string]bool{".": true}
	for _, f := range files {
		sub := filepath.Dir(f.Name)
		for _, up := range parents(sub) {
			if !made[up] {
				made[up] = true
				if err := makeDir(filepath.Join(dir, up)); err != nil {
					return nil, nil, err
				}
			}
		}
		c, err := x.fileChange(filepath.Join(dir, f.Name), f)
		if err != nil {
			return nil, nil, err
		}
		if c.From.Kind == change.File && !c.NoOp() && !export.Ours(c.From.Data) {
			foreign = append(foreign, x.asTyped(c.Path))
		}
		todo = append(todo, c)
	}
	return todo, foreign, nil
}

// parents returns a relative directory and those above it, the uppermost first.
func parents(dir string) []string {
	if dir == "." {
		return nil
	}
	return append(parents(filepath.Dir(dir)), dir)
}

func (x *exportRun) fileChange(path string, f export.File) (change.Change, error) {
	from, err := change.Observe(x.view.files, path)
	if err != nil {
		return change.Change{}, fmt.Errorf("reading %s: %w", path, plainPathError(err))
	}
	if from.Kind == change.Dir {
		return change.Change{}, usageErrorf("%s is a directory", path)
	}
	to := from.WithData(f.Data)
	if f.Secret {
		to = to.Private()
	}
	return change.Change{Path: path, From: from, To: to, Cause: "docker proxy export", Layer: exportLayer, Secret: f.Secret || from.Kind == change.File}, nil
}

// plainPathError takes the path out of an error whose message names it already.
func plainPathError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// asTyped is a path below the directory of -o as the caller spells that directory.
func (x *exportRun) asTyped(path string) string {
	dir, err := filepath.Abs(x.opts.dir)
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return x.path(rel)
}

// mayOverwrite asks whether files of somebody else may be overwritten; without a terminal they may not.
func (x *exportRun) mayOverwrite(ctx context.Context, foreign []string) error {
	names := strings.Join(foreign, ", ")
	if x.app.cli.In().IsTerminal() {
		yes, err := x.app.ask(ctx, fmt.Sprintf("%s: not written by docker proxy export. Overwrite?", names))
		if err != nil {
			return err
		}
		if yes {
			return nil
		}
	}
	return fmt.Errorf("%s: not written by docker proxy export; nothing was changed (another directory, or --yes to overwrite)", names)
}

func (x *exportRun) commit(ctx context.Context, todo change.Plan) error {
	store, err := x.app.openStore(x.view.files, 0)
	if err != nil {
		return err
	}
	j := &job{app: x.app, view: x.view}
	tx, err := store.Begin(ctx, x.app.commandLine())
	if err != nil {
		return j.transactionError(err)
	}
	defer tx.Close()
	if err := tx.Apply(ctx, todo); err != nil {
		return j.notRestored(tx, err)
	}
	if err := tx.Commit(); err != nil {
		return j.notRestored(tx, err)
	}
	return j.transactionError(tx.Close())
}
