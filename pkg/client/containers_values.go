package client

import (
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// pairs are the variables in both spellings.
func pairs() [][2]string {
	var out [][2]string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY"} {
		out = append(out, [2]string{name, strings.ToLower(name)})
	}
	return out
}

// values judges the values that a place has from nowhere else, each once.
func (k *containerChecker) values(p place, shared bool) {
	judged := map[precedence.Value]bool{}
	for _, pair := range pairs()[:2] {
		for _, name := range pair {
			v := p.own[name]
			if v == "" || judged[v] {
				continue
			}
			judged[v] = true
			for _, f := range URLFaults(v) {
				k.find(p, f.ID, p.fix, "%s is %s: %s", strings.Join(namesOf(p.own, v), ", "), v, f.Says)
			}
			if v.Loopback() && !shared && p.at.Layer == LayerContainer {
				k.find(p, "client-loopback-proxy", p.fix, "%s is %s: at this address a container reaches itself, not the machine", strings.Join(namesOf(p.own, v), ", "), v)
			}
		}
	}
	proxied := first(p.has, "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "FTP_PROXY", "ftp_proxy") != ""
	if http := ownOf(p, "HTTP_PROXY", "http_proxy"); http != "" && first(p.has, "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") == "" {
		k.find(p, "http-only", p.fix, "only %s is set: what it fetches by https goes direct", http)
	}
	name := ownOf(p, "NO_PROXY", "no_proxy")
	switch {
	case name == "":
	case !proxied:
		k.find(p, "no-proxy-without-proxy", p.fix, "%s does nothing: no proxy is set beside it", name)
	default:
		at := p.at
		list := reader.List{Value: p.own[name], At: &at, Of: p.of + ": ", Readers: reader.Readers(), Fix: func(reader.Edit) string { return p.fix }}
		k.found = append(k.found, list.Findings()...)
	}
}

// ownOf returns the first of the names that a place has from nowhere else and that is not empty.
func ownOf(p place, names ...string) string {
	for _, n := range names {
		if p.own[n] != "" {
			return n
		}
	}
	return ""
}

// namesOf returns the names of a value, sorted.
func namesOf(env map[string]precedence.Value, v precedence.Value) []string {
	var out []string
	for _, n := range sortedNames(env) {
		if env[n] == v {
			out = append(out, n)
		}
	}
	return out
}

// environment is a place's variables as readers take them.
func environment(has map[string]precedence.Value) reader.Env {
	var out reader.Env
	for _, n := range sortedNames(has) {
		out = append(out, reader.Variable{Name: n, Value: has[n]})
	}
	return out
}

// split tells of variables whose two spellings say different things: which one counts depends on the program.
func (k *containerChecker) split(p place) {
	var lines []string
	for _, pair := range pairs() {
		upper, lower := pair[0], pair[1]
		u, hasUpper := p.has[upper]
		l, hasLower := p.has[lower]
		_, ownUpper := p.own[upper]
		_, ownLower := p.own[lower]
		switch {
		case !ownUpper && !ownLower, u == l && hasUpper == hasLower:
		case hasUpper && hasLower:
			lines = append(lines, upper+" is "+quoted(upper, u)+" and "+lower+" is "+quoted(lower, l)+k.origin(p, pair))
		case hasUpper && u != "":
			lines = append(lines, "only "+upper+" is set, and not "+lower+", the one that wget and, for http, curl read")
		}
	}
	if len(lines) > 0 {
		k.find(p, "case-conflict", p.fix, "%s: programs differ in which spelling they read", strings.Join(lines, "; "))
	}
}

// origin says which of two spellings comes from config.json.
func (k *containerChecker) origin(p place, pair [2]string) string {
	for _, name := range pair {
		if v, ok := k.fresh[name]; ok && v == p.has[name] && v != "" {
			return " (" + name + " from config.json, which adds what was not given, each spelling alone)"
		}
	}
	return ""
}

func quoted(name string, v precedence.Value) string {
	if v == "" {
		return "empty"
	}
	return masked(name, v)
}

// envFile tells of variables that --env-file gave and config.json overrode. Docker keeps what the CLI sent, and the CLI sends the entries of --env-file, those of -e, and behind
// them config.json's for every spelling that -e did not name (docker/cli opts.ReadKVEnvStrings, container.parse): so a name that stands there twice, at last with config.json's
// value, was overridden, and by nothing else. Compose sends each name once, and there env_file wins.
func (k *containerChecker) envFile(p place, c Created) {
	var lost []string
	for _, name := range sortedNames(p.has) {
		last := p.has[name]
		if last == "" || last != k.fresh[name] {
			continue
		}
		for _, e := range c.Env {
			if n, v, ok := strings.Cut(e, "="); ok && n == name && precedence.Value(v) != last && !slices.Contains(lost, name) {
				lost = append(lost, name)
			}
		}
	}
	if len(lost) == 0 {
		return
	}
	options := ""
	for _, name := range lost {
		for _, n := range []string{strings.ToUpper(name), strings.ToLower(name)} { // -e keeps config.json's value from one spelling only
			if o := " -e " + n; !strings.Contains(options+" ", o+" ") {
				options += o
			}
		}
	}
	k.find(p, "client-env-file-loses", "docker rm -f "+quote(c.Name)+", and run it again with"+options+" in place of the lines of --env-file",
		"%s was given by --env-file and has config.json's value (%s): config.json wins over --env-file, and only -e wins over config.json", strings.Join(lost, ", "), masked(lost[0], p.has[lost[0]]))
}

// image judges what is baked into an image.
func (k *containerChecker) image(i Baked) {
	has := proxyVariables(i.Env)
	var names []string
	for _, n := range sortedNames(has) {
		if has[n] != "" {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return
	}
	name := i.ID
	if len(i.Tags) > 0 {
		name = i.Tags[0]
	}
	p := place{at: precedence.Source{Layer: LayerImage, Name: name}, of: "image " + name, has: has, own: has, fix: unbake(name, names)}
	k.find(p, "client-image-has-proxy", p.fix, "%s is baked in: every container of it begins with that, wherever it runs; a proxy is given to a build by --build-arg, which leaves nothing in the image", strings.Join(names, ", "))
	k.values(p, true)
	for _, n := range names {
		if has[n].HasCredentials() && !isList(n) {
			k.find(p, "client-credentials-in-inspect", "", "whoever has the image has the user and password in %s; they stay in its history, so build it anew without them", n)
			break
		}
	}
}

// unbake makes an image of the same name whose containers begin without the variables.
func unbake(name string, variables []string) string {
	text := ""
	for _, v := range variables {
		text += " " + v + "="
	}
	return "printf 'FROM %s\\nENV" + text + "\\n' " + quote(name) + " | docker build -t " + quote(name) + " -"
}
