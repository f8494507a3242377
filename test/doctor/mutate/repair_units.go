package mutate

import (
	"path"
	"regexp"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

func mendUnits(s *state.State, f state.Finding) bool {
	units := []form{formUnit}
	switch f.ID {
	case "systemd-unescaped-percent":
		return inLines(s, units, `%([^%])`, "%%$1")
	case "systemd-bad-escape":
		return inLines(s, units, `\\([a-z])`, "%%5C$1")
	case "systemd-unbalanced-quote":
		return mendQuotes(s)
	case "systemd-one-variable-in-two":
		return inLines(s, units, ` (HTTPS?_PROXY|https?_proxy|NO_PROXY|no_proxy)=`, `" "$1=`)
	case "systemd-trailing-comment":
		return inLines(s, units, ` +#.*$`, "")
	case "systemd-ignored-assignment":
		return inLines(s, units, `(PROXY|proxy) = `, "$1=")
	case "systemd-drop-in-masked", "systemd-drop-in-overridden":
		return keepOnly(s, f)
	case "systemd-environment-file-wins":
		takeAway(s, "/etc/default/docker")
		return true
	case "systemd-credentials-world-readable":
		return intoFile(s)
	case "systemd-wrong-section-or-directory":
		return rightPlace(s, f)
	case "systemd-environment-file-missing":
		put(s, state.File{Path: "/etc/docker/proxy.env", Data: "HTTP_PROXY=http://" + s.Means["http"] + "\nHTTPS_PROXY=http://" + s.Means["https"] + "\n", Mode: 0o600})
		return true
	}
	return false
}

// mendQuotes closes a quote that was left open, or encodes one that belongs to a password.
func mendQuotes(s *state.State) bool {
	return eachFile(s, []form{formUnit}, func(f *state.File) {
		eachLine(f, func(_ int, line string) string {
			switch {
			case strings.Count(line, `"`) == 1:
				return line + `"`
			case strings.Count(line, "'") == 1:
				return strings.Replace(line, "'", "%%27", 1)
			case strings.Count(line, "'") == 3: // in a pair of its own
				i := strings.IndexByte(line, '\'')
				j := strings.LastIndexByte(line, '\'')
				return line[:i+1] + strings.ReplaceAll(line[i+1:j], "'", "%%27") + line[j:]
			}
			return line
		})
	})
}

// keepOnly leaves the file of the finding as the only one of its kind that says something about proxies.
func keepOnly(s *state.State, f state.Finding) bool {
	done := false
	for i := range s.Files {
		if o := s.Files[i]; isDropIn(o.Path) && o.Path != f.Path {
			takeAway(s, o.Path)
			done = true
		}
	}
	return done
}

// intoFile takes the values out of the drop-ins into a file that root alone reads, where systemd expands nothing.
func intoFile(s *state.State) bool {
	var values string
	for i := range s.Files {
		f := &s.Files[i]
		if !isDropIn(f.Path) {
			continue
		}
		for line := range strings.Lines(f.Data) {
			if m := regexp.MustCompile(`^ *Environment *= *["']?([A-Za-z_]+=[^"'\r\n]*)`).FindStringSubmatch(line); m != nil && strings.Contains(strings.ToLower(m[1]), "_proxy=") {
				values += strings.NewReplacer("%%", "%", `\`, "%5C").Replace(m[1]) + "\n"
			}
		}
		if strings.Contains(strings.ToLower(f.Data), "_proxy=") {
			f.Data = "[Service]\nEnvironmentFile=/etc/docker/proxy.env\n"
		}
	}
	put(s, state.File{Path: "/etc/docker/proxy.env", Data: values, Mode: 0o600})
	return values != ""
}

// rightPlace moves a drop-in to where systemd reads it, and its assignments into the section they belong to.
func rightPlace(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil {
		return false
	}
	if dir := path.Dir(file.Path); path.Base(dir) != "docker.service.d" {
		file.Path = path.Join(path.Dir(dir), "docker.service.d", path.Base(file.Path))
	}
	if path.Ext(file.Path) != ".conf" {
		file.Path += ".conf"
	}
	text := strings.ReplaceAll(file.Data, "[Unit]", "[Service]")
	if !strings.Contains(text, "[Service]") {
		text = "[Service]\n" + text
	}
	file.Data = text
	return true
}

func mendStartup(s *state.State, f state.Finding) bool {
	assigned, sourced := []form{formAssign}, []form{formShell}
	switch f.ID {
	case "startup-not-read-by-this-init":
		file := s.File(f.Path)
		if file == nil {
			return false
		}
		asDropIn(s, pairs(file.Data))
		takeAway(s, f.Path)
		return true
	case "startup-not-exported":
		return inLines(s, sourced, `^((?i)[a-z]+_proxy=)`, "export $1")
	case "startup-export-in-environment-file":
		return inLines(s, assigned, `^export +`, "")
	case "startup-invalid-utf8":
		return eachFile(s, assigned, func(f *state.File) { f.Data = strings.ReplaceAll(f.Data, "\xfc", "ü") })
	case "startup-inline-comment":
		return inLines(s, assigned, ` +# .*$`, "")
	case "startup-shell-expansion-not-done":
		values := pairs(s.File(f.Path).Data)
		return inLines(s, assigned, `\$(?i)http_proxy`, values["http-proxy"])
	case "startup-syntax-error":
		return eachFile(s, sourced, func(f *state.File) {
			eachLine(f, func(_ int, line string) string {
				if strings.Count(line, `"`)%2 == 1 {
					return line + `"`
				}
				return line
			})
		})
	}
	return false
}
