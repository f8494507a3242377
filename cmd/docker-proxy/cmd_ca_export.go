package main

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

// caExportOptions are the options of the three forms of `ca export`.
type caExportOptions struct {
	exportOptions        // -o, --yes, --service, --compose-file, --project-directory
	force         bool   // take certificates that are no good authorities
	java          string // an image whose Java gets a store, too
	roots         string // a PEM file in the place of this machine's bundle
	mountAt       []string
	names         []string
	combined      bool
	dockerfile    string
	way           string
}

// caExport is one `ca export`.
type caExport struct {
	exportRun
	ca    *caExportOptions
	certs []certs.Authority
	roots []byte // the bundle the authorities are joined with
	from  string // where roots came from
}

// caExportForm is one sub-command.
type caExportForm struct {
	name, short, long, example string
	mounts                     bool // has --mount-at, --env and --combined
	flags                      func(*cobra.Command, *caExportOptions)
	render                     func(context.Context, *caExport) (exported, error)
}

func newCAExportCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export COMMAND",
		Short: "Write what makes new containers and builds trust an authority",
		Long: `Write the files, and print the command, that make new containers or the steps of a build trust authorities from their first moment. What runs already is changed by
'docker proxy ca add'.

Variables that add to a program's roots (NODE_EXTRA_CA_CERTS, DENO_CERT) name a file with the authorities alone. Variables that replace them (SSL_CERT_FILE, REQUESTS_CA_BUNDLE,
CURL_CA_BUNDLE and others) name one that has the roots of this machine, too, or those of --roots.

Java reads no such variable. With --java IMAGE it is told of a store of its own (JAVA_TOOL_OPTIONS), in the place of the one in its installation: a copy of that of the image, in the
same format, and the authorities. The image is not run.`,
		Example: `  docker proxy ca export compose proxy-ca.pem --service web -o ca
  docker run $(docker proxy ca export run proxy-ca.pem -o ca) IMAGE
  docker run $(docker proxy ca export run proxy-ca.pem -o ca --java eclipse-temurin:21) eclipse-temurin:21
  docker proxy ca export build proxy-ca.pem -o ca`,
	}
	for _, f := range []caExportForm{caBuildForm(), caComposeForm(), caRunForm()} {
		cmd.AddCommand(newCAExportForm(a, f))
	}
	return cmd
}

func newCAExportForm(a *app, f caExportForm) *cobra.Command {
	var o caExportOptions
	cmd := &cobra.Command{
		Use: f.name + " [OPTIONS] CERT...", Short: f.short, Long: f.long, Example: f.example,
		Args: needsCertificates,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, n := range []string{"output", "service", "roots", "java", "mount-at", "env", "file", "compose-file", "project-directory"} {
				if flag := cmd.Flags().Lookup(n); flag != nil && flag.Changed && hasEmpty(flag.Value) {
					return usageErrorf("--%s is empty", n)
				}
			}
			return runCAExport(cmd.Context(), a, f, &o, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.dir, "output", "o", "", "Write the files into `DIR`, where they have to stay")
	flags.BoolVarP(&o.yes, "yes", "y", false, "Overwrite files in DIR that no export has written")
	flags.BoolVar(&o.force, "force", false, "Take certificates that are expired, or no authority of their own")
	flags.StringVar(&o.java, "java", "", "Also point Java at a store: that of the Java in this `IMAGE` with the authorities added (JAVA_TOOL_OPTIONS)")
	flags.StringVar(&o.roots, "roots", "", "Take the public roots from a PEM `FILE` instead of this machine's bundle")
	_ = cmd.MarkFlagDirname("output") // these fail for an unknown flag only
	_ = cmd.MarkFlagFilename("roots", "pem", "crt")
	if f.mounts {
		flags.StringArrayVar(&o.mountAt, "mount-at", nil, "Mount the file at this `PATH` of the container, and set no variable but those of --env; may be given more than once")
		flags.StringArrayVar(&o.names, "env", nil, "Set this variable `NAME` to the file's path, instead of those this program knows; may be given more than once")
		flags.BoolVar(&o.combined, "combined", false, "The file holds the public roots, too, whatever reads it")
	}
	if f.flags != nil {
		f.flags(cmd, &o)
	}
	return cmd
}

// needsCertificates says what is missing in the command's own words.
func needsCertificates(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageErrorf("name the certificate: %s [OPTIONS] CERT (a file, - for standard input, or the fingerprint of one in this machine's store)", cmd.CommandPath())
	}
	return nil
}

