package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

func buildxFormat() exportFormat {
	return exportFormat{
		name:      "buildx",
		container: true,
		short:     "Print the docker buildx create command of a builder",
		long: `Print the command that makes a builder whose BuildKit uses the proxy: for its pulls, pushes, ADD and git. (RUN steps get what config.json says.) A builder has its
environment from docker buildx create and cannot be changed afterwards; with --from the commands replace a builder, and the new one has every option of the old.

Builds on the old builder end. Its cache goes, unless it is removed with --keep-state, as the printed command does.`,
		example: `  docker proxy export buildx
  docker proxy export buildx --from mybuilder -o proxy
  docker proxy export buildx --from mybuilder --off`,
		flags: func(cmd *cobra.Command, o *exportOptions) {
			cmd.Flags().StringVar(&o.from, "from", "", "Replace this `BUILDER`, and keep its options")
		},
		prepare: prepareBuildx,
		render:  func(_ context.Context, x *exportRun) (exported, error) { return x.recreated(x.only()) },
		renderOff: func(_ context.Context, x *exportRun) (exported, error) {
			if x.opts.from == "" {
				return exported{}, usageErrorf("--off needs the builder that is to lose its proxy: --from BUILDER")
			}
			return x.recreated(export.Settings{})
		},
	}
}

// builder is what there is to know about the builder of --from.
type builder struct {
	export.Builder
	current bool
}

// prepareBuildx reads the builder, whose network decides whether it can use a proxy on loopback.
func prepareBuildx(x *exportRun) error {
	if x.opts.from == "" {
		return nil
	}
	if x.app.root != "" {
		return usageErrorf("--from and --root exclude each other: the builder is one of this machine's")
	}
	dir := os.Getenv("BUILDX_CONFIG")
	if dir == "" {
		dir = filepath.Join(config.Dir(), "buildx")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the builders: %w", err)
	}
	name := x.opts.from
	if filepath.Base(name) != name {
		return usageErrorf("--from: %q is not the name of a builder", name)
	}
	data, err := x.view.files.ReadFile(filepath.Join(dir, "instances", strings.ToLower(name)))
	if errors.Is(err, fs.ErrNotExist) {
		names, _ := x.view.files.ReadDir(filepath.Join(dir, "instances")) // without the directory there is none
		return usageErrorf("--from: there is no builder %q with options of its own (there is %s); the builder of a context pulls with its daemon's proxy, and RUN steps get what config.json says", name, orNone(names))
	}
	if err != nil {
		return fmt.Errorf("reading the builder %s: %w", name, plainPathError(err))
	}
	b, err := export.ParseBuilder(data)
	if err != nil {
		return err
	}
	for _, n := range b.Nodes {
		for _, v := range n.DriverOpts {
			x.app.redactor.Add(userinfoIn(v))
		}
	}
	x.builder = &builder{Builder: b, current: isCurrent(x, dir, b.Name)}
	x.hostNetwork = b.HostNetwork()
	return nil
}

// userinfoIn returns what stands before the @ of a URL; "" for nothing.
func userinfoIn(value string) string {
	_, rest, _ := strings.Cut(value, "://")
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return ""
	}
	return rest[:at]
}

func isCurrent(x *exportRun, dir, name string) bool {
	var current struct{ Name string }
	data, err := x.view.files.ReadFile(filepath.Join(dir, "current"))
	return err == nil && json.Unmarshal(data, &current) == nil && current.Name == name
}

// recreated is the result for a builder that exists, or for a new one.
func (x *exportRun) recreated(s export.Settings) (exported, error) {
	if x.builder == nil {
		return x.withCredentials(exported{text: x.keys.Create(s, x.opts.reveal)}), nil
	}
	b, out := x.builder, exported{}
	if b.HasConfig() {
		dir, err := filepath.Abs(x.opts.dir)
		switch {
		case x.opts.dir == "":
			return out, usageErrorf("builder %s has a configuration of BuildKit, which docker buildx create wants as a file: -o DIR writes it, with its certificates", b.Name)
		case err != nil:
			return out, fmt.Errorf("finding the directory of -o: %w", err)
		case strings.ContainsAny(dir, `"\`):
			return out, usageErrorf("-o: a path with quotes or backslashes cannot stand in BuildKit's configuration")
		}
		out.files = b.ConfigFiles(dir)
	}
	out.text = x.keys.Recreate(b.Builder, s, x.opts.dir, b.current, x.opts.reveal)
	out.notes = append(out.notes, fmt.Sprintf("Builds that run on %s end. Without --keep-state its cache goes, too.", b.Name))
	return x.withCredentials(out), nil
}

// withCredentials puts the definition of ${NAME} before commands.
func (x *exportRun) withCredentials(out exported) exported {
	out.then = out.text
	if !x.hidden() {
		return out
	}
	if x.opts.dir == "" {
		out.notes = append(out.notes, x.undefined()...)
	}
	out.then = ". " + x.word(export.CredentialsFile) + "\n" + out.text
	if !strings.Contains(x.word(export.CredentialsFile), "/") {
		out.then = ". ./" + x.word(export.CredentialsFile) + "\n" + out.text
	}
	out.files = append(out.files, export.File{Name: export.CredentialsFile, Data: x.keys.File(), Secret: true})
	out.notes = append(out.notes, "While docker buildx create runs, user and password are on its command line; afterwards docker buildx inspect shows them.")
	return out
}
