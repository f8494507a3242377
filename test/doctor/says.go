package doctor

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
	"github.com/docker-proxy/docker-proxy/test/doctor/witness"
)

// claim checks what one finding says against a witness. It returns what is not so, or "".
type claim func(c claimed) string

// claimed is a finding of a state, and what the witness of the state said.
type claimed struct {
	state   state.State
	finding state.Finding
	answer  witness.Answer
}

// claims returns what each kind of finding says will happen. Kinds that are missing have no witness among systemd, sh and dockerd.
func claims() map[string]claim {
	out := map[string]claim{
		"daemon-json-empty-does-not-unset": func(c claimed) string {
			return c.each(func(v setting) bool { return c.used(v.name) != "" }, "is unset")
		},
		"daemon-json-duplicate-key": starts,
		"systemd-one-variable-in-two": func(c claimed) string {
			return c.each(func(v setting) bool {
				return strings.Contains(c.used("HTTP_PROXY"), "_PROXY=") || strings.Contains(c.used("HTTP_PROXY"), "_proxy=")
			}, "is two variables")
		},
		"systemd-trailing-comment": func(c claimed) string {
			return c.each(func(v setting) bool { return !strings.Contains(c.used(v.name), "#") }, "has the remark")
		},
		"systemd-credentials-world-readable": func(c claimed) string {
			return c.each(func(v setting) bool { return c.readable(v) }, "is not shown to a user without rights")
		},
		"startup-inline-comment": func(c claimed) string {
			return c.each(func(v setting) bool { return strings.Contains(c.used(v.name), "#") }, "has no remark")
		},
		"startup-shell-expansion-not-done": func(c claimed) string {
			return c.each(func(v setting) bool { return strings.Contains(c.used(v.name), "$") }, "was expanded")
		},
		"url-unparsable-goes-direct": notTheProxy, "url-password-needs-encoding": notTheProxy, "url-quotes-kept": notTheProxy, "url-scheme-https-to-plain-proxy": notTheProxy,
		"url-missing-scheme": func(c claimed) string {
			return c.each(func(v setting) bool { return !strings.Contains(c.used(v.name), "://") }, "has a scheme")
		},
		"url-credentials-leak-in-info": leaks,
		"http-only": func(c claimed) string {
			if c.answer.Proxy("http") == "" || c.answer.Proxy("https") != "" {
				return "http does not use the proxy, or https does"
			}
			return ""
		},
		"case-conflict": func(c claimed) string {
			return c.each(func(v setting) bool {
				e := c.answer.Env
				return e[strings.ToLower(v.name)] != e[strings.ToUpper(v.name)]
			}, "has one value")
		},
		"cgi-request-method": func(c claimed) string {
			if c.answer.Env["REQUEST_METHOD"] == "" || c.answer.Proxy("http") != "" {
				return "HTTP_PROXY is used all the same"
			}
			return ""
		},
		"all-proxy-ignored": func(c claimed) string {
			if c.answer.Env["ALL_PROXY"]+c.answer.Env["all_proxy"] == "" || c.answer.Proxy("https") != "" {
				return "ALL_PROXY is not there, or used"
			}
			return ""
		},
		"no-proxy-without-proxy": func(c claimed) string {
			if c.answer.Proxy("http")+c.answer.Proxy("https") != "" {
				return "there is a proxy"
			}
			return ""
		},
		"guide-order-differs": func(c claimed) string {
			if c.answer.Info != nil && c.answer.Info.HTTPProxy == c.answer.Variable("HTTP_PROXY") {
				return "dockerd uses the environment"
			}
			for _, f := range c.state.Files { // the environment that the guides mean
				for _, v := range settingsIn(f.Data) {
					if strings.HasSuffix(f.Path, ".conf") && c.used(v.name) == v.value {
						return "dockerd uses what the unit sets"
					}
				}
			}
			return ""
		},
	}
	for _, id := range []string{
		"daemon-json-client-shape", "daemon-json-wrong-type", "daemon-json-null", "daemon-json-comment-or-trailing-comma", "daemon-json-engine-too-old", "daemon-json-flag-conflict",
		"daemon-json-bom-on-old-engine", "daemon-json-invalid", "systemd-environment-file-missing", "startup-syntax-error", "variable-too-long", "flag-engine-too-old",
	} {
		out[id] = stops
	}
	for _, id := range []string{
		"daemon-json-flat-key", "daemon-json-dangling-link", "daemon-json-not-the-one-read", "systemd-unescaped-percent", "systemd-bad-escape", "systemd-unbalanced-quote", "systemd-ignored-assignment",
		"systemd-drop-in-masked", "systemd-drop-in-overridden", "systemd-environment-file-wins", "systemd-wrong-section-or-directory", "startup-not-read-by-this-init", "startup-not-exported",
		"startup-export-in-environment-file", "startup-invalid-utf8", "layer-not-readable",
	} {
		out[id] = func(c claimed) string {
			return c.each(func(v setting) bool { return c.used(v.name) != v.value }, "has an effect")
		}
	}
	for _, id := range []string{"no-proxy-dead-entry", "no-proxy-space-separated", "no-proxy-cidr-for-names", "no-proxy-missing-registry"} {
		out[id] = func(c claimed) string {
			for _, host := range strings.Fields(c.state.Means["direct"]) {
				if c.answer.Through("https://"+bracketed(host)+"/") == "" {
					return host + " is reached directly"
				}
			}
			return ""
		}
	}
	return out
}

