package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// envSurface is a place shared with the whole machine. It is edited only when it is named (--layer env), never with credentials, and only where this dockerd
// gets it.
type envSurface struct{}

func (envSurface) layer() precedence.Layer { return precedence.LayerEnv }

// observe does nothing: shared places are read with the environment they become part of.
func (envSurface) observe(*Site, *host.FS, *Observation) {}

// sharedPlace returns the file that --layer env writes on this host, or "".
func sharedPlace(site *Site) string {
	switch {
	case site.Flavor == FlavorSnap:
		return "/etc/environment"
	case site.Manager == ManagerSystemd:
		return "/etc/systemd/system.conf.d/docker-proxy.conf"
	case site.Manager == ManagerSystemdUser && site.User != nil:
		return path.Join(site.User.XDGConfigHome, "environment.d/docker-proxy.conf")
	case site.Manager == ManagerOpenRC:
		return "/etc/rc.conf"
	}
	return ""
}

func (envSurface) refuse(site *Site) error {
	if sharedPlace(site) != "" {
		return nil
	}
	return fmt.Errorf("no file shared with the whole machine reaches this dockerd: use --layer %s (for a shell there is `docker proxy export shell`)", site.otherLayer(precedence.LayerEnv))
}

func (envSurface) edit(site *Site, files *host.FS, wanted precedence.Settings) ([]change.Change, error) {
	p := sharedPlace(site)
	if p == "" {
		return nil, nil
	}
	from, err := change.Observe(files, p)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", p, unwrapPath(err))
	}
	if site.Manager == ManagerOpenRC {
		return editStartup(files, StartupFile{Path: p, Reader: ReaderSourced}, wanted)
	}
	c := change.Change{Path: p, From: from, Layer: string(precedence.LayerEnv), Needs: change.Needs{Restart: true}}
	switch {
	case site.Flavor == FlavorSnap:
		data := from.Data
		for _, k := range wanted.Keys() {
			for _, name := range k.Names() {
				if data, err = setOrRemove(data, name, wanted[k].Reveal()); err != nil {
					return nil, fmt.Errorf("%s: %w", p, err)
				}
			}
		}
		c.To = from.WithData(data)
		if from.Kind == change.Absent && len(data) == 0 {
			return nil, nil
		}
	case site.Manager == ManagerSystemd:
		c.Needs.DaemonReload = true
		c.To, err = defaultEnvironmentFile(site, files, p, wanted)
	default:
		c.Needs.DaemonReload = true // environment.d is read by a generator
		c.To, err = environmentDFile(site, files, p, wanted)
	}
	if err != nil {
		return nil, err
	}
	return only(c), nil
}

func setOrRemove(data []byte, name, value string) ([]byte, error) {
	if value == "" {
		return envfile.Remove(data, name)
	}
	return envfile.Set(data, name, value)
}

// sharedValues merges what our file at p holds with what is wanted; the variables come in the order of precedence.AllNames.
func sharedValues(held []precedence.Binding, wanted precedence.Settings) []envfile.Var {
	values := map[string]string{}
	for _, b := range held {
		values[b.Source.Name] = b.Value.Reveal()
	}
	for _, k := range wanted.Keys() {
		for _, name := range k.Names() {
			values[name] = wanted[k].Reveal()
		}
	}
	var vars []envfile.Var
	for _, name := range precedence.AllNames() {
		if values[name] != "" {
			vars = append(vars, envfile.Var{Name: name, Value: values[name]})
		}
	}
	return vars
}

// foreignFile refuses to replace a file of our name that we have not written.
func foreignFile(files *host.FS, p string) error {
	data, err := files.ReadFile(p)
	if errors.Is(err, fs.ErrNotExist) || err == nil && ours(data) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", p, unwrapPath(err))
	}
	return fmt.Errorf("%s exists and was not written by this program", p)
}

func defaultEnvironmentFile(site *Site, files *host.FS, p string, wanted precedence.Settings) (change.State, error) {
	if err := foreignFile(files, p); err != nil {
		return change.State{}, err
	}
	vars := sharedValues(defaultEnvironment(site, files, p, &Observation{}), wanted)
	if len(vars) == 0 {
		return change.State{}, nil
	}
	text := marker + "\n[Manager]\n"
	for _, v := range vars {
		word, err := unitfile.QuoteEnvironment(v.Name, v.Value)
		if err != nil {
			return change.State{}, err
		}
		text += "DefaultEnvironment=" + word + "\n"
	}
	return change.NewFile([]byte(text), 0o644), nil
}

func environmentDFile(site *Site, files *host.FS, p string, wanted precedence.Settings) (change.State, error) {
	if err := foreignFile(files, p); err != nil {
		return change.State{}, err
	}
	vars := sharedValues(environmentD(site, files, p, nil), wanted)
	if len(vars) == 0 {
		return change.State{}, nil
	}
	body, err := envfile.Format(marker, vars)
	if err != nil {
		return change.State{}, err
	}
	return change.NewFile(body, 0o644), nil
}
