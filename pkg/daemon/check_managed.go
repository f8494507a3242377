package daemon

import (
	"slices"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// checkManaged tells which files with proxy settings a configuration management tool owns by their own heads: whatever else writes there does not last.
func (o *Observation) checkManaged() {
	var seen []string
	for _, b := range o.Bindings {
		at := b.Source
		switch at.Layer {
		case precedence.LayerDaemonJSON, precedence.LayerStartup, precedence.LayerSystemd, precedence.LayerEnv:
		case precedence.LayerFlag, precedence.LayerProcess, precedence.LayerUnknown:
			continue
		}
		if at.Path == "" || slices.Contains(seen, at.Path) {
			continue
		}
		seen = append(seen, at.Path)
		data, err := o.Files.ReadFile(at.Path)
		if err != nil {
			continue // the surface tells
		}
		if tool := managedBy(data); tool != "" {
			o.find("managed-by-configuration-tool", &precedence.Source{Layer: at.Layer, Path: at.Path, Route: at.Route}, "", "this file is managed by %s: what is changed here by hand lasts until its next run, so change it there", tool)
		}
	}
}

// checkSizes tells of variables that execve(2) refuses: dockerd itself does not start with one in its environment or on its command line; one from daemon.json it puts into its own
// environment, and can then start neither iptables nor containerd nor its userland proxy.
func (o *Observation) checkSizes() {
	for _, b := range o.Bindings {
		if b.Inert != "" || b.Unknown || b.Source.Layer == precedence.LayerProcess {
			continue
		}
		n := len(b.Key.Upper()) + len("=") + len(b.Value.Reveal())
		if n+1 <= maxVariable { // with the zero byte at its end
			continue
		}
		what := "so dockerd does not start with it (\"Argument list too long\")"
		if b.Source.Route == precedence.RouteConfigFile {
			what = "so dockerd, which puts it into its own environment, cannot start iptables or any other program and ends at once"
		}
		o.find("variable-too-long", &b.Source, "docker proxy unset --"+string(b.Key), "%s has %d bytes, and Linux hands a program at most %d in one variable, %s", b.Key, n, maxVariable-1, what)
	}
}
