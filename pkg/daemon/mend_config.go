package daemon

import (
	"errors"
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// mendConfig moves the settings of daemon.json to where dockerd reads them, and takes away what keeps dockerd from reading the file. One call mends the file as a whole.
func mendConfig(p *planner, f precedence.Finding) ([]change.Change, error) {
	site := p.before.Site
	if f.Source == nil || f.Source.Path != site.ConfigFile {
		return nil, errAmbiguous
	}
	from, err := change.Observe(p.now.Files, site.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", site.ConfigFile, unwrapPath(err))
	}
	repaired, err := jsonedit.RepairDaemon(site.ConfigFile, from.Data, jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: site.atLeast("24.0")})
	if err != nil {
		return nil, err
	}
	if len(repaired.Moved) > 0 && site.ReadsProxies() == No {
		return nil, fmt.Errorf("docker engine %s does not read proxies from this file", site.Version)
	}
	for _, m := range repaired.Moved {
		k := precedence.Key(m.Key)
		if fl := flagOf(site, k); fl != nil {
			return nil, fmt.Errorf("%s is also given as the flag %s (%s)", k, k.Flag(), fl.Source)
		}
		if w := p.now.verdict(k).Winner; w != nil && w.Source.Path != site.ConfigFile && w.Value.Reveal() != m.Value {
			return nil, fmt.Errorf("dockerd uses another %s today, from %s: say which one with docker proxy set", k, w.Source)
		}
	}
	if len(repaired.Left) > 0 {
		err = errors.New(strings.Join(repaired.Left, "; "))
	}
	to := from.WithData(repaired.Data)
	if holdsCredentials(repaired.Data) {
		to = to.Private()
	}
	c := change.Change{Path: site.ConfigFile, From: from, To: to, Layer: string(precedence.LayerDaemonJSON), Secret: holdsCredentials(from.Data), CleanFrom: !holdsCredentials(from.Data), Needs: change.Needs{Restart: true}, Validate: change.ValidateDaemonJSON}
	return only(c), err
}
