package daemon

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
	"github.com/docker-proxy/docker-proxy/internal/unitfile"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// judgeLines tells of lines of a unit file or drop-in that are about proxies and that systemd does not take for what they look like: outside [Service], without a
// directive, under a misspelt one, or behind the point where it stops reading.
func judgeLines(out *Observation, at precedence.Source, f *unitfile.File, dropIn bool) {
	judgeLoose(out, at, f, "[Service]")
	if stop := f.Stopped(); stop != nil && (!dropIn || mentionsProxy(stop.Text)) {
		s := at
		s.Line = stop.Line
		out.find("systemd-ignored-assignment", &s, "", "systemd reads no further than this line: %s", stop.Msg)
	}
	for _, a := range f.Assignments() {
		s := at
		s.Line = a.Line
		judgeDirective(out, s, a)
	}
}

// judgeManagerLines does the same for the manager's own configuration.
func judgeManagerLines(out *Observation, at precedence.Source, f *unitfile.File) {
	judgeLoose(out, at, f, "[Manager]")
	for _, a := range f.Assignments() {
		at.Line, at.Name = a.Line, mentioned(a.Value)
		if at.Name != "" && (a.Key == "Environment" || a.Key == "DefaultEnvironment" && a.Section != "Manager") && !private(a.Section) {
			out.find("systemd-wrong-section-or-directory", &at, wrongPlace(at), "%s= means nothing in the section [%s] of this file: the manager reads DefaultEnvironment= of [Manager]", a.Key, a.Section)
		}
	}
}

// judgeLoose tells of lines outside sections, and of those that are no assignments.
func judgeLoose(out *Observation, at precedence.Source, f *unitfile.File, section string) {
	for _, p := range f.Problems() {
		at.Line, at.Name = p.Line, mentioned(p.Text)
		switch {
		case at.Name == "" || p.Kind == unitfile.KindStopped:
		case p.Kind == unitfile.KindSection:
			out.find("systemd-wrong-section-or-directory", &at, wrongPlace(at), "systemd skips this line: it stands before any section header (%s belongs above it)", section)
		default:
			out.find("systemd-ignored-assignment", &at, setAnew(at.Layer, at.Name), "systemd ignores this line: %s", p.Msg)
		}
	}
}

func wrongPlace(at precedence.Source) string {
	return mendOr("systemd-wrong-section-or-directory", setAnew(at.Layer, at.Name))
}

// private reports whether systemd keeps a section for other programs (systemd.syntax(7)).
func private(section string) bool { return strings.HasPrefix(section, "X-") }

// judgeDirective tells of an assignment to a directive that systemd does not know, or not there.
func judgeDirective(out *Observation, at precedence.Source, a unitfile.Assignment) {
	known := slices.Contains([]string{"Environment", "EnvironmentFile", "PassEnvironment", "UnsetEnvironment"}, a.Key)
	name := mentioned(a.Value)
	key := strings.TrimPrefix(a.Key, "export ")
	switch {
	case private(a.Section):
	case proxyName(key) != "":
		at.Name = key
		out.find("systemd-ignored-assignment", &at, setAnew(at.Layer, key), "systemd ignores this line: %s is no directive of a unit (Environment=%s=… sets the variable)", a.Key, key)
	case known && a.Section != "Service" && (name != "" || a.Key == "EnvironmentFile" && strings.Contains(strings.ToLower(a.Value), "proxy")):
		at.Name = name
		out.find("systemd-wrong-section-or-directory", &at, wrongPlace(at), "%s= means nothing in the section [%s]: it belongs into [Service]", a.Key, a.Section)
	case !known && name != "" && likeEnvironment(a.Key):
		at.Name = name
		out.find("systemd-ignored-assignment", &at, setAnew(at.Layer, name), "systemd ignores this line: it knows no directive %s= for a service (Environment= sets variables)", a.Key)
	}
}

// likeEnvironment reports whether a key that systemd does not know was probably meant as Environment=.
func likeEnvironment(key string) bool {
	key = strings.ToLower(key)
	return strings.HasPrefix(key, "env") || strings.HasSuffix(key, "environment") || key == "setenv" || key == "export"
}

// judgeNames tells of words of PassEnvironment= and UnsetEnvironment= that systemd drops.
func judgeNames(out *Observation, at precedence.Source, problems []unitfile.Problem) {
	for _, p := range problems {
		at.Line, at.Name = p.Line, mentioned(p.Text)
		id := "systemd-ignored-assignment"
		switch p.Kind {
		case unitfile.KindSpecifier:
			id = "systemd-unescaped-percent"
		case unitfile.KindEscape:
			id = "systemd-bad-escape"
		case unitfile.KindQuote:
			id = "systemd-unbalanced-quote"
		}
		if at.Name != "" {
			out.find(id, &at, "", "systemd ignores this: %s", p.Msg)
		}
	}
}

// ignoredFile tells of an EnvironmentFile= line that systemd ignores, if the file that was meant is about proxies.
func (r *unitReader) ignoredFile(at precedence.Source, value string, err error) {
	file := meantFile(value)
	if !r.setsProxies(file) && !strings.Contains(strings.ToLower(file), "proxy") {
		return
	}
	id := "systemd-ignored-assignment"
	if strings.Contains(value, "%") && strings.HasPrefix(strings.TrimPrefix(value, "-"), "/") {
		id = "systemd-unescaped-percent"
	}
	r.out.find(id, &at, mendOr(id, "docker proxy set --layer systemd --proxy URL"), "systemd ignores this line and does not read the file: %v", err)
}

// misnamedFile tells of a file that systemd looks for under another name than it was meant, and passes over because of the dash.
func (r *unitReader) misnamedFile(at precedence.Source, named string) {
	if file := meantFile(named); file != named && r.setsProxies(file) {
		r.out.find("systemd-environment-file-missing", &at, "", "there is no %q, and systemd passes over it: everything behind the equals sign is the name, quotes, blanks and a comment too", named)
	}
}

// meantFile is the path that somebody meant who thinks of a shell: without dash, quotes, comment, and only the first of several.
func meantFile(value string) string {
	value = strings.TrimLeft(strings.TrimPrefix(value, "-"), `"' `)
	if i := strings.IndexAny(value, `"' `); i >= 0 {
		value = value[:i]
	}
	return value
}

// setsProxies reports whether a file assigns proxy variables, in whatever language.
func (r *unitReader) setsProxies(file string) bool {
	if !strings.HasPrefix(file, "/") {
		return false
	}
	data, err := r.files.ReadFile(file)
	if err != nil {
		return false
	}
	assigns, _ := envfile.Parse(data, r.site.SystemdVersion)
	return slices.ContainsFunc(assigns, func(a envfile.Assignment) bool { return mentionsProxy(a.Name) })
}
