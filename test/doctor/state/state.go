package state

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// File is one file of a state. Its Path is absolute.
type File struct {
	Path string
	Data string      // any bytes
	Link string      // target of a symbolic link instead of bytes
	Mode fs.FileMode // permission bits
	Dir  bool        // an empty directory instead of a file
	Gone bool        // takes the file of the base away
}

// Finding is a finding that a state has to have. Path and Line are "" and 0 where the finding is about no file.
type Finding struct {
	ID   string
	Path string
	Line int
}

// String is the notation of the files: ID PATH:LINE.
func (f Finding) String() string {
	switch {
	case f.Path == "":
		return f.ID
	case f.Line == 0:
		return f.ID + " " + f.Path
	}
	return fmt.Sprintf("%s %s:%d", f.ID, f.Path, f.Line)
}

// State is a host as somebody left it.
type State struct {
	Name  string
	About string   // who writes this, and what they believe
	Base  string   // the machine under it: a file of testdata/bases
	Args  []string // further arguments of doctor
	// Means is what its author believes dockerd does: "http" and "https" with a proxy as USER:PASSWORD@HOST:PORT, in clear and without any encoding, and "direct"
	// with host names that need no proxy. A key that is missing is not meant to be set.
	Means map[string]string
	// Harm says that dockerd does something else than Means, or that it does not start: what a witness has to confirm. An empty text says that all is well.
	Harm   string
	Expect []Finding // sorted
	// Left are kinds of findings that doctor --fix leaves in this state, though it mends them elsewhere: here it would be guessing.
	Left  []string
	Files []File
}

// Parse reads the text of a state's file.
//
//	What people believe, in a sentence or two.
//	base: trixie
//	means: https ann:F@oBar!@proxy.corp:3128
//	harm: the variable is lost
//	expect: systemd-unescaped-percent /etc/systemd/system/docker.service.d/http-proxy.conf:2
//	-- /etc/systemd/system/docker.service.d/http-proxy.conf --
//	…
//
// Behind the path of a file may stand a mode (0600), "quoted" (lines of Go strings, joined), "long" (LONG is 140,000 bytes of a list), "dir", "gone", "no-newline", or "-> TARGET".
func Parse(name string, text []byte) (State, error) {
	ar := txtar.Parse(text)
	s := State{Name: name, Means: map[string]string{}}
	for line := range strings.Lines(string(ar.Comment)) {
		line = strings.TrimSpace(line)
		if err := s.header(line); err != nil {
			return s, fmt.Errorf("%s: %q: %w", name, line, err)
		}
	}
	for _, f := range ar.Files {
		file, err := parseFile(f)
		if err != nil {
			return s, fmt.Errorf("%s: %s: %w", name, f.Name, err)
		}
		s.Files = append(s.Files, file)
	}
	Sort(s.Expect)
	return s, nil
}

func (s *State) header(line string) error {
	key, value, ok := strings.Cut(line, ": ")
	switch {
	case ok && key == "base":
		s.Base = value
	case ok && key == "args":
		s.Args = strings.Fields(value)
	case ok && key == "left":
		s.Left = strings.Fields(value)
	case ok && key == "harm":
		s.Harm = value
	case ok && key == "means":
		what, how, _ := strings.Cut(value, " ")
		if !slices.Contains([]string{"http", "https", "direct"}, what) || how == "" {
			return fmt.Errorf("want http, https or direct, and a value")
		}
		s.Means[what] = how
	case ok && key == "expect":
		f, err := parseFinding(value)
		if err != nil {
			return err
		}
		s.Expect = append(s.Expect, f)
	default:
		s.About = strings.TrimSpace(s.About + " " + line)
	}
	return nil
}

func parseFinding(text string) (Finding, error) {
	id, place, ok := strings.Cut(text, " ")
	f := Finding{ID: id}
	if !ok {
		return f, nil
	}
	f.Path = place
	if i := strings.LastIndexByte(place, ':'); i >= 0 {
		n, err := strconv.Atoi(place[i+1:])
		if err != nil {
			return f, err
		}
		f.Path, f.Line = place[:i], n
	}
	return f, nil
}

func parseFile(f txtar.File) (File, error) {
	name, options, _ := strings.Cut(f.Name, " ")
	out := File{Path: path.Clean("/" + name), Data: string(f.Data), Mode: 0o644}
	words := strings.Fields(options)
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "quoted":
			out.Data = ""
			for line := range strings.Lines(string(f.Data)) {
				part, err := strconv.Unquote(strings.TrimSpace(line))
				if err != nil {
					return out, err
				}
				out.Data += part
			}
		case w == "no-newline":
			out.Data = strings.TrimSuffix(out.Data, "\n")
		case w == "long":
			out.Data = strings.ReplaceAll(out.Data, "LONG", strings.Repeat("host.corp,", 14000))
		case w == "dir":
			out.Dir, out.Mode = true, 0o755
		case w == "gone":
			out.Gone = true
		case w == "->" && i+1 < len(words):
			out.Link = words[i+1]
			i++
		default:
			mode, err := strconv.ParseUint(w, 8, 12)
			if err != nil {
				return out, fmt.Errorf("unknown option %q", w)
			}
			out.Mode = fs.FileMode(mode)
		}
	}
	return out, nil
}

// Sort orders findings for comparison.
func Sort(list []Finding) {
	slices.SortFunc(list, func(a, b Finding) int { return strings.Compare(a.sortKey(), b.sortKey()) })
}

func (f Finding) sortKey() string { return fmt.Sprintf("%s %s %06d", f.ID, f.Path, f.Line) }

// Clone returns a copy that shares nothing with s.
func (s State) Clone() State {
	s.Files = slices.Clone(s.Files)
	s.Expect = slices.Clone(s.Expect)
	means := map[string]string{}
	for k, v := range s.Means {
		means[k] = v
	}
	s.Means = means
	return s
}

// File returns the file of the state at the path, or nil.
func (s *State) File(p string) *File {
	i := slices.IndexFunc(s.Files, func(f File) bool { return f.Path == p })
	if i < 0 {
		return nil
	}
	return &s.Files[i]
}

// Has reports whether a finding of the kind is expected.
func (s State) Has(id string) bool {
	return slices.ContainsFunc(s.Expect, func(f Finding) bool { return f.ID == id })
}

// Describe prints the state for a failure.
func (s State) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s: %s\n", s.Name, s.Base, s.About)
	for _, f := range s.Files {
		switch {
		case f.Link != "":
			fmt.Fprintf(&b, "  --- %s -> %s\n", f.Path, f.Link)
			continue
		case f.Dir, f.Gone:
			fmt.Fprintf(&b, "  --- %s (directory %v, gone %v)\n", f.Path, f.Dir, f.Gone)
			continue
		}
		fmt.Fprintf(&b, "  --- %s %04o\n", f.Path, f.Mode)
		n := 0
		for line := range strings.Lines(f.Data) {
			n++
			if len(line) > 1000 {
				line = line[:1000] + "…"
			}
			fmt.Fprintf(&b, "  %3d %q\n", n, line)
		}
	}
	return b.String()
}
