package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/machine"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// outcomeReport is the JSON of a changing command.
type outcomeReport struct {
	Changed     bool                 `json:"changed"`
	Restarted   bool                 `json:"restarted"`
	Pending     bool                 `json:"pending"` // a restart is still needed, or with --check anything
	Files       []fileReport         `json:"files"`
	Recovered   *recoveryReport      `json:"recovered,omitempty"`   // the interrupted change that this command ended first
	Authorities []certReport         `json:"authorities,omitempty"` // that this machine is to trust
	Containers  []string             `json:"containers"`            // that the restart stops
	Restart     *restartReport       `json:"restart,omitempty"`     // what it costs; absent where none is in question
	Skipped     []daemon.Skipped     `json:"skipped"`
	Unrestored  []string             `json:"unrestored"`
	Notes       []string             `json:"notes"`
	Findings    []precedence.Finding `json:"findings"`
}

// recoveryReport is what was done about a change that an earlier run did not end. One that was undone has changed these files.
type recoveryReport struct {
	ID      string   `json:"id"`
	Command string   `json:"command"`
	State   string   `json:"state"` // finished or undone
	Files   []string `json:"files"`
}

type fileReport struct {
	Path   string `json:"path"`
	Action string `json:"action"` // create, write, remove, chmod, …
	Layer  string `json:"layer,omitempty"`
	Cause  string `json:"cause"`
}

// say prints one line of progress on stderr.
func (j *job) say(format string, args ...any) {
	fmt.Fprintln(j.app.cli.Err(), j.app.redactor.Text(fmt.Sprintf(format, args...)))
}

// show prints the plan; with --check it ends with status 3 when anything is pending.
func (j *job) show(todo change.Plan, restart bool) error {
	pending := len(todo) > 0 || restart || j.wantsReload(todo)
	rep := j.outcome(todo)
	rep.Changed, rep.Pending = false, pending
	err := printAs(j.app.cli.Out(), j.opts.format, rep, func(w io.Writer) error { return j.planText(w, todo, restart) })
	if err == nil && j.opts.check && pending {
		return silently(exitPending)
	}
	return err
}

// planText prints what would happen, why, what is left alone, and a diff with credentials masked.
func (j *job) planText(w io.Writer, todo change.Plan, restart bool) error {
	if len(todo) == 0 && !restart && !j.wantsReload(todo) {
		j.noteNothing()
		fmt.Fprintln(w, j.nothing)
		return nil
	}
	fmt.Fprintln(w, "Plan:")
	for _, c := range todo {
		fmt.Fprintf(w, "  %s\n", c)
	}
	if j.wantsReload(todo) {
		fmt.Fprintln(w, "  reload systemd's unit files")
	}
	if restart {
		fmt.Fprintf(w, "  restart %s: %s\n", unitName(j.view.site), j.whyRestart(todo))
		j.costText(w)
	}
	if j.plan != nil {
		for _, s := range j.plan.Skipped {
			fmt.Fprintf(w, "Skipped %s: %s\n", s.Layer, s.Reason)
		}
	}
	j.autoText(w)
	for _, n := range j.allNotes() {
		fmt.Fprintf(w, "Note: %s\n", j.app.redactor.Text(n))
	}
	for _, c := range todo {
		if d := c.Diff(j.app.redactor.Text); d != "" {
			fmt.Fprintf(w, "\n%s", redact.Terminal(d))
		}
	}
	return nil
}

// whyRestart says why a restart is needed: for the settings, or for the CAs alone.
func (j *job) whyRestart(todo change.Plan) string {
	settings := slices.ContainsFunc(todo, func(c change.Change) bool { return c.Layer != machine.Layer && c.Needs.Restart }) || j.plan.After.AnyPending()
	if !settings && j.caRestarts(todo) {
		return "a running dockerd has read the authorities it trusts once and for all"
	}
	return "a running dockerd takes proxy settings over only when it starts"
}

