package mutate

import (
	"path"
	"regexp"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

const (
	dropIn     = "/etc/systemd/system/docker.service.d/http-proxy.conf"
	daemonJSON = "/etc/docker/daemon.json"
)

// mend repairs the cause of a finding as an administrator would who knows it, everywhere in the state. It reports whether it knows how.
func mend(s *state.State, f state.Finding) bool {
	switch {
	case strings.HasPrefix(f.ID, "daemon-json-"):
		return mendDaemonJSON(s, f)
	case strings.HasPrefix(f.ID, "systemd-"):
		return mendUnits(s, f)
	case strings.HasPrefix(f.ID, "startup-"):
		return mendStartup(s, f)
	case strings.HasPrefix(f.ID, "no-proxy-"):
		return mendList(s, f)
	case strings.HasPrefix(f.ID, "client-"):
		return mendClient(s, f)
	case strings.HasPrefix(f.ID, "ca-"):
		return mendAuthority(s, f)
	}
	return mendValues(s, f)
}

// eachFile edits the bytes of every file of a form and reports whether anything changed.
func eachFile(s *state.State, want []form, edit func(f *state.File)) bool {
	done := false
	for i := range s.Files {
		f := &s.Files[i]
		for _, w := range want {
			if formOf(*s, *f) == w {
				before := f.Data
				edit(f)
				done = done || f.Data != before
			}
		}
	}
	return done
}

// inLines replaces in every line of the files of a form.
func inLines(s *state.State, want []form, pattern, by string) bool {
	re := regexp.MustCompile(pattern)
	return eachFile(s, want, func(f *state.File) {
		eachLine(f, func(_ int, line string) string { return re.ReplaceAllString(line, by) })
	})
}

// pairs are the settings that somebody wrote into a text, in whatever form, by the names of daemon.json.
func pairs(text string) map[string]string {
	out := map[string]string{}
	json := regexp.MustCompile(`"([A-Za-z-]+)"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|\[([^\]]*)\])`)
	for _, m := range json.FindAllStringSubmatch(text, -1) {
		key := map[string]string{"httpproxy": "http-proxy", "httpsproxy": "https-proxy", "noproxy": "no-proxy"}[strings.ToLower(strings.ReplaceAll(m[1], "-", ""))]
		value := m[2] + strings.NewReplacer(`"`, "", " ", "").Replace(m[3])
		if key != "" {
			out[key] = value
		}
	}
	assigned := regexp.MustCompile(`(?m)\b(HTTPS?|NO)_PROXY=["']?([^"'\s]+)`)
	for _, m := range assigned.FindAllStringSubmatch(strings.NewReplacer("http_", "HTTP_", "https_", "HTTPS_", "no_", "NO_", "_proxy", "_PROXY").Replace(text), -1) {
		out[strings.ToLower(m[1])+"-proxy"] = m[2]
	}
	return out
}

// order is that of the files that are written.
func order() []string { return []string{"http-proxy", "https-proxy", "no-proxy"} }

// asDropIn writes settings as the drop-in of the manual, percent signs doubled.
func asDropIn(s *state.State, values map[string]string) {
	text := "[Service]\n"
	for _, k := range order() {
		if v := values[k]; v != "" {
			text += `Environment="` + strings.ToUpper(strings.ReplaceAll(k, "-", "_")) + "=" + strings.ReplaceAll(v, "%", "%%") + "\"\n"
		}
	}
	put(s, state.File{Path: dropIn, Data: text, Mode: 0o644})
}

// asDaemonJSON writes settings as the manual has them.
func asDaemonJSON(values map[string]string) string {
	var members []string
	for _, k := range order() {
		if v, ok := values[k]; ok && v != "" {
			members = append(members, `    "`+k+`": "`+v+`"`)
		}
	}
	if len(members) == 0 {
		return "{\n  \"log-driver\": \"journald\"\n}\n"
	}
	return "{\n  \"proxies\": {\n" + strings.Join(members, ",\n") + "\n  }\n}\n"
}

// put adds or replaces a file.
func put(s *state.State, f state.File) {
	if old := s.File(f.Path); old != nil {
		*old = f
		return
	}
	s.Files = append(s.Files, f)
}

// takeAway removes a file of the state, or of the machine under it.
func takeAway(s *state.State, p string) { put(s, state.File{Path: p, Gone: true}) }

func mendDaemonJSON(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil {
		return false
	}
	switch f.ID {
	case "daemon-json-flat-key", "daemon-json-client-shape", "daemon-json-wrong-type", "daemon-json-null", "daemon-json-comment-or-trailing-comma", "daemon-json-duplicate-key":
		values := pairs(file.Data)
		if m := regexp.MustCompile(`"proxies"\s*:\s*"([^"]*)"`).FindStringSubmatch(file.Data); m != nil {
			values["http-proxy"], values["https-proxy"] = m[1], m[1]
		}
		file.Data = asDaemonJSON(values)
	case "daemon-json-invalid":
		return mendInvalid(s, file)
	case "daemon-json-engine-too-old":
		asDropIn(s, pairs(file.Data))
		takeAway(s, f.Path)
	case "daemon-json-flag-conflict":
		return withoutLines(s, []state.Finding{f}, f)
	case "daemon-json-empty-does-not-unset":
		takeAway(s, f.Path)
		takeAway(s, "/etc/default/docker")
	case "daemon-json-bom-on-old-engine":
		file.Data = strings.TrimPrefix(file.Data, "\ufeff")
	case "daemon-json-dangling-link":
		values := map[string]string{}
		for _, k := range order()[:2] {
			if v := s.Means[strings.TrimSuffix(k, "-proxy")]; v != "" {
				values[k] = "http://" + v
			}
		}
		put(s, state.File{Path: file.Link, Data: asDaemonJSON(values), Mode: 0o644})
	case "daemon-json-not-the-one-read":
		for _, other := range s.Files {
			if path.Base(other.Path) == path.Base(f.Path) && other.Path != f.Path {
				put(s, state.File{Path: other.Path, Data: asDaemonJSON(pairs(file.Data)), Mode: 0o644})
				takeAway(s, f.Path)
				return true
			}
		}
		return false
	default:
		return false
	}
	return true
}

// mendInvalid repairs what no more precise kind of finding is about.
func mendInvalid(s *state.State, file *state.File) bool {
	text := strings.ReplaceAll(file.Data, "\xfc", "ü")
	if strings.Contains(text, "all-proxy") {
		value := regexp.MustCompile(`"all-proxy" *: *"([^"]*)"`).FindStringSubmatch(text)[1]
		text = asDaemonJSON(map[string]string{"http-proxy": value, "https-proxy": value})
	}
	if n := strings.Count(text, "{") - strings.Count(text, "}"); n > 0 {
		text = strings.TrimRight(text, "\r\n") + strings.Repeat("\n}", n) + "\n"
	}
	changed := text != file.Data
	file.Data = text
	_ = s
	return changed
}

func mendClient(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil {
		return false
	}
	switch f.ID {
	case "client-flat-proxies":
		record := regexp.MustCompile(`(?s)"proxies"\s*:\s*(\{.*?\})`)
		file.Data = record.ReplaceAllString(file.Data, `"proxies": {"default": $1}`)
	case "client-unparsable-config":
		file.Data = regexp.MustCompile(`,(\s*[}\]])`).ReplaceAllString(file.Data, "$1")
	case "client-loopback-proxy":
		file.Data = strings.NewReplacer("//127.0.0.1", "//proxy.corp", "//localhost", "//proxy.corp").Replace(file.Data)
	case "client-builder-not-covered":
		const proxies = `"env.HTTP_PROXY":"http://proxy.corp:3128","env.http_proxy":"http://proxy.corp:3128","env.HTTPS_PROXY":"http://proxy.corp:3128","env.https_proxy":"http://proxy.corp:3128","env.NO_PROXY":"localhost","env.no_proxy":"localhost",`
		file.Data = strings.Replace(file.Data, `"DriverOpts":{`, `"DriverOpts":{`+proxies, 1)
	case "client-key-never-matches":
		file.Data = regexp.MustCompile(`"(ssh|tcp)://[^"]*" *:`).ReplaceAllString(file.Data, `"default":`)
	case "client-all-proxy-ignored-by-builds":
		value := regexp.MustCompile(`"allProxy" *: *"([^"]*)"`).FindStringSubmatch(file.Data)
		file.Data = strings.Replace(file.Data, value[0], `"httpProxy": "`+value[1]+`", "httpsProxy": "`+value[1]+`"`, 1)
	default:
		return false
	}
	return true
}
