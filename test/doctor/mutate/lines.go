package mutate

import (
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// form is how a file is read.
type form int

const (
	formOther  form = iota
	formUnit        // units and drop-ins of systemd
	formJSON        // daemon.json, config.json
	formAssign      // NAME=VALUE lines that systemd reads
	formShell       // NAME=VALUE lines that sh reads
)

func formOf(s state.State, f state.File) form {
	switch {
	case f.Link != "" || f.Dir || f.Gone || f.Mode&0o111 != 0:
		return formOther
	case strings.HasSuffix(f.Path, ".json"):
		return formJSON
	case strings.Contains(f.Path, "/systemd/"):
		return formUnit
	case strings.HasPrefix(f.Path, "/etc/default/"), strings.HasPrefix(f.Path, "/etc/sysconfig/"), strings.HasPrefix(f.Path, "/etc/conf.d/"), strings.HasSuffix(f.Path, ".env"):
		if s.Base == "sysvinit" || s.Base == "openrc" {
			return formShell
		}
		return formAssign
	}
	return formOther
}

// isDropIn reports whether a file is a drop-in of docker.service.
func isDropIn(p string) bool { return strings.Contains(p, "/docker.service.d/") }

// insertLine puts a line before line number at (from 1) of a file, and moves what is expected behind it.
func insertLine(s *state.State, f *state.File, at int, line string) {
	lines := strings.SplitAfter(f.Data, "\n")
	f.Data = strings.Join(lines[:at-1], "") + line + "\n" + strings.Join(lines[at-1:], "")
	for i := range s.Expect {
		if e := &s.Expect[i]; e.Path == f.Path && e.Line >= at {
			e.Line++
		}
	}
}

// rename moves a file, and what is expected of it.
func rename(s *state.State, f *state.File, to string) {
	for i := range s.Expect {
		if s.Expect[i].Path == f.Path {
			s.Expect[i].Path = to
		}
	}
	f.Path = to
}

// eachLine replaces every line of a file, given without its end, by what edit returns.
func eachLine(f *state.File, edit func(n int, line string) string) {
	n := 0
	var b strings.Builder
	for line := range strings.Lines(f.Data) {
		n++
		text := strings.TrimRight(line, "\r\n")
		b.WriteString(edit(n, text) + line[len(text):])
	}
	f.Data = b.String()
}

// lineOf returns line n of a file without its end, or "".
func lineOf(f *state.File, n int) string {
	lines := strings.Split(f.Data, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[n-1], "\r")
}

// everywhere replaces words in the bytes of all files and in what is meant. It reports whether anything changed.
func everywhere(s *state.State, pairs ...string) bool {
	r := strings.NewReplacer(pairs...)
	changed := false
	for i := range s.Files {
		if text := r.Replace(s.Files[i].Data); text != s.Files[i].Data {
			s.Files[i].Data, changed = text, true
		}
	}
	for k, v := range s.Means {
		s.Means[k] = r.Replace(v)
	}
	return changed
}
