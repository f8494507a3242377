package truth

import "strings"

// construct is one thing a reader has to get right, with the text that shows it.
type construct struct {
	id    string // section of the facts, then a name
	kind  Kind
	batch string // states that share machine-wide files
	build func(g *gen)
}

// environmentConstructs is systemd.exec(5) Environment= as
// src/core/load-fragment.c config_parse_environ reads it: words are taken by
// extract_first_word(CUNESCAPE|UNQUOTE), then specifiers are expanded.
func environmentConstructs() []construct {
	list := []construct{
		{id: "env/words", build: func(g *gen) {
			v, w := g.name(), g.name()
			sep := pick(g, " ", "  ", "\t", " \t ")
			g.conf().add("Environment=" + v + "=" + g.value(v) + sep + w + "=" + g.value(w))
		}},
		{id: "env/double-quotes", build: func(g *gen) {
			v, w := g.name(), g.name()
			g.conf().add(`Environment="` + v + "=" + g.value(v) + `" "` + w + "=" + g.value(w) + `"`)
		}},
		{id: "env/single-quotes", build: func(g *gen) {
			v := g.name()
			g.conf().add("Environment='" + v + "=" + g.value(v) + pick(g, "'", "' X=1", `' "Y=2"`))
		}},
		{id: "env/quotes-inside-word", build: func(g *gen) {
			v := g.name()
			x := g.value(v)
			g.conf().add("Environment=" + v + "=" + pick(g, `"`+x+`"`, `'`+x+`'`, x[:4]+`"`+x[4:]+`"`, `"`+x[:4]+`"`+x[4:], x[:4]+"''"+x[4:]))
		}},
		{id: "env/space-inside-quotes", build: func(g *gen) {
			v, w := g.name(), g.name()
			g.conf().add(`Environment="` + v + "=" + g.value(v) + " " + w + "=" + g.value(w) + `"`)
			if g.chance(50) {
				g.nextDropIn().add("Environment='" + w + "=" + g.value(w) + "  '")
			}
		}},
		{id: "env/unbalanced-quote", build: func(g *gen) {
			v, w := g.name(), g.name()
			q := pick(g, `"`, "'")
			f := g.conf()
			f.add("Environment=" + w + "=" + g.value(w) + " " + pick(g, q+v+"="+g.value(v), v+"="+q+g.value(v), v+"="+g.value(v)+q) + pick(g, "", " Z=1"))
			if g.chance(50) {
				f.add("Environment=" + v + "=" + g.value(v))
			}
		}},
		{id: "env/bad-escape", build: func(g *gen) {
			v, w, u := g.name(), g.name(), g.name()
			bad := pick(g, `\user`, `\q`, `\x4`, `\9`, `\U1234`, `\,`)
			f := g.conf()
			if g.chance(50) {
				f.add("Environment=" + v + "=" + g.value(v))
			}
			f.add("Environment=" + w + "=" + g.value(w) + " " + v + "=" + g.value(v) + bad + " " + u + "=" + g.value(u))
		}},
		{id: "env/escape", build: func(g *gen) {
			v := g.name()
			x := g.value(v)
			esc := pick(g, x+`\x2fa`, x+`\057b`, x+`\u002fc`, x+`\U0000002fd`, x+`\\e`, `\x68`+x[1:], x+`\"q`, x+`\'q`, x+`\s`, x+`\tz`, x+`\x25`)
			g.conf().add(pick(g, "Environment="+v+"="+esc, `Environment="`+v+"="+esc+`"`, "Environment='"+v+"="+esc+"'"))
		}},
		{id: "env/invalid-assignment", build: func(g *gen) {
			v, w := g.name(), g.name()
			bad := pick(g, "word", "1X=2", "A-B=3", "=4", "A.B=5", "ü=6", w+"-="+g.value(w))
			g.conf().add("Environment=" + v + "=" + g.value(v) + " " + bad + " " + w + "=" + g.value(w))
		}},
		{id: "env/reset", build: func(g *gen) {
			v, w := g.name(), g.name()
			f := g.conf()
			f.add("Environment=" + v + "=" + g.value(v) + " " + w + "=" + g.value(w))
			if g.chance(50) {
				f = g.nextDropIn()
			}
			f.add("Environment=" + pick(g, "", " ", "\t"))
			if g.chance(60) {
				f.add("Environment=" + v + "=" + g.value(v))
			}
		}},
		{id: "env/reset-not", build: func(g *gen) { // an empty quoted word is an invalid assignment, not a reset
			v := g.name()
			f := g.conf()
			f.add("Environment=" + v + "=" + g.value(v))
			f.add("Environment=" + pick(g, `""`, `''`, `"" ''`, "x", `\`))
		}},
		{id: "env/later-wins", build: func(g *gen) {
			v := g.name()
			f := g.conf()
			if g.chance(50) {
				f.add("Environment=" + v + "=" + g.value(v) + " " + v + "=" + g.value(v))
				return
			}
			f.add("Environment=" + v + "=" + g.value(v))
			f.add("Environment=" + v + "=" + g.value(v))
		}},
		{id: "env/dollar", build: func(g *gen) {
			v := g.name()
			g.conf().add("Environment=" + v + "=" + g.value(v) + pick(g, "/$HOME", "/${HOME}", "/$$", "/$", "/$(id)", "/`id`"))
		}},
		{id: "env/comment-behind", build: func(g *gen) {
			v := g.name()
			g.conf().add("Environment=" + v + "=" + g.value(v) + pick(g, " # was: ", " #", " ; ", "# ") + v + "=" + g.value(v) + pick(g, "", " it's", ` "`))
		}},
		{id: "env/percent-doubled", build: func(g *gen) {
			v := g.name()
			m := g.mark()
			g.conf().add(`Environment="` + v + "=" + pick(g, "http://ann:"+secret+"%%40x@"+m+".corp:3128", "http://"+m+".corp:3128/%%2F", m+".corp%%", "http://u%%5Cv:"+secret+"%%21@"+m+".corp") + `"`)
		}},
		{id: "env/percent-unknown", build: func(g *gen) {
			v, w := g.name(), g.name()
			m := g.mark()
			bad := "http://ann:" + secret + pick(g, "%40x", "%21", "%2F", "%3a", "%5c", "%7E%%") + "@" + m + ".corp:3128"
			f := g.conf()
			if g.chance(40) {
				f.add("Environment=" + v + "=" + g.value(v))
			}
			f.add(pick(g, "", "") + "Environment=" + pick(g, v+"="+bad+" "+w+"="+g.value(w), w+"="+g.value(w)+" "+v+"="+bad, `"`+v+"="+bad+`"`))
		}},
		{id: "env/specifier", build: func(g *gen) {
			v := g.name()
			s := pick(g, "%n", "%N", "%p", "%P", "%t", "%S", "%C", "%L", "%E", "%T", "%V", "%u", "%U", "%g", "%G", "%h", "%s", "%i|%I", "%j", "%J", "%f")
			g.conf().add("Environment=" + v + "=" + g.value(v) + "/" + s)
		}},
		{id: "env/specifier-of-machine", build: func(g *gen) {
			v := g.name()
			s := pick(g, "%o", "%w", "%W", "%B", "%A", "%M", "%m", "%H", "%l", "%q")
			g.conf().add("Environment=" + v + "=" + g.value(v) + "/" + s)
		}},
		{id: "env/percent-literal", build: func(g *gen) {
			v := g.name()
			g.conf().add("Environment=" + v + "=" + g.value(v) + pick(g, "/%", "/%/a", "/%-1", "/%.", "/%,b", "/100%", "/%_", "/%%%"))
		}},
		{id: "env/percent-corrupts", build: func(g *gen) {
			v := g.name()
			g.conf().add("Environment=" + v + "=http://ann:" + secret + pick(g, "%C3%B6", "%C3", "%E9", "%fc", "%a0") + "@" + g.mark() + ".corp:3128")
		}},
		{id: "env/spaces-around-key", build: func(g *gen) {
			v := g.name()
			g.conf().add(pick(g, "  Environment = ", "Environment\t=\t", "\tEnvironment=", "Environment  =") + v + "=" + g.value(v) + pick(g, "", "   ", "\t"))
		}},
		{id: "env/crlf", build: func(g *gen) {
			v, w := g.name(), g.name()
			f := g.rawDropIn(pick(g, unitDirs...), "15-windows.conf")
			f.eol = "\r\n"
			f.add("[Service]").add("Environment=" + v + "=" + g.value(v)).add(`Environment="` + w + "=" + g.value(w) + `"`)
			if g.chance(50) {
				f.add("Environment=X=1 \\\n  " + v + "=" + g.value(v))
			}
		}},
		{id: "env/spelling", build: func(g *gen) {
			fam := families[g.rng.IntN(3)]
			g.used[fam.key] = true
			f := g.conf()
			switch g.rng.IntN(4) {
			case 0:
				f.add("Environment=" + fam.lower + "=" + g.plain(fam.lower))
			case 1:
				f.add("Environment=" + fam.lower + "=" + g.plain(fam.lower) + " " + fam.upper + "=" + g.plain(fam.upper))
			case 2:
				f.add("Environment=" + strings.ToUpper(fam.upper[:1]) + fam.lower[1:] + "=" + g.plain(fam.upper))
			default:
				f.add("Environment=" + fam.upper + "=" + g.plain(fam.upper))
				g.nextDropIn().add("Environment=" + fam.lower + "=" + g.plain(fam.lower))
			}
		}},
		{id: "env/empty-value", build: func(g *gen) {
			fam := families[g.rng.IntN(3)]
			g.used[fam.key] = true
			f := g.conf()
			switch g.rng.IntN(3) {
			case 0:
				f.add("Environment=" + fam.upper + "= " + fam.lower + "=" + g.plain(fam.lower))
			case 1:
				f.add("Environment=" + fam.upper + "=" + g.plain(fam.upper))
				g.nextDropIn().add("Environment=" + fam.upper + "=")
			default:
				f.add(`Environment="` + fam.upper + `=" ` + fam.lower + "=''")
			}
		}},
		{id: "env/wrong-section", build: func(g *gen) {
			v := g.name()
			f := g.rawDropIn(pick(g, unitDirs...), "12-section.conf")
			if s := pick(g, "[Unit]", "[service]", "[Install]", "", "[X-Docker]", "[Service", "[Socket]"); s != "" {
				f.add(s)
			}
			f.add("Environment=" + v + "=" + g.value(v))
		}},
		{id: "env/section-again", build: func(g *gen) {
			v, w := g.name(), g.name()
			f := g.conf()
			f.add("[Unit]").add("Description=x").add("[Service]").add("Environment=" + v + "=" + g.value(v))
			f.add(pick(g, "  [Service]", "[Service]", "[Service]  ")).add("Environment=" + w + "=" + g.value(w))
		}},
		{id: "env/comment-line", build: func(g *gen) {
			v := g.name()
			f := g.conf()
			f.add("Environment=" + v + "=" + g.value(v))
			f.add(pick(g, "#", ";", "  # ", "\t; ") + "Environment=" + v + "=" + g.value(v))
			f.add("")
		}},
		{id: "env/long-line", build: func(g *gen) {
			g.used["no-proxy"] = true
			list := "localhost," + g.mark() + ".corp"
			for i := 0; len(list) < 2300+g.rng.IntN(500); i++ {
				list += ",host" + string(rune('a'+i%26)) + ".internal.example"
			}
			g.conf().add(`Environment="NO_PROXY=` + list + `"`)
		}},
		{id: "env/not-utf8", build: func(g *gen) {
			v, w := g.name(), g.name()
			f := g.conf()
			f.add("Environment=" + v + "=" + g.value(v))
			f.add("Environment=" + pick(g, v+"="+g.value(v)+"\xff", "X=\xc3 "+v+"="+g.value(v)))
			f.add(pick(g, "", "# \xe9t\xe9"))
			f.add("Environment=" + w + "=" + g.value(w))
		}},
		{id: "env/byte-order-mark", build: func(g *gen) {
			v := g.name()
			f := g.rawDropIn(pick(g, unitDirs...), "11-bom.conf")
			f.add("\ufeff[Service]")
			f.add("Environment=" + v + "=" + g.value(v))
		}},
		{id: "env/key-case", build: func(g *gen) {
			v := g.name()
			f := g.conf()
			f.add(pick(g, "environment=", "ENVIRONMENT=", "Environment:", "Environments=", "X-Environment=", "Environment ") + v + "=" + g.value(v))
		}},
		{id: "env/no-final-newline", build: func(g *gen) {
			v := g.name()
			f := g.nextDropIn()
			f.eol = ""
			f.add("Environment=" + v + "=" + g.value(v) + pick(g, "", "\\", " "))
		}},
		{id: "env/equals-in-value", build: func(g *gen) {
			v := g.name()
			g.conf().add("Environment=" + v + "=" + g.value(v) + pick(g, "/a=b", "=", "/?x=1&y=2", "/a==b c=d"))
		}},
	}
	return kinds(Systemd, list)
}

// kinds sets the kind of constructs that do not name one.
func kinds(k Kind, list []construct) []construct {
	for i := range list {
		if list[i].kind == "" {
			list[i].kind = k
		}
	}
	return list
}
