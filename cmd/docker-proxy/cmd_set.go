package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
)

type setOptions struct {
	flags        setFlags
	scope        scopeOptions
	apply        applyOptions
	file         string
	ca           []string
	clientCreds  string
	clientHost   string
	reconcile    bool
	keepShadowed bool
	changed      func(string) bool
}

const (
	credsInclude = "include"
	credsOmit    = "omit"
)

func newSetCommand(a *app) *cobra.Command {
	var o setOptions
	cmd := &cobra.Command{
		Use:   "set [OPTIONS]",
		Short: "Make proxy settings effective in the daemon and the client",
		Long: `Make proxy settings effective: in one layer of the daemon, and in the client's config.json for new containers and builds.

Settings that are not named keep their value and their layer. A value that would stay shadowed, or that this dockerd would not read, is refused before
anything is written, naming file and line.

NO_PROXY is two lists: the daemon's, and the one for containers and builds. Where neither is set and none is given they are computed: loopback, this machine's
names and addresses, registry mirrors, insecure registries, the cloud's metadata service; for containers also Docker's networks, containers and services.

A proxy that terminates TLS signs with an authority of its own: --ca puts it into this machine's trust store, in the same change and with the same restart.`,
		Example: `  sudo docker proxy set --proxy http://proxy.example.com:3128 --no-proxy localhost,.example.com --restart
  sudo docker proxy set --proxy http://proxy.example.com:3128 --username ann --password-stdin --only daemon <secret
  sudo docker proxy set --username ann --password-file new-password --restart   change the password only
  sudo docker proxy set --no-proxy-add registry.example.com:5000 --dry-run
  sudo docker proxy set --proxy http://proxy.example.com:3128 --ca proxy-ca.pem --restart
  sudo docker proxy set -f proxy.yaml --check`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.changed = cmd.Flags().Changed
			return runSet(cmd.Context(), a, &o)
		},
	}
	o.flags.add(cmd)
	addScopeFlags(cmd, &o.scope, "Write this `LAYER` of the daemon: auto, daemon.json, systemd, startup or env", daemon.Auto, daemon.Auto, "daemon.json", "systemd", "startup", "env")
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "Take the settings from a YAML or JSON `FILE`")
	f.StringArrayVar(&o.ca, "ca", nil, "Also have this machine trust the authority in `FILE` (- for stdin, or the fingerprint of one it holds)")
	f.StringVar(&o.clientCreds, "client-credentials", "", "Whether user and password go into config.json, and so into every new container: `include|omit`")
	f.StringVar(&o.clientHost, "client-host", client.DefaultHost, "The `KEY` of config.json's proxies to write: default, the exact endpoint of a daemon, or current for the selected context's")
	f.BoolVar(&o.reconcile, "reconcile", false, "Take the settings out of Docker's other places too, so that all agree")
	f.BoolVar(&o.keepShadowed, "keep-shadowed", false, "Leave values that become shadowed where they are")
	addApplyFlags(cmd, &o.apply)
	return cmd
}

func runSet(ctx context.Context, a *app, o *setOptions) error {
	w, err := o.parse(a)
	if err != nil {
		return err
	}
	list, err := o.authorities(a)
	if err != nil {
		return err
	}
	r := request{app: a, opts: o.apply, early: func(j *job) error {
		if err := j.refuseEarly(o.scope.daemon()); err != nil {
			return err
		}
		if len(list) > 0 {
			if err := j.refuseCAEarly(o.ca[0]); err != nil {
				return err
			}
		}
		if at, _, err := clientLocations(j.view, o.scope.users); err == nil && len(at) == 0 && o.clientCreds == "" {
			o.clientCreds = credsOmit // no config.json is written, so there is nothing to decide
		}
		if err := o.decideClientCredentials(ctx, a, w); err != nil {
			return err
		}
		if err := o.flags.read(a, w, o.apply.yes); err != nil {
			return err
		}
		w.learn(a)
		return nil
	}, plan: func(ctx context.Context, j *job) error {
		j.notes = slices.Clone(w.notes)
		if len(list) == 0 {
			return j.planSet(ctx, o, w)
		}
		j.plan = &daemon.Plan{After: j.view.obs} // where nothing but the CA is set
		if !w.empty() || o.flags.username != "" {
			if err := j.planSet(ctx, o, w); err != nil {
				return err
			}
		}
		return j.planCA(list)
	}}
	return r.run(ctx)
}

