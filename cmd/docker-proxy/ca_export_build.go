package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/pkg/certs/dockerfile"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// The values of --variables.
const (
	wayAuto   = "auto"
	waySecret = "secret"
	wayShell  = "shell"
)

func caBuildForm() caExportForm {
	return caExportForm{
		name:  "build",
		short: "Write a Dockerfile whose RUN steps trust an authority, and nothing of it gets into the image",
		long: `Write a copy of a Dockerfile in which each RUN step trusts the authorities, and print the docker build command that uses it. The image is the one of the original: neither the
authorities nor a variable nor a mount point is in a layer or in its configuration.

The files come as a build context of their own that is mounted below /dev, which is in memory during a step. The variables come as build secrets where the builder knows that
(Docker 28, or "# syntax=docker/dockerfile:1" in the Dockerfile); else each step's shell reads them from a file, and these few words stay in the image's history. --variables decides
it for a builder that is not the daemon's.

Reached are programs that read a variable: curl, git, wget, apt, pip, npm, Node, Go, cargo, Python, Ruby, .NET, and Java with --java. For others, such as dnf and what uses libcurl, --mount-at names the
bundle in the image over which the new one is mounted in each step; such a step must not install or update the package ca-certificates.

The old builder (docker build without buildx) knows no mounts, so it cannot do this. What the builder itself fetches, for FROM and ADD, goes by the machine's own store:
'docker proxy set --ca'.`,
		example: `  docker proxy ca export build proxy-ca.pem -o ca
  docker proxy ca export build proxy-ca.pem -f web.Dockerfile -o ca
  docker proxy ca export build proxy-ca.pem -o ca --mount-at /etc/pki/tls/certs/ca-bundle.crt`,
		flags: func(cmd *cobra.Command, o *caExportOptions) {
			f := cmd.Flags()
			f.StringVarP(&o.dockerfile, "file", "f", "Dockerfile", "The Dockerfile `FILE`")
			f.StringVar(&o.way, "variables", wayAuto, "How steps get their variables: secret, shell, or auto, which goes by the daemon's version")
			f.StringArrayVar(&o.mountAt, "mount-at", nil, "Also mount the bundle over this `PATH` of the image in each step; may be given more than once")
			_ = cmd.MarkFlagFilename("file") // this fails for an unknown flag only
			_ = cmd.RegisterFlagCompletionFunc("variables", cobra.FixedCompletions([]cobra.Completion{wayAuto, waySecret, wayShell}, cobra.ShellCompDirectiveNoFileComp))
		},
		render: renderCABuild,
	}
}

func renderCABuild(ctx context.Context, x *caExport) (exported, error) {
	source := x.ca.dockerfile
	text, err := readNamed(source)
	if err != nil {
		return exported{}, fmt.Errorf("reading the Dockerfile %s: %w", source, err)
	}
	secrets, err := x.bySecret(text)
	if err != nil {
		return exported{}, err
	}
	java, err := x.javaStore(ctx)
	if err != nil {
		return exported{}, err
	}
	o := dockerfile.Options{Way: dockerfile.ByShell}
	if secrets {
		o.Way = dockerfile.BySecret
		for _, v := range export.BuildVariables(java) {
			o.Variables = append(o.Variables, v.Name)
		}
	}
	for _, at := range x.ca.mountAt {
		o.Over = append(o.Over, dockerfile.Over{Source: export.BundleFile, Target: at})
	}
	result, err := dockerfile.Rewrite(text, o)
	if err != nil {
		return exported{}, fmt.Errorf("rewriting %s: %w", source, err)
	}
	if _, err := x.bundle(); err != nil {
		return exported{}, err
	}
	name := filepath.Base(source)
	if at, err := filepath.Abs(source); err == nil && at == x.inDir(name) {
		return exported{}, usageErrorf("-o: the new Dockerfile would overwrite %s; another directory", source)
	}
	out := exported{files: append(export.BuildFiles(x.certs, x.roots, java, secrets), export.File{Name: name, Data: export.MarkDockerfile(result.Data)})}
	// What the builder leaves out of the context is in a file beside the Dockerfile, or else in the context itself (buildkit dockerui, DockerIgnore).
	switch ignored, err := readNamed(source + ".dockerignore"); {
	case err == nil:
		out.files = append(out.files, export.File{Name: name + ".dockerignore", Data: append([]byte(export.Marker), ignored...)})
	case !errors.Is(err, fs.ErrNotExist):
		return exported{}, fmt.Errorf("reading %s: %w", source+".dockerignore", err)
	}
	for _, n := range result.Notes {
		out.notes = append(out.notes, source+", "+n.String()+".")
	}
	if !secrets {
		out.notes = append(out.notes, fmt.Sprintf("The history of the image shows that its steps read %s/%s, and no variable.", dockerfile.Dir, dockerfile.EnvFile))
	}
	words := append([]string{"docker", "buildx", "build"}, export.BuildOptions(x.opts.dir, name, java, secrets)...)
	line, _ := export.Words(append(words, path.Dir(filepath.ToSlash(source))))
	out.text = line + "\n"
	return out, nil
}

// inDir is the absolute path of a file of -o.
func (x *caExport) inDir(name string) string {
	dir, err := filepath.Abs(x.opts.dir)
	if err != nil {
		return ""
	}
	return filepath.Join(dir, name)
}

// bySecret reports whether the builder makes variables of secrets.
func (x *caExport) bySecret(text []byte) (bool, error) {
	switch x.ca.way {
	case waySecret:
		return true, nil
	case wayShell:
		return false, nil
	case wayAuto:
	default:
		return false, usageErrorf("--variables: %q is none of auto, secret, shell", x.ca.way)
	}
	if dockerfile.SyntaxMakesVariables(text) {
		return true, nil
	}
	return x.view.site.BuildsWithSecretVariables(), nil
}
