package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// exportOptions are the options of all formats; each format has flags for those it knows.
type exportOptions struct {
	services     []string
	file         string
	off          bool
	reveal       bool
	dir          string
	yes          bool
	clusterCIDRs []string
	from         string
	composeFiles []string
	projectDir   string
}

// exportFormat is one sub-command of export.
type exportFormat struct {
	name, short, long, example string
	// container says that a container reads the result: loopback proxies are of no use there, and config.json's values come before the daemon's.
	container bool
	// several says that one result serves several services.
	several bool
	noFiles bool // there is no -o
	flags   func(*cobra.Command, *exportOptions)
	prepare func(*exportRun) error // before the settings are collected; may be nil
	render  func(context.Context, *exportRun) (exported, error)
	// renderOff is for --off; nil where there is nothing to switch off.
	renderOff func(context.Context, *exportRun) (exported, error)
}

// exported is the result of an export.
type exported struct {
	text  string        // for stdout
	files []export.File // for -o
	then  string        // for stdout in the place of text, with -o: how the files are used
	notes []string      // for stderr
}

func newExportCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export COMMAND",
		Short: "Print the settings for Compose, Kubernetes, env-files, shells and builders",
		Long: `Print the proxy settings for what the daemon and config.json do not reach, in the dialect of the program that reads them, both spellings of each variable.

The values are those that containers get from config.json and, where it has none, the effective ones of the daemon; for a shell the daemon's come first. With
-f they are those of a settings file instead, which may have a proxy, a user and a NO_PROXY list for each service.

User and password are not printed: ${NAME} stands for them. With -o the files are written instead, and those with credentials are readable by you alone; --reveal prints them.`,
		Example: `  docker proxy export compose --service web --service worker -o proxy
  docker run $(docker proxy export run) IMAGE
  docker run $(docker proxy export run --off) IMAGE
  eval "$(docker proxy export shell)"`,
	}
	for _, f := range exportFormats() {
		cmd.AddCommand(newExportFormat(a, f))
	}
	return cmd
}

func newExportFormat(a *app, f exportFormat) *cobra.Command {
	var o exportOptions
	named := []string{"file", "service", "output", "from", "compose-file", "project-directory", "cluster-cidr"}
	cmd := &cobra.Command{
		Use:     f.name + " [OPTIONS]",
		Short:   f.short,
		Long:    f.long,
		Example: f.example,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, n := range named {
				if flag := cmd.Flags().Lookup(n); flag != nil && flag.Changed && hasEmpty(flag.Value) {
					return usageErrorf("--%s is empty", n)
				}
			}
			return runExport(cmd.Context(), a, f, &o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.file, "file", "f", "", "Take the settings from a YAML or JSON `FILE` instead of this host")
	flags.BoolVar(&o.reveal, "reveal", false, "Print user names and passwords")
	service := "Take the settings of this `NAME` in the file of -f"
	if f.several {
		service = "Export for this service `NAME`; may be given more than once"
	}
	flags.StringSliceVar(&o.services, "service", nil, service)
	_ = cmd.MarkFlagFilename("file", "yaml", "yml", "json") // fails for an unknown flag only
	if !f.noFiles {
		flags.StringVarP(&o.dir, "output", "o", "", "Write files into `DIR` instead; those with credentials get mode 0600")
		flags.BoolVarP(&o.yes, "yes", "y", false, "Overwrite files in DIR that no export has written")
		_ = cmd.MarkFlagDirname("output")
	}
	if f.renderOff != nil {
		flags.BoolVar(&o.off, "off", false, "Switch the proxy off instead")
	}
	if f.flags != nil {
		f.flags(cmd, &o)
	}
	return cmd
}

// hasEmpty reports whether an option was given an empty value, which is hardly what was meant: an unset variable in a script.
func hasEmpty(v pflag.Value) bool {
	if list, ok := v.(pflag.SliceValue); ok {
		return len(list.GetSlice()) == 0 || slices.Contains(list.GetSlice(), "")
	}
	return v.String() == ""
}

// exportRun is one export: what was asked for and what there is to export.
type exportRun struct {
	app       *app
	view      *view
	opts      *exportOptions
	consumers []export.Consumer // cleaned; empty with --off
	keys      *export.Keyring
	notes     []string

	builder     *builder // of --from
	hostNetwork bool     // the receiver shares the machine's network
}

// only is the settings of a format for one receiver.
func (x *exportRun) only() export.Settings { return x.consumers[0].Settings }

// hidden reports whether credentials are to be printed as ${NAME}.
func (x *exportRun) hidden() bool { return !x.opts.reveal && !x.keys.Empty() }

// path is where a file of -o is, as the caller spells it.
func (x *exportRun) path(name string) string { return filepath.Join(x.opts.dir, name) }

func (o *exportOptions) validate(a *app, f exportFormat) error {
	switch {
	case o.dir != "" && a.root != "":
		return usageErrorf("-o and --root exclude each other: nothing is written into an image that no program there reads")
	case o.dir != "" && o.reveal:
		return usageErrorf("-o and --reveal exclude each other: the files hold user and password anyway, readable by you alone")
	case o.yes && o.dir == "":
		return usageErrorf("--yes is about files in the directory of -o")
	case o.off && (o.file != "" || o.reveal):
		return usageErrorf("--off has no values: it excludes --file and --reveal")
	case !f.several && len(o.services) > 1:
		return usageErrorf("export %s is for one receiver: give --service once", f.name)
	case !f.several && len(o.services) == 1 && o.file == "":
		return usageErrorf("--service names one of the services in the file of -f")
	}
	return nil
}

func runExport(ctx context.Context, a *app, f exportFormat, o *exportOptions) error {
	if err := o.validate(a, f); err != nil {
		return err
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	x := &exportRun{app: a, view: v, opts: o, keys: export.NewKeyring()}
	if f.prepare != nil {
		if err := f.prepare(x); err != nil {
			return err
		}
	}
	render := f.renderOff
	if !o.off {
		render = f.render
		if err := x.collect(ctx, f); err != nil {
			return err
		}
	}
	out, err := render(ctx, x)
	if err != nil {
		return err
	}
	text := out.text
	if o.dir != "" {
		text = out.then
		if err := x.write(ctx, out.files); err != nil {
			return err
		}
	}
	for _, n := range append(x.notes, out.notes...) {
		fmt.Fprintln(a.cli.Err(), a.redactor.Text(n))
	}
	_, err = fmt.Fprint(a.cli.Out(), text)
	return err
}
