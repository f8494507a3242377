package daemon

import (
	"path"

	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkDesktop tells of proxies in the daemon.json that Docker Desktop's own editor shows: Desktop hands the file to its dockerd and replaces the proxies by those of its settings
// (docs.docker.com, "Daemon proxy configuration": Docker Desktop ignores them).
func (o *Observation) checkDesktop() {
	if o.Site.Flavor != FlavorDesktop || o.Site.Home == "" {
		return
	}
	file := path.Join(o.Site.Home, ".docker/daemon.json")
	data, err := o.Files.ReadFile(file)
	if err != nil {
		return // Desktop works without it
	}
	doc, err := jsonedit.Parse(file, data, jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: true})
	if err != nil {
		return
	}
	proxies, _ := jsonedit.DaemonProxies(doc)
	for _, p := range proxies {
		at := &precedence.Source{Layer: precedence.LayerDaemonJSON, Path: file, Line: p.Line, Name: p.Name, Route: precedence.RouteConfigFile}
		o.find("desktop-manages-proxy", at, "", "Docker Desktop does not use the %s %s of this file: it is set in Desktop's Settings, Resources, Proxies, and by an administrator in admin-settings.json", p.Key, precedence.Value(p.Value))
	}
}
