// Command docker-proxy is the Docker CLI plugin behind `docker proxy`: it shows and sets the proxy of a Docker daemon and of its clients.
//
// This package is the command line only: it parses, calls pkg/daemon, pkg/client and pkg/certs, and prints. It decides nothing about precedence and writes
// no file of the host. Start reading at run, then newRootCommand; every sub-command has a file of its own (cmd_NAME.go) and one line in subcommands (root.go).
package main

import (
	"context"
	"os"

	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/debug"
	"go.opentelemetry.io/otel"

	"github.com/docker-proxy/docker-proxy/internal/txn"
)

func main() { os.Exit(run(os.Args)) }

// run is the whole program; argv is os.Args, and the result is the exit status. What needs no Docker client is answered first: a call meant for Docker's
// userland proxy must never hang or read a config file, and the CLI asks every plugin for its metadata each time somebody types `docker --help`.
func run(argv []string) int {
	if status, child := txn.RunChild(argv); child {
		return status
	}
	if isUserlandProxyCall(argv) {
		return refuseUserlandProxy(os.Stderr)
	}
	if isMetadataCall(argv) {
		return printMetadata(os.Stdout, os.Stderr)
	}
	ctx, stop := withInterrupts(context.Background(), os.Stderr)
	defer stop()
	return runPlugin(ctx, argv)
}

// runPlugin does what plugin.Run of docker/cli does, except for the end: plugin.Run prints and exits with Docker's own statuses (125, 1), here every error
// gets the status of the documented table; streams replace the process's own. See cli-plugins/plugin/plugin.go of docker/cli v28.5.2.
func runPlugin(ctx context.Context, argv []string, streams ...command.CLIOption) int {
	return runApp(ctx, &app{}, argv, streams...)
}

// runApp is runPlugin for an app that a test has prepared.
func runApp(ctx context.Context, a *app, argv []string, streams ...command.CLIOption) int {
	// docker/cli reads os.Args in several places (the global flags, dial-stdio), so the word a direct call left out is put in there.
	os.Args = append(argv[:1:1], withPluginName(argv[1:])...)
	otel.SetErrorHandler(debug.OTELErrorHandler)
	dockerCLI, err := command.NewDockerCli(append(streams, command.WithBaseContext(ctx))...)
	if err != nil {
		return report(ctx, os.Stderr, failure{err: err, args: os.Args[1:]})
	}
	a.cli = dockerCLI
	err = plugin.RunPlugin(dockerCLI, newAppCommand(ctx, a), pluginMetadata())
	return report(ctx, dockerCLI.Err(), failure{err: err, args: os.Args[1:], beforeStart: !a.started, redactor: &a.redactor})
}
