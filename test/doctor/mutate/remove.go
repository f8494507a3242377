package mutate

import (
	"regexp"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// Remove returns states in which the cause of the finding is gone: its file taken away, its lines taken out, its lines made remarks, and mended as an
// administrator would. Only the last one still means what the state meant; it is called "mended", and comes last. What else is to be found in the others is not
// said.
func Remove(s state.State, f state.Finding) []Mutation {
	var all []Mutation
	add := func(name string, edit func(*state.State) bool) {
		c := s.Clone()
		c.Expect = nil
		if edit(&c) {
			all = append(all, Mutation{name, c})
		}
	}
	add("no-file", func(c *state.State) bool { return withoutFile(c, f) })
	add("no-lines", func(c *state.State) bool { return withoutLines(c, s.Expect, f) })
	add("remarks", func(c *state.State) bool { return asRemarks(c, s.Expect, f) })
	add("not-executable", func(c *state.State) bool { return notExecutable(c, f) })
	add("renamed", func(c *state.State) bool { return renamed(c, f) })
	add("nothing-for-containers", func(c *state.State) bool { return f.ID == "client-builder-not-covered" && withoutConfig(c) })
	add("no-proxies", func(c *state.State) bool { return withoutProxies(c, f) })
	add("not-looked-at", func(c *state.State) bool { return removeAuthority(c, f) })
	add("mended", func(c *state.State) bool { return mend(c, f) })
	return all
}

// withoutFile takes the file away, also one that the machine had before.
func withoutFile(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil {
		return false
	}
	*file = state.File{Path: f.Path, Gone: true}
	return true
}

// withoutConfig takes the proxies of containers and builds away: then a builder needs none either.
func withoutConfig(s *state.State) bool {
	for i := range s.Files {
		if f := &s.Files[i]; strings.HasSuffix(f.Path, "/config.json") {
			f.Data = "{}\n"
			return true
		}
	}
	return false
}

// notExecutable takes the right to run a program.
func notExecutable(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil || file.Mode&0o111 == 0 || file.Link != "" {
		return false
	}
	file.Mode &^= 0o111
	return true
}

// renamed gives a link or a program a name that nobody looks for.
func renamed(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil || file.Link == "" && file.Mode&0o111 == 0 && f.ID != "managed-by-configuration-tool" {
		return false
	}
	file.Path += ".off"
	return true
}

// positions are the lines at which findings of one kind stand in a file.
func positions(all []state.Finding, f state.Finding) map[int]bool {
	at := map[int]bool{}
	for _, e := range all {
		if e.ID == f.ID && e.Path == f.Path && e.Line > 0 {
			at[e.Line] = true
		}
	}
	return at
}

// oneLine are findings whose cause is the one line they stand on; other causes are spread over a file.
func oneLine(id string) bool {
	switch id {
	case "systemd-wrong-section-or-directory", "startup-not-read-by-this-init", "daemon-json-engine-too-old", "daemon-json-not-the-one-read", "daemon-json-invalid",
		"systemd-drop-in-overridden", "systemd-drop-in-masked", "systemd-credentials-world-readable", "managed-by-configuration-tool", "daemon-json-bom-on-old-engine", "no-proxy-missing-registry", "client-flat-proxies":
		return false
	}
	return true
}

func withoutLines(s *state.State, all []state.Finding, f state.Finding) bool {
	file, at := s.File(f.Path), positions(all, f)
	if file == nil || len(at) == 0 || !oneLine(f.ID) {
		return false
	}
	if formOf(*s, *file) == formJSON {
		file.Data = withoutMembers(file.Data, at)
		return true
	}
	var kept []string
	for n, line := range strings.SplitAfter(file.Data, "\n") {
		if !at[n+1] {
			kept = append(kept, line)
		}
	}
	file.Data = strings.Join(kept, "")
	return true
}

func asRemarks(s *state.State, all []state.Finding, f state.Finding) bool {
	file, at := s.File(f.Path), positions(all, f)
	if file == nil || len(at) == 0 || !oneLine(f.ID) || formOf(*s, *file) == formJSON || formOf(*s, *file) == formOther {
		return false
	}
	eachLine(file, func(n int, line string) string {
		if at[n] {
			return "#" + line
		}
		return line
	})
	return true
}

// withoutMembers takes the members of JSON that begin on the lines away, with what they hold, and a comma that is then too many.
func withoutMembers(text string, at map[int]bool) string {
	var kept []string
	depth := 0
	for n, line := range strings.Split(text, "\n") {
		if depth > 0 || at[n+1] {
			if strings.Contains(line, "//") && !strings.Contains(line, "://") {
				continue
			}
			depth += strings.Count(line, "{") + strings.Count(line, "[") - strings.Count(line, "}") - strings.Count(line, "]")
			continue
		}
		kept = append(kept, line)
	}
	return regexp.MustCompile(`,(\s*[}\]])`).ReplaceAllString(strings.Join(kept, "\n"), "$1")
}

// withoutProxies leaves a file without anything about proxies: JSON by a harmless object, others by taking out every line that names one.
func withoutProxies(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil || file.Link != "" || f.ID == "managed-by-configuration-tool" {
		return false
	}
	switch formOf(*s, *file) {
	case formJSON:
		file.Data = "{\n  \"log-driver\": \"journald\"\n}\n"
		if s.Base == "client" {
			file.Data = "{\n  \"auths\": {}\n}\n"
		}
	case formUnit, formAssign, formShell:
		about := regexp.MustCompile(`(?i)_proxy|proxy\.|REQUEST_METHOD|\xfc`)
		var kept []string
		for line := range strings.Lines(file.Data) {
			if !about.MatchString(line) {
				kept = append(kept, line)
			}
		}
		file.Data = strings.Join(kept, "")
	case formOther:
		return false
	}
	return true
}
