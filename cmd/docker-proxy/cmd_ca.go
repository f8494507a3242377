package main

import "github.com/spf13/cobra"

func newCACommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "ca COMMAND", Short: "Make containers trust an authority"}
	cmd.AddCommand(newCAExportCommand(a))
	return cmd
}
