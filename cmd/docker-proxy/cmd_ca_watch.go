package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/watch"
)

// caWatchOptions are the options of `ca watch`.
type caWatchOptions struct {
	caOptions
	printUnit bool
	install   bool
	manager   string
}

func newCAWatchCommand(a *app) *cobra.Command {
	var o caWatchOptions
	cmd := &cobra.Command{
		Use:   "watch [OPTIONS] CERT [CONTAINER...]",
		Short: "Make containers trust an authority as they are created and started",
		Long: `Make the selected containers trust the authority CERT: those there are, and each that is created or started from now on, until this is ended. It prints a line for each container
that it changed, with the time that took since its creation or its start.

A container that is created first and started later trusts the authority from its first moment; with docker run the two follow each other at once, and the program may have begun
before. That matters only to programs that read their store once, when they start (Java, Go, Node): they are named, with what helps. A new image ('docker proxy ca bake') or
other options for the container ('docker proxy ca export') are always in time.

It survives restarts of the daemon: it waits for it without waking one that was stopped, and then looks at all containers again. A container with the label docker-proxy.ca=false is
left alone.

--install writes a service that does this, for what runs dockerd on this machine (systemd, OpenRC, SysV scripts, runit), and copies the certificate to a place that lasts;
--print-unit prints it.`,
		Example: `  sudo docker proxy ca watch proxy-ca.pem --all
  sudo docker proxy ca watch proxy-ca.pem --filter label=corp.proxy=yes
  sudo docker proxy ca watch proxy-ca.pem --all --install
  docker proxy ca watch proxy-ca.pem --project shop --print-unit`,
		Args: cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeContainers(func(*cobra.Command) int {
			if len(o.certs) > 0 {
				return 0
			}
			return 1
		}),
		RunE: func(cmd *cobra.Command, args []string) error { return runCAWatch(cmd.Context(), a, &o, args) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.certs, "cert", nil, "A certificate to add: `FILE`, - or a fingerprint; then all arguments are containers")
	f.BoolVar(&o.force, "force", false, "Take a certificate that is no authority, not signed by itself, or expired")
	f.BoolVarP(&o.all, "all", "a", false, "Every container")
	f.StringArrayVar(&o.filters, "filter", nil, "The containers that match Docker's own `FILTER`, such as label=app=web")
	f.StringVar(&o.project, "project", "", "The containers of a Compose `PROJECT`")
	f.StringArrayVar(&o.bundles, "bundle", nil, "Also an application's own bundle at `PATH` inside the containers, such as /conda/ssl/cacert.pem")
	f.BoolVar(&o.mounts, "through-mounts", false, "Also change what is mounted into a container: a volume, or a file of the host")
	f.BoolVar(&o.printUnit, "print-unit", false, "Print the service that does this")
	f.BoolVar(&o.install, "install", false, "Write the service, and say how it is started")
	f.StringVar(&o.manager, "manager", "", "With --install or --print-unit: the service is for this `MANAGER`: systemd, openrc, sysv or runit")
	_ = cmd.RegisterFlagCompletionFunc("manager", cobra.FixedCompletions(managerNames(), cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	f.BoolVarP(&o.yes, "yes", "y", false, "With --install: overwrite a service of that name that is not of this program")
	cmd.MarkFlagsMutuallyExclusive("all", "filter")
	cmd.MarkFlagsMutuallyExclusive("all", "project")
	cmd.MarkFlagsMutuallyExclusive("print-unit", "install")
	return cmd
}

func runCAWatch(ctx context.Context, a *app, o *caWatchOptions, args []string) error {
	if err := o.takeCert(args); err != nil {
		return err
	}
	if err := o.validate(a); err != nil {
		return err
	}
	if err := o.needSelector(false); err != nil {
		return err
	}
	if o.yes && !o.install {
		return usageErrorf("--yes is about the service of --install")
	}
	if o.manager != "" && !o.install && !o.printUnit {
		return usageErrorf("--manager is about the service of --install and --print-unit")
	}
	if o.manager != "" && !slices.Contains(managerNames(), o.manager) {
		return usageErrorf("unknown value %q for --manager: use %s", redact.Terminal(o.manager), strings.Join(managerNames(), ", "))
	}
	want, err := a.readAuthorities(o.certs, o.force)
	if err != nil {
		return err
	}
	if o.printUnit || o.install {
		return a.watchUnit(ctx, o, want)
	}
	w, err := a.newWatch(ctx, o, want)
	if err != nil {
		return err
	}
	defer w.view.Close()
	for _, c := range certReports(want) {
		w.say("watching for containers that are to trust %s", c.line())
	}
	(&watch.Watcher{
		Daemon: w.engine, Awake: w.awake, List: w.list, Do: w.do, Now: time.Now,
		After: func(d time.Duration, f func()) { time.AfterFunc(d, f) },
		Down:  w.down, Up: func() { w.say("the daemon is back: looking at all containers") },
		Wait: func(ctx context.Context, d time.Duration) {
			select {
			case <-ctx.Done():
			case <-time.After(d):
			}
		},
	}).Run(ctx)
	w.say("ended") // by a signal, which is how a service ends
	return w.closed()
}

// managerNames are the values of --manager.
func managerNames() []string {
	var out []string
	for _, m := range watch.Managers() {
		out = append(out, string(m))
	}
	return out
}

func (w *caWatch) down(err error) {
	if err == nil {
		w.say("the daemon does not run: waiting until it is started")
		return
	}
	w.say("the daemon does not answer any more, waiting for it: %v", err)
}

// say prints one line, whole.
func (w *caWatch) say(format string, args ...any) {
	line := redact.Terminal(w.app.redactor.Text(fmt.Sprintf(format, args...)))
	w.out.Lock()
	defer w.out.Unlock()
	fmt.Fprintln(w.app.cli.Out(), strings.ReplaceAll(line, "\n", " "))
}

// trusted is the line for a container that trusts the authorities now: since when, and what is too late for.
func (w *caWatch) trusted(e engine.Event, before, after engine.Inspected) string {
	took := time.Since(e.At).Round(100 * time.Microsecond)
	short := make([]string, 0, len(w.want))
	for _, c := range w.want {
		short = append(short, c.Fingerprint.Short())
	}
	line := fmt.Sprintf("%s: trusts %s", name(before), strings.Join(short, ", "))
	switch {
	case e.Action == "create" && after.PID == 0:
		return fmt.Sprintf("%s %s after it was created, and before it starts", line, took)
	case e.Action == "create":
		return fmt.Sprintf("%s %s after it was created, while it started", line, took)
	case e.Action == "start":
		return fmt.Sprintf("%s %s after its start", line, took)
	case before.PID == 0:
		return line + ", and does not run"
	}
	return line
}

// name is what a container is called.
func name(c engine.Inspected) string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}
