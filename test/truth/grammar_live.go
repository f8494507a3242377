package truth

import (
	"fmt"
	"strings"
)

// Counts of real dockerd restarts per host.
const (
	systemdRestarts = 20
	scriptRestarts  = 10
)

// liveStates writes configurations of the host's real docker.service or init
// script, with every layer at random. In the end Files hold real paths.
func liveStates(h liveHost) []State {
	n := scriptRestarts
	if h.manager == "systemd" {
		n = systemdRestarts
	}
	var states []State
	for i := range n {
		g := newGen(seedOf(fmt.Sprintf("live-%s-%v-%s", h.manager, h.proxies, h.startup), uint64(i)), fmt.Sprintf("live-%s-%02d", h.manager, i+1), h.kind) //nolint:gosec // small
		// An engine that refuses the proxies object is shown to do so twice.
		daemon := h.proxies || i%8 == 5
		for _, f := range families {
			g.liveFamily(h, f, daemon)
		}
		if len(g.files) == 0 && len(g.st.Env) == 0 && h.startup != "" {
			g.liveStartup(h, families[1].upper)
		}
		g.liveFlags(h)
		s := g.finish()
		for j := range s.Files {
			s.Files[j].Path = h.path(s.Files[j].Path)
			s.Files[j].Text = projectNames().Replace(s.Files[j].Text)
		}
		for j := range s.Marks {
			s.Marks[j].Path = h.path(s.Marks[j].Path)
		}
		if h.kind == Manual {
			s.byHand()
		}
		states = append(states, s)
	}
	return states
}

// liveFamily puts one setting into some of the layers.
func (g *gen) liveFamily(h liveHost, f family, daemon bool) {
	spelled := func() string {
		if g.chance(30) {
			return f.lower
		}
		return f.upper
	}
	if g.chance(45) && h.startup != "" {
		g.liveStartup(h, spelled())
	}
	switch {
	case !daemon:
	case g.chance(35):
		g.st.Winners = put(g.st.Winners, f.key, g.liveValue(f.upper))
	case g.chance(25):
		g.st.Args = append(g.st.Args, "--"+f.key+"="+g.plain(f.upper))
	}
	if h.kind == Manual {
		for _, v := range []string{f.upper, f.lower} {
			if g.chance(35) {
				g.st.Env = append(g.st.Env, v+"="+g.liveValue(v))
			}
		}
		return
	}
	if h.kind != Systemd {
		if g.chance(35) {
			v := spelled()
			g.st.Env = append(g.st.Env, v+"="+strings.Replace(g.plain(v), ".corp", ".caller", 1))
		}
		return
	}
	if g.chance(40) {
		v := spelled()
		g.dropIn(h.dirs[0], "10-ours.conf").add(`Environment="` + v + "=" + g.liveValue(v) + `"`)
	}
	if g.chance(25) {
		v := spelled()
		g.dropIn(h.dirs[2], "99-vendor.conf").add("Environment=" + v + "=" + g.plain(v))
	}
	if g.chance(20) {
		v := spelled()
		g.dropIn(h.dirs[1], "20-file.conf").add("EnvironmentFile=-/etc/docker/" + strings.ToLower(v) + ".env")
		g.file("/etc/docker/"+strings.ToLower(v)+".env", "systemd", "environment-file").add(v + "=" + g.plain(v))
	}
	if g.chance(20) {
		v := spelled()
		g.st.Env = append(g.st.Env, v+"="+strings.Replace(g.plain(v), ".corp", ".manager", 1))
	}
	if g.chance(15) {
		g.dropIn(h.dirs[0], "60-unset.conf").add("UnsetEnvironment=" + spelled())
	}
}

// liveValue is plain or has credentials.
func (g *gen) liveValue(name string) string {
	if !strings.EqualFold(name, "no_proxy") && g.chance(20) {
		return "http://ann:" + secret + "2@" + g.mark() + ".corp:3128"
	}
	return g.plain(name)
}

func (g *gen) liveStartup(h liveHost, v string) {
	route := "script"
	if h.kind == Systemd {
		route = "environment-file"
	}
	f := g.file(h.startup, "startup", route)
	switch x := g.plain(v); g.rng.IntN(3) {
	case 0:
		f.add(v + "=" + x)
	case 1:
		f.add("export " + v + "=" + x)
	default:
		f.add(v + "='" + x + "'").add("export " + v)
	}
}

// liveFlags writes daemon.json from the winners collected for it and the flags
// where this host's dockerd gets them from.
func (g *gen) liveFlags(h liveHost) {
	if len(g.st.Winners) > 0 {
		var members []string
		for _, f := range families {
			if x, ok := g.st.Winners[f.key]; ok {
				members = append(members, member(f.key, x))
			}
		}
		g.proxies(members...)
		g.st.Winners = nil
	}
	if len(g.st.Args) == 0 {
		return
	}
	flags := strings.Join(g.st.Args, " ")
	if h.kind == Manual {
		return // they are typed
	}
	if h.kind != Systemd {
		g.file(h.startup, "startup", "script").addAs("flag", "flag", `DOCKER_OPTS="`+flags+`"`)
		return
	}
	f := g.dropIn(h.dirs[0], "50-flags.conf")
	f.add("ExecStart=").addAs("flag", "flag", "ExecStart="+h.exec+" "+flags)
}

// byHand gives every value that is typed its mark, and every second daemon.json
// a place that only a flag names.
func (s *State) byHand() {
	for _, typed := range []struct {
		words        []string
		layer, route string
	}{{s.Env, "process", "inherited"}, {s.Args, "flag", "flag"}} {
		for _, w := range typed.words {
			if i := strings.Index(w, ".corp"); i >= 3 {
				s.Marks = append(s.Marks, Mark{ID: w[i-3 : i], Layer: typed.layer, Route: typed.route})
			}
		}
	}
	if len(s.Files) == 0 || s.Name[len(s.Name)-1]%2 == 0 {
		return
	}
	s.Args = append(s.Args, "--config-file="+handConfig)
	for i := range s.Files {
		s.Files[i].Path = strings.Replace(s.Files[i].Path, daemonJSON, handConfig, 1)
	}
	for i := range s.Marks {
		s.Marks[i].Path = strings.Replace(s.Marks[i].Path, daemonJSON, handConfig, 1)
	}
}

// typedAgain is a state as a dockerd has it that is typed without a variable and
// without a flag: all that can be known of a host whose dockerd is stopped and
// that nothing starts.
func (s State) typedAgain() State {
	s.Env, s.Args = nil, nil
	return s
}

func put(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}
