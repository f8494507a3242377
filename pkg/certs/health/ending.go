package health

import (
	"bytes"
	"fmt"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// ending tells of added authorities that have ended, or will soon. One whose successor, of the same name and good for longer, is there too, is what a renewal leaves behind and
// harms nobody.
func (m *Machine) ending(recorded []fromRecords, now time.Time, soon time.Duration) []precedence.Finding {
	var all []certs.Authority
	for _, a := range m.anchors {
		all = append(all, a.Authority)
	}
	for _, r := range recorded {
		all = append(all, r.Authority)
	}
	succeeded := func(a certs.Authority) bool {
		for _, b := range all {
			if bytes.Equal(a.Cert.RawSubject, b.Cert.RawSubject) && b.Cert.NotAfter.After(now.Add(soon)) {
				return true
			}
		}
		return false
	}
	seen := map[certs.Fingerprint]bool{}
	var out []precedence.Finding
	tell := func(a certs.Authority, at *precedence.Source, where, fix string) {
		if seen[a.Fingerprint] || now.Add(soon).Before(a.Cert.NotAfter) || succeeded(a) {
			return
		}
		seen[a.Fingerprint] = true
		day := a.Cert.NotAfter.UTC().Format(time.DateOnly)
		if now.After(a.Cert.NotAfter) {
			out = append(out, precedence.NewFinding("ca-expired", at, fix, "%s, trusted by %s, has expired on %s: nothing that it has signed is accepted any more", Named(a), where, day))
			return
		}
		out = append(out, precedence.NewFinding("ca-expires-soon", at, fix, "%s, trusted by %s, expires on %s: from then on nothing that it has signed is accepted", Named(a), where, day))
	}
	for _, a := range m.anchors {
		fix := fmt.Sprintf("docker proxy ca replace %s NEW --machine --foreign", word(a.path))
		if a.own() {
			fix = fmt.Sprintf("docker proxy ca replace %s NEW --machine", a.Fingerprint.Short())
		}
		tell(a.Authority, source(a.path), "this machine", fix)
	}
	for _, r := range recorded {
		where := "the container " + redact.Terminal(r.containers[0])
		if len(r.containers) > 1 {
			where = "the containers " + redact.Terminal(few(r.containers))
		}
		tell(r.Authority, nil, where, "docker proxy ca replace "+r.Fingerprint.Short()+" NEW --all")
	}
	return out
}