func (j *job) allNotes() []string {
	notes := j.notes
	if !j.opts.readOnly() {
		notes = append(j.autoNotes(), notes...)
	}
	notes = append(slices.Clone(notes), j.whoReads()...)
	if j.plan != nil {
		notes = append(append([]string{}, j.plan.Notes...), notes...)
	}
	return notes
}

func (j *job) outcome(todo change.Plan) outcomeReport {
	rep := outcomeReport{Changed: len(todo) > 0, Restarted: j.restarted, Files: []fileReport{}, Containers: j.stoppedContainers(), Restart: j.restartCare(), Skipped: []daemon.Skipped{}, Unrestored: []string{}, Notes: []string{}, Findings: []precedence.Finding{}}
	if len(j.ca.list) > 0 {
		rep.Authorities = certReports(j.ca.list)
	}
	for _, c := range todo {
		rep.Files = append(rep.Files, fileReport{c.Path, c.Verb(), c.Layer, c.Cause})
	}
	if r := j.recovered; r != nil {
		rep.Changed = rep.Changed || !r.Finished && len(r.Entry.Files) > 0
		rep.Recovered = &recoveryReport{r.Entry.ID, r.Entry.Command, recoveredHow(r), append([]string{}, r.Entry.Files...)}
	}
	if j.plan != nil {
		rep.Skipped = append(rep.Skipped, j.plan.Skipped...)
		for _, f := range j.plan.After.Findings {
			if f.ID != "restart-pending" && f.ID != "running-differs-from-configured" && f.ID != "systemd-reload-needed" {
				rep.Findings = append(rep.Findings, f)
			}
		}
	}
	for _, n := range append(j.allNotes(), j.notDone()...) {
		rep.Notes = append(rep.Notes, j.app.redactor.Text(n))
	}
	rep.Pending = j.wantsRestart() && !j.restarted
	return rep
}

// report prints the result of a changing command: JSON on stdout when asked, the notes on stderr.
func (j *job) report(todo change.Plan) error {
	rep := j.outcome(todo)
	if !j.opts.format.isTable() {
		err := printAs(j.app.cli.Out(), j.opts.format, rep, nil)
		if err != nil && (rep.Changed || rep.Restarted) {
			return withStatus(exitPartly, fmt.Errorf("the change is made, but not reported: %w", err))
		}
		return err
	}
	notes := j.allNotes()
	if j.untried() {
		notes = append(notes, j.untriedText())
	}
	for _, n := range notes {
		j.say("Note: %s", n)
	}
	for _, f := range rep.Findings {
		if f.Severity != precedence.SeverityInfo && !slices.Contains(j.notes, f.Message) {
			j.say("%s: %s [%s]", f.Severity, f.Message, f.ID)
		}
	}
	return nil
}

// tryFormat renders the report of the plan for nobody: a template that asks for what a report does not have is wrong usage, and is refused before anything is written.
func (j *job) tryFormat() error {
	if !j.planned || j.opts.format.isTable() {
		return nil
	}
	return printAs(io.Discard, j.opts.format, j.outcome(j.changes()), nil)
}

// summary prints what was done, on stdout.
func (j *job) summary(todo change.Plan) {
	if !j.opts.format.isTable() {
		return
	}
	out := j.app.cli.Out()
	for _, c := range todo {
		fmt.Fprintf(out, "%s %s\n", past(c.Verb()), c.Path)
	}
	switch {
	case j.restarted:
		verb := "restarted"
		if !j.view.site.Active {
			verb = "started"
		}
		what := "has the settings"
		if len(j.ca.list) > 0 {
			what += " and trusts the CA"
		}
		fmt.Fprintf(out, "%s %s: the running daemon %s\n", verb, unitName(j.view.site), what)
	case len(todo) == 0 && j.wantsReload(todo):
		fmt.Fprintln(out, "systemd has read its unit files again")
	case j.wantsRestart():
		fmt.Fprintln(out, "pending: restart (docker proxy restart)")
	case j.staysStopped() && len(j.plan.Changes.Effective()) > 0:
		fmt.Fprintln(out, stoppedText(j.view.site))
	}
}

