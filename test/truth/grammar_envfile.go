package truth

import "fmt"

// envFileConstructs is EnvironmentFile= (systemd.exec(5)): the directive, and
// the file's own syntax as src/basic/env-file.c parse_env_file_internal reads it.
func envFileConstructs() []construct {
	// line makes a construct of one line in a file; the line mentions a variable.
	line := func(id string, text func(g *gen, v string) string) construct {
		return construct{id: id, build: func(g *gen) {
			f := g.envFile()
			v := g.name()
			if g.chance(40) {
				f.add(v + "=" + g.value(v))
			}
			f.add(text(g, v))
			if g.chance(30) {
				w := g.name()
				f.add(w + "=" + g.value(w))
			}
		}}
	}
	list := []construct{
		line("file/export", func(g *gen, v string) string {
			return pick(g, "export ", "export  ", "export\t") + v + "=" + g.value(v)
		}),
		line("file/export-name", func(g *gen, v string) string {
			return pick(g, "export "+v, v, "export "+v+" X") + "\n" + pick(g, "", v+"="+g.value(v))
		}),
		line("file/portable-form", func(g *gen, v string) string {
			return v + "='" + g.value(v) + "'\nexport " + v
		}),
		line("file/spaces-around-equals", func(g *gen, v string) string {
			return v + pick(g, " = ", "= ", " =", "\t=\t") + g.value(v)
		}),
		line("file/hash-in-value", func(g *gen, v string) string {
			return v + "=" + g.value(v) + pick(g, "#b # c", " # c", " ; c", "#")
		}),
		line("file/double-quotes", func(g *gen, v string) string {
			return v + `="` + g.value(v) + pick(g, ``, `/a\$b`, `/\"q\"`, "/\\`t", `/\\`, `/\n`, `/\x41`, ` b  c `, `/a\
b`) + `"`
		}),
		line("file/single-quotes", func(g *gen, v string) string {
			return v + "='" + g.value(v) + pick(g, "", `/$x \n`, `/"q"`, `/\\`, " b ") + "'"
		}),
		line("file/dollar", func(g *gen, v string) string {
			return v + "=" + pick(g, "", `"`) + g.value(v) + pick(g, "/$HOME", "/${HOME}", "/$$", "/$(id)")
		}),
		line("file/quote-joined", func(g *gen, v string) string {
			return v + "=" + pick(g, "'"+g.value(v)+`'\''b'`, `"`+g.value(v)+`"'c'`, "'"+g.value(v)+`'"'"'d'`)
		}),
		line("file/text-behind-quote", func(g *gen, v string) string {
			return v + `="` + g.value(v) + `"` + pick(g, "y", " y", "# c", " # c", "  ", " y z ")
		}),
		line("file/text-before-quote", func(g *gen, v string) string {
			return v + `=` + pick(g, "x", " ") + pick(g, `"`+g.value(v)+`"`, "'"+g.value(v)+"'")
		}),
		line("file/several-lines-in-quotes", func(g *gen, v string) string {
			q := pick(g, `"`, "'")
			return v + "=" + q + g.value(v) + "\nsecond line" + q
		}),
		line("file/unbalanced-quote", func(g *gen, v string) string {
			return v + "=" + pick(g, `"`, "'") + g.value(v) + "\n" + v + "=" + g.value(v) + pick(g, "", `"`)
		}),
		{id: "file/crlf", build: func(g *gen) {
			f := g.envFile()
			f.eol = "\r\n"
			v, w := g.name(), g.name()
			f.add(v + "=" + g.value(v)).add(w + `="` + g.value(w) + `"`)
		}},
		line("file/blanks-behind", func(g *gen, v string) string { return v + "=" + g.value(v) + pick(g, " ", "   ", "\t", " \t ") }),
		line("file/percent", func(g *gen, v string) string {
			return v + "=http://ann:" + secret + pick(g, "%40x", "%%40", "%n", "%C3%B6", "%") + "@" + g.mark() + ".corp:3128"
		}),
		line("file/comment-with-backslash", func(g *gen, v string) string {
			return pick(g, `# c \`, `; c \`, `#\`, `# c \\`) + "\n" + v + "=" + g.value(v)
		}),
		line("file/comment", func(g *gen, v string) string {
			return pick(g, "#", "; ", " # ", "\t#") + v + "=" + g.value(v)
		}),
		line("file/backslash", func(g *gen, v string) string {
			return v + "=" + g.value(v) + pick(g, `/a\b`, `/\\`, `\ x`, `/\"`, "\\\n  more", "\\\nmore", `\`)
		}),
		line("file/empty-value", func(g *gen, v string) string { return v + "=" + pick(g, "", `""`, "''", "  ") }),
		line("file/indented", func(g *gen, v string) string { return pick(g, " ", "\t", "   ") + v + "=" + g.value(v) }),
		line("file/no-assignment", func(g *gen, v string) string {
			return pick(g, "word", "[Service]", "=x", "1A=2", "A B=3", "set -a", ". /etc/x") + "\n" + v + "=" + g.value(v)
		}),
		line("file/twice", func(g *gen, v string) string { return v + "=" + g.value(v) + "\n" + v + "=" + g.value(v) }),
		line("file/lower-case", func(g *gen, _ string) string {
			fam := families[g.rng.IntN(3)]
			return fam.upper + "=" + g.plain(fam.upper) + "\n" + fam.lower + "=" + g.plain(fam.lower)
		}),
		line("file/not-utf8", func(g *gen, v string) string {
			return pick(g, "# caf\xe9\n", "X=\xff\n", "") + v + "=" + g.value(v) + pick(g, "", "\xfe")
		}),
		line("file/byte-order-mark-inside", func(g *gen, v string) string { return "\ufeff" + v + "=" + g.value(v) }),
	}
	list = append(list, envFileDirectives()...)
	return kinds(Systemd, list)
}

// envFileDirectives are the constructs of the directive itself.
func envFileDirectives() []construct {
	return []construct{
		{id: "file/beats-environment", build: func(g *gen) {
			v := g.name()
			g.debian()
			g.file(startupFile, "startup", "environment-file").add(v + "=" + g.plain(v))
			g.nextDropIn().add("Environment=" + v + "=" + g.plain(v))
			g.st.Rule = "environment-file-over-environment"
		}},
		{id: "file/later-file-wins", build: func(g *gen) {
			v := g.name()
			g.debian()
			g.file(startupFile, "startup", "environment-file").add(v + "=" + g.plain(v))
			second := treeRoot + "/etc/docker/second.env"
			g.nextDropIn().add("EnvironmentFile=" + second)
			g.file(second, "systemd", "environment-file").add(v + "=" + g.plain(v))
			g.st.Rule = "later-environment-file"
		}},
		{id: "file/missing-with-dash", build: func(g *gen) {
			v := g.name()
			g.anyUnit()
			f := g.nextDropIn()
			f.add("EnvironmentFile=-" + treeRoot + "/etc/docker/absent.env")
			f.add("Environment=" + v + "=" + g.value(v))
		}},
		{id: "file/missing-without-dash", build: func(g *gen) { // the unit does not start
			v := g.name()
			f := g.nextDropIn()
			f.add("EnvironmentFile=" + treeRoot + pick(g, "/etc/docker/absent.env", "/etc/none/*.env", "/absent"))
			f.add("Environment=" + v + "=" + g.value(v))
		}},
		{id: "file/not-named", build: func(g *gen) { // nobody reads the file
			v := g.name()
			g.dockerCE()
			g.file(startupFile, "startup", "environment-file").add(v + "=" + g.value(v))
		}},
		{id: "file/glob", build: func(g *gen) {
			v := g.name()
			g.anyUnit()
			g.nextDropIn().add("EnvironmentFile=" + pick(g, "", "-") + treeRoot + pick(g, "/etc/docker/env.d/*.env", "/etc/docker/env.d/[0-9]*", "/etc/*/env.d/?0-*.env", "/etc/docker/env.d/*"))
			for _, n := range g.rng.Perm(3) {
				g.file(fmt.Sprintf("%s/etc/docker/env.d/%d0-%c.env", treeRoot, n+1, 'c'-n), "systemd", "environment-file").add(v + "=" + g.value(v))
			}
		}},
		{id: "file/glob-without-match", build: func(g *gen) {
			v := g.name()
			g.anyUnit()
			f := g.nextDropIn()
			f.add("EnvironmentFile=-" + treeRoot + "/etc/docker/none.d/*.env")
			f.add("Environment=" + v + "=" + g.value(v))
		}},
		{id: "file/reset", build: func(g *gen) {
			v := g.name()
			g.debian()
			g.file(startupFile, "startup", "environment-file").add(v + "=" + g.value(v))
			f := g.nextDropIn()
			f.add("EnvironmentFile=" + pick(g, "", " "))
			if g.chance(50) {
				other := treeRoot + "/etc/docker/after-reset.env"
				g.nextDropIn().add("EnvironmentFile=" + other)
				g.file(other, "systemd", "environment-file").add(v + "=" + g.value(v))
			} else if g.chance(50) {
				f.add("Environment=" + v + "=" + g.value(v))
			}
		}},
		{id: "file/named-again", build: func(g *gen) {
			v := g.name()
			g.debian()
			g.file(startupFile, "startup", "environment-file").add(v + "=" + g.value(v))
			other := treeRoot + "/etc/docker/between.env"
			g.file(other, "systemd", "environment-file").add(v + "=" + g.value(v))
			f := g.nextDropIn()
			f.add("EnvironmentFile=" + other)
			f.add("EnvironmentFile=-" + startupFile)
		}},
		{id: "file/specifier-in-path", build: func(g *gen) {
			v := g.name()
			g.anyUnit()
			g.nextDropIn().add("EnvironmentFile=" + pick(g, "", "-") + treeRoot + pick(g, "/etc/docker/%p.env", "/etc/docker/%N.env", "%E/docker/%j.env"))
			g.file(treeRoot+"/etc/docker/"+unitName+".env", "systemd", "environment-file").add(v + "=" + g.value(v))
		}},
		{id: "file/bad-path", build: func(g *gen) { // relative or quoted: the directive is ignored
			v := g.name()
			g.anyUnit()
			path := treeRoot + "/etc/docker/proxy.env"
			g.nextDropIn().add("EnvironmentFile=" + pick(g, "etc/docker/proxy.env", `"`+path+`"`, "'"+path+"'", "~/proxy.env", "- "+path, path+"%z"))
			g.file(path, "systemd", "environment-file").add(v + "=" + g.value(v))
		}},
		{id: "file/untidy-path", build: func(g *gen) {
			v := g.name()
			g.anyUnit()
			g.nextDropIn().add("EnvironmentFile=" + pick(g, treeRoot+"/etc//docker/proxy.env", treeRoot+"/etc/./docker/proxy.env", treeRoot+"/etc/docker/proxy.env/", treeRoot+"/etc/docker/proxy.env  ", " "+treeRoot+"/etc/docker/proxy.env", "--"+treeRoot+"/etc/docker/proxy.env"))
			g.file(treeRoot+"/etc/docker/proxy.env", "systemd", "environment-file").add(v + "=" + g.value(v))
		}},
		{id: "file/linked", build: func(g *gen) {
			v := g.name()
			g.anyUnit()
			g.nextDropIn().add("EnvironmentFile=" + treeRoot + "/etc/docker/link.env")
			g.file(treeRoot+"/etc/docker/link.env", "systemd", "environment-file").link = "real.env"
			g.file(treeRoot+"/etc/docker/real.env", "systemd", "environment-file").add(v + "=" + g.value(v))
		}},
		{id: "file/directory", build: func(g *gen) {
			v := g.name()
			g.anyUnit()
			g.nextDropIn().add("EnvironmentFile=-" + treeRoot + "/etc/docker/dir.env")
			g.file(treeRoot+"/etc/docker/dir.env", "systemd", "environment-file").dir = true
			g.nextDropIn().add("Environment=" + v + "=" + g.value(v))
		}},
	}
}
