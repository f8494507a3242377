package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

func composeFormat() exportFormat {
	return exportFormat{
		name:      "compose",
		container: true,
		several:   true,
		short:     "Print an override file for Docker Compose",
		long: `Print an override file that sets the proxy variables of the named services, and the docker compose command that uses it. With -f each service may have a proxy and a
user of its own; without --service it is for all services in that file.

NO_PROXY gets loopback and every name in the project's networks: services that talk to each other must not do so through the proxy. The project is the one that docker
compose finds in this directory, or that of --compose-file and --project-directory.

With -o the override is written as compose.proxy.yaml, and user and password go into proxy-credentials.env, readable by you alone. They are in the environment of the
running container all the same, where docker inspect shows them.`,
		example: `  docker proxy export compose --service web --service worker
  docker proxy export compose -f proxy.yaml -o proxy
  docker proxy export compose --service web --off`,
		flags: func(cmd *cobra.Command, o *exportOptions) {
			f := cmd.Flags()
			f.StringArrayVar(&o.composeFiles, "compose-file", nil, "Read this Compose `FILE` of the project; may be given more than once, as -f of docker compose")
			f.StringVar(&o.projectDir, "project-directory", "", "The `DIR` of the Compose project")
			_ = cmd.MarkFlagFilename("compose-file", "yaml", "yml") // these fail for an unknown flag only
			_ = cmd.MarkFlagDirname("project-directory")
		},
		render: renderCompose,
		renderOff: func(_ context.Context, x *exportRun) (exported, error) {
			p, err := x.project(x.opts.services)
			if err != nil {
				return exported{}, err
			}
			data, err := export.ComposeOff(x.opts.services)
			return x.composed(p, x.opts.services, data), err
		},
	}
}

func renderCompose(_ context.Context, x *exportRun) (exported, error) {
	var names []string
	for _, c := range x.consumers {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	p, err := x.project(names)
	if err != nil {
		return exported{}, err
	}
	for i := range x.consumers {
		list, left := export.ForProject(x.consumers[i].Settings.NoProxy, p, isPublicSuffix)
		x.consumers[i].Settings.NoProxy = list
		for _, e := range left {
			x.addNote("NO_PROXY does not get %s: %s.", redact.Terminal(e.Entry), redact.Terminal(e.Reason))
		}
	}
	data, err := x.keys.Compose(x.consumers, x.opts.reveal)
	if err != nil {
		return exported{}, err
	}
	out := x.composed(p, names, data)
	if x.hidden() {
		out.files = append(out.files, export.File{Name: export.CredentialsFile, Data: x.keys.File(), Secret: true})
		if x.opts.dir == "" {
			out.notes = append(out.notes, x.undefined()...)
		}
	}
	return out, nil
}

// composed is the result for a project, with the command that uses it.
func (x *exportRun) composed(p export.Project, services []string, data []byte) exported {
	command := x.composeCommand(p, services)
	out := exported{text: string(data), then: command + "\n", files: []export.File{{Name: export.ComposeFile, Data: data}}}
	if x.opts.dir == "" {
		out.notes = []string{fmt.Sprintf("Save it as %s; then: %s", export.ComposeFile, command)}
	}
	if len(p.Files) == 0 {
		out.notes = append(out.notes, "There is no Compose project here, so the names of its other services are not in NO_PROXY; --compose-file or --project-directory names one.")
	}
	for _, u := range p.Unknown {
		out.notes = append(out.notes, fmt.Sprintf("Not followed, so its names are not in NO_PROXY: %s.", redact.Terminal(u)))
	}
	return out
}

// composeCommand is the docker compose command with all files of the project. Where --env-file is given Compose does not read .env by itself any more.
func (x *exportRun) composeCommand(p export.Project, services []string) string {
	words := []string{"docker", "compose"}
	if x.opts.projectDir != "" && len(x.opts.composeFiles) > 0 {
		words = append(words, "--project-directory", x.opts.projectDir)
	}
	if x.hidden() {
		for _, f := range x.envFiles(p) {
			words = append(words, "--env-file", f)
		}
		words = append(words, "--env-file", x.path(export.CredentialsFile))
	}
	files := p.Files
	if len(files) == 0 {
		files = []string{"compose.yaml"}
	}
	for _, f := range append(slices.Clone(files), x.path(export.ComposeFile)) {
		words = append(words, "-f", f)
	}
	text, _ := export.Words(append(append(words, "up", "-d"), services...))
	return text
}

// envFiles are the env-files Compose would read without --env-file.
func (x *exportRun) envFiles(p export.Project) []string {
	if list := os.Getenv("COMPOSE_ENV_FILES"); list != "" {
		return strings.Split(list, ",")
	}
	dir := x.opts.projectDir
	if dir == "" && len(p.Files) > 0 {
		dir = filepath.Dir(p.Files[0])
	}
	path := filepath.Join(dir, ".env")
	if _, err := readNamed(path); err != nil {
		return nil
	}
	return []string{path}
}

// project reads the Compose project, and refuses services that it does not have.
func (x *exportRun) project(services []string) (export.Project, error) {
	files := x.opts.composeFiles
	if len(files) == 0 {
		var err error
		if files, err = export.FindProject(readNamed, filepath.Clean(x.opts.projectDir), x.opts.projectDir == "", os.Getenv); err != nil {
			return export.Project{}, err
		}
		if len(files) == 0 && x.opts.projectDir != "" {
			return export.Project{}, usageErrorf("--project-directory: there is no Compose file in %s", x.opts.projectDir)
		}
	}
	p, err := export.ReadProject(readNamed, files)
	if err != nil {
		return p, err
	}
	if len(services) == 0 {
		return p, usageErrorf("name the services: --service NAME (the project here has %s)", orNone(p.Services))
	}
	for _, s := range services {
		if len(files) > 0 && !p.Has(s) {
			return p, usageErrorf("there is no service %q in %s (it has %s)", s, strings.Join(files, ", "), orNone(p.Services))
		}
	}
	return p, nil
}

// readNamed reads a file that the caller named, or that stands where the caller does, with the caller's rights.
func readNamed(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:forbidigo // see above
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			return nil, pe.Err // callers name the path
		}
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSpec+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSpec {
		return nil, errors.New("larger than 1 MiB")
	}
	return data, nil
}
