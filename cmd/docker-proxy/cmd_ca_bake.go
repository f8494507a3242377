package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/bake"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// caBakeOptions are the options of `ca bake`.
type caBakeOptions struct {
	certs   []string
	tag     string
	named   bool // by this program
	bundles []string
	seed    string
	force   bool
	dryRun  bool
	check   bool
	format  outputFormat
}

// bakeReport is the JSON of `ca bake`.
type bakeReport struct {
	Changed      bool         `json:"changed"`
	Certificates []certReport `json:"certificates"`
	From         string       `json:"from"` // the image's ID
	Image        string       `json:"image"`
	Tag          string       `json:"tag"`
	Files        []string     `json:"files"`
	Notes        []string     `json:"notes"`
}

func newCABakeCommand(a *app) *cobra.Command {
	var o caBakeOptions
	cmd := &cobra.Command{
		Use:   "bake [OPTIONS] CERT IMAGE",
		Short: "Make an image that trusts an authority, of another one",
		Long: `Make an image that trusts the authority CERT: IMAGE with one layer more, in which the certificate is in the stores of the distribution and of the programs, as 'docker proxy ca add'
would put it into a container. Everything else stays: entrypoint, environment, user, layers. Nothing of the image is run, so it needs no shell, and may be one for another
architecture.

Its containers trust the authority from their first moment. The new image is IMAGE with "-ca" behind its tag, or what --tag says. An image that trusts the authority already gets
that name, and no layer.`,
		Example: `  docker proxy ca bake proxy-ca.pem eclipse-temurin:21
  docker proxy ca bake proxy-ca.pem registry.corp/app:1 --tag registry.corp/app:1-corp
  docker proxy ca bake proxy-ca.pem app:1 --dry-run`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 && (len(o.certs) == 0 || len(args) != 1) {
				return usageErrorf("%s takes a certificate and an image", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(o.certs) == 0 {
				o.certs, args = args[:1], args[1:]
			} else if len(args) == 2 {
				return usageErrorf("with --cert the only argument is the image")
			}
			return runCABake(cmd.Context(), a, &o, args[0])
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.certs, "cert", nil, "A certificate to add: `FILE`, - or a fingerprint; then the only argument is the image")
	f.StringVarP(&o.tag, "tag", "t", "", "The `NAME` of the new image")
	f.StringArrayVar(&o.bundles, "bundle", nil, "Also an application's own bundle at `PATH` inside the image, such as /conda/ssl/cacert.pem")
	addSeedFlag(cmd, &o.seed)
	f.BoolVar(&o.force, "force", false, "Take a certificate that is no authority, not signed by itself, or expired")
	f.BoolVar(&o.dryRun, "dry-run", false, "Make no image; print what would be in its layer")
	f.BoolVar(&o.check, "check", false, "Make no image; exit with status 3 when IMAGE does not trust the authority")
	addFormatFlag(cmd, &o.format)
	cmd.MarkFlagsMutuallyExclusive("check", "dry-run")
	return cmd
}

func (o *caBakeOptions) validate(a *app, image string) error {
	if a.root != "" {
		return usageErrorf("--root has no images: it is about files alone")
	}
	for _, b := range o.bundles {
		if !strings.HasPrefix(b, "/") {
			return usageErrorf("--bundle %q: use an absolute path, as the programs in the image name it", redact.Terminal(b))
		}
	}
	if o.tag == "" {
		tag, err := bakedName(image)
		if err != nil {
			return err
		}
		o.tag, o.named = tag, true
	}
	if named, err := reference.ParseNormalizedNamed(o.tag); err != nil {
		return usageErrorf("--tag: %w", err)
	} else if _, digested := named.(reference.Digested); digested {
		return usageErrorf("--tag: %s has a digest, which a new image gets by itself", redact.Terminal(o.tag))
	}
	return nil
}

// bakedName is the name of the new image, where none is given: the old one with "-ca" behind its tag.
func bakedName(image string) (string, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err == nil && strings.HasPrefix(image, "sha256:") {
		return "", usageErrorf("%s is an ID: --tag NAME says what the new image is called", redact.Terminal(image))
	}
	if err != nil {
		if _, idErr := reference.ParseAnyReference(image); idErr != nil {
			return "", usageErrorf("%q is not the name of an image", redact.Terminal(image))
		}
		return "", usageErrorf("%s is no name: --tag NAME says what the new image is called", redact.Terminal(image))
	}
	if _, digested := named.(reference.Digested); digested {
		return "", usageErrorf("%s has no tag: --tag NAME says what the new image is called", redact.Terminal(image))
	}
	tagged, ok := reference.TagNameOnly(named).(reference.NamedTagged)
	if !ok {
		return "", usageErrorf("%s has no tag: --tag NAME says what the new image is called", redact.Terminal(image))
	}
	return reference.FamiliarName(tagged) + ":" + tagged.Tag() + "-ca", nil
}

func runCABake(ctx context.Context, a *app, o *caBakeOptions, image string) error {
	if err := o.validate(a, image); err != nil {
		return err
	}
	want, err := a.readAuthorities(o.certs, o.force)
	if err != nil {
		return err
	}
	v, err := a.look(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	s := &caSession{app: a, view: v, engine: v.engine, files: v.root}
	if err := s.reachable(); err != nil {
		return err
	}
	seed, err := readSeed(s.files, o.seed)
	if err != nil {
		return err
	}
	rep := bakeReport{Certificates: certReports(want), Files: []string{}, Notes: []string{}}
	var planned []install.File // what would change
	in := &install.Installer{
		Survey: install.Surveyor(install.SurveyOptions{Bundles: o.bundles, Seed: seed, Now: time.Now}),
		Daemon: v.site.Info.ID, PlanOnly: o.dryRun || o.check, Now: time.Now,
	}
	if err := o.notByID(ctx, s.engine, image); err != nil {
		return err
	}
	errPlanned := errors.New("planned")
	res, err := bake.Bake(ctx, s.engine, image, o.tag, want, func(ctx context.Context, id string) ([]string, error) {
		res, files, err := s.addIdle(ctx, in, id, want)
		for _, n := range res.Notes {
			if n.Kind != certs.NeedsRestart && n.Kind != certs.Remark { // nothing runs
				rep.Notes = append(rep.Notes, n.String())
			}
		}
		if err == nil && in.PlanOnly {
			planned = res.Files
			return nil, errPlanned // so that no image is made, nor a name given
		}
		return files, err
	})
	switch {
	case errors.Is(err, errPlanned):
		return a.bakePlan(o, planned, rep)
	case err != nil:
		return fmt.Errorf("%s: %w", redact.Terminal(image), err)
	}
	rep.Changed, rep.From, rep.Image, rep.Tag, rep.Files = res.Changed(), res.From, res.ID, o.tag, append(rep.Files, res.Files...)
	rep.Notes = append(rep.Notes, res.Notes...)
	return printAs(a.cli.Out(), o.format, rep, func(w io.Writer) error { return a.writeBake(w, image, rep) })
}

// notByID refuses to make up a name for an image that was named by its ID.
func (o *caBakeOptions) notByID(ctx context.Context, d bake.Daemon, image string) error {
	if !o.named {
		return nil
	}
	found, err := d.Image(ctx, image)
	if err == nil && strings.HasPrefix(found.ID, "sha256:"+strings.TrimPrefix(image, "sha256:")) {
		return usageErrorf("%s is an ID: --tag NAME says what the new image is called", redact.Terminal(image))
	}
	return nil // what is wrong otherwise is found later
}

// addIdle adds the authorities to a container that never starts, and says which files changed, without links in their names.
func (s *caSession) addIdle(ctx context.Context, in *install.Installer, id string, want []certs.Authority) (install.Result, []string, error) {
	c, err := s.engine.Inspect(ctx, id)
	if err != nil {
		return install.Result{}, nil, err
	}
	t, err := target.OpenInspected(ctx, s.engine, c, target.ArchiveAPI)
	if err != nil {
		return install.Result{}, nil, err
	}
	defer t.Close()
	res, err := in.Add(ctx, t, c, want)
	if err == nil && res.Skipped != "" {
		err = errors.New(res.Skipped)
	}
	if err != nil || !res.Changed {
		return res, nil, err
	}
	var out []string
	for _, f := range res.Files {
		dir, _, err := tree.Resolve(t, path.Dir(f.Path))
		if err != nil {
			return res, nil, err
		}
		at := path.Join(dir, path.Base(f.Path))
		if f.Action != "link" {
			if at, _, err = tree.Resolve(t, at); err != nil {
				return res, nil, err
			}
		}
		out = append(out, at)
	}
	slices.Sort(out)
	return res, slices.Compact(out), nil
}

// bakePlan is what --dry-run and --check say.
func (a *app) bakePlan(o *caBakeOptions, planned []install.File, rep bakeReport) error {
	for _, f := range planned {
		rep.Files = append(rep.Files, f.Path)
	}
	rep.Tag = o.tag
	err := printAs(a.cli.Out(), o.format, rep, func(w io.Writer) error {
		for _, f := range planned {
			fmt.Fprintf(w, "%s %s\n", f.Action, f.Path)
		}
		if len(planned) == 0 {
			fmt.Fprintln(w, "Nothing to do: the image trusts the authority already.")
		}
		return nil
	})
	if err == nil && o.check && len(planned) > 0 {
		return silently(exitPending)
	}
	return err
}

func (a *app) writeBake(w io.Writer, image string, rep bakeReport) error {
	for _, n := range rep.Notes {
		fmt.Fprintln(a.cli.Err(), redact.Terminal(n))
	}
	if !rep.Changed {
		_, err := fmt.Fprintf(w, "%s trusts it already; it is called %s, too\n", redact.Terminal(image), rep.Tag)
		return err
	}
	for _, f := range rep.Files {
		fmt.Fprintln(a.cli.Err(), "in the new layer: "+f)
	}
	_, err := fmt.Fprintln(w, rep.Tag)
	return err
}
