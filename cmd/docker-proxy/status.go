package main

import (
	"context"

	"github.com/spf13/cobra"
)

// runStatus is `docker proxy` without a command.
func runStatus(_ context.Context, _ *app, cmd *cobra.Command) error { return cmd.Help() }
