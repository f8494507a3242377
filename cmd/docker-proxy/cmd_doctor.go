package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

type doctorOptions struct {
	severity   string
	filter     opts.FilterOpt
	deep       bool
	containers bool
	online     bool
	fix        bool
	apply      applyOptions // --format is one of them, with and without --fix
}

// doctorReport is the JSON of `doctor`.
type doctorReport struct {
	Schema   int                  `json:"schema"`
	Daemon   daemonReport         `json:"daemon"`
	Asked    []precedence.Need    `json:"asked"` // of --deep, --containers and --online, what was looked at
	Findings []precedence.Finding `json:"findings"`
	Notes    []string             `json:"notes"` // who could not be asked
}

func newDoctorCommand(a *app) *cobra.Command {
	o := doctorOptions{filter: opts.NewFilterOpt()}
	cmd := &cobra.Command{
		Use:   "doctor [OPTIONS]",
		Short: "Find settings that look right and do nothing, or will stop dockerd",
		Long: `Find every proxy setting of this machine that looks right and does nothing, that will stop dockerd at its next start, or that works otherwise than most people
expect: in daemon.json, units and drop-ins, startup files, the values themselves, NO_PROXY, the client's config.json, and in what runs. Each finding says what
really happens, where, and which command mends it.

With --fix it takes away what can be taken away without guessing (an escape, a reload, a key in the wrong place, the form of an export, quotes, encoding): it
shows the exact plan, asks, and changes it in one transaction, as 'docker proxy set' does. It invents no value, touches nothing that is not a proxy setting,
and never changes a setting that dockerd uses today.

--deep asks dockerd itself (dockerd --validate, with the flags it is started with) and systemd (systemd-analyze verify) about copies of the files as they stand, and
tells what they say and this program did not. --online tries the proxies that dockerd is configured to use, by asking for the registries of this host as dockerd
would, and has dockerd's own registry client ask, too. Nothing is sent without it.

--containers looks into what the daemon has: the environment of every container, running or not, compared with what config.json gives to new ones, the names
that it should reach without the proxy, and what is baked into images. It asks the daemon about each container once, and changes nothing.

The exit status is 1 when there is a finding of severity error.`,
		Example: `  docker proxy doctor                                  everything that files, processes and the daemon tell
  docker proxy doctor --severity error                 only what does not work
  docker proxy doctor --filter id=no-proxy-dead-entry  one kind of finding
  docker proxy doctor --deep --online                  what dockerd, systemd and the proxy itself say, too
  docker proxy doctor --containers                     what containers and images have, too
  docker proxy doctor --format json                    for programs
  sudo docker proxy doctor --fix --dry-run             what --fix would change
  sudo docker proxy doctor --fix --yes --restart       mend it without a question`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.needsFix(cmd); err != nil {
				return err
			}
			return runDoctor(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.severity, "severity", "", "Show only findings of this `SEVERITY` or a worse one: error, warning or info")
	f.Var(&o.filter, "filter", "Show only findings with this id, group or severity, such as `\"id=http-only\"`")
	f.BoolVar(&o.deep, "deep", false, "Ask dockerd --validate and systemd-analyze verify, too")
	f.BoolVar(&o.online, "online", false, "Try the proxies, too, and have dockerd ask through them")
	f.BoolVar(&o.containers, "containers", false, "Look into every container, image and builder, too")
	f.BoolVar(&o.fix, "fix", false, "Take the causes away as far as that needs no guessing: show the plan, ask, and change it in one transaction")
	addApplyFlags(cmd, &o.apply)
	_ = cmd.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(severityNames(), cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	_ = cmd.RegisterFlagCompletionFunc("filter", cobra.FixedCompletions(findingFilters(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func runDoctor(ctx context.Context, a *app, o doctorOptions) error {
	keep, err := o.selection()
	if err != nil {
		return err
	}
	if err := cmp.Or(o.checkOnlineFlag(a), o.checkContainersFlag(a)); err != nil {
		return err
	}
	if o.fix {
		return runFix(ctx, a, o, keep)
	}
	v, err := a.lookSettled(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	asked, err := v.lookFurther(ctx, a, o)
	if err != nil {
		return err
	}
	rep := doctorReport{Schema: reportSchema, Daemon: renderer{}.daemon(v.site), Asked: asked, Findings: []precedence.Finding{}, Notes: append([]string{}, v.notes...)}
	for _, f := range v.findings() {
		if keep(f) {
			rep.Findings = append(rep.Findings, f)
		}
	}
	if err := printAs(a.cli.Out(), o.apply.format, rep, func(w io.Writer) error { return doctorText(w, rep) }); err != nil {
		return err
	}
	if slices.ContainsFunc(rep.Findings, func(f precedence.Finding) bool { return f.Severity == precedence.SeverityError }) {
		return silently(exitFailed)
	}
	return nil
}

// lookFurther looks at what only doctor does, and at what the options ask for; it returns what was asked for.
func (v *view) lookFurther(ctx context.Context, a *app, o doctorOptions) ([]precedence.Need, error) {
	v.lookRestart(ctx)
	asked := []precedence.Need{}
	for _, more := range []struct {
		wanted bool
		need   precedence.Need
		look   func(context.Context, *app) error
	}{
		{o.deep, precedence.NeedDeep, v.lookDeep},
		{o.containers, precedence.NeedContainers, v.lookContainers},
		{o.online, precedence.NeedOnline, v.lookOnline},
	} {
		if !more.wanted {
			continue
		}
		if err := more.look(ctx, a); err != nil {
			return nil, err
		}
		asked = append(asked, more.need)
	}
	return asked, nil
}

// doctorText prints the findings for people: all of them, worst first, and their number.
func doctorText(w io.Writer, rep doctorReport) error {
	fmt.Fprintln(w, daemonLine(rep.Daemon))
	findingsText(w, rep.Findings)
	for i, n := range rep.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "note:", n)
	}
	if len(rep.Findings) == 0 {
		_, err := fmt.Fprintln(w, "\nNothing found.")
		return err
	}
	var parts []string
	for _, s := range precedence.Severities() {
		n := 0
		for _, f := range rep.Findings {
			if f.Severity == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, counted(n, string(s)))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s.\n", strings.Join(parts, ", "))
	return err
}

func counted(n int, severity string) string {
	if severity == string(precedence.SeverityInfo) {
		severity = "note"
	}
	if n != 1 {
		severity += "s"
	}
	return fmt.Sprintf("%d %s", n, severity)
}

// needsFix refuses options that say how something is changed where nothing is.
func (o doctorOptions) needsFix(cmd *cobra.Command) error {
	if o.fix {
		return nil
	}
	var scratch cobra.Command
	addApplyFlags(&scratch, &applyOptions{})
	var err error
	scratch.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "format" && cmd.Flags().Changed(f.Name) && err == nil {
			err = usageErrorf("--%s needs --fix: without it nothing is changed", f.Name)
		}
	})
	return err
}

// selection checks --severity and --filter against the registry and returns what they keep.
func (o doctorOptions) selection() (func(precedence.Finding) bool, error) {
	if o.severity != "" && !slices.Contains(severityNames(), o.severity) {
		return nil, usageErrorf("unknown severity %q: use %s", o.severity, strings.Join(severityNames(), ", "))
	}
	args := o.filter.Value()
	known := map[string]bool{}
	for _, f := range findingFilters() {
		known[f] = true
	}
	for _, key := range args.Keys() {
		for _, value := range args.Get(key) {
			if !known[key+"="+value] {
				return nil, usageErrorf("no finding has %s=%s: the findings are listed by 'docker proxy help doctor' and on the page of findings", key, value)
			}
		}
	}
	worst := precedence.Severities()
	limit := len(worst)
	if i := slices.Index(worst, precedence.Severity(o.severity)); i >= 0 {
		limit = i
	}
	return func(f precedence.Finding) bool {
		c, _ := precedence.CheckOf(f.ID)
		for key, value := range map[string]string{"id": f.ID, "group": string(c.Group), "severity": string(f.Severity)} {
			if args.Contains(key) && !args.ExactMatch(key, value) {
				return false
			}
		}
		return slices.Index(worst, f.Severity) <= limit
	}, nil
}

func severityNames() []cobra.Completion {
	var out []cobra.Completion
	for _, s := range precedence.Severities() {
		out = append(out, string(s))
	}
	return out
}

// findingFilters are the filters that can match anything.
func findingFilters() []cobra.Completion {
	var out []cobra.Completion
	for _, c := range precedence.Checks() {
		out = append(out, "id="+c.ID)
	}
	for _, g := range precedence.Groups() {
		out = append(out, "group="+string(g))
	}
	for _, s := range precedence.Severities() {
		out = append(out, "severity="+string(s))
	}
	return out
}
