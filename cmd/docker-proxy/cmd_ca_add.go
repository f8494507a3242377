package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

func newCAAddCommand(a *app) *cobra.Command {
	var o caOptions
	cmd := &cobra.Command{
		Use:   "add [OPTIONS] CERT [CONTAINER...]",
		Short: "Make containers trust an authority",
		Long: `Make containers trust the authority CERT: a file (PEM, DER, PKCS#7 or PKCS#12 without keys), - for stdin, or the beginning of the fingerprint of a certificate that was added
before.

The certificate is written into the stores that the container's programs read, as the distribution's own tool would leave them: nothing runs inside, so that it works without a shell
and in stopped containers. What was there before is recorded, and 'docker proxy ca remove' brings it back. Where the certificate is trusted already nothing is written.

Programs that read their store once notice when they start again: they are named, and --restart restarts their containers. What only an environment variable reaches is
named with the variable.

A container without any bundle, such as one made from scratch, gets one: of the certificate alone, so that programs in it trust nothing but the proxy, or with --seed of public roots,
too. A bundle that is there is never seeded.

A container with the label docker-proxy.ca=false is left alone.

--machine means this machine's own trust store, with one restart of dockerd, which reads it once only; it is taken back by 'docker proxy rollback' or 'ca remove --machine'.`,
		Example: `  sudo docker proxy ca add proxy-ca.pem web db
  sudo docker proxy ca add proxy-ca.pem --all --restart
  sudo docker proxy ca add proxy-ca.pem --filter label=app=feeds
  sudo docker proxy ca add proxy-ca.pem --project shop --dry-run
  sudo docker proxy ca add proxy-ca.pem engine --bundle /conda/ssl/cacert.pem
  sudo docker proxy ca add proxy-ca.pem tiny --seed system
  sudo docker proxy ca add --cert one.pem --cert two.pem web
  docker proxy ca add 3f29c1a2b4d5 new-container --check
  sudo docker proxy ca add proxy-ca.pem --machine --restart         this machine, and so dockerd
  sudo docker proxy ca add ca.pem --machine --registry registry.corp:5000`,
		ValidArgsFunction: a.completeContainers(func(*cobra.Command) int {
			if len(o.certs) > 0 {
				return 0
			}
			return 1
		}),
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runCAAdd(cmd.Context(), a, &o, args) },
	}
	cmd.Flags().StringArrayVar(&o.certs, "cert", nil, "A certificate to add: `FILE`, - or a fingerprint; then all arguments are containers")
	cmd.Flags().BoolVar(&o.force, "force", false, "Take a certificate that is no authority, not signed by itself, or expired")
	addRefreshFlag(cmd, &o, "auto: write what the distribution's tool would; tool: run it in the container, and certutil for databases of NSS")
	addSeedFlag(cmd, &o.seed)
	addSelectFlags(cmd, &o)
	addWriteFlags(cmd, &o)
	addMachineFlags(cmd, &o)
	cmd.Flags().StringArrayVar(&o.registries, "registry", nil, "With --machine: only dockerd trusts it, and only for the registry `HOST[:PORT]` (certs.d); nothing restarts")
	return cmd
}

// addRefreshFlag adds the option that lets tools run in containers.
func addRefreshFlag(cmd *cobra.Command, o *caOptions, usage string) {
	cmd.Flags().StringVar(&o.refresh, "refresh", refreshAuto, usage)
	_ = cmd.RegisterFlagCompletionFunc("refresh", cobra.FixedCompletions([]cobra.Completion{refreshAuto, refreshTool}, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
}

// takeCert moves the first argument to the certificates, where --cert was not given, and the rest to the containers.
func (o *caOptions) takeCert(args []string) error {
	if len(o.certs) == 0 {
		if len(args) == 0 {
			return usageErrorf("which certificate? give a file, - for stdin, or the beginning of a fingerprint")
		}
		o.certs, args = args[:1], args[1:]
	}
	o.names = args
	return nil
}

// forWriting takes the arguments of a command that changes containers, and refuses what does not go together.
func (o *caOptions) forWriting(a *app, args []string) error {
	if err := o.takeCert(args); err != nil {
		return err
	}
	if err := o.validate(a); err != nil {
		return err
	}
	return o.needSelector(true)
}

func runCAAdd(ctx context.Context, a *app, o *caOptions, args []string) (err error) {
	if err := o.forWriting(a, args); err != nil {
		return err
	}
	want, err := a.readAuthorities(o.certs, o.force)
	if err != nil {
		return err
	}
	if o.machine {
		machine := func() error {
			return runMachineAdd(ctx, a, o.machineApply(), machineAdd{list: want, registries: o.registries})
		}
		if o.machineOnly() {
			return machine()
		}
		defer func() { err = o.alsoMachine(err, machine) }()
	}
	return a.writeCA(ctx, o, certReports(want), nil, func(s *caSession) work {
		return func(ctx context.Context, t target.Target, c engine.Inspected) (install.Result, error) {
			return s.in.Add(ctx, t, c, want)
		}
	})
}

// writeCA is what add, remove and replace have in common: the work in each container, restarts, the report. forget are certificates that are removed.
func (a *app) writeCA(ctx context.Context, o *caOptions, list []certReport, forget []certs.Fingerprint, make func(*caSession) work) (err error) {
	if err := o.tryFormat(list); err != nil {
		return err
	}
	s, err := a.openCA(ctx, o, !o.readOnly())
	if err != nil {
		return err
	}
	var rep caReport
	defer func() {
		if closed := s.close(); closed != nil && err == nil {
			err = closed
			if rep.Changed {
				err = withStatus(exitPartly, fmt.Errorf("the change is made, but its record may not be complete: %w", closed))
			}
		}
	}()
	out, err := s.run(ctx, make(s))
	if err != nil {
		return err
	}
	if !o.readOnly() && ctx.Err() == nil {
		if err := s.restart(ctx, out); err != nil {
			s.say("nothing was restarted: %v", err)
		}
		if err := s.prune(ctx, forget); err != nil {
			s.say("note: the records of containers that are gone could not be cleared: %v", err)
		}
	}
	rep = newCAReport(list, out)
	return s.finish(ctx, rep, func(w io.Writer) error { return s.writeText(w, rep) })
}

// tryFormat renders an empty report for nobody: a template with a mistake is refused before anything is written.
func (o *caOptions) tryFormat(list []certReport) error {
	if o.format.isTable() {
		return nil
	}
	return printAs(io.Discard, o.format, newCAReport(list, nil), nil)
}