// staysStopped reports whether a restart was asked for, of a daemon that does not run.
func (j *job) staysStopped() bool {
	return j.opts.restart && !j.restarted && j.plan != nil && j.view.site.Live && !j.view.site.Active && !j.wantsRestart()
}

// untried reports whether an image was to be reached after a restart (--probe), and there was none.
func (j *job) untried() bool { return j.opts.probe != "" && !j.restarted && !j.opts.readOnly() }

func (j *job) untriedText() string {
	return j.opts.probe + " was not tried (--probe): that is done after a restart, and there was none; next: docker proxy test " + j.opts.probe
}

// notDone is what a report in JSON says about what was asked for and not done; for people it stands elsewhere.
func (j *job) notDone() []string {
	var notes []string
	if j.staysStopped() {
		notes = append(notes, stoppedText(j.view.site))
	}
	if j.untried() {
		notes = append(notes, j.untriedText())
	}
	return notes
}

// past is the verb of a change in the past tense.
func past(verb string) string {
	switch verb {
	case "write":
		return "wrote"
	case "chmod", "chown":
		return "changed mode or owner of"
	case "rmdir":
		return "removed"
	case "mkdir":
		return "created"
	}
	return strings.TrimSuffix(verb, "e") + "ed"
}

// ask asks a yes-or-no question on the terminal; anything but y or yes is no.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	answer, err := a.askWord(ctx, question+" [y/N]")
	return answer == "y" || answer == "yes", err
}

// askWord asks on the terminal and returns the answer in lower case; the end of input is an empty one.
func (a *app) askWord(ctx context.Context, question string) (string, error) {
	fmt.Fprintf(a.cli.Err(), "%s ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.cli.In()).ReadString('\n') // the end of input is a no
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case line := <-answer:
		return strings.ToLower(strings.TrimSpace(line)), nil
	}
}

// checkPrivileges refuses early what needs root, with a command that root can really find: under sudo a plugin in the user's own directory is unknown.
func (j *job) checkPrivileges(todo change.Plan, restart bool) error {
	s := j.view.site
	if os.Geteuid() == 0 || !s.Live || s.Manager == daemon.ManagerSystemdUser {
		return nil
	}
	if j.plan == nil || len(j.plan.Changes.Effective()) == 0 && !restart {
		return nil
	}
	return needsRoot()
}

// needsRoot names the command that works.
func needsRoot() error {
	return fmt.Errorf("changing the daemon's settings needs root: %s", rootCommand())
}

// rootCommand is this command line for root. The plugin is found in the directory it was started from.
func rootCommand() string {
	config := ""
	if exe, err := os.Executable(); err == nil && strings.HasPrefix(exe, homeDir()+"/") {
		config = ` --config "$HOME/.docker"`
	}
	args := strings.Join(maskedArgs(os.Args[1:]), " ")
	if !strings.HasPrefix(args, pluginName) {
		args = pluginName + " " + args
	}
	return "sudo docker" + config + " " + args
}

func maskedArgs(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if ok && strings.HasPrefix(name, "-") {
			out[i] = name + "=" + precedence.MaskList(value)
			continue
		}
		out[i] = precedence.MaskList(a)
		if strings.ContainsAny(out[i], " \t'\"$`\\&|;()<>*?") {
			out[i] = "'" + strings.ReplaceAll(out[i], "'", `'\''`) + "'"
		}
	}
	return out
}

// homeDir is the caller's home directory; "/" when it is not known, so that nothing is mistaken for being inside it.
func homeDir() string {
	if dir, err := os.UserHomeDir(); err == nil {
		return dir
	}
	return "/"
}

// userName is the caller's login name, or "".
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
