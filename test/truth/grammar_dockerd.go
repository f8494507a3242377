package truth

import "strings"

const daemonJSON = "/etc/docker/daemon.json"

// json writes daemon.json.
func (g *gen) json(text string) *file {
	f := g.file(daemonJSON, "daemon.json", "config-file")
	f.add(text)
	return f
}

// key picks a key of the proxies object and the variable of the same family.
func (g *gen) key() (string, string) {
	v := g.name()
	f, _ := familyOf(v)
	return f.key, v
}

// env puts a variable into dockerd's environment: for the oracle directly, for
// the project by a plain Environment= line.
func (g *gen) env(name, value string) {
	g.st.Env = append(g.st.Env, name+"="+value)
	g.dropIn(unitDirs[0], "10-env.conf").add(`Environment="` + name + "=" + value + `"`)
}

// flag gives dockerd a flag: for the oracle as an argument, for the project in
// ExecStart=.
func (g *gen) flag(args ...string) { g.st.Args = append(g.st.Args, args...) }

// proxies writes a daemon.json with one member per line.
func (g *gen) proxies(members ...string) *file {
	return g.json("{\n  \"proxies\": {\n    " + strings.Join(members, ",\n    ") + "\n  }\n}")
}

func member(key, value string) string { return `"` + key + `": "` + value + `"` }

