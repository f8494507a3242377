package mutate

import (
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// Mutation is a changed state. Its Expect and Means are those of the changed bytes.
type Mutation struct {
	Name  string
	State state.State
}

// keeper is one way of changing a state without changing what is wrong, or right, with it. It reports whether the state has anything it could change.
type keeper struct {
	name string
	edit func(s *state.State) bool
}

func keepers() []keeper {
	return append(authorityKeepers(), []keeper{
		{"other-proxy", func(s *state.State) bool {
			return everywhere(s, "proxy.corp", "egress-7.branch.example", "old.corp", "former.example", "image.corp", "golden.example")
		}},
		{"other-port", func(s *state.State) bool { return everywhere(s, ":3128", ":8118", ":3129", ":8119") }},
		{"other-user", func(s *state.State) bool {
			for k, v := range s.Means {
				if account, ok := strings.CutPrefix(v, "ann:"); ok {
					s.Means[k] = "svc-docker:" + account
				}
			}
			return everywhere(s, "//ann:", "//svc-docker:", "\"ann:", "\"svc-docker:")
		}},
		{"line-on-top", lineOnTop},
		{"lines-at-the-end", linesAtTheEnd},
		{"crlf", crlf},
		{"other-blanks", otherBlanks},
		{"unrelated-setting", unrelatedSetting},
		{"other-file-name", otherFileName},
		{"other-directory", otherDirectory},
		{"other-quotes", otherQuotes},
		{"other-case", otherCase},
		{"other-order", otherOrder},
		{"beside-others", besideOthers},
		{"other-target", otherTarget},
		{"relative-target", relativeTarget},
		{"two-links", twoLinks},
		{"longer-link", longerLink},
		{"other-program-place", otherProgramPlace},
		{"other-program", otherProgram},
	}...)
}

// Keep returns n mutations of the state that keep everything that is to be found in it, chosen and combined by the seed.
func Keep(s state.State, seed uint64, n int) []Mutation {
	var all []Mutation
	for _, k := range keepers() {
		c := s.Clone()
		if k.edit(&c) {
			state.Sort(c.Expect)
			all = append(all, Mutation{k.name, c})
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0xd0c)) //nolint:gosec // deterministic on purpose
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if len(all) > n {
		all = all[:n]
	}
	// Two changes at a time, where there is another one.
	for i := range all {
		k := keepers()[rng.IntN(len(keepers()))]
		if c := all[i].State.Clone(); k.name != all[i].Name && k.edit(&c) {
			state.Sort(c.Expect)
			all[i] = Mutation{all[i].Name + "+" + k.name, c}
		}
	}
	return all
}

// lineOnTop moves every line down by one: a remark where the file may have one, or a blank line.
func lineOnTop(s *state.State) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		if text := f.Data; text == "" || strings.HasPrefix(text, "\ufeff") || strings.HasPrefix(text, "\xff\xfe") {
			continue
		}
		switch formOf(*s, *f) {
		case formUnit, formAssign, formShell:
			insertLine(s, f, 1, "# of the branch office")
		case formJSON:
			insertLine(s, f, 1, "")
		case formOther:
			continue
		}
		done = true
	}
	return done
}

func linesAtTheEnd(s *state.State) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		if formOf(*s, *f) != formOther && f.Data != "" && !strings.HasPrefix(f.Data, "\xff\xfe") {
			f.Data, done = f.Data+"\n\n", true
		}
	}
	return done
}

// crlf has line ends of Windows, which JSON and systemd take for line ends; sh does not.
func crlf(s *state.State) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		if form := formOf(*s, *f); form == formOther || form == formShell || strings.Contains(f.Data, "\r") || strings.HasPrefix(f.Data, "\xff\xfe") {
			continue
		}
		if text := strings.ReplaceAll(f.Data, "\n", "\r\n"); text != f.Data {
			f.Data, done = text, true
		}
	}
	return done
}