func (o *caExportOptions) validate(a *app) error {
	switch {
	case a.root != "":
		return usageErrorf("ca export and --root exclude each other: the files are for containers of this machine")
	case o.dir == "":
		return usageErrorf("containers need the files for as long as they live: -o DIR says where they are to be")
	}
	for _, p := range o.mountAt {
		if !path.IsAbs(p) || path.Clean(p) != p || p == "/" {
			return usageErrorf("--mount-at: %q is not the absolute path of a file", p)
		}
	}
	for _, n := range o.names {
		if !isVariable(n) {
			return usageErrorf("--env: %q is not the name of a variable; its value is the file's path", n)
		}
	}
	return nil
}

// isVariable reports whether a shell could have the variable.
func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

func runCAExport(ctx context.Context, a *app, f caExportForm, o *caExportOptions, args []string) error {
	if err := o.validate(a); err != nil {
		return err
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	x := &caExport{exportRun: exportRun{app: a, view: v, opts: &o.exportOptions, keys: export.NewKeyring()}, ca: o}
	if x.certs, err = a.readAuthorities(args, o.force); err != nil {
		return err
	}
	if err := x.readRoots(); err != nil {
		return err
	}
	out, err := f.render(ctx, x)
	if err != nil {
		return err
	}
	if err := x.write(ctx, out.files); err != nil {
		return err
	}
	if v.site != nil && v.site.Flavor == daemon.FlavorRemote {
		x.addNote("The daemon is on another machine, where the files have to be, too.")
	}
	for _, c := range x.certs {
		for _, w := range c.Warnings {
			x.addNote("%s: %s", c.Fingerprint.Short(), w)
		}
	}
	for _, n := range slices.Concat(x.notes, out.notes) {
		fmt.Fprintln(a.cli.Err(), redact.Terminal(n))
	}
	_, err = fmt.Fprint(a.cli.Out(), out.text)
	return err
}

// readRoots finds the bundle that the authorities are joined with: that of --roots, else this machine's.
func (x *caExport) readRoots() error {
	if x.ca.roots != "" {
		data, err := readNamed(x.ca.roots)
		if err != nil {
			return fmt.Errorf("reading %s: %w", x.ca.roots, err)
		}
		x.roots, x.from = data, x.ca.roots
		return x.checkRoots()
	}
	if x.roots, x.from = systemBundle(x.view.files); x.from != "" {
		return x.checkRoots()
	}
	return nil // an error only where the bundle is needed
}

func (x *caExport) checkRoots() error {
	if _, count := export.Bundle(x.roots, nil); count == 0 {
		return fmt.Errorf("%s has no certificate in it", x.from)
	}
	return nil
}

// bundle is the file with roots and authorities.
func (x *caExport) bundle() ([]byte, error) {
	if len(x.roots) == 0 {
		return nil, fmt.Errorf("this machine has no bundle of public roots, and a file without them would make programs trust nobody but the proxy: --roots FILE names one")
	}
	data, count := export.Bundle(x.roots, x.certs)
	x.addNote("%s holds the %d roots of %s, and the authorities.", export.BundleFile, count, x.from)
	return data, nil
}

// trust is what new containers get, and the files with it.
func (x *caExport) trust(ctx context.Context) (export.Trust, []export.File, error) {
	dir, err := filepath.Abs(x.opts.dir)
	if err != nil {
		return export.Trust{}, nil, fmt.Errorf("finding the directory of -o: %w", err)
	}
	java, err := x.javaStore(ctx)
	if err != nil {
		return export.Trust{}, nil, err
	}
	t := export.NewTrust(export.TrustOptions{Dir: dir, At: x.ca.mountAt, Names: x.ca.names, Combined: x.ca.combined, Java: java})
	var files []export.File
	for _, m := range t.Mounts {
		name := filepath.Base(m.Source)
		if slices.ContainsFunc(files, func(f export.File) bool { return f.Name == name }) {
			continue
		}
		data := export.Authorities(x.certs)
		switch name {
		case export.BundleFile:
			if data, err = x.bundle(); err != nil {
				return t, nil, err
			}
		case export.JavaFile:
			data = java.Data
		}
		files = append(files, export.File{Name: name, Data: data})
	}
	return t, files, nil
}

func caRunForm() caExportForm {
	return caExportForm{
		name: "run", mounts: true,
		short: "Print the options of docker run that make a container trust an authority",
		long: `Write the files, and print the options of docker run and docker create with which a new container trusts the authorities: the mounts and the variables that name them.

Programs that read none of the variables are reached with --mount-at: the path of the bundle they read, over which the new one is mounted.`,
		example: `  docker run $(docker proxy ca export run proxy-ca.pem -o ca) IMAGE
  docker run $(docker proxy ca export run proxy-ca.pem -o ca --mount-at /etc/ssl/certs/ca-certificates.crt) IMAGE`,
		render: func(ctx context.Context, x *caExport) (exported, error) {
			t, files, err := x.trust(ctx)
			if err != nil {
				return exported{}, err
			}
			words, err := export.RunCA(t)
			if err != nil {
				return exported{}, err
			}
			out := runWords(words)
			out.files = files
			return out, nil
		},
	}
}

func caComposeForm() caExportForm {
	return caExportForm{
		name: "compose", mounts: true,
		short: "Write an override file for Docker Compose with which services trust an authority",
		long: `Write an override file with which the named services trust the authorities, and print the docker compose command that creates them again with it. Nothing in the project's own
files is changed.

Where a program has a setting of its own, --mount-at is the path at which it looks, and --env the variable that has to name it.`,
		example: `  docker proxy ca export compose proxy-ca.pem --service web --service worker -o ca
  docker proxy ca export compose proxy-ca.pem --service repo_api --service repo_worker -o ca \
    --mount-at /etc/repo/ca_certs/ca_cert.pem --env REPO_CUSTOM_CA_CERT`,
		flags: func(cmd *cobra.Command, o *caExportOptions) {
			f := cmd.Flags()
			f.StringSliceVar(&o.services, "service", nil, "Export for this service `NAME`; may be given more than once")
			f.StringArrayVar(&o.composeFiles, "compose-file", nil, "Read this Compose `FILE` of the project; may be given more than once, as -f of docker compose")
			f.StringVar(&o.projectDir, "project-directory", "", "The `DIR` of the Compose project")
			_ = cmd.MarkFlagFilename("compose-file", "yaml", "yml") // these fail for an unknown flag only
			_ = cmd.MarkFlagDirname("project-directory")
		},
		render: func(ctx context.Context, x *caExport) (exported, error) {
			p, err := x.project(x.opts.services)
			if err != nil {
				return exported{}, err
			}
			t, files, err := x.trust(ctx)
			if err != nil {
				return exported{}, err
			}
			data, err := export.ComposeCA(x.opts.services, t)
			if err != nil {
				return exported{}, err
			}
			out := exported{text: x.caComposeCommand(p) + "\n", files: append(files, export.File{Name: export.ComposeCAFile, Data: data})}
			if len(p.Files) == 0 {
				out.notes = append(out.notes, "There is no Compose project here; --compose-file or --project-directory names one.")
			}
			return out, nil
		},
	}
}

// caComposeCommand is the docker compose command with all files of the project.
func (x *caExport) caComposeCommand(p export.Project) string {
	words := []string{"docker", "compose"}
	if x.opts.projectDir != "" && len(x.opts.composeFiles) > 0 {
		words = append(words, "--project-directory", x.opts.projectDir)
	}
	files := p.Files
	if len(files) == 0 {
		files = []string{"compose.yaml"}
	}
	for _, f := range append(slices.Clone(files), x.path(export.ComposeCAFile)) {
		words = append(words, "-f", f)
	}
	text, _ := export.Words(append(append(words, "up", "-d"), x.opts.services...))
	return strings.TrimSpace(text)
}