// fileConstructs is how dockerd reads daemon.json and joins it with flags
// (moby daemon/config getConflictFreeConfiguration, configValuesSet,
// MergeDaemonConfigurations) and with its environment (configureProxyEnv).
func fileConstructs() []construct {
	list := []construct{
		{id: "json/over-environment", build: func(g *gen) {
			k, v := g.key()
			g.proxies(member(k, g.plain(v)))
			g.env(v, g.plain(v))
			g.st.Rule = "config-over-environment"
		}},
		{id: "json/over-both-spellings", build: func(g *gen) {
			fam := families[g.rng.IntN(3)]
			g.proxies(member(fam.key, g.plain(fam.upper)))
			g.env(fam.upper, g.plain(fam.upper))
			g.env(fam.lower, g.plain(fam.lower))
		}},
		{id: "json/mixture", build: func(g *gen) {
			k, v := g.key()
			w := g.name()
			g.proxies(member(k, g.plain(v)))
			g.env(w, g.plain(w))
		}},
		{id: "json/all-three", build: func(g *gen) {
			var ms []string
			for _, i := range g.rng.Perm(3) {
				ms = append(ms, member(families[i].key, g.value(families[i].upper)))
				g.used[families[i].key] = true
			}
			g.proxies(ms...)
		}},
		{id: "json/upper-over-lower", build: func(g *gen) {
			fam := families[g.rng.IntN(3)]
			g.env(fam.lower, g.value(fam.lower))
			g.env(fam.upper, g.value(fam.upper))
			g.st.Rule = "upper-over-lower"
		}},
		{id: "json/lower-alone", build: func(g *gen) {
			fam := families[g.rng.IntN(3)]
			g.env(fam.lower, g.plain(fam.lower))
			if g.chance(50) {
				g.env(fam.upper, "")
				g.st.Rule = "empty-counts-as-unset"
			}
		}},
		{id: "json/empty-string-does-nothing", build: func(g *gen) {
			k, v := g.key()
			g.proxies(member(k, ""))
			g.env(v, g.plain(v))
			g.st.Rule = "empty-counts-as-unset"
		}},
		{id: "json/flag-over-environment", build: func(g *gen) {
			k, v := g.key()
			if g.chance(50) {
				g.flag("--"+k, g.plain(v))
			} else {
				g.flag("--" + k + "=" + g.plain(v))
			}
			g.env(v, g.plain(v))
			g.st.Rule = "flag-over-environment"
		}},
		{id: "json/flag-twice", build: func(g *gen) {
			k, v := g.key()
			g.flag("--"+k+"="+g.plain(v), "--debug", "--"+k+"="+g.plain(v))
		}},
		{id: "json/flag-empty", build: func(g *gen) {
			k, v := g.key()
			g.flag("--" + k + "=")
			g.env(v, g.plain(v))
		}},
		{id: "json/flag-and-file-conflict", build: func(g *gen) {
			k, v := g.key()
			x := g.plain(v)
			g.proxies(member(k, pick(g, x, g.plain(v), "")))
			g.flag("--" + k + "=http://flag.corp:3128")
		}},
		{id: "json/flag-and-other-key", build: func(g *gen) {
			k, v := g.key()
			l, w := g.key()
			g.proxies(member(k, g.plain(v)))
			g.flag("--" + l + "=" + g.plain(w))
		}},
		{id: "json/flag-and-null", build: func(g *gen) { // dockerd panics
			k, v := g.key()
			g.proxies(`"` + k + `": ` + pick(g, "null", "1"))
			g.flag("--" + k + "=" + g.plain(v))
		}},
		{id: "json/flag-and-flat-key", build: func(g *gen) {
			k, v := g.key()
			g.json("{\n  " + member(k, g.plain(v)) + "\n}")
			g.flag("--" + k + "=" + g.plain(v))
		}},
		{id: "json/flat-key-ignored", build: func(g *gen) {
			k, v := g.key()
			g.json("{\n  " + member(k, g.plain(v)) + "\n}")
			if g.chance(50) {
				g.env(v, g.plain(v))
			}
		}},
		{id: "json/other-object-ignored", build: func(g *gen) {
			k, v := g.key()
			g.json("{\n  \"" + pick(g, "proxy", "zzz", "default", "proxie") + "\": {\n    " + member(k, g.plain(v)) + "\n  }\n}")
			if g.chance(50) {
				g.env(v, g.plain(v))
			}
		}},
		{id: "json/outer-case", build: func(g *gen) {
			k, v := g.key()
			g.json("{\n  \"" + pick(g, "Proxies", "PROXIES", "pRoxies", "proxie\u017f") + "\": {\n    " + member(k, g.plain(v)) + "\n  }\n}")
		}},
		{id: "json/inner-case", build: func(g *gen) {
			_, v := g.key()
			g.proxies(member(pick(g, "HTTP-Proxy", "httpProxy", "https-Proxy", "no_proxy", "HTTP_PROXY", "all-proxy"), g.plain(v)))
		}},
		{id: "json/client-style", build: func(g *gen) {
			_, v := g.key()
			g.json("{\n  \"proxies\": {\n    \"default\": {\n      \"httpProxy\": \"" + g.plain(v) + "\"\n    }\n  }\n}")
		}},
		{id: "json/proxies-not-object", build: func(g *gen) {
			g.json("{\n  \"proxies\": " + pick(g, "null", `"x"`, "[]", "1", "true") + "\n}")
		}},
		{id: "json/proxies-empty", build: func(g *gen) {
			_, v := g.key()
			g.json("{\"proxies\": {}, \"debug\": " + pick(g, "true", "false") + "}")
			g.env(v, g.plain(v))
		}},
		{id: "json/inner-null", build: func(g *gen) {
			k, v := g.key()
			g.proxies(`"` + k + `": null`)
			if g.chance(60) {
				g.env(v, g.plain(v))
			}
		}},
		{id: "json/inner-wrong-type", build: func(g *gen) {
			k, v := g.key()
			g.proxies(`"` + k + `": ` + pick(g, "1", "true", `["`+g.plain(v)+`"]`, "{}"))
		}},
		{id: "json/inner-twice", build: func(g *gen) {
			k, v := g.key()
			g.proxies(member(k, g.plain(v)), member(k, pick(g, g.plain(v), g.plain(v), "")))
		}},
		{id: "json/outer-twice", build: func(g *gen) {
			k, v := g.key()
			l, w := g.key()
			second := pick(g, member(k, g.plain(v)), member(l, g.plain(w)), member(l, g.plain(w))+",\n    "+member(k, ""))
			g.json("{\n  \"proxies\": {\n    " + member(k, g.plain(v)) + "\n  },\n  \"" + pick(g, "proxies", "Proxies") + "\": {\n    " + second + "\n  }\n}")
		}},
		{id: "json/key-escaped", build: func(g *gen) {
			k, v := g.key()
			g.proxies(`"` + strings.Replace(k, "p", `\u0070`, 1) + `": "` + g.plain(v) + `"`)
		}},
		{id: "json/value-escaped", build: func(g *gen) {
			k, v := g.key()
			x := strings.Replace(g.plain(v), "corp", pick(g, `\u0063orp`, "c\\u006frp"), 1)
			x = strings.Replace(x, "//", pick(g, `\/\/`, "//"), 1)
			g.proxies(member(k, x+pick(g, `/a\u0026b`, `,\u00e9.example`, "")))
		}},
		{id: "json/byte-order-mark", build: func(g *gen) {
			k, v := g.key()
			g.json("\ufeff{\"proxies\": {\n  " + member(k, g.plain(v)) + "}}")
		}},
		{id: "json/crlf-and-spaces", build: func(g *gen) {
			k, v := g.key()
			f := g.file(daemonJSON, "daemon.json", "config-file")
			f.eol = "\r\n"
			f.add("{").add("\t\"proxies\"  :").add("\t{").add("\t\t" + member(k, g.plain(v)) + " ").add("}}")
		}},
		{id: "json/absent", build: func(g *gen) {
			_, v := g.key()
			g.env(v, g.plain(v))
			if g.chance(50) {
				g.file(daemonJSON, "", "").link = "/etc/docker/absent.json"
			}
		}},
		{id: "json/nothing-in-it", build: func(g *gen) {
			_, v := g.key()
			g.env(v, g.plain(v))
			g.file(daemonJSON, "", "").text.WriteString(pick(g, "", " \n\t", "null", "{}", "{}\n", "\n"))
		}},
		{id: "json/syntax-error", build: func(g *gen) {
			k, v := g.key()
			m := member(k, g.plain(v))
			g.json(pick(g, "{\"proxies\": {\n "+m+",\n}}", "// c\n{\"proxies\": {\n "+m+"}}", "{\"proxies\": {\n "+m+"}} x", "{\"proxies\": {\n "+m+"}", "{'proxies': {\n "+m+"}}", "[]", "{\"proxies\": {\n "+m+"}}\n{}"))
		}},
		{id: "json/not-utf8", build: func(g *gen) {
			k, v := g.key()
			g.proxies(member(k, g.plain(v)+"/\xe9"))
		}},
		{id: "json/linked", build: func(g *gen) {
			k, v := g.key()
			g.file(daemonJSON, "", "").link = "daemon-real.json"
			g.file("/etc/docker/daemon-real.json", "daemon.json", "config-file").add("{\"proxies\": {\n  " + member(k, g.plain(v)) + "}}")
		}},
		{id: "json/directory", build: func(g *gen) {
			_, v := g.key()
			g.env(v, g.plain(v))
			g.file(daemonJSON, "", "").dir = true
		}},
		{id: "json/config-file-flag", build: func(g *gen) {
			k, v := g.key()
			other := "/etc/docker/other.json"
			g.proxies(member(k, g.plain(v)))
			g.flag(pick(g, "--config-file="+other, "--config-file "+other, "--config-file="))
			g.st.Args = strings.Fields(strings.Join(g.st.Args, " "))
			g.file(other, "daemon.json", "config-file").add("{\"proxies\": {\n  " + member(k, g.plain(v)) + "}}")
		}},
		{id: "json/unknown-key", build: func(g *gen) {
			k, v := g.key()
			g.json("{\n  \"" + pick(g, "nonsense", "http_proxy", "proxys") + "\": true,\n  \"proxies\": {\n    " + member(k, g.plain(v)) + "\n  }\n}")
		}},
	}
	return kinds(Dockerd, list)
}

