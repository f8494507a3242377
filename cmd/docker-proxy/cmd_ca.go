package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/fleet"
)

func newCACommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca COMMAND",
		Short: "Make containers trust the authority of a terminating proxy",
		Long: `Make containers trust a proxy that terminates TLS, see whether they do, and undo it.

A proxy that looks into TLS signs with an authority of its own, which no program trusts until its certificate is in the stores that the program reads. These commands write it there, in
running and in stopped containers, without running anything inside, and put everything back on request.`,
		Example: `  sudo docker proxy ca add proxy-ca.pem web db          two containers
  sudo docker proxy ca add proxy-ca.pem --all           every container
  docker proxy ca list --missing                        which ones do not have it
  sudo docker proxy ca remove proxy-ca.pem --all        without a trace`,
	}
	cmd.AddCommand(caCommands(a)...)
	return cmd
}

// caCommands lists the commands of `docker proxy ca`.
func caCommands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newCAAddCommand(a),
		newCABakeCommand(a),
		newCAExportCommand(a),
		newCAFetchCommand(a),
		newCAListCommand(a),
		newCARemoveCommand(a),
		newCAReplaceCommand(a),
		newCAVerifyCommand(a),
		newCAWatchCommand(a),
	}
}

// caOptions are the options of the commands about containers' authorities; each takes those that it has flags for.
type caOptions struct {
	certs    []string // --cert
	names    []string // containers
	all      bool
	filters  []string
	project  string
	builders []string
	machine  bool
	// registries and noRestart go with machine.
	registries []string
	noRestart  bool
	bundles    []string
	refresh    string
	seed       string
	mounts     bool
	restart    bool
	force      bool
	foreign    bool
	check      bool
	dryRun     bool
	yes        bool
	quiet      bool
	missing    bool
	url        string
	checkURL   bool
	format     outputFormat
}

// addSelectFlags adds the options that say which containers are meant, the same for every command.
func addSelectFlags(cmd *cobra.Command, o *caOptions) {
	f := cmd.Flags()
	f.BoolVarP(&o.all, "all", "a", false, "Every container, also those that do not run")
	f.StringArrayVar(&o.filters, "filter", nil, "The containers that match Docker's own `FILTER`, such as label=app=web")
	f.StringVar(&o.project, "project", "", "The containers of a Compose `PROJECT`")
	f.StringArrayVar(&o.builders, "builder", nil, "The containers of this `BUILDER` of docker buildx")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "Only print the names of containers")
	addFormatFlag(cmd, &o.format)
	cmd.MarkFlagsMutuallyExclusive("all", "filter")
	cmd.MarkFlagsMutuallyExclusive("all", "project")
}

// addWriteFlags adds the options of the commands that change containers.
func addWriteFlags(cmd *cobra.Command, o *caOptions) {
	f := cmd.Flags()
	f.StringArrayVar(&o.bundles, "bundle", nil, "Also an application's own bundle at `PATH` inside the containers, such as /conda/ssl/cacert.pem")
	f.BoolVar(&o.mounts, "through-mounts", false, "Also change what is mounted into a container: a volume, or a file of the host")
	f.BoolVar(&o.restart, "restart", false, "Restart the containers whose programs notice only when they start")
	f.BoolVar(&o.check, "check", false, "Change nothing; exit with status 3 when something is to be done")
	f.BoolVar(&o.dryRun, "dry-run", false, "Change nothing; print what would be done")
	f.BoolVarP(&o.yes, "yes", "y", false, "Answer yes to questions (a restart needs --restart)")
	cmd.MarkFlagsMutuallyExclusive("check", "dry-run")
}

// readOnly reports whether nothing is to be changed.
func (o *caOptions) readOnly() bool { return o.check || o.dryRun }

// selector says which containers are meant.
func (o *caOptions) selector() (fleet.Selector, error) {
	s := fleet.Selector{Names: o.names, All: o.all, Project: o.project}
	for _, n := range o.names {
		if n == "" {
			return s, usageErrorf("the name of a container is empty")
		}
	}
	for _, f := range o.filters {
		name, value, ok := strings.Cut(f, "=")
		if !ok || name == "" || value == "" {
			return s, usageErrorf("--filter %q: use NAME=VALUE, as docker ps does, such as label=app=web", redact.Terminal(f))
		}
		if s.Filters == nil {
			s.Filters = map[string][]string{}
		}
		s.Filters[name] = append(s.Filters[name], value)
	}
	return s, nil
}

// validate refuses what no flag type catches; every command calls it before it looks at anything.
func (o *caOptions) validate(a *app) error {
	if err := o.checkMachine(); err != nil {
		return err
	}
	if a.root != "" && !o.machineOnly() {
		return usageErrorf("--root has no containers: it is about files alone")
	}
	for _, b := range o.bundles {
		if !strings.HasPrefix(b, "/") {
			return usageErrorf("--bundle %q: use an absolute path, as the programs in the container name it", redact.Terminal(b))
		}
	}
	if o.refresh != "" && o.refresh != refreshAuto && o.refresh != refreshTool {
		return usageErrorf("unknown value %q for --refresh: use auto or tool", redact.Terminal(o.refresh))
	}
	if o.quiet && !o.format.isTable() {
		return usageErrorf("--quiet and --format exclude each other")
	}
	_, err := o.selector()
	return err
}

// The values of --refresh.
const (
	refreshAuto = "auto"
	refreshTool = "tool"
)

// needSelector refuses a command that was not told which containers it is about.
func (o *caOptions) needSelector(machine bool) error {
	s, err := o.selector()
	if err != nil || !s.Empty() || o.machine || len(o.builders) > 0 {
		return err
	}
	if machine {
		return usageErrorf("which containers? name them, or say --all, --filter, --project or --machine")
	}
	return usageErrorf("which containers? name them, or say --all, --filter or --project")
}

// completeContainers completes the names of containers; the first skip arguments are files.
func (a *app) completeContainers(skip func(cmd *cobra.Command) int) func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if first := skip(cmd); len(args) < first {
			return a.completeFingerprints(), cobra.ShellCompDirectiveDefault
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		eng, err := a.quickEngine()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list, err := eng.Select(ctx, true, nil)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []cobra.Completion
		for _, c := range list {
			if !slices.Contains(args, c.Name) {
				out = append(out, cobra.CompletionWithDesc(redact.Terminal(c.Name), redact.Terminal(c.Image)))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// quickEngine is the daemon of the selected context, not looked at any further.
func (a *app) quickEngine() (engine.Engine, error) {
	ep, err := resolveEndpoint(a.cli)
	if err != nil {
		return nil, err
	}
	c, err := newEngineClient(a.cli, ep)
	if err != nil {
		return nil, err
	}
	return engine.New(c), nil
}
