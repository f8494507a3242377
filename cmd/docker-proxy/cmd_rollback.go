package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/txn"
	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

type rollbackOptions struct {
	list   bool
	quiet  bool
	forget string
	apply  applyOptions
}

// entryReport is one recorded change.
type entryReport struct {
	ID      string   `json:"id"`   // what rollback and --forget take
	Time    string   `json:"time"` // RFC 3339
	Command string   `json:"command"`
	State   string   `json:"state"`             // see txn.EntryState
	Reverts string   `json:"reverts,omitempty"` // the change that this one took back
	Files   []string `json:"files"`

	takenBack string // the change that took this one back
}

func newRollbackCommand(a *app) *cobra.Command {
	var o rollbackOptions
	cmd := &cobra.Command{
		Use:   "rollback [OPTIONS] [ID]",
		Short: "Put back what a recorded change replaced",
		Long: `Put back, byte for byte, what the newest recorded change replaced, or the one with the given ID. A file that somebody else has changed since is not touched: the
command then changes nothing and names it.

A change that was interrupted counts as the newest one, and an interrupted rollback is carried to its end.`,
		Example: `  sudo docker proxy rollback --list
  sudo docker proxy rollback --restart
  sudo docker proxy rollback 3 --dry-run
  sudo docker proxy rollback --forget 3`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeChanges,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("forget") && o.forget == "" || len(args) > 0 && args[0] == "" {
				return usageErrorf("the ID is empty; see docker proxy rollback --list")
			}
			return runRollback(cmd.Context(), a, o, strings.Join(args, ""))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.list, "list", false, "List the recorded changes, at most the last 20")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "With --list, only show IDs")
	f.StringVar(&o.forget, "forget", "", "Remove the old bytes of the change `ID` from the record")
	addApplyFlags(cmd, &o.apply)
	return cmd
}

func runRollback(ctx context.Context, a *app, o rollbackOptions, id string) error {
	if err := o.apply.validate(a); err != nil {
		return err
	}
	if o.list && (id != "" || o.forget != "") || o.forget != "" && id != "" {
		return usageErrorf("--list, --forget and an ID exclude each other")
	}
	if o.quiet && !o.list {
		return usageErrorf("--quiet goes with --list")
	}
	if o.forget != "" && o.apply.readOnly() {
		return usageErrorf("--forget has no plan to show: --check and --dry-run are not for it")
	}
	if !o.list && o.forget == "" {
		r := request{app: a, opts: o.apply, plan: func(_ context.Context, j *job) error { return j.planRollback(&id) }}
		return r.run(ctx)
	}
	files, err := host.Open(a.root)
	if err != nil {
		return err
	}
	defer files.Close()
	store, err := a.openStore(files, 0)
	if err != nil {
		return err
	}
	if o.list {
		return listChanges(a, store, o)
	}
	text := func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "forgot change %s: the bytes it replaced are not kept any more\n", o.forget)
		return err
	}
	if err := printAs(io.Discard, o.apply.format, forgetReport{o.forget}, text); err != nil {
		return err // a template with a mistake
	}
	if err := store.Forget(ctx, o.forget); err != nil {
		return (&job{app: a}).transactionError(err)
	}
	return printAs(a.cli.Out(), o.apply.format, forgetReport{o.forget}, text)
}

// forgetReport is what --forget did.
type forgetReport struct {
	Forgotten string `json:"forgotten"` // the ID
}

