package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// mendCommand applies every mend that needs no guessing.
const mendCommand = "docker proxy doctor --fix"

// configMistake tells of a configuration file that dockerd cannot decode.
func configMistake(at *precedence.Source, files *host.FS, err *jsonedit.ParseError, out *Observation) {
	id, fix := "daemon-json-invalid", ""
	data, _ := files.ReadFile(at.Path) // it was read before
	switch err.Mistake {
	case jsonedit.MistakeTrailingComma:
		id, fix = "daemon-json-comment-or-trailing-comma", mendCommand
	case jsonedit.MistakeComment:
		id, fix = "daemon-json-comment-or-trailing-comma", withoutComments(at.Path, data)
	case jsonedit.MistakeByteOrderMark:
		id, fix = "daemon-json-bom-on-old-engine", withoutMark(at.Path, data)
	}
	out.stops(id, at, fix, "%s: dockerd does not start with this file", err.Msg)
}

// withoutMark is the command that stores the file as UTF-8 without a byte order mark.
func withoutMark(file string, data []byte) string {
	if strings.HasPrefix(string(data), "\xef\xbb\xbf") {
		return mendCommand
	}
	old, name := shellWord(file+".old"), shellWord(file)
	return "cp -p " + name + " " + old + " && iconv -f UTF-16 -t UTF-8 " + old + " >" + name
}

// withoutComments is the command that takes out comments which fill their lines, and keeps a copy; "" where there are others, or something else is wrong too. No command of
// this program does that: what people noted would be lost.
func withoutComments(file string, data []byte) string {
	var kept []string
	for line := range strings.SplitSeq(string(data), "\n") {
		if text := strings.TrimLeft(line, " \t"); !strings.HasPrefix(text, "//") && !strings.HasPrefix(text, "#") {
			kept = append(kept, line)
		}
	}
	if _, err := jsonedit.Parse(file, []byte(strings.Join(kept, "\n")), jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: true}); err != nil {
		return ""
	}
	return `sed -i.commented '/^[[:blank:]]*\(\/\/\|#\)/d' ` + shellWord(file)
}

// missingConfig tells of a file that is not there: dockerd takes that for no configuration where it is the default one, and does not start where --config-file names it.
func missingConfig(at *precedence.Source, site *Site, files *host.FS, out *Observation) {
	link := danglingLink(files, at.Path)
	switch {
	case link != "" && site.ConfigExplicit:
		out.stops("daemon-json-dangling-link", at, makeConfig(files, at.Path), "%s leads to a file that does not exist, and dockerd, which is told to read it, does not start", redact.Terminal(link))
	case link != "":
		out.find("daemon-json-dangling-link", at, "rm "+shellWord(link), "%s leads to a file that does not exist: dockerd starts without any configuration and says nothing", redact.Terminal(link))
	case site.ConfigExplicit:
		out.stops("daemon-json-invalid", at, makeConfig(files, at.Path), "dockerd is told to read %s, which does not exist; it will not start", site.ConfigFile)
	}
}

// makeConfig is the command that makes an empty configuration, also at the end of a link.
func makeConfig(files *host.FS, file string) string {
	command := "echo '{}' >" + shellWord(file)
	if target, err := files.Resolve(file, true); err == nil && !files.Exists(path.Dir(target)) {
		command = "mkdir -p " + shellWord(path.Dir(target)) + " && " + command
	}
	return command
}

// danglingLink returns the link on the way to a missing file that leads nowhere, or "".
func danglingLink(files *host.FS, file string) string {
	for p := file; p != "/" && p != "."; p = path.Dir(p) {
		if st, err := files.Lstat(p); err == nil && st.Mode&fs.ModeSymlink != 0 && !files.Exists(p) {
			return p
		}
	}
	return ""
}

// problemID is the check a class of problems belongs to.
func problemID(c jsonedit.Class) string {
	switch c {
	case jsonedit.ClassFlat:
		return "daemon-json-flat-key"
	case jsonedit.ClassClientShape:
		return "daemon-json-client-shape"
	case jsonedit.ClassNull:
		return "daemon-json-null"
	case jsonedit.ClassWrongType:
		return "daemon-json-wrong-type"
	case jsonedit.ClassMisplaced, jsonedit.ClassUnknownDirective, jsonedit.ClassUnknownName:
	}
	return "daemon-json-invalid"
}

// configProblems turns what dockerd refuses or ignores into findings; the result says why no binding of the file reaches dockerd, or "".
func configProblems(at *precedence.Source, site *Site, doc *jsonedit.Document, problems []jsonedit.Problem, out *Observation) string {
	inert := ""
	for _, p := range problems {
		s := *at
		s.Line, s.Name = p.Line, p.Name
		id := problemID(p.Class)
		switch {
		case p.Effect != jsonedit.EffectIgnored:
			inert = "dockerd does not start with this file"
			out.failMendable(&s, unsetConfig, errors.New(p.Msg))
			out.stops(id, &s, mendOrUnset(site, doc, p), "%s", p.Msg)
		case p.Class == jsonedit.ClassFlat && site.ReadsProxies() != No:
			out.find(id, &s, mendOrUnset(site, doc, p), "%s", p.Msg)
		case p.Class == jsonedit.ClassUnknownName && strings.HasSuffix(strings.ToLower(p.Name), "proxy"):
			out.find("daemon-json-flat-key", &s, unsetConfig, "%s", p.Msg)
		}
	}
	if old := tooOld(at, site, doc, out); inert == "" {
		inert = old
	}
	return inert
}

