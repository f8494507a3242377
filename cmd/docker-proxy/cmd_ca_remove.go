package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

func newCARemoveCommand(a *app) *cobra.Command {
	var o caOptions
	cmd := &cobra.Command{
		Use:   "remove [OPTIONS] CERT|FINGERPRINT [CONTAINER...]",
		Short: "Take an authority out of containers again",
		Long: `Take the authority CERT out of containers: a file, - for stdin, a fingerprint, or the beginning of the fingerprint of a certificate that was added here.

By the record every file becomes what it was before, byte for byte, with owner, mode and times. A file that somebody else has changed since loses the certificate and nothing else, and
so do the files of a container that was changed from another machine; what could not be restored is named.

A certificate that was trusted before it was added, such as one of the image's own, stays: --foreign removes it.`,
		Example: `  sudo docker proxy ca remove proxy-ca.pem --all
  sudo docker proxy ca remove 3f29c1a2b4d5 web
  sudo docker proxy ca remove proxy-ca.pem --project shop --dry-run
  sudo docker proxy ca remove proxy-ca.pem --machine --restart`,
		ValidArgsFunction: a.completeContainers(func(*cobra.Command) int { return 1 }),
		Args:              cobra.ArbitraryArgs,
		RunE:              func(cmd *cobra.Command, args []string) error { return runCARemove(cmd.Context(), a, &o, args) },
	}
	cmd.Flags().BoolVar(&o.foreign, "foreign", false, "Also remove it where this program did not add it")
	addRefreshFlag(cmd, &o, "tool: run certutil in the container for databases of NSS that cannot get their bytes back; auto: name the command")
	addSelectFlags(cmd, &o)
	addWriteFlags(cmd, &o)
	addMachineFlags(cmd, &o)
	return cmd
}

func runCARemove(ctx context.Context, a *app, o *caOptions, args []string) (err error) {
	if err := o.forWriting(a, args); err != nil {
		return err
	}
	gone, known, err := a.fingerprintsOf(o.certs)
	if err != nil {
		return err
	}
	if o.machine {
		machine := func() error { return runMachineRemove(ctx, a, o.machineApply(), gone, o.foreign) }
		if o.machineOnly() {
			return machine()
		}
		defer func() { err = o.alsoMachine(err, machine) }()
	}
	return a.writeCA(ctx, o, namedReports(gone, known), gone, func(s *caSession) work {
		return func(ctx context.Context, t target.Target, c engine.Inspected) (install.Result, error) {
			return s.in.Remove(ctx, t, c, gone, o.foreign)
		}
	})
}

// namedReports describes certificates of which some are known by their fingerprint only.
func namedReports(list []certs.Fingerprint, known []certs.Authority) []certReport {
	out := certReports(known)
	for _, f := range list {
		found := false
		for _, k := range known {
			found = found || k.Fingerprint == f
		}
		if !found {
			out = append(out, certReport{Fingerprint: f.String()})
		}
	}
	return out
}

func newCAReplaceCommand(a *app) *cobra.Command {
	var o caOptions
	cmd := &cobra.Command{
		Use:   "replace [OPTIONS] OLD NEW [CONTAINER...]",
		Short: "Put a new authority in the place of an old one",
		Long: `Put the authority NEW in the place of OLD, container by container: NEW is added and read back, and only then OLD is taken out, so that no container is ever without one. OLD and NEW
are as for 'add' and 'remove'.

--machine means this machine: NEW goes where OLD is, into its trust store and the directories of single registries (certs.d), and OLD out of them, in one transaction with one
restart of dockerd where that is needed; 'docker proxy rollback' takes it back.`,
		Example: `  sudo docker proxy ca replace 3f29c1a2b4d5 proxy-ca-2027.pem --all
  sudo docker proxy ca replace old.pem new.pem web --restart
  sudo docker proxy ca replace old.pem new.pem --machine --restart`,
		ValidArgsFunction: a.completeContainers(func(*cobra.Command) int { return 2 }),
		Args:              cobra.ArbitraryArgs,
		RunE:              func(cmd *cobra.Command, args []string) error { return runCAReplace(cmd.Context(), a, &o, args) },
	}
	cmd.Flags().BoolVar(&o.force, "force", false, "Take a certificate that is no authority, not signed by itself, or expired")
	cmd.Flags().BoolVar(&o.foreign, "foreign", false, "Also remove OLD where this program did not add it")
	addRefreshFlag(cmd, &o, "auto: write what the distribution's tool would; tool: run it in the container, and certutil for databases of NSS")
	addSeedFlag(cmd, &o.seed)
	addSelectFlags(cmd, &o)
	addWriteFlags(cmd, &o)
	addMachineFlags(cmd, &o)
	return cmd
}

func runCAReplace(ctx context.Context, a *app, o *caOptions, args []string) (err error) {
	if len(args) < 2 {
		return usageErrorf("replace needs two certificates, the old and the new one")
	}
	o.names = args[2:]
	if err := o.validate(a); err != nil {
		return err
	}
	if err := o.needSelector(true); err != nil {
		return err
	}
	if args[0] == "-" && args[1] == "-" {
		return usageErrorf("- stands for stdin and can be given once")
	}
	gone, _, err := a.fingerprintsOf(args[:1])
	if err != nil {
		return err
	}
	want, err := a.readAuthorities(args[1:2], o.force)
	if err != nil {
		return err
	}
	for _, w := range want {
		for _, g := range gone {
			if w.Fingerprint == g {
				return usageErrorf("the old and the new certificate are the same: %s", g.Short())
			}
		}
	}
	if o.machine {
		machine := func() error { return runMachineReplace(ctx, a, o.machineApply(), gone, want, o.foreign) }
		if o.machineOnly() {
			return machine()
		}
		defer func() { err = o.alsoMachine(err, machine) }()
	}
	return a.writeCA(ctx, o, certReports(want), gone, func(s *caSession) work {
		return func(ctx context.Context, t target.Target, c engine.Inspected) (install.Result, error) {
			return replaceOne(ctx, s.in, t, c, gone, want, o.foreign)
		}
	})
}

// replaceOne adds, verifies and then removes. A failed removal leaves both.
func replaceOne(ctx context.Context, in *install.Installer, t target.Target, c engine.Inspected, gone []certs.Fingerprint, want []certs.Authority, foreign bool) (install.Result, error) {
	added, err := in.Add(ctx, t, c, want)
	if err != nil {
		return added, err
	}
	if !in.PlanOnly {
		var list []certs.Fingerprint
		for _, w := range want {
			list = append(list, w.Fingerprint)
		}
		if _, err := in.Verify(ctx, t, c, list, nil); err != nil {
			return added, fmt.Errorf("the new certificate was added, but is not trusted, so the old one stays: %w", err)
		}
	}
	removed, err := in.Remove(ctx, t, c, gone, foreign)
	if err != nil {
		err = errors.Join(errors.New("the new certificate is trusted, the old one could not be taken out"), err)
	}
	return added.And(removed), err
}
