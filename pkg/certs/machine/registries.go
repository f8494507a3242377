package machine

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// HubError says why certs.d does not help with Docker Hub.
type HubError struct{ Name string }

func (e *HubError) Error() string {
	return fmt.Sprintf("%s is Docker Hub, for which dockerd does not read certs.d (moby registry.lookupV2Endpoints), and whose layers come from other hosts: "+
		"the CA belongs into the machine's trust store, which is where it goes without a registry's name", redact.Terminal(e.Name))
}

// CheckRegistry refuses what is no registry as dockerd names their directories below certs.d, HOST or HOST:PORT. *HubError for Docker Hub.
func CheckRegistry(name string) error {
	switch name {
	case "docker.io", "index.docker.io", "registry-1.docker.io", "registry.docker.io":
		return &HubError{name}
	}
	u, err := url.Parse("https://" + name)
	if err != nil || u.Host != name || u.Hostname() == "" || strings.Trim(name, ".") == "" || strings.ContainsAny(name, " \\%") {
		name = name[strings.LastIndex(name, "@")+1:] // credentials are nobody's business
		return fmt.Errorf("%q is not the name of a registry: give HOST or HOST:PORT, as in an image's name", redact.Terminal(name))
	}
	return nil
}

// AddForRegistries plans files below certsDir (/etc/docker/certs.d) that make dockerd trust the authorities for some registries alone. It reads them at every pull
// (moby registry.ReadCertsDirectory: every *.crt is an authority), so that nothing has to restart. Other files there stay as they are.
func (m *Machine) AddForRegistries(certsDir string, registries []string, list []certs.Authority) (change.Plan, error) {
	var plan change.Plan
	for _, name := range registries {
		if err := CheckRegistry(name); err != nil {
			return nil, err
		}
		dir := path.Join(certsDir, name)
		for _, a := range list {
			if m.inRegistry(dir, a.Fingerprint) {
				continue
			}
			file := path.Join(dir, a.Fingerprint.AnchorName())
			from, err := change.Observe(m.files, file)
			if err != nil {
				return nil, err
			}
			plan = append(plan, change.Change{
				Path: file, From: from, To: change.NewFile(a.PEM(), 0o644), Layer: Layer,
				Cause: fmt.Sprintf("dockerd trusts %s for %s", a.Fingerprint.Short(), name),
			})
		}
	}
	return plan, nil
}

// inRegistry reports that a directory holds the certificate already, under whatever name dockerd reads.
func (m *Machine) inRegistry(dir string, f certs.Fingerprint) bool {
	names, err := m.files.ReadDir(dir)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(names, func(n string) bool {
		if path.Ext(n) != ".crt" {
			return false
		}
		der := onlyCertificate(m.tree, path.Join(dir, n))
		return der != nil && certs.FingerprintOf(der) == f
	})
}

// registryFiles are this program's files below certsDir.
func (m *Machine) registryFiles(certsDir string) []string {
	var out []string
	registries, err := m.files.ReadDir(certsDir)
	if err != nil {
		return nil
	}
	for _, r := range registries {
		names, err := m.files.ReadDir(path.Join(certsDir, r))
		if err != nil {
			continue
		}
		for _, n := range names {
			if strings.HasPrefix(n, certs.AnchorPrefix) && path.Ext(n) == ".crt" {
				out = append(out, path.Join(certsDir, r, n))
			}
		}
	}
	return out
}

// removeFromRegistries plans to remove this program's files of the certificates, and the directories that are empty then: of registries, and certsDir itself, which no package
// of Docker has.
func (m *Machine) removeFromRegistries(certsDir string, list []certs.Fingerprint) (change.Plan, error) {
	var plan change.Plan
	gone := map[string]int{} // of each directory, how many of its entries go
	drop := func(name, cause string) error {
		from, err := change.Observe(m.files, name)
		if err != nil || from.Kind == change.Absent {
			return err
		}
		plan = append(plan, change.Change{Path: name, From: from, Layer: Layer, Cause: cause})
		gone[path.Dir(name)]++
		return nil
	}
	emptied := func(dir string) bool {
		names, err := m.files.ReadDir(dir)
		return err == nil && gone[dir] > 0 && len(names) == gone[dir]
	}
	var dirs []string
	for _, file := range m.registryFiles(certsDir) {
		der := onlyCertificate(m.tree, file)
		if der == nil || !slices.Contains(list, certs.FingerprintOf(der)) {
			continue
		}
		dir := path.Dir(file)
		if err := drop(file, "dockerd no longer trusts it for "+path.Base(dir)); err != nil {
			return nil, err
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range append(dirs, certsDir) {
		if !emptied(dir) {
			continue
		}
		if err := drop(dir, "nothing else is in it"); err != nil {
			return nil, err
		}
	}
	return plan, nil
}