// mendOrUnset is the command that takes a problem away: the mend, where it knows what was meant, else taking the settings out.
func mendOrUnset(site *Site, doc *jsonedit.Document, p jsonedit.Problem) string {
	if site.ReadsProxies() == No {
		return unsetConfig
	}
	opt := configOptions(site)
	r, err := jsonedit.RepairDaemon(site.ConfigFile, doc.Bytes(), opt)
	if err != nil {
		return unsetConfig
	}
	after, err := jsonedit.Parse(site.ConfigFile, r.Data, opt)
	if err != nil {
		return unsetConfig
	}
	_, left := jsonedit.DaemonProxies(after)
	if slices.ContainsFunc(left, func(q jsonedit.Problem) bool { return q.Name == p.Name }) {
		return unsetConfig
	}
	return mendCommand
}

// tooOld tells of proxies in the file of an engine that does not know them. It names unknown members, whatever object they stand in and whatever their value is.
func tooOld(at *precedence.Source, site *Site, doc *jsonedit.Document, out *Observation) string {
	if site.ReadsProxies() != No {
		return ""
	}
	for _, k := range precedence.Keys() {
		for _, m := range jsonedit.DaemonDirectives(doc, string(k)) {
			s := *at
			s.Line, s.Name = m.Line, strings.Join(m.Path, ".")
			out.failMendable(&s, unsetConfig, fmt.Errorf("docker engine %s refuses to start with proxies in this file; it reads them since 23.0", site.Version))
			out.stops("daemon-json-engine-too-old", &s, unsetConfig, "docker engine %s refuses to start with proxies in %s; it reads them since 23.0", site.Version, site.ConfigFile)
			return "engine " + site.Version + " does not know it and will not start"
		}
	}
	return ""
}

// duplicateKeys tells of values that a later one of the same name in the file overrides, and of objects that dockerd merges.
func duplicateKeys(at *precedence.Source, doc *jsonedit.Document, out *Observation) {
	for _, d := range jsonedit.DaemonDuplicates(doc) {
		s := *at
		s.Line, s.Name = d.Line, d.Name
		switch {
		case d.Key == "":
			out.find("daemon-json-duplicate-key", &s, mendCommand, "the object proxies stands here a second time (first on line %d): dockerd merges both, and of the same key the later value counts", d.Other)
		case d.Equal:
			out.find("daemon-json-duplicate-key", &s, mendCommand, "%s is set again on line %d, to the same value; dockerd uses that one", d.Key, d.Other)
		default:
			out.find("daemon-json-duplicate-key", &s, mendCommand, "%s is set again on line %d, and dockerd uses that one: the value here does nothing", d.Key, d.Other)
		}
	}
}

// flagConflicts finds settings that stand in the file and on the command line: dockerd refuses to start with both, even when they are equal, and also where the one in the file is
// misplaced (moby daemon/config.findConfigurationConflicts). Where the file says null it crashes on the way to its message (printConflict).
func flagConflicts(at *precedence.Source, site *Site, doc *jsonedit.Document, out *Observation) {
	listConflicts(at, site, doc, out)
	if site.ReadsProxies() == No {
		return // neither is known to it, and that is said
	}
	for _, b := range site.ProxyFlags() {
		both := jsonedit.DaemonDirectives(doc, string(b.Key))
		if len(both) == 0 {
			continue
		}
		m, s := both[0], *at
		s.Line, s.Name = m.Line, m.Name()
		out.failMendable(&s, unsetConfig, fmt.Errorf("%s is also given as the flag %s (%s)", b.Key, b.Key.Flag(), b.Source))
		fix := "docker proxy unset --" + string(b.Key) + " --layer daemon.json"
		if m.Kind == jsonedit.KindNull && b.Key != precedence.NoProxy {
			out.stops("daemon-json-null", &s, fix, "%s is null here and given as the flag %s (%s): dockerd crashes when it starts", b.Key, b.Key.Flag(), b.Source)
			continue
		}
		out.stops("daemon-json-flag-conflict", &s, fix, "%s stands here and as the flag %s (%s): dockerd does not start with both", b.Key, b.Key.Flag(), b.Source)
	}
}

// listConflicts does the same for the options beside the proxies that this program knows from the command line: whoever adds proxies to a file that has them is left with a
// dockerd that does not start.
func listConflicts(at *precedence.Source, site *Site, doc *jsonedit.Document, out *Observation) {
	for _, f := range site.Flags {
		name := map[string]string{
			"host": "hosts", "insecure-registry": "insecure-registries", "registry-mirror": "registry-mirrors", "data-root": "data-root", "pidfile": "pidfile", "exec-root": "exec-root",
		}[f.Name]
		if name == "" {
			continue
		}
		for _, m := range jsonedit.DaemonDirectives(doc, name) {
			s := *at
			s.Line, s.Name = m.Line, m.Name()
			out.stops("daemon-json-flag-conflict", &s, "", "%s stands here and as the flag --%s (%s): dockerd does not start with both", name, f.Name, f.Source)
			break
		}
	}
}
