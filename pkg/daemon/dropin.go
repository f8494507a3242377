package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// marker is the first line of every file that is ours as a whole.
const marker = "# Written by docker proxy. Change it with `docker proxy set`; `docker proxy unset` takes it away."

// systemdSurface is the docker service's unit files. Ours are always two: a drop-in that names an environment file, and that file, which only root can read. An
// EnvironmentFile= wins over every Environment=, knows no % specifiers, and does not show its values to everybody over D-Bus.
type systemdSurface struct{}

func (systemdSurface) layer() precedence.Layer { return precedence.LayerSystemd }

// observe does nothing: the files of the unit are read as a whole by readUnit, because their order decides.
func (systemdSurface) observe(*Site, *host.FS, *Observation) {}

func (systemdSurface) refuse(site *Site) error {
	if !site.Manager.Systemd() {
		return fmt.Errorf("this dockerd is not started by systemd: use --layer %s", site.otherLayer(precedence.LayerSystemd))
	}
	return nil
}

// dropIn is our pair of files.
type dropIn struct {
	conf, env string
}

// unitDirectory is where an administrator's unit files of this manager stand.
func unitDirectory(site *Site) string {
	if site.Manager == ManagerSystemdUser && site.User != nil {
		return path.Join(site.User.XDGConfigHome, "systemd/user")
	}
	return "/etc/systemd/system"
}

// editableUnitFile reports whether a unit file or a file beside it is the administrator's own and this unit's, not a vendor's, not generated. A drop-in of another
// directory, such as service.d (systemd.unit(5)), speaks to other services too: it is shared.
func editableUnitFile(site *Site, p string) bool {
	rel, ok := strings.CutPrefix(p, unitDirectory(site)+"/")
	return ok && (!strings.Contains(rel, "/") || strings.HasPrefix(rel, site.Unit+".d/"))
}

// ourDropIn names our files: the pair that is there already; else the customary http-proxy.conf, unless somebody else has written one.
func ourDropIn(site *Site, files *host.FS) dropIn {
	dir := path.Join(unitDirectory(site), site.Unit+".d")
	usual := dropIn{path.Join(dir, "http-proxy.conf"), path.Join(dir, "http-proxy.env")}
	other := dropIn{path.Join(dir, "docker-proxy.conf"), path.Join(dir, "docker-proxy.env")}
	switch {
	case usual.present(files):
		return usual
	case other.present(files), usual.foreign(files) != nil, hides(site, files, usual.conf):
		return other
	}
	return usual
}

// present reports whether the drop-in of a pair is there and ours.
func (d dropIn) present(files *host.FS) bool {
	data, err := files.ReadFile(d.conf)
	return err == nil && ours(data)
}

// hides reports whether a drop-in at p would hide one of the same name in a vendor's directory, and so everything else that one says: of each name systemd reads only the
// file in the strongest directory (systemd.unit(5)).
func hides(site *Site, files *host.FS, p string) bool {
	return slices.ContainsFunc(unitFilesIn(site, files), func(uf systemd.UnitFile) bool { return uf.Path != p && path.Base(uf.Path) == path.Base(p) })
}

// foreign refuses a pair of which somebody else has written a file. The environment file beside a drop-in of ours is ours, whatever people made of it.
func (d dropIn) foreign(files *host.FS) error {
	data, err := files.ReadFile(d.conf)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return foreignFile(files, d.env)
	case err == nil && ours(data):
		return nil
	}
	return foreignFile(files, d.conf)
}

func ours(data []byte) bool { return bytes.HasPrefix(data, []byte(marker)) }

// dropInState is what our pair holds.
type dropInState struct {
	values map[string]string // of the environment file, by variable
	unset  []string          // of UnsetEnvironment=
}

func readDropIn(site *Site, files *host.FS, d dropIn) (dropInState, error) {
	st := dropInState{values: map[string]string{}}
	conf, err := files.ReadFile(d.conf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return st, fmt.Errorf("reading %s: %w", d.conf, unwrapPath(err))
	}
	for _, a := range unitfile.Parse(conf).All("Service", "UnsetEnvironment") {
		st.unset = append(st.unset, strings.Fields(a.Value)...)
	}
	env, err := files.ReadFile(d.env)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return st, fmt.Errorf("reading %s: %w", d.env, unwrapPath(err))
	}
	assigns, _ := envfile.Parse(env, site.SystemdVersion)
	for _, a := range assigns {
		if a.Problem == "" {
			st.values[a.Name] = a.Value
		}
	}
	return st, nil
}

func (systemdSurface) edit(site *Site, files *host.FS, wanted precedence.Settings) ([]change.Change, error) {
	if !site.Manager.Systemd() {
		return nil, nil
	}
	d := ourDropIn(site, files)
	if err := d.foreign(files); err != nil {
		if wanted.HasValue() {
			return nil, err
		}
		return cleanUnitFiles(site, files, dropIn{}, wanted)
	}
	st, err := readDropIn(site, files, d)
	if err != nil {
		return nil, err
	}
	for _, k := range wanted.Keys() {
		for _, name := range k.Names() {
			delete(st.values, name)
			if v := wanted[k]; v != "" {
				st.values[name] = v.Reveal()
				st.unset = slices.DeleteFunc(st.unset, func(n string) bool { return n == name })
			}
		}
	}
	out, err := st.changes(files, d)
	if err != nil {
		return nil, err
	}
	others, err := cleanUnitFiles(site, files, d, wanted)
	return append(out, others...), err
}