// parse checks the options, without reading stdin.
func (o *setOptions) parse(a *app) (*wanted, error) {
	if err := o.apply.validate(a); err != nil {
		return nil, err
	}
	if o.file != "" {
		if err := o.takeFile(); err != nil {
			return nil, err
		}
	}
	if err := o.scope.validate(daemon.Auto, "daemon.json", "systemd", "startup", "env"); err != nil {
		return nil, err
	}
	if o.clientCreds != "" && o.clientCreds != credsInclude && o.clientCreds != credsOmit {
		return nil, usageErrorf("unknown value %q for --client-credentials: use include or omit", o.clientCreds)
	}
	if o.reconcile && o.keepShadowed {
		return nil, usageErrorf("--reconcile and --keep-shadowed exclude each other")
	}
	w, err := o.flags.parse(o.changed, o.apply.yes, o.scope.client())
	if err != nil {
		return nil, err
	}
	if len(o.ca) > 0 && !o.scope.daemon() {
		return nil, usageErrorf("--ca and --only client exclude each other: the CA is for this machine, whose trust store dockerd reads; for containers: docker proxy ca add")
	}
	if w.empty() && o.flags.username == "" && o.flags.proxy != "-" && len(o.ca) == 0 {
		return nil, usageErrorf("nothing to set: give --proxy URL, --no-proxy LIST, --ca FILE or another setting (see docker proxy set --help)")
	}
	return w, nil
}

func (w *wanted) empty() bool {
	return len(w.urls)+len(w.client)+len(w.add)+len(w.remove) == 0 && w.clientURL == "" && w.noProxy == nil && w.daemonNo == nil && w.clientNo == nil
}

