package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// app is what every command of one run shares.
type app struct {
	cli      command.Cli     // streams and Docker's own options; never call its Client, see engineClient
	root     string          // --root: the directory in which every path is taken; "" for the running system
	redactor redact.Redactor // the secrets of this run
	started  bool            // a command's own code has begun: errors before that are wrong usage
	fault    txn.Fault       // asked before every system call that changes the host; nil except in tests
}

// subcommands lists the commands of `docker proxy`. Help and completion sort them by name.
func subcommands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newCACommand(a),
		newDoctorCommand(a),
		newExplainCommand(a),
		newExportCommand(a),
		newHelpCommand(),
		newReconcileCommand(a),
		newRestartCommand(a),
		newRollbackCommand(a),
		newSetCommand(a),
		newShowCommand(a),
		newTestCommand(a),
		newUnsetCommand(a),
		newVersionCommand(a),
	}
}

// newRootCommand returns the command `proxy` with all its children, ready for plugin.RunPlugin.
func newRootCommand(dockerCLI command.Cli) *cobra.Command {
	return newAppCommand(context.Background(), &app{cli: dockerCLI})
}

func newAppCommand(ctx context.Context, a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   pluginName + " [OPTIONS] [COMMAND]",
		Short: shortDescription,
		Long: shortDescription + `.

Without a command it prints the status: the effective settings, the number of findings, and what to do next.`,
		Example: `  docker proxy                                      the status of this machine
  docker proxy show --effective                     what dockerd uses, and why
  docker proxy set --proxy http://proxy.corp:3128   set it
  docker proxy help version                         help about a command`,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), a, cmd) },
		Args:                       knownCommand,
		SuggestionsMinimumDistance: 2,
	}
	root.SetContext(ctx)
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		cmd.SetContext(ctx)
		if err := checkLogLevel(cmd); err != nil {
			return err
		}
		if f := cmd.Flags().Lookup("root"); f != nil && f.Changed && a.root == "" {
			return usageErrorf("--root needs a directory; an empty one is not taken for the running system")
		}
		return plugin.PersistentPreRunE(cmd, args) // without it there are no streams, no options and no cancellation by the CLI
	}
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().StringVar(&a.root, "root", "", "Take every path inside `DIR`, without executing anything from it")
	_ = root.MarkPersistentFlagDirname("root") // fails for an unknown flag only
	root.AddCommand(subcommands(a)...)
	visit(root, a.prepare)
	return root
}

// prepare gives c what no command may forget: arguments it did not ask for are an error, a group without a command of its own prints its help, and the
// moment its own code begins is recorded.
func (a *app) prepare(c *cobra.Command) {
	c.DisableFlagsInUseLine = true
	c.Long = fold(c.Long, helpWidth)
	switch {
	case c.Args != nil:
	case c.HasSubCommands():
		c.Args = knownCommand
	default:
		c.Args = cli.NoArgs
	}
	own := c.RunE
	if own == nil && c.Run != nil {
		run := c.Run
		own = func(cmd *cobra.Command, args []string) error { run(cmd, args); return nil }
	}
	if own == nil {
		own = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	c.Run = nil
	c.RunE = func(cmd *cobra.Command, args []string) error {
		a.started = true
		return own(cmd, args)
	}
}

func visit(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, child := range c.Commands() {
		visit(child, do)
	}
}

// knownCommand refuses whatever stands where a sub-command is expected: cobra would pass it to the group's own function, and exit 0.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		hint = fmt.Sprintf("\n\nDid you mean '%s %s'?", cmd.CommandPath(), strings.Join(similar, "' or '"+cmd.CommandPath()+" "))
	}
	return fmt.Errorf("docker: unknown command: %s %s%s\n\nRun '%s --help' for more information", cmd.CommandPath(), args[0], hint, cmd.CommandPath())
}

// flagError names the unknown command when there is one: its flags are unknown only because it is.
func flagError(cmd *cobra.Command, err error) error {
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
		return knownCommand(cmd, cmd.Flags().Args())
	}
	return cli.FlagErrorFunc(cmd, err)
}

// checkLogLevel refuses a bad --log-level, on which docker/cli would end the process with a status of its own.
func checkLogLevel(cmd *cobra.Command) error {
	f := cmd.Root().Flags().Lookup("log-level")
	if f == nil || f.Value.String() == "" {
		return nil
	}
	if _, err := logrus.ParseLevel(f.Value.String()); err != nil {
		return usageErrorf("unknown log level %q: use debug, info, warn, error or fatal", f.Value.String())
	}
	return nil
}