func otherBlanks(s *state.State) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		before := f.Data
		switch formOf(*s, *f) {
		case formJSON:
			eachLine(f, func(_ int, line string) string {
				text := strings.TrimLeft(line, " ")
				return strings.Repeat("\t", (len(line)-len(text))/2) + strings.Replace(text, `": `, `" :  `, 1)
			})
		case formUnit:
			eachLine(f, func(_ int, line string) string {
				name, value, ok := strings.Cut(line, "=")
				if !ok || strings.TrimSpace(name) != "Environment" || value == "" {
					return line
				}
				return "  Environment  =  " + strings.TrimLeft(value, " ")
			})
		case formAssign, formShell, formOther:
		}
		done = done || f.Data != before
	}
	return done
}

// unrelatedSetting adds something about other things.
func unrelatedSetting(s *state.State) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		switch first := lineOf(f, 1); formOf(*s, *f) {
		case formUnit:
			if first == "[Service]" {
				insertLine(s, f, 2, "LimitMEMLOCK=infinity")
				done = true
			}
		case formJSON:
			if first == "{" && strings.Contains(f.Path, "daemon.json") && lineOf(f, 2) != "}" {
				insertLine(s, f, 2, `  "max-concurrent-downloads": 2,`)
				done = true
			}
		case formAssign, formShell:
			if f.Data != "" {
				insertLine(s, f, 1, "DOCKER_TMPDIR=/var/tmp/docker")
				done = true
			}
		case formOther:
		}
	}
	return done
}

// otherFileName renames the drop-ins, where all have one name.
func otherFileName(s *state.State) bool {
	name := ""
	for _, f := range s.Files {
		if isDropIn(f.Path) {
			if name != "" && path.Base(f.Path) != name {
				return false
			}
			name = path.Base(f.Path)
		}
	}
	if name == "" {
		return false
	}
	for i := range s.Files {
		if f := &s.Files[i]; isDropIn(f.Path) {
			rename(s, f, path.Dir(f.Path)+"/20-branch"+path.Ext(f.Path))
		}
	}
	return true
}

// otherDirectory moves the drop-ins of /etc into another directory that systemd reads, where they meet nothing.
func otherDirectory(s *state.State) bool {
	const from, to = "/etc/systemd/system/docker.service.d/", "/usr/local/lib/systemd/system/docker.service.d/"
	done := false
	for _, f := range s.Files {
		if isDropIn(f.Path) && (!strings.HasPrefix(f.Path, from) || f.Link != "") {
			return false
		}
	}
	for i := range s.Files {
		if f := &s.Files[i]; isDropIn(f.Path) {
			rename(s, f, to+path.Base(f.Path))
			done = true
		}
	}
	return done
}

// otherQuotes takes quotes away that are not needed, or puts some round what has none.
func otherQuotes(s *state.State) bool {
	quoted := regexp.MustCompile(`^(Environment *= *)"([^" ]*)"$`)
	bare := regexp.MustCompile(`^(Environment *= *)([^"' \\]+)$`)
	assigned := regexp.MustCompile(`^((?:export )?[A-Za-z_]+=)([^"' #$\\\r]+)$`)
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		before := f.Data
		switch formOf(*s, *f) {
		case formUnit:
			eachLine(f, func(_ int, line string) string {
				if m := quoted.FindStringSubmatch(line); m != nil && !strings.Contains(m[2], "'") {
					return m[1] + m[2]
				}
				return bare.ReplaceAllString(line, "$1'$2'")
			})
		case formAssign, formShell:
			eachLine(f, func(_ int, line string) string { return assigned.ReplaceAllString(line, `$1"$2"`) })
		case formJSON, formOther:
		}
		done = done || f.Data != before
	}
	return done
}

// otherCase uses the other spelling of all variables.
func otherCase(s *state.State) bool {
	lower := []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"}
	for _, f := range s.Files {
		for i := 1; i < len(lower); i += 2 {
			if strings.Contains(f.Data, lower[i]) {
				return false
			}
		}
	}
	return everywhere(s, lower...)
}

