package truth

import (
	"fmt"
	"hash/fnv"
	"sort"
	"strings"
)

// statesPerConstruct is how many states are written with each construct in the
// middle; the mixed states come on top.
const (
	statesPerConstruct = 5
	mixedStates        = 60
)

// constructs returns every construct of the grammar, in a fixed order.
func constructs() []construct {
	var all []construct
	all = append(all, environmentConstructs()...)
	all = append(all, envFileConstructs()...)
	all = append(all, dropInConstructs()...)
	all = append(all, execConstructs()...)
	all = append(all, shellConstructs()...)
	all = append(all, openrcConstructs()...)
	all = append(all, fileConstructs()...)
	all = append(all, valueConstructs()...)
	return all
}

// Generate writes all states. It is a pure function: the same states in the
// same order every time.
func Generate() []State {
	var states []State
	seen := map[string]bool{}
	counter := map[Kind]int{}
	keep := func(s State) bool {
		key := fingerprint(s)
		if seen[key] {
			return false
		}
		seen[key] = true
		states = append(states, s)
		return true
	}
	for _, c := range constructs() {
		want := statesPerConstruct
		if c.batch != "" { // they share most of their text
			want *= 3
		}
		for try, kept := uint64(0), 0; kept < want && try < 200; try++ {
			name := fmt.Sprintf("%s-%03d", c.kind, counter[c.kind]+1)
			if keep(write(seedOf(c.id, try), name, []construct{c})) {
				counter[c.kind]++
				kept++
			}
		}
	}
	mixable := mixable()
	for i, kept := uint64(0), 0; kept < mixedStates; i++ {
		g := newGen(seedOf("mixed", i), "", Systemd)
		var cs []construct
		for n := 2 + g.rng.IntN(3); n > 0; n-- {
			cs = append(cs, mixable[g.rng.IntN(len(mixable))])
		}
		name := fmt.Sprintf("%s-%03d", Systemd, counter[Systemd]+1)
		if keep(write(seedOf("mixed-state", i), name, cs)) {
			counter[Systemd]++
			kept++
		}
	}
	return states
}

// mixable are the constructs that say nothing about the rest of the unit, so
// several can stand in one state.
func mixable() []construct {
	var list []construct
	for _, c := range append(environmentConstructs(), envFileConstructs()...) {
		g := newGen(1, "", Systemd)
		c.build(g)
		if g.st.Rule == "" && !g.st.NoTwin && c.batch == "" && c.id != "file/missing-without-dash" && c.id != "file/not-named" && c.id != "env/byte-order-mark" {
			list = append(list, c)
		}
	}
	return list
}

// write builds one state from constructs. Where the grammar would write a file
// twice in ways that exclude each other, later constructs add to it.
func write(seed uint64, name string, cs []construct) State {
	g := newGen(seed, name, cs[0].kind)
	for _, c := range cs {
		g.uses(c.id)
		if c.batch != "" {
			g.st.Batch = c.batch
		}
		c.build(g)
	}
	switch g.st.Kind {
	case Systemd:
		if g.st.Rule == "" && g.chance(60) {
			g.noise(g.anyName())
		}
		g.anyUnit()
	case Dockerd:
		g.anyDockerd()
	case SysV:
		g.sysvNoise()
	case OpenRC:
		g.openRC()
	}
	g.files = append(g.files, batchFiles(g.st.Batch)...)
	return g.finish()
}

// anyName is a variable, used or not.
func (g *gen) anyName() string {
	f := families[g.rng.IntN(len(families))]
	return f.upper
}

// anyDockerd writes the unit that carries the flags, and sometimes a variable
// of a family the state does not use.
func (g *gen) anyDockerd() {
	if g.st.Rule == "" && g.chance(30) {
		v := g.name()
		if f, _ := familyOf(v); f.upper == v && len(g.used) < 3 {
			g.env(v, g.plain(v))
		}
	}
	g.unit(false, strings.Join(append([]string{execPath, "-H", "fd://"}, g.st.Args...), " "))
}

// sysvNoise adds what surrounds the assignment in a real startup file, and for
// some states an environment that the caller of the script had exported.
func (g *gen) sysvNoise() {
	f := g.sysvInit()
	if g.chance(40) {
		f.add("# Additional startup options").add("#DOCKER_OPTS=\"--dns 8.8.8.8\"")
	}
	if g.chance(40) {
		v := g.anyName()
		g.st.Env = append(g.st.Env, v+"=http://"+g.mark()+".caller:3128")
	}
	if g.chance(30) {
		v := g.name()
		f.add("export " + v + "=" + g.plain(v))
	}
}

func seedOf(id string, n uint64) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%d", id, n)
	return h.Sum64()
}

// fingerprint is the state's content without its name.
func fingerprint(s State) string {
	var b strings.Builder
	for _, f := range s.Files {
		fmt.Fprintf(&b, "%s\x00%s\x00%s\x00%v\x00", f.Path, f.Text, f.Link, f.Dir)
	}
	return b.String() + strings.Join(s.Env, "\x00") + "\x01" + strings.Join(s.Args, "\x00")
}

// count returns how many states hold each construct, and the constructs sorted.
func count(states []State) (map[string]int, []string) {
	n := map[string]int{}
	for _, c := range constructs() {
		n[c.id] = 0
	}
	for _, s := range states {
		for _, c := range s.Constructs {
			n[c]++
		}
	}
	ids := make([]string, 0, len(n))
	for id := range n {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return n, ids
}
