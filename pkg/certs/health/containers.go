package health

import (
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Container is a running container.
type Container struct {
	ID, Name string
	// Excluded says that its label keeps authorities out of it.
	Excluded bool
}

// Missing tells of running containers that lack an authority which others were given, by the records: nobody looks into them. A container that was created anew has lost what the
// one before it had.
func Missing(records install.Records, daemon string, running []Container) []precedence.Finding {
	if records == nil {
		return nil
	}
	m := &Machine{}
	var out []precedence.Finding
	list, _ := install.List(records) // what could be read counts
	for _, r := range m.recorded(records, daemon) {
		has, names := map[string]bool{}, map[string]bool{}
		for _, x := range list {
			if (daemon == "" || x.Daemon == "" || x.Daemon == daemon) && slices.Contains(x.Added, r.Fingerprint.String()) {
				has[x.ID], names[x.Name] = true, true
			}
		}
		var lack []string
		given, anew := 0, ""
		for _, c := range running {
			switch {
			case has[c.ID]:
				given++
			case c.Excluded:
			default:
				lack = append(lack, redact.Terminal(c.Name))
				if names[c.Name] && anew == "" {
					anew = redact.Terminal(c.Name)
				}
			}
		}
		if len(lack) == 0 || given == 0 && anew == "" {
			continue
		}
		slices.Sort(lack)
		why := fmt.Sprintf("of the running containers %d have it", given)
		if anew != "" {
			why = anew + " had it before it was created anew"
		}
		out = append(out, precedence.NewFinding("ca-containers-missing", nil, "docker proxy ca add "+r.Fingerprint.Short()+" --all",
			"%s was not added to %s; %s", Named(r.Authority), few(lack), why))
	}
	return out
}