// maskUnit lets our drop-in remove the variables of the keys, for values that stand in vendor files or places shared with the machine.
func maskUnit(site *Site, files *host.FS, keys []precedence.Key) ([]change.Change, error) {
	d := ourDropIn(site, files)
	if err := d.foreign(files); err != nil {
		return nil, err
	}
	st, err := readDropIn(site, files, d)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		for _, name := range k.Names() {
			delete(st.values, name)
			if !slices.Contains(st.unset, name) {
				st.unset = append(st.unset, name)
			}
		}
	}
	return st.changes(files, d)
}

// unmaskUnit takes the variables of the keys out of our drop-in's UnsetEnvironment= again.
func unmaskUnit(site *Site, files *host.FS, keys []precedence.Key) ([]change.Change, error) {
	d := ourDropIn(site, files)
	st, err := readDropIn(site, files, d)
	if err != nil {
		return nil, err
	}
	st.unset = slices.DeleteFunc(st.unset, func(name string) bool {
		k, ok := precedence.KeyOf(name)
		return ok && slices.Contains(keys, k)
	})
	return st.changes(files, d)
}

// changes writes both files, or takes them away when nothing is left to say.
func (st dropInState) changes(files *host.FS, d dropIn) ([]change.Change, error) {
	var vars []envfile.Var
	for _, name := range precedence.AllNames() {
		if v, ok := st.values[name]; ok {
			vars = append(vars, envfile.Var{Name: name, Value: v})
		}
	}
	var conf, env []byte
	if len(vars) > 0 || len(st.unset) > 0 {
		var lines []unitfile.Line
		if len(vars) > 0 {
			named, err := unitfile.EnvironmentFileLine(d.env, true)
			if err != nil {
				return nil, err
			}
			lines = append(lines, named)
			if env, err = envfile.Format(marker, vars); err != nil {
				return nil, err
			}
		}
		if len(st.unset) > 0 {
			masked, err := unitfile.UnsetEnvironmentLine(st.unset...)
			if err != nil {
				return nil, err
			}
			lines = append(lines, masked)
		}
		conf = unitfile.DropIn(marker, lines...)
	}
	var out []change.Change
	// The environment file comes first: a drop-in never names a file that is not there yet.
	for _, f := range []struct {
		path   string
		data   []byte
		secret bool
	}{{d.env, env, true}, {d.conf, conf, false}} {
		c, err := wholeFile(files, f.path, f.data, f.secret)
		if err != nil {
			return nil, err
		}
		out = append(out, c...)
	}
	return out, nil
}

// wholeFile plans a file that is ours as a whole; nil data takes it away.
func wholeFile(files *host.FS, p string, data []byte, secret bool) ([]change.Change, error) {
	from, err := change.Observe(files, p)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", p, unwrapPath(err))
	}
	to := change.State{}
	if data != nil {
		to = change.NewFile(data, 0o644)
		if secret {
			to.Mode = 0o600
		}
	}
	if from.Kind == change.File && data != nil {
		to.UID, to.GID = from.UID, from.GID
	}
	c := change.Change{Path: p, From: from, To: to, Layer: string(precedence.LayerSystemd), Secret: secret, CleanFrom: !holdsCredentials(from.Data), Needs: change.Needs{Restart: true}, Validate: change.ValidateUnit}
	c.Needs.DaemonReload = !secret // systemd reads an EnvironmentFile at each start; only units are kept in memory
	return only(c), nil
}

// cleanUnitFiles takes the variables of the wanted keys out of the administrator's other unit files of this service, byte for byte otherwise.
func cleanUnitFiles(site *Site, files *host.FS, d dropIn, wanted precedence.Settings) ([]change.Change, error) {
	var names []string
	for _, k := range wanted.Keys() {
		names = append(names, k.Names()...)
	}
	var out []change.Change
	for _, uf := range unitFilesIn(site, files) {
		if uf.Masked || uf.Path == d.conf || !editableUnitFile(site, uf.Path) {
			continue
		}
		from, err := change.Observe(files, uf.Path)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", uf.Path, unwrapPath(err))
		}
		data := unitfile.ParseVersion(from.Data, site.SystemdVersion).RemoveEnvironment(names...).Data
		data = unitfile.ParseVersion(data, site.SystemdVersion).RemovePassEnvironment(names...).Data
		c := change.Change{Path: uf.Path, From: from, To: from.WithData(data), Layer: string(precedence.LayerSystemd), Needs: change.Needs{Restart: true, DaemonReload: true}, Validate: change.ValidateUnit}
		c.Secret = holdsCredentials(from.Data)
		c.Cause = "its proxy assignments are taken out"
		out = append(out, only(c)...)
	}
	files2, err := cleanNamedFiles(site, files, d, names)
	return append(out, files2...), err
}

// cleanNamedFiles does the same in environment files beside the unit that other drop-ins name. Files elsewhere belong to somebody else.
func cleanNamedFiles(site *Site, files *host.FS, d dropIn, names []string) ([]change.Change, error) {
	var out []change.Change
	var scratch Observation
	for _, dir := range readUnit(site, files, &scratch).Directives {
		if dir.Kind != precedence.EnvironmentFile || len(dir.Bindings) == 0 {
			continue
		}
		p := dir.Bindings[0].Source.Path
		if p == d.env || !editableUnitFile(site, p) || slices.ContainsFunc(out, func(c change.Change) bool { return c.Path == p }) {
			continue
		}
		from, err := change.Observe(files, p)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", p, unwrapPath(err))
		}
		data, err := envfile.Remove(from.Data, names...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		c := change.Change{Path: p, From: from, To: from.WithData(data), Layer: string(precedence.LayerSystemd), Needs: change.Needs{Restart: true}, Secret: holdsCredentials(from.Data)}
		c.Cause = "its proxy assignments are taken out"
		out = append(out, only(c)...)
	}
	return out, nil
}
