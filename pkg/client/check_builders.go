package client

import (
	"encoding/json"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// mostBuilders bounds how many builders are looked at.
const mostBuilders = 100

// instance is what of a builder's file matters here (buildx store.NodeGroup).
type instance struct {
	Name, Driver string
	Nodes        []struct{ DriverOpts map[string]string }
}

// builders tells of builders whose BuildKit has no proxy although this person's builds need one: config.json and the daemon's settings never reach BuildKit itself, which pulls,
// pushes, and fetches ADD and git (docker/buildx driver/docker-container: its environment is what docker buildx create was given). A remote builder is somebody else's.
func (k *checker) builders() {
	dir := k.Builders
	if dir == "" {
		dir = path.Join(k.dir(), "buildx")
	}
	names, _ := k.files.ReadDir(path.Join(dir, "instances")) // without the directory there is none
	for i, n := range names {
		if i == mostBuilders {
			return
		}
		data, err := k.files.ReadFile(path.Join(dir, "instances", n))
		var b instance
		if err != nil || json.Unmarshal(data, &b) != nil {
			continue
		}
		k.builder(path.Join(dir, "instances", n), b)
	}
}

func (k *checker) builder(file string, b instance) {
	at := &precedence.Source{Layer: Layer, Path: file, Name: b.Name}
	find := func(id, fix, format string, args ...any) {
		k.found = append(k.found, precedence.NewFinding(id, at, fix, format, args...))
	}
	fix := k.command("export buildx --from " + quote(b.Name))
	needs := k.proxied || k.DaemonProxy
	switch b.Driver {
	case "docker-container":
	case "kubernetes":
		if needs {
			find("client-builder-not-covered", k.command("export kubernetes --service "+quote(b.Name)+"/buildkitd"),
				"builder %q runs in Kubernetes, and its driver takes no environment: BuildKit pulls, pushes and fetches without the proxy that is set here, unless its Deployment was given one", b.Name)
		}
		return
	default:
		return
	}
	for _, n := range b.Nodes {
		env := map[string]precedence.Value{}
		for name, v := range n.DriverOpts {
			if variable, ok := strings.CutPrefix(name, "env."); ok {
				env[variable] = precedence.Value(v)
			}
		}
		if needs && first(env, "HTTPS_PROXY", "https_proxy") == "" {
			find("client-builder-not-covered", fix, "builder %q was created without a proxy, and cannot get one afterwards: its BuildKit pulls, pushes and fetches ADD and git directly (RUN steps get config.json's); the command prints what replaces it", b.Name)
			return
		}
		for _, key := range []precedence.Key{precedence.HTTPProxy, precedence.HTTPSProxy} {
			v := first(env, key.Names()...)
			for _, f := range URLFaults(v) {
				find(f.ID, fix, "builder %q, %s: %s", b.Name, v, f.Says)
			}
		}
		k.builderList(at, b.Name, fix, first(env, precedence.NoProxy.Names()...))
	}
}

// builderList judges the NO_PROXY of a BuildKit.
func (k *checker) builderList(at *precedence.Source, name, fix string, list precedence.Value) {
	if list == "" {
		return
	}
	goReader, _ := reader.ByName(reader.Go)
	l := reader.List{Value: list, At: at, Of: "builder " + quote(name) + ": ", Readers: []reader.Reader{goReader}, Fix: func(reader.Edit) string { return fix }}
	k.found = append(k.found, l.Findings()...)
}

// first returns the first of the named variables that is not empty.
func first(env map[string]precedence.Value, names ...string) precedence.Value {
	for _, n := range names {
		if v := env[n]; v != "" {
			return v
		}
	}
	return ""
}