// authorities reads the certificates of --ca, before anything else is asked for.
func (o *setOptions) authorities(a *app) ([]certs.Authority, error) {
	var out []certs.Authority
	stdin := o.flags.passwordStdin || o.flags.proxy == "-"
	for _, arg := range o.ca {
		if arg == "-" && stdin {
			return nil, usageErrorf("--ca -: stdin can be read for one thing only")
		}
		stdin = stdin || arg == "-"
		list, err := a.readAuthority(arg, false)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// learn makes the secrets of the request known to the redactor.
func (w *wanted) learn(a *app) {
	for _, v := range w.urls {
		a.redactor.AddValue(v)
	}
	for _, v := range w.client {
		a.redactor.AddValue(v)
	}
	a.redactor.AddValue(w.clientURL)
}

// credentials reports whether any are given.
func (o *setOptions) credentials(w *wanted) bool {
	if o.flags.username != "" || w.clientURL.HasCredentials() {
		return true
	}
	for _, v := range w.urls {
		if v.HasCredentials() {
			return true
		}
	}
	return false
}

// decideClientCredentials asks, or insists on an answer, whether credentials go into config.json: from there they reach the environment of every new container.
func (o *setOptions) decideClientCredentials(ctx context.Context, a *app, w *wanted) error {
	if !o.scope.client() || o.clientCreds != "" || !o.credentials(w) {
		return nil
	}
	if !a.cli.In().IsTerminal() || o.flags.passwordStdin {
		return usageErrorf("credentials are given: say --client-credentials include or omit (in config.json they reach the environment of every new container), or --only daemon")
	}
	yes, err := a.ask(ctx, "Write user and password into config.json as well? They reach the environment of every new container.")
	if err != nil {
		return err
	}
	o.clientCreds = credsOmit
	if yes {
		o.clientCreds = credsInclude
	}
	return nil
}

// refuseEarly refuses, before anything is read from stdin or asked, what cannot work.
func (j *job) refuseEarly(daemonSide bool) error {
	s := j.view.site
	if !daemonSide {
		return nil
	}
	if err := j.view.broken; err != nil {
		return brokenContext(err)
	}
	there := s.Live && s.Manager != daemon.ManagerNone && s.Flavor != daemon.FlavorRemote && s.Flavor != daemon.FlavorDesktop
	if there && os.Geteuid() != 0 && s.Manager != daemon.ManagerSystemdUser && !j.opts.readOnly() {
		return needsRoot()
	}
	return j.editable()
}

// editable refuses what this program does not change; what the caller may not read, with the command that may.
func (j *job) editable() error {
	err := daemon.CheckEditable(j.view.obs)
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		return fmt.Errorf("%w; this needs root: %s", err, rootCommand())
	}
	return err
}

func (j *job) planSet(ctx context.Context, o *setOptions, w *wanted) error {
	if o.scope.daemon() {
		settings, where, err := w.daemonSettings(j.view.obs.Verdicts, j.auto(ctx, autoDaemon))
		if err != nil {
			return err
		}
		for _, s := range settings {
			j.app.redactor.AddValue(s)
		}
		if len(settings) > 0 {
			j.plan, err = daemon.PlanSet(j.view.obs, daemon.SetRequest{
				Wanted: settings, Layer: o.scope.layer, Reconcile: o.reconcile, KeepShadowed: o.keepShadowed, WhereTheyStand: where && o.scope.layer == daemon.Auto,
			}, j.app.history(j.view))
			if err != nil {
				return err
			}
			j.secretNotes()
		}
	}
	if !o.scope.client() {
		return nil
	}
	return j.planClient(o.scope.users, j.clientHost(o.clientHost), func(file client.File) (client.Request, []string, error) {
		return w.clientSettings(file, o.clientCreds == credsInclude, j.auto(ctx, autoClient))
	})
}

// secretNotes says which files lose access because they receive credentials.
func (j *job) secretNotes() {
	for _, c := range j.plan.Changes.Effective() {
		if c.From.Kind == change.File && c.To.Kind == change.File && c.From.Mode != c.To.Mode && c.From.Mode&0o077 != 0 && c.To.Mode&0o077 == 0 {
			j.notes = append(j.notes, fmt.Sprintf("%s receives credentials: its mode changes from %04o to %04o", c.Path, c.From.Mode, c.To.Mode))
		}
	}
}

// planClient plans the config.json of the caller, or of the named users.
func (j *job) planClient(users []string, hostKey string, want func(client.File) (client.Request, []string, error)) error {
	if j.plan == nil && !j.view.files.Live() {
		return usageErrorf("nothing of this is for the daemon, and under --root the config.json of no user is written")
	}
	at, note, err := clientLocations(j.view, users)
	if err != nil {
		return err
	}
	switch {
	case note != "" && j.plan == nil:
		return usageErrorf("%s", note) // nothing else was asked for
	case note != "":
		j.notes = append(j.notes, note)
	}
	for _, loc := range at {
		f, _, err := client.Observe(j.view.files, loc, hostKey)
		if err != nil {
			return err
		}
		request, notes, err := want(f)
		if err != nil {
			return err
		}
		for _, s := range request.Values {
			j.app.redactor.AddValue(s)
			if s.HasCredentials() {
				j.clientSecret = with(j.clientSecret, loc.Path)
			}
		}
		changes, err := client.Edit(j.view.files, loc, request)
		if err != nil {
			return err
		}
		for _, c := range changes {
			j.client = append(j.client, restoreClient(j, c))
		}
		j.notes = append(j.notes, notes...)
	}
	return nil
}

func with(set map[string]bool, name string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[name] = true
	return set
}

// restoreClient gives a config.json back as it was before this program touched it where that holds the same settings.
func restoreClient(j *job, c change.Change) change.Change {
	history := j.app.history(j.view)
	if history == nil {
		return c
	}
	for _, past := range history(c.Path, c.From) {
		if client.SameSettings(c.Path, past.State, c.To) {
			c.To = past.State
			break
		}
	}
	return c
}

// commandLine is this run's command line for the journal, masked.
func (a *app) commandLine() string {
	return a.redactor.Text("docker " + strings.TrimPrefix(strings.Join(maskedArgs(os.Args[1:]), " "), "docker "))
}
