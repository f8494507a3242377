package precedence

import "fmt"

// Layer says where the bytes of a binding live.
type Layer string

// The layers, as `--layer` and the JSON output name them.
const (
	LayerFlag       Layer = "flag"
	LayerDaemonJSON Layer = "daemon.json"
	LayerStartup    Layer = "startup"
	LayerSystemd    Layer = "systemd"
	LayerEnv        Layer = "env"
	LayerProcess    Layer = "process"
	LayerUnknown    Layer = "unknown"
)

// Layers returns all layers in the order in which `show` prints them.
func Layers() []Layer {
	return []Layer{LayerFlag, LayerDaemonJSON, LayerStartup, LayerSystemd, LayerEnv, LayerProcess, LayerUnknown}
}

// Own reports whether the layer is one of Docker's own places, which `set`, `unset` and `reconcile` may edit without being told to.
func (l Layer) Own() bool { return l == LayerDaemonJSON || l == LayerStartup || l == LayerSystemd }

// Route says how the bytes reach dockerd.
type Route string

// The routes of the JSON output.
const (
	RouteFlag            Route = "flag"
	RouteConfigFile      Route = "config-file"
	RouteEnvironmentFile Route = "environment-file"
	RouteEnvironment     Route = "environment"
	RoutePassEnvironment Route = "pass-environment"
	RouteManager         Route = "manager"
	RouteScript          Route = "script"
	RouteInherited       Route = "inherited"
)

// Source is the place of a binding.
type Source struct {
	Layer Layer  `json:"layer"`
	Path  string `json:"path,omitempty"`  // file as this host spells it; empty where there is none (D-Bus, a command line)
	Line  int    `json:"line,omitempty"`  // 1-based; 0 when unknown
	Name  string `json:"name,omitempty"`  // as spelled there: HTTPS_PROXY, proxies.https-proxy, --https-proxy
	Route Route  `json:"route,omitempty"` // how it reaches dockerd
}

// String is the place for people: file:line, or what stands for it.
func (s Source) String() string {
	switch {
	case s.Path != "" && s.Line > 0:
		return fmt.Sprintf("%s:%d", s.Path, s.Line)
	case s.Path != "":
		return s.Path
	case s.Route == RouteManager:
		return "systemd manager environment"
	case s.Route == RouteFlag:
		return "dockerd's command line"
	}
	return string(s.Layer)
}

// Binding is one value of one setting at one place.
type Binding struct {
	Key     Key
	Value   Value
	Source  Source
	Unknown bool   // the value cannot be known without running code, or the file cannot be read
	Inert   string // why it does not reach dockerd at all ("not exported"); empty for one that does
}
