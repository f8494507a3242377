package mutate

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

func mendValues(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	all := []form{formUnit, formJSON, formAssign, formShell}
	switch f.ID {
	case "url-unparsable-goes-direct", "url-password-needs-encoding", "url-credentials-leak-in-info", "url-missing-scheme":
		return eachFile(s, all, func(f *state.File) { f.Data = wellFormed(formOf(*s, *f), f.Data) })
	case "url-quotes-kept":
		double, single := inLines(s, all, `"\\?"([^"\\]*)\\?""`, `"$1"`), inLines(s, all, `"'([^']*)'"`, `"$1"`)
		return double || single
	case "url-scheme-https-to-plain-proxy":
		return inLines(s, all, `https://`, "http://")
	case "http-only":
		return inLines(s, all, `^(.*)(HTTP_PROXY|http_proxy)(=[^'"]*)(["']?)$`, "$1$2$3$4\n"+`Environment=HTTPS_PROXY$3`)
	case "case-conflict":
		return file != nil && withoutLines(s, []state.Finding{f}, f)
	case "cgi-request-method":
		return inLines(s, all, `^REQUEST_METHOD=.*$`, "")
	case "all-proxy-ignored":
		return inLines(s, all, `(?i)^( *Environment *= *)["']?all_proxy=([^"']*)["']?$`, "${1}HTTP_PROXY=$2 HTTPS_PROXY=$2")
	case "variable-too-long":
		return inLines(s, all, `NO_PROXY=.*$|no_proxy=.*$`, "NO_PROXY=localhost")
	case "layer-not-readable":
		values := "HTTP_PROXY=http://" + s.Means["http"] + "\nHTTPS_PROXY=http://" + s.Means["https"] + "\n"
		put(s, state.File{Path: f.Path, Data: values, Mode: 0o644})
		return true
	case "flag-engine-too-old":
		return inLines(s, all, `^ExecStart=(/.*?) --https-proxy=(\S+) --http-proxy=(\S+)$`, "Environment=HTTPS_PROXY=$2 HTTP_PROXY=$3\nExecStart=$1")
	case "guide-order-differs":
		// The article's reader wants the startup file's value.
		if s.File(daemonJSON) == nil {
			return keepOnly(s, state.Finding{})
		}
		takeAway(s, daemonJSON)
		return true
	case "userland-proxy-shadowed-by-plugin":
		return withoutFile(s, f)
	case "managed-by-configuration-tool":
		return file != nil && inLines(s, all, `^# Ansible managed$`, "# by hand")
	}
	return false
}

// wellFormed rewrites proxy URLs: a scheme in front, no blanks or line ends at their edges, both slashes, and user and password encoded.
func wellFormed(kind form, text string) string {
	if kind == formShell {
		text = strings.ReplaceAll(text, "\r", "")
	}
	text = strings.NewReplacer(`http:/proxy`, `http://proxy`, `http:/egress`, `http://egress`, `" http`, `"http`, `\n"`, `"`).Replace(text)
	account := regexp.MustCompile(`(http://|")([^"/\s:]+:)([^"\s]*)@([a-z0-9.-]+:\d+)`)
	text = account.ReplaceAllStringFunc(text, func(m string) string {
		p := account.FindStringSubmatch(m)
		if p[1] == `"` {
			p[1] = `"http://`
		}
		user := encode(kind, strings.TrimSuffix(p[2], ":"))
		return p[1] + user + ":" + encode(kind, p[3]) + "@" + p[4]
	})
	return regexp.MustCompile(`(: +"|_PROXY=)([a-z0-9.-]+:\d+)`).ReplaceAllString(text, "${1}http://$2")
}

// encode percent-encodes all but unreserved characters.
func encode(kind form, text string) string {
	if kind == formJSON {
		text = strings.ReplaceAll(text, `\\`, `\`)
	}
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		if kind == formUnit {
			b.WriteByte('%')
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func mendList(s *state.State, f state.Finding) bool {
	file := s.File(f.Path)
	if file == nil {
		return false
	}
	switch f.ID {
	case "no-proxy-dead-entry":
		before := file.Data
		file.Data = strings.NewReplacer("10.*", "10.0.0.0/8", "192.168.*", "192.168.0.0/16", "/255.0.0.0", "/8", "https://registry", "registry", "<local>", "intranet",
			"[fd00::5]", "fd00::5", ";registry", ",registry", ";git", ",git").Replace(file.Data)
		return file.Data != before
	case "no-proxy-space-separated":
		return inLines(s, []form{formUnit, formAssign}, `(localhost) ([a-z.]+) `, "$1,$2,")
	case "no-proxy-cidr-for-names", "no-proxy-missing-registry":
		return inLines(s, []form{formJSON}, `("no-proxy" *: *")`, "${1}registry.corp,mirror.corp,")
	case "no-proxy-readers-disagree":
		return inLines(s, []form{formJSON}, `\*\.`, ".")
	case "no-proxy-without-proxy":
		takeAway(s, f.Path)
		s.Means = map[string]string{}
		return true
	}
	return false
}
