package truth

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// Kind says who answers for a state.
type Kind string

// The kinds of states.
const (
	// Systemd states are units with drop-ins and files; PID 1 answers.
	Systemd Kind = "systemd"
	// SysV states are a file that an init script sources; sh answers.
	SysV Kind = "sysv"
	// OpenRC states are rc.conf, rc.conf.d and conf.d files; sh answers, in
	// the order of OpenRC's own openrc-run.sh.
	OpenRC Kind = "openrc"
	// Dockerd states are a daemon.json, flags and an environment; a real
	// dockerd and Go's net/http answer.
	Dockerd Kind = "dockerd"
	// Manual states are a daemon.json, flags and an environment of a dockerd
	// that somebody starts by hand; that dockerd answers.
	Manual Kind = "manual"
)

// Placeholders in paths and texts: one state stands on the oracle's host next
// to hundreds of others, and alone in the tree the project reads.
const (
	unitName = "@U@" // unit name without ".service": docker, or t001
	treeRoot = "@D@" // start of paths of files a unit names: "", or /dpt/t001
	execPath = "@X@" // the daemon: /usr/sbin/dockerd, or the oracle's recorder
	unitType = "@T@" // Type=: notify, or exec
)

// File is one file of a state, as raw bytes (held as a Go string).
type File struct {
	Path string // absolute, with placeholders
	Text string // with placeholders; may be any bytes
	Link string // target of a symbolic link instead of a text
	Dir  bool   // a directory instead of a file
}

// Mark is where a value stands: every value the grammar writes carries a mark
// like p07 that occurs nowhere else in the state, so that an answer names the
// line it came from.
type Mark struct {
	ID    string // p07
	Path  string // with placeholders
	Line  int    // physical line the mark stands on, from 1
	Start int    // line on which the directive that holds it begins
	Layer string // expected "layer"
	Route string // expected "route"
}

// State is one host configuration.
type State struct {
	Name       string   `json:"name"`
	Kind       Kind     `json:"-"`
	Batch      string   `json:"batch,omitempty"` // states of one batch share files of the whole machine
	Constructs []string `json:"constructs"`      // every construct that stands in it
	Files      []File   `json:"files"`
	Env        []string `json:"env,omitempty"`  // SysV: what the caller of the init script exported; Dockerd and Manual: the environment
	Args       []string `json:"args,omitempty"` // Dockerd and Manual: flags
	NoTwin     bool     `json:"-"`              // the equal-values twin would mean something else
	Rule       string   `json:"-"`              // rule that must be named, where the construct determines it
	Marks      []Mark   `json:"-"`

	// Winners are the values in effect by key, where only the grammar knows
	// them unmasked; Go's own net/http is asked what it does with them.
	Winners map[string]string `json:"-"`
}

// file is a File being written.
type file struct {
	path, link   string
	dir          bool
	layer, route string
	eol          string
	text         strings.Builder
	line         int
	blocks       []block
}

// block is one directive: its first line and, where it differs, its origin.
type block struct {
	start, end   int
	layer, route string
}

// add writes one directive (which may span lines) and the line end.
func (f *file) add(text string) *file { return f.addAs(f.layer, f.route, text) }

// addAs writes a directive whose values have another layer and route than the
// rest of the file, such as flags in ExecStart=.
func (f *file) addAs(layer, route, text string) *file {
	text = strings.ReplaceAll(text, "\n", f.eol) + f.eol
	n := strings.Count(text, "\n")
	f.blocks = append(f.blocks, block{f.line + 1, f.line + n, layer, route})
	f.text.WriteString(text)
	f.line += n
	return f
}

// gen writes one state. Every random choice comes from rng, so a state depends
// on its seed only.
type gen struct {
	rng   *rand.Rand
	st    *State
	files []*file
	next  int
	used  map[string]bool // variables that already have a meaning in this state
	slot  int             // numbers drop-in names
}

func newGen(seed uint64, name string, kind Kind) *gen {
	return &gen{
		rng:  rand.New(rand.NewPCG(seed, 0x7275)), //nolint:gosec // deterministic on purpose
		st:   &State{Name: name, Kind: kind},
		next: 1,
		used: map[string]bool{},
	}
}

// uses notes that the state holds a construct.
func (g *gen) uses(ids ...string) {
	for _, id := range ids {
		if !contains(g.st.Constructs, id) {
			g.st.Constructs = append(g.st.Constructs, id)
		}
	}
}

// mark returns a fresh mark.
func (g *gen) mark() string {
	m := fmt.Sprintf("p%02d", g.next)
	g.next++
	return m
}

// file returns the file at path, made empty when it is new.
func (g *gen) file(path, layer, route string) *file {
	for _, f := range g.files {
		if f.path == path {
			return f
		}
	}
	f := &file{path: path, layer: layer, route: route, eol: "\n"}
	g.files = append(g.files, f)
	return f
}

// has reports whether the state already has a file at path.
func (g *gen) has(path string) bool {
	for _, f := range g.files {
		if f.path == path {
			return true
		}
	}
	return false
}

func pick[T any](g *gen, list ...T) T { return list[g.rng.IntN(len(list))] }

func (g *gen) chance(percent int) bool { return g.rng.IntN(100) < percent }

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// finish turns what was written into the state and finds the line of each mark.
func (g *gen) finish() State {
	seen := map[string]bool{}
	re := regexp.MustCompile(`p\d\d\.`)
	for _, f := range g.files {
		text := f.text.String()
		g.st.Files = append(g.st.Files, File{Path: f.path, Text: text, Link: f.link, Dir: f.dir})
		for _, loc := range re.FindAllStringIndex(text, -1) {
			id := text[loc[0] : loc[1]-1]
			if seen[id] {
				panic(g.st.Name + ": mark " + id + " stands twice")
			}
			seen[id] = true
			m := Mark{ID: id, Path: f.path, Line: 1 + strings.Count(text[:loc[0]], "\n"), Layer: f.layer, Route: f.route}
			m.Start = m.Line
			for _, b := range f.blocks {
				if b.start <= m.Line && m.Line <= b.end {
					m.Start, m.Layer, m.Route = b.start, b.layer, b.route
				}
			}
			g.st.Marks = append(g.st.Marks, m)
		}
	}
	return *g.st
}

// markIn returns the first mark that stands in an answer.
func (s State) markIn(answer string) (Mark, bool) {
	best, found := Mark{}, -1
	for _, m := range s.Marks {
		if i := strings.Index(answer, m.ID+"."); i >= 0 && (found < 0 || i < found) {
			best, found = m, i
		}
	}
	return best, found >= 0
}

// equalized replaces every mark by the same one: p07 and p11 become p00. Where
// two layers held different values they now hold the same, of the same length,
// on the same lines.
func equalized(text string) string {
	b := []byte(text)
	for i := 0; i+3 < len(b); i++ {
		if b[i] == 'p' && isDigit(b[i+1]) && isDigit(b[i+2]) && b[i+3] == '.' {
			b[i+1], b[i+2] = '0', '0'
		}
	}
	return string(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
