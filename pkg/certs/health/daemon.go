package health

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// NewerThan returns the first anchor in the machine's bundle that came there after a moment, such as the start of dockerd, and its certificate; "" for none. The times that count
// are those nobody can set (st_ctime): of the anchor, and on Debian of the link that its tool makes when it takes an anchor for the first time.
func (m *Machine) NewerThan(moment time.Time) (string, certs.Authority) {
	for _, a := range m.anchors {
		if m.trusts(a.Fingerprint) && (m.changedAfter(a.path, moment) || m.takenAfter(a, moment)) {
			return a.path, a.Authority
		}
	}
	return "", certs.Authority{}
}

func (m *Machine) changedAfter(name string, moment time.Time) bool {
	if st, err := m.files.Lstat(name); err == nil && st.Change.After(moment) {
		return true
	}
	st, err := m.files.Stat(name)
	return err == nil && st.Change.After(moment)
}

// takenAfter reports whether update-ca-certificates of Debian has taken an anchor after a moment that is itself older. It makes a link in /etc/ssl/certs for each new one; when it is
// told to make all of them anew (--fresh), which the oldest packaged one shows, they tell nothing.
func (m *Machine) takenAfter(a anchor, moment time.Time) bool {
	if m.store.Family.Name != "debian" {
		return false
	}
	link := func(file string) string {
		name := strings.TrimSuffix(path.Base(file), ".crt")
		return path.Join("/etc/ssl/certs", strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_").Replace(name)+".pem")
	}
	st, err := m.files.Lstat(link(a.path))
	if err != nil || !st.Change.After(moment) {
		return false
	}
	data, err := m.tree.ReadFile(debianConf)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		if st, err := m.files.Lstat(link(line)); err == nil {
			return !st.Change.After(moment)
		}
	}
	return false
}

// notRestarted tells of authorities that the machine trusts and its running dockerd may not: crypto/x509 reads the system's roots once (loadSystemRoots).
func (m *Machine) notRestarted(d Daemon) []precedence.Finding {
	if d.Started.IsZero() || d.OwnRoots {
		return nil
	}
	name, a := m.NewerThan(d.Started)
	if name == "" {
		return nil
	}
	return []precedence.Finding{precedence.NewFinding("ca-daemon-not-restarted", source(name), "docker proxy restart",
		"this machine trusts %s since after dockerd was started, and dockerd reads the machine's roots once: it does not trust it before it is restarted", Named(a))}
}

// hub tells of authorities that were put where dockerd's classic image store does not look: for Docker Hub it reads no directory at all (moby registry.lookupV2Endpoints), and no
// image store reads those of the names that Docker Hub's servers have (daemon/hosts.go: the name in an image's reference is docker.io). One that the machine trusts does no harm there.
func (m *Machine) hub(d Daemon) []precedence.Finding {
	if !d.Classic || d.CertsDir == "" {
		return nil
	}
	var out []precedence.Finding
	for _, registry := range []string{"docker.io", "index.docker.io", "registry-1.docker.io"} {
		dir := path.Join(d.CertsDir, registry)
		names, err := m.files.ReadDir(dir)
		if err != nil {
			continue
		}
		slices.Sort(names)
		for _, n := range names {
			file := path.Join(dir, n)
			data, err := m.tree.ReadFile(file)
			if err != nil || path.Ext(n) != ".crt" {
				continue
			}
			if all := parsed(data); len(all) > 0 && slices.ContainsFunc(all, func(a certs.Authority) bool { return !m.trusts(a.Fingerprint) }) {
				out = append(out, precedence.NewFinding("ca-certs-d-not-used-for-hub", source(file), "docker proxy ca add "+word(file)+" --machine --restart",
					"for Docker Hub this dockerd reads no authorities from %s, so it does not trust %s there; what it trusts is the machine's store", redact.Terminal(d.CertsDir), Named(all[0])))
			}
		}
	}
	return out
}

// notInStore tells of authorities that containers were given and that dockerd does not trust, where dockerd goes through a proxy: when it is the proxy's, every pull fails. Only a
// handshake shows whose it is, so this is a warning here.
func (m *Machine) notInStore(d Daemon, recorded []fromRecords, now time.Time) []precedence.Finding {
	if !d.Proxied || d.OwnRoots || m.bundle() == "" {
		return nil
	}
	var out []precedence.Finding
	for _, r := range recorded {
		if m.trusts(r.Fingerprint) || now.After(r.Cert.NotAfter) || m.forRegistry(d, r.Fingerprint) {
			continue
		}
		who := fmt.Sprintf("%d containers", len(r.containers))
		if len(r.containers) == 1 {
			who = "the container " + redact.Terminal(r.containers[0])
		}
		f := precedence.NewFinding("ca-not-in-daemon-store", nil, "docker proxy ca add "+r.Fingerprint.Short()+" --machine --restart",
			"%s was added to %s and not to this machine, whose store dockerd reads: if it is the authority of the proxy, dockerd's pulls fail (docker proxy doctor --online finds out)", Named(r.Authority), who)
		f.Severity = precedence.SeverityWarning
		out = append(out, f)
	}
	return out
}

// forRegistry reports whether an authority stands below certs.d: then it is a registry's, and dockerd has it where it is needed.
func (m *Machine) forRegistry(d Daemon, f certs.Fingerprint) bool {
	if d.CertsDir == "" {
		return false
	}
	for _, file := range m.files.Glob(path.Join(d.CertsDir, "*", "*.crt")) {
		data, err := m.tree.ReadFile(file)
		if err == nil && slices.ContainsFunc(parsed(data), func(a certs.Authority) bool { return a.Fingerprint == f }) {
			return true
		}
	}
	return false
}
