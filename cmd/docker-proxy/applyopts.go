package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// applyOptions are the options of every command that changes the host.
type applyOptions struct {
	restart   bool
	noRestart bool
	// liveRestore turns live-restore on for the restart, keepLiveRestore for good.
	liveRestore     bool
	keepLiveRestore bool
	timeout         time.Duration
	probe           string
	noCheck         bool
	check           bool
	dryRun          bool
	yes             bool
	format          outputFormat
}

// defaultTimeout is how long a restarted daemon may take to become healthy.
const defaultTimeout = 2 * time.Minute

func addApplyFlags(cmd *cobra.Command, o *applyOptions) {
	f := cmd.Flags()
	f.BoolVar(&o.restart, "restart", false, "Restart the daemon where that is needed, without asking")
	f.BoolVar(&o.noRestart, "no-restart", false, "Do not restart the daemon; what needs a restart stays pending")
	f.BoolVar(&o.liveRestore, "live-restore", false, "Turn live-restore on for the restart, so that running containers keep running, and off again afterwards")
	f.BoolVar(&o.keepLiveRestore, "keep-live-restore", false, "As --live-restore, but leave it on")
	f.DurationVar(&o.timeout, "timeout", defaultTimeout, "How long the restarted daemon may take to be healthy before everything is put back")
	f.StringVar(&o.probe, "probe", "", "After the restart, also reach this `IMAGE`'s registry through the daemon")
	f.BoolVar(&o.noCheck, "no-check", false, "Do not try the proxy before writing")
	f.BoolVar(&o.check, "check", false, "Change nothing; exit with status 3 when changes are pending")
	f.BoolVar(&o.dryRun, "dry-run", false, "Change nothing; print the plan and a diff with credentials masked")
	f.BoolVarP(&o.yes, "yes", "y", false, "Answer yes to questions about the plan (a restart needs --restart)")
	addFormatFlag(cmd, &o.format)
	cmd.MarkFlagsMutuallyExclusive("restart", "no-restart")
	cmd.MarkFlagsMutuallyExclusive("live-restore", "no-restart")
	cmd.MarkFlagsMutuallyExclusive("keep-live-restore", "no-restart")
	cmd.MarkFlagsMutuallyExclusive("probe", "no-restart") // it is tried after the restart
	cmd.MarkFlagsMutuallyExclusive("check", "dry-run")
}

// validate refuses values that no flag type catches.
func (o *applyOptions) validate(a *app) error {
	if o.restart && a.root != "" {
		return usageErrorf("--restart and --root exclude each other: the daemon of a directory is not touched")
	}
	if (o.liveRestore || o.keepLiveRestore) && a.root != "" {
		return usageErrorf("--live-restore and --root exclude each other: the daemon of a directory is not touched")
	}
	if o.probe != "" && a.root != "" {
		return usageErrorf("--probe and --root exclude each other: the daemon of a directory is not asked")
	}
	if o.timeout <= 0 {
		return usageErrorf("--timeout needs a positive duration, such as 90s")
	}
	return nil
}

// readOnly reports whether nothing is to be changed.
func (o *applyOptions) readOnly() bool { return o.check || o.dryRun }

// scopeOptions say which side of Docker a command works on, and where.
type scopeOptions struct {
	layer string
	only  string
	users []string
}

const (
	onlyDaemon = "daemon"
	onlyClient = "client"
)

func addScopeFlags(cmd *cobra.Command, o *scopeOptions, layerHelp, layerDefault string, layers ...string) {
	f := cmd.Flags()
	f.StringVar(&o.layer, "layer", layerDefault, layerHelp)
	f.StringVar(&o.only, "only", "", "Work on one side only: daemon or client")
	f.StringSliceVar(&o.users, "user", nil, "Write the config.json of these users (as root)")
	_ = cmd.RegisterFlagCompletionFunc("layer", cobra.FixedCompletions(layers, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions([]cobra.Completion{onlyDaemon, onlyClient}, cobra.ShellCompDirectiveNoFileComp))
}

func (o *scopeOptions) validate(allowed ...string) error {
	if o.only != "" && o.only != onlyDaemon && o.only != onlyClient {
		return usageErrorf("unknown value %q for --only: use daemon or client", o.only)
	}
	if o.only == onlyClient && o.layer != "" && o.layer != daemon.Auto {
		return usageErrorf("--layer %s and --only client exclude each other: the layers are the daemon's", o.layer)
	}
	for _, a := range allowed {
		if o.layer == a {
			return nil
		}
	}
	return usageErrorf("unknown layer %q: use %s", o.layer, strings.Trim(strings.Join(allowed, ", "), ", "))
}

func (o *scopeOptions) daemon() bool { return o.only != onlyClient }
func (o *scopeOptions) client() bool { return o.only != onlyDaemon }