// valueConstructs are values as Go's net/http takes them (x/net http/httpproxy
// parseProxy); dockerd checks none of them.
func valueConstructs() []construct {
	// at puts a value somewhere: daemon.json or the environment.
	at := func(id string, value func(g *gen, m string) string) construct {
		return construct{id: id, build: func(g *gen) {
			k, v := g.key()
			for k == "no-proxy" {
				k, v = g.key()
			}
			x := value(g, g.mark()+".corp")
			g.st.Winners = map[string]string{k: x}
			if g.chance(50) && !strings.ContainsAny(x, "\n\"%\\") {
				g.env(v, x)
				return
			}
			r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
			g.proxies(member(k, r.Replace(x)))
		}}
	}
	list := []construct{
		at("value/no-scheme", func(g *gen, h string) string { return pick(g, h, h+":3128", "ann:"+secret+"@"+h+":3128") }),
		at("value/raw-percent", func(g *gen, h string) string {
			return "http://ann:" + secret + pick(g, "%ss", "%", "%4") + "@" + h + ":3128"
		}),
		at("value/leading-space", func(g *gen, h string) string { return pick(g, " ", "  ") + "http://" + h + ":3128" }),
		at("value/trailing-newline", func(_ *gen, h string) string { return "http://" + h + ":3128\n" }),
		at("value/trailing-space", func(_ *gen, h string) string { return "http://" + h + ":3128 " }),
		at("value/reserved-in-password", func(g *gen, h string) string {
			return "http://ann:" + secret + pick(g, "#x", "/x", "?x", " x", "^x", "[x", "{x}", `\x`, `"x`, "é") + "@" + h + ":3128"
		}),
		at("value/allowed-in-password", func(g *gen, h string) string {
			return "http://ann:" + secret + pick(g, "@x", ":x", "&x", "$x", "!x", "*+,;=~", "%40x", "%23%2F") + "@" + h + ":3128"
		}),
		at("value/backslash-user", func(_ *gen, h string) string { return `http://DOM\ann:` + secret + "@" + h + ":3128" }),
		at("value/user-only", func(g *gen, h string) string {
			return "http://" + pick(g, secret+"@", secret+":@", ":"+secret+"@") + h + ":3128"
		}),
		at("value/quotes-kept", func(g *gen, h string) string {
			q := pick(g, `"`, "'")
			return q + "http://" + h + ":3128" + q
		}),
		at("value/scheme", func(g *gen, h string) string {
			return pick(g, "https://", "socks5://", "socks5h://", "socks4://", "ftp://", "HTTP://") + h + ":3128"
		}),
		at("value/bad-port", func(g *gen, h string) string { return "http://" + h + ":" + pick(g, "abc", "99999", "", "-1", "3128x") }),
		at("value/one-slash", func(g *gen, h string) string { return pick(g, "http:/", "http:", "http:///", "http//") + h }),
		at("value/path", func(g *gen, h string) string { return "http://" + h + ":3128/" + pick(g, "", "proxy.pac", "a b", "?q") }),
		at("value/word", func(g *gen, h string) string { return pick(g, "off", "none", "direct", "DIRECT", "::not a url%%%") + h }),
		{id: "value/upper-bad-lower-good", build: func(g *gen) {
			fam := families[g.rng.IntN(2)]
			g.used[fam.key] = true
			g.env(fam.lower, g.plain(fam.lower))
			bad := " http://" + g.mark() + ".corp:3128"
			g.env(fam.upper, bad)
			g.st.Winners = map[string]string{fam.key: bad}
		}},
		{id: "value/no-proxy-star", build: func(g *gen) {
			g.used["no-proxy"] = true
			k, v := g.key()
			p := g.plain(v)
			g.env(v, p)
			x := pick(g, "*", "localhost,*", " * ", "*:443", "*.corp")
			g.st.Winners = map[string]string{k: p, "no-proxy": x}
			if g.chance(50) {
				g.proxies(member("no-proxy", x))
			} else {
				g.env("NO_PROXY", x)
			}
		}},
		{id: "value/only-http", build: func(g *gen) { // https never falls back to HTTP_PROXY
			g.env(pick(g, "HTTP_PROXY", "http_proxy"), g.plain("HTTP_PROXY"))
		}},
		{id: "value/ipv6", build: func(g *gen) {
			g.env(pick(g, "HTTPS_PROXY", "HTTP_PROXY"), "http://[2001:db8::"+pick(g, "1", "2", "3")+"]:3128")
		}},
		{id: "value/all-proxy-ignored", build: func(g *gen) {
			g.env(pick(g, "ALL_PROXY", "all_proxy"), g.plain("ALL_PROXY"))
		}},
	}
	return kinds(Dockerd, list)
}