// harmless are the kinds of finding that tell of something that works all the same.
func harmless(id string) bool {
	return slices.Contains([]string{
		"systemd-trailing-comment", "systemd-credentials-world-readable", "url-missing-scheme", "url-credentials-leak-in-info", "case-conflict", "no-proxy-without-proxy",
		"daemon-json-duplicate-key", "managed-by-configuration-tool", "userland-proxy-shadowed-by-plugin", "no-proxy-readers-disagree",
	}, id)
}

func harmful(id string) bool { return !harmless(id) }

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

func stops(c claimed) string {
	if c.answer.Starts {
		return "dockerd starts"
	}
	return ""
}

func starts(c claimed) string {
	if !c.answer.Starts {
		return "dockerd does not start: " + c.answer.Log
	}
	return ""
}

// notTheProxy says that requests do not go to the proxy that is meant.
func notTheProxy(c claimed) string {
	return c.each(func(v setting) bool {
		scheme := strings.ToLower(strings.TrimSuffix(strings.ToUpper(v.name), "_PROXY"))
		meant, ok := c.state.Means[scheme]
		if i := strings.LastIndexByte(meant, '@'); i >= 0 {
			meant = meant[i+1:]
		}
		got, err := url.Parse(c.answer.Proxy(scheme))
		return ok && (err != nil || got.Scheme != "http" || got.Host != meant)
	}, "leads to the proxy")
}

// leaks says that dockerd shows the password to everybody who may ask it.
func leaks(c claimed) string {
	if c.answer.Info == nil {
		return "no dockerd was asked"
	}
	for _, scheme := range []string{"http", "https"} {
		i := strings.LastIndexByte(c.state.Means[scheme], '@')
		if i < 0 {
			continue
		}
		_, password, _ := strings.Cut(c.state.Means[scheme][:i], ":")
		if strings.Contains(c.answer.Info.HTTPProxy+c.answer.Info.HTTPSProxy, password) {
			return ""
		}
	}
	return "the password is masked"
}

// setting is an assignment that stands in a file.
type setting struct{ name, value string }

// each finds the settings on the line of the finding, or in its file, and holds the claim against each.
func (c claimed) each(holds func(setting) bool, otherwise string) string {
	file := c.state.File(c.finding.Path)
	text := ""
	switch {
	case file == nil:
		return "the file is not part of the state"
	case c.finding.Line > 0:
		lines := strings.Split(file.Data, "\n")
		text = strings.Join(lines[c.finding.Line-1:min(c.finding.Line, len(lines))], "\n")
	default:
		text = file.Data
	}
	for _, v := range settingsIn(text) {
		if !holds(v) {
			return fmt.Sprintf("%s=%s %s", v.name, v.value, otherwise)
		}
	}
	return ""
}

// settingsIn reads assignments as a person would.
func settingsIn(text string) []setting {
	var out []setting
	for _, m := range regexp.MustCompile(`(?i)\b((?:https?|no|all)_proxy) ?=["']?([^"'\r\n]*)`).FindAllStringSubmatch(text, -1) {
		out = append(out, setting{m[1], strings.TrimSpace(m[2])})
	}
	for _, m := range regexp.MustCompile(`"((?:https?|no)-proxy)"\s*:\s*"([^"]*)"`).FindAllStringSubmatch(text, -1) {
		out = append(out, setting{strings.ToUpper(strings.ReplaceAll(m[1], "-", "_")), m[2]})
	}
	return out
}

// used is what dockerd ends up with for a variable, "" when it does not start.
func (c claimed) used(name string) string {
	if !c.answer.Starts {
		return ""
	}
	if i := c.answer.Info; i != nil {
		switch strings.ToUpper(name) {
		case "HTTP_PROXY":
			return i.HTTPProxy
		case "HTTPS_PROXY":
			return i.HTTPSProxy
		case "NO_PROXY":
			return i.NoProxy
		}
	}
	return c.answer.Variable(strings.ToUpper(name))
}

// readable reports whether a user without rights reads the value: in its file, or by asking systemd.
func (c claimed) readable(v setting) bool {
	file := c.state.File(c.finding.Path)
	return file != nil && file.Mode&0o004 != 0 || strings.Contains(c.answer.Shown, v.value)
}