// planRollback plans to take back the recorded change id, or with "" the newest one, which id names afterwards: a change that another run makes before this one has the lock is not
// what was meant. A change that was interrupted is the newest one, too: taking it back is what the recovery has done already, or still has to be done; and an interrupted
// rollback is carried to its end, not followed by another one.
func (j *job) planRollback(id *string) error {
	if r := j.recovered; r != nil && *id == "" && r.Finished == (r.Entry.Reverts != "") {
		j.nothing = "That is what was to be taken back; nothing else was changed."
		if r.Finished {
			j.nothing = "That was to take back change " + r.Entry.Reverts + "; nothing else was changed."
		}
		if j.cutShort && j.view.broken == nil {
			j.plan, j.reverts = &daemon.Plan{After: j.view.obs}, r.Entry.ID // the daemon may be down
		}
		return nil
	}
	store, err := j.app.openStore(j.view.files, 0)
	if err != nil {
		return err
	}
	entry, changes, err := store.Rollback(*id)
	if err != nil {
		var changed *txn.ChangedError
		if errors.As(err, &changed) {
			return stale(store, changed.Path, entry.ID, err)
		}
		return err
	}
	*id, j.reverts = entry.ID, entry.ID
	if clientChangesOnly(changes) {
		j.client = changes // nothing of it is the daemon's, so nobody needs root for it
		return nil
	}
	if j.view.broken != nil {
		return brokenContext(j.view.broken)
	}
	j.plan = &daemon.Plan{Changes: changes, After: j.view.obs.Planned(changes)}
	for i := range j.plan.Changes {
		j.plan.Changes[i].Needs = daemon.NeedsOf(j.view.site, j.plan.Changes[i])
		if j.readOnce(j.plan.Changes[i]) {
			j.plan.Changes[i].Needs.Restart = true
		}
	}
	return nil
}

// stale says who wrote a file after the change that was to be taken back: this program, or somebody else.
func stale(store *txn.Store, path, id string, err error) error {
	later, lerr := store.Writer(path)
	if lerr != nil || later == "" || later == id {
		return fmt.Errorf("%w since the recorded change %s; nothing was put back; what stands there now: docker proxy show; to take the proxy settings out of it and leave the rest: docker proxy unset --all", err, id)
	}
	return fmt.Errorf("%s was written again by change %s after change %s; nothing was put back: take the later one back first (docker proxy rollback %s)", path, later, id, later)
}

// clientChangesOnly reports whether a change concerns config.json files and files of an export alone, and the directories made for them.
func clientChangesOnly(changes []change.Change) bool {
	found := false
	for _, c := range changes {
		switch {
		case c.Layer == client.Layer || c.Layer == exportLayer:
			found = true
		case c.From.Kind != change.Dir:
			return false
		}
	}
	return found
}

func listChanges(a *app, store *txn.Store, o rollbackOptions) error {
	rows, err := changeRows(store)
	if err != nil {
		return err
	}
	return printAs(a.cli.Out(), o.apply.format, rows, func(w io.Writer) error {
		var cells [][]string
		for _, r := range rows {
			if o.quiet {
				fmt.Fprintln(w, r.ID)
				continue
			}
			state := r.State
			if r.takenBack != "" {
				state = "taken back by " + r.takenBack
			}
			cells = append(cells, []string{r.ID, r.Time, state, r.Command, strings.Join(r.Files, " ")})
		}
		if o.quiet {
			return nil
		}
		return writeTable(w, []string{"ID", "TIME", "STATE", "COMMAND", "FILES"}, cells)
	})
}

// changeRows are the recorded changes, newest first.
func changeRows(store *txn.Store) ([]entryReport, error) {
	entries, err := store.List()
	if err != nil {
		return nil, err
	}
	by := map[string]string{}
	rows := []entryReport{}
	for _, e := range entries {
		rows = append(rows, entryReport{
			ID: e.ID, Time: e.Time.UTC().Format(time.RFC3339), Command: e.Command, State: string(e.State), Reverts: e.Reverts,
			Files: append([]string{}, e.Files...), takenBack: by[e.ID],
		})
		if e.State == txn.Done && e.Reverts != "" && by[e.ID] == "" {
			by[e.Reverts] = e.ID
		}
	}
	return rows, nil
}

// completeChanges completes the IDs of the recorded changes, newest first, with the commands that made them.
func (a *app) completeChanges(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	files, err := host.Open(a.root)
	if err != nil || len(args) > 0 {
		return nil, directive
	}
	defer files.Close()
	store, err := a.openStore(files, 0)
	if err != nil {
		return nil, directive
	}
	entries, err := store.List()
	if err != nil {
		return nil, directive
	}
	var out []cobra.Completion
	for _, e := range entries {
		out = append(out, cobra.CompletionWithDesc(e.ID, a.redactor.Text(e.Command)))
	}
	return out, directive
}
