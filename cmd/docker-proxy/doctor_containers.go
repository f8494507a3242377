package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/client/export"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkContainersFlag refuses --containers where there is nobody to ask, or nothing that could be mended.
func (o doctorOptions) checkContainersFlag(a *app) error {
	switch {
	case o.containers && a.root != "":
		return usageErrorf("--containers and --root exclude each other: containers are the running daemon's")
	case o.containers && o.fix:
		return usageErrorf("--containers and --fix exclude each other: a container gets other settings by being created anew, and each finding says how")
	}
	return nil
}

// lookContainers judges the environment of every container, image and builder that the daemon has. Where the daemon cannot be asked, a note says so.
func (v *view) lookContainers(ctx context.Context, a *app) error {
	unasked := func(why string) error {
		v.notes = append(v.notes, "--containers: "+a.redactor.Text(redact.Terminal(why))+", so no container was looked at")
		return nil
	}
	switch {
	case v.broken != nil:
		return unasked("which daemon is meant is not known")
	case v.engine == nil || v.site.Info == nil:
		return unasked("the daemon cannot be asked (" + whyNotAsked(v) + ")")
	}
	d, err := v.askContainers(ctx)
	if err != nil {
		return unasked(err.Error())
	}
	for _, c := range d.Containers {
		a.knowSecrets(c.Env)
	}
	for _, i := range d.Images {
		a.knowSecrets(i.Env)
	}
	file := client.File{Host: client.DefaultHost}
	if len(v.clients) > 0 {
		file = v.clients[0]
	}
	for _, f := range client.CheckContainers(d, file, v.elsewhere(file.Path)) {
		f.Message, f.Fix = a.redactor.Text(redact.Terminal(f.Message)), redact.Terminal(f.Fix)
		v.extra = append(v.extra, f)
	}
	return nil
}

// whyNotAsked says why the daemon was not asked.
func whyNotAsked(v *view) string {
	switch {
	case v.site.APIError != nil:
		return v.site.APIError.Error()
	case !v.site.Active:
		return "it does not run"
	}
	return "it does not answer"
}

// knowSecrets makes the credentials of an environment known to the filter of all output.
func (a *app) knowSecrets(env []string) {
	for _, e := range env {
		if name, value, _ := strings.Cut(e, "="); strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			a.redactor.AddValue(precedence.Value(value))
		}
	}
}

// askContainers asks for everything that is judged, a few containers at a time.
func (v *view) askContainers(ctx context.Context) (client.Daemon, error) {
	var out client.Daemon
	e := v.engine
	all, err := e.AllContainers(ctx)
	if err != nil {
		return out, fmt.Errorf("asking for the containers: %w", err)
	}
	v.lookMissingCAs(all)
	projects := projectReader{view: v, known: map[string]projectVariables{}}
	for _, c := range all {
		one := created(c)
		projects.read(&one)
		out.Containers = append(out.Containers, one)
	}
	images, err := e.Images(ctx)
	if err != nil {
		return out, fmt.Errorf("asking for the images: %w", err)
	}
	for _, i := range images {
		out.Images = append(out.Images, client.Baked{ID: i.ID, Tags: i.Tags, Env: i.Config.Env})
	}
	networks, err := e.Networks(ctx)
	if err != nil {
		return out, fmt.Errorf("asking for the networks: %w", err)
	}
	for _, n := range networks {
		for _, p := range n.Prefixes {
			out.Subnets = append(out.Subnets, client.Subnet{Network: n.Name, Prefix: p})
		}
	}
	return out, nil
}

// created is a container as the checks of package client want it.
func created(c engine.Created) client.Created {
	out := client.Created{Name: c.Name, Env: c.Env, Labels: c.Labels, Image: c.ImageID, Running: c.Running, Shared: c.Shared}
	for _, n := range c.Networks {
		out.Networks = append(out.Networks, client.Attached{Network: n.Network, Names: slices.Clone(n.Names)})
	}
	return out
}

// The labels by which Compose says what it made a container of.
const (
	labelComposeFiles = "com.docker.compose.project.config_files"
	labelComposeDir   = "com.docker.compose.project.working_dir"
)

// projectReader looks, in the files of a container's Compose project, for the proxy variables that the project sets itself. It opens what labels name, which may be anything:
// nothing of it is shown, only whether the variables' names are in it.
type projectReader struct {
	view  *view
	known map[string]projectVariables // by the labels
}

type projectVariables struct {
	names   []string
	unknown bool
}

// mostProjectFiles bounds how many files one project may name.
const mostProjectFiles = 50

func (r projectReader) read(c *client.Created) {
	files, dir := c.Labels[labelComposeFiles], c.Labels[labelComposeDir]
	if files == "" {
		return
	}
	key := files + "\x00" + dir
	p, ok := r.known[key]
	if !ok {
		p = r.look(strings.Split(files, ","), dir)
		r.known[key] = p
	}
	c.Own, c.Any = p.names, p.unknown
}

// look reads the files where the daemon is on this machine; elsewhere, and where they cannot be read, nothing is known.
func (r projectReader) look(files []string, dir string) projectVariables {
	if !r.view.site.Local || len(files) > mostProjectFiles || slices.ContainsFunc(append(files, dir), func(p string) bool { return !filepath.IsAbs(p) }) {
		return projectVariables{unknown: true}
	}
	names, err := export.MentionedVariables(r.view.files.ReadFile, files, dir)
	return projectVariables{names: names, unknown: err != nil}
}
