package main

import "github.com/spf13/cobra"

func newCACommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ca COMMAND",
		Short:   "Make containers trust the authority of a terminating proxy",
		Long:    `Make containers trust a proxy that terminates TLS, see whether they do, and undo it.`,
		Example: `  docker proxy ca export compose proxy-ca.pem --service web -o ca`,
	}
	cmd.AddCommand(caCommands(a)...)
	return cmd
}

// caCommands lists the commands of `docker proxy ca`.
func caCommands(a *app) []*cobra.Command {
	return []*cobra.Command{newCAExportCommand(a)}
}