// otherOrder exchanges the first two neighbouring lines that set something about proxies each.
func otherOrder(s *state.State) bool {
	positional := []string{"systemd-wrong-section-or-directory", "startup-not-read-by-this-init", "daemon-json-engine-too-old", "daemon-json-not-the-one-read", "daemon-json-duplicate-key", "systemd-drop-in-overridden", "systemd-credentials-world-readable"}
	for _, e := range s.Expect {
		if slices.Contains(positional, e.ID) {
			return false
		}
	}
	setting := regexp.MustCompile(`^(?:Environment="?|export |)[A-Z]+_PROXY=[^$\\]*[^\\]$|^ +"https?-proxy" *: *".*",$`)
	for i := range s.Files {
		f := &s.Files[i]
		lines := strings.Split(f.Data, "\n")
		for n := 0; n+1 < len(lines); n++ {
			if !setting.MatchString(lines[n]) || !setting.MatchString(lines[n+1]) {
				continue
			}
			lines[n], lines[n+1] = lines[n+1], lines[n]
			f.Data = strings.Join(lines, "\n")
			for j := range s.Expect {
				if e := &s.Expect[j]; e.Path == f.Path && (e.Line == n+1 || e.Line == n+2) {
					e.Line = 2*n + 3 - e.Line
				}
			}
			return true
		}
	}
	return false
}

// besideOthers adds files about other things beside those of the state.
func besideOthers(s *state.State) bool {
	switch s.Base {
	case "sysvinit", "openrc":
		s.Files = append(s.Files, state.File{Path: "/etc/default/cron", Data: "EXTRA_OPTS=\"\"\n", Mode: 0o644})
	case "client":
		s.Files = append(s.Files, state.File{Path: "/home/dev/.docker/contexts/README", Data: "nothing yet\n", Mode: 0o644})
	default:
		s.Files = append(s.Files, state.File{Path: "/etc/systemd/system/docker.service.d/05-limits.conf", Data: "[Service]\nLimitNOFILE=1048576\nEnvironment=TMPDIR=/var/tmp\n", Mode: 0o644})
	}
	return true
}

// otherTarget leads links to another place.
func otherTarget(s *state.State) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		if strings.HasPrefix(f.Link, "/") && f.Link != "/dev/null" && s.File(f.Link) == nil {
			f.Link, done = "/srv/elsewhere/settings", true
		}
	}
	return done
}

// relativeTarget makes links relative to the directory they stand in.
func relativeTarget(s *state.State) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		if strings.HasPrefix(f.Link, "/") && f.Link != "/dev/null" {
			f.Link, done = strings.Repeat("../", strings.Count(path.Dir(f.Path), "/"))+strings.TrimPrefix(f.Link, "/"), true
		}
	}
	return done
}

// otherProgramPlace puts programs into another directory of systemd's PATH, otherProgram writes something else into them.
func otherProgramPlace(s *state.State) bool {
	done := false
	for i := range s.Files {
		if f := &s.Files[i]; path.Dir(f.Path) == "/usr/local/bin" {
			rename(s, f, "/usr/local/sbin/"+path.Base(f.Path))
			done = true
		}
	}
	return done
}

func otherProgram(s *state.State) bool {
	done := false
	for i := range s.Files {
		if f := &s.Files[i]; path.Dir(f.Path) == "/usr/local/bin" {
			f.Data, done = f.Data+"exit 0\n", true
		}
	}
	return done
}

// twoLinks leads a link through another one beside it.
func twoLinks(s *state.State) bool {
	done := false
	for i := range s.Files {
		if f := s.Files[i]; f.Link != "" && f.Link != "/dev/null" {
			s.Files[i].Link = path.Base(f.Path) + ".current"
			s.Files = append(s.Files, state.File{Path: f.Path + ".current", Link: f.Link, Mode: 0o777})
			done = true
		}
	}
	return done
}

// longerLink leads a link to a name beside it by way of the directory above.
func longerLink(s *state.State) bool {
	done := false
	for i := range s.Files {
		if f := &s.Files[i]; f.Link != "" && !strings.Contains(f.Link, "/") {
			f.Link, done = "../"+path.Base(path.Dir(f.Path))+"/"+f.Link, true
		}
	}
	return done
}
