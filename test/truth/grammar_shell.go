package truth

// Scripts of the sysvinit and OpenRC trees. They are small ones of our own, in
// the shape of the packaged ones: the startup file is sourced without `set -a`.
const (
	sysvScript = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          docker
# Required-Start:    $syslog $remote_fs
# Required-Stop:     $syslog $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: container runtime
### END INIT INFO
set -e
BASE=docker
DOCKERD=/usr/sbin/dockerd
DOCKER_OPTS=
if [ -f /etc/default/$BASE ]; then
	. /etc/default/$BASE
fi
case "$1" in
start) start-stop-daemon --start --background --exec "$DOCKERD" -- $DOCKER_OPTS ;;
stop) start-stop-daemon --stop --exec "$DOCKERD" ;;
esac
`
	openrcScript = `#!/sbin/openrc-run
command=/usr/sbin/dockerd
command_args="${DOCKER_OPTS}"
command_background=yes
pidfile=/run/docker.pid
`
)

// sysvInit begins a sysvinit tree and returns its startup file.
func (g *gen) sysvInit() *file {
	const path = "/etc/default/docker"
	if !g.has(path) {
		s := g.file("/etc/init.d/docker", "", "")
		s.text.WriteString(sysvScript)
		g.file("/etc/inittab", "", "").text.WriteString("id:2:initdefault:\n")
	}
	return g.file(path, "startup", "script")
}

// openRC begins an OpenRC tree and returns its startup file.
func (g *gen) openRC() *file {
	const path = "/etc/conf.d/docker"
	if !g.has(path) {
		s := g.file("/etc/init.d/docker", "", "")
		s.text.WriteString(openrcScript)
		g.file("/sbin/openrc-run", "", "")
		g.file("/run/openrc/softlevel", "", "").text.WriteString("default\n")
	}
	return g.file(path, "startup", "script")
}

// startup is the startup file of the tree's kind.
func (g *gen) startup() *file {
	if g.st.Kind == OpenRC {
		return g.openRC()
	}
	return g.sysvInit()
}

// shellConstructs are the ways a startup file sets a variable, or only seems to
// (POSIX sh, XCU 2.9.1 and 2.14 export).
func shellConstructs() []construct {
	text := func(id string, write func(g *gen, v string) string) construct {
		return construct{id: id, kind: SysV, build: func(g *gen) {
			v := g.name()
			g.startup().add(write(g, v))
		}}
	}
	list := []construct{
		text("sh/bare", func(g *gen, v string) string { return v + "=" + g.value(v) }),
		text("sh/export", func(g *gen, v string) string { return pick(g, "export ", "  export\t") + v + "=" + g.value(v) }),
		text("sh/assign-then-export", func(g *gen, v string) string { return v + "='" + g.value(v) + "'\nexport " + v }),
		text("sh/export-then-assign", func(g *gen, v string) string { return "export " + v + "\n" + v + `="` + g.value(v) + `"` }),
		text("sh/export-several", func(g *gen, v string) string {
			w := g.name()
			return pick(g, "export "+v+"="+g.value(v)+" "+w+"="+g.value(w), v+"="+g.value(v)+" "+w+"="+g.value(w)+"\nexport "+w+" "+v, v+"="+g.value(v)+"; export "+v)
		}),
		text("sh/twice", func(g *gen, v string) string {
			return "export " + v + "=" + g.plain(v) + "\n" + pick(g, "", "export ") + v + "=" + g.plain(v)
		}),
		text("sh/double-quotes", func(g *gen, v string) string {
			return "export " + v + `="` + g.value(v) + pick(g, ``, `/a\$b`, `/\"q\"`, `/\\`, `/'s'`, `/\n`, " b", "/#c") + `"`
		}),
		text("sh/single-quotes", func(g *gen, v string) string {
			return "export " + v + "='" + g.value(v) + pick(g, "", "/$HOME", `/"q"`, `/\n`, " b", "/#c") + "'"
		}),
		text("sh/quote-joined", func(g *gen, v string) string {
			return "export " + v + "=" + pick(g, "'"+g.value(v)+`'\''b'`, `"`+g.value(v)+`"'c'd`, g.value(v)+`"e f"`)
		}),
		text("sh/comment", func(g *gen, v string) string {
			return pick(g, "#", "# ", "  #") + "export " + v + "=" + g.value(v) + "\nexport " + v + "=" + g.value(v) + pick(g, "", " # "+v+"=x", "#b")
		}),
		text("sh/backslash", func(g *gen, v string) string {
			return "export " + v + "=" + g.value(v) + pick(g, `/a\b`, `/\\c`, `\ d`, `/\"e`, "\\\nf", `/\#`)
		}),
		text("sh/several-lines-in-quotes", func(g *gen, v string) string { return "export " + v + "='" + g.value(v) + "\nsecond'" }),
		text("sh/continued-command", func(g *gen, v string) string {
			w := g.name()
			return "export \\\n  " + v + "=" + g.value(v) + " \\\n  " + w + "=" + g.value(w)
		}),
		text("sh/empty-value", func(g *gen, v string) string { return "export " + v + "=" + pick(g, "", "''", `""`) }),
		text("sh/unset", func(g *gen, v string) string {
			return "export " + v + "=" + g.value(v) + "\nunset " + v + pick(g, "", "\n"+v+"="+g.value(v), "\nexport "+v+"="+g.value(v))
		}),
		text("sh/spaces-around-equals", func(g *gen, v string) string { // a command that is not found
			return v + pick(g, " = ", "= ", " =") + g.value(v)
		}),
		text("sh/for-one-command", func(g *gen, v string) string { return v + "=" + g.value(v) + " true" }),
		text("sh/percent", func(g *gen, v string) string {
			return "export " + v + "=http://ann:" + secret + pick(g, "%40x", "%%40", "%n") + "@" + g.mark() + ".corp:3128"
		}),
		text("sh/both-spellings", func(g *gen, _ string) string {
			fam := families[g.rng.IntN(3)]
			return pick(g, "export ", "") + fam.upper + "=" + g.plain(fam.upper) + "\n" + pick(g, "export ", "export ", "") + fam.lower + "=" + g.plain(fam.lower)
		}),
		text("sh/carriage-return", func(g *gen, v string) string { return "export " + v + "=" + g.value(v) + "\r" }),
		text("sh/tilde-and-glob", func(g *gen, v string) string {
			return "export " + v + "=" + g.value(v) + pick(g, "/*", "/?x", "/[a]", "/~")
		}),
		text("sh/docker-opts", func(g *gen, v string) string {
			return `DOCKER_OPTS="--dns 8.8.8.8"` + "\nexport " + v + "=" + g.value(v)
		}),
		text("sh/set-a", func(g *gen, v string) string {
			return "set -a\n" + v + "=" + g.value(v) + pick(g, "\nset +a", "\nset +a\n"+v+"="+g.value(v))
		}),
		text("sh/readonly", func(g *gen, v string) string { return "readonly " + v + "=" + g.value(v) + pick(g, "\nexport "+v, "") }),
	}
	return append(list, dynamicShellConstructs(text)...)
}

// dynamicShellConstructs cannot be decided by reading alone, or not simply. The
// project may answer "unknown" for these, never something false.
func dynamicShellConstructs(text func(string, func(*gen, string) string) construct) []construct {
	return []construct{
		text("sh/dynamic-variable", func(g *gen, v string) string {
			return "P=" + g.value(v) + "\nexport " + v + "=" + pick(g, "$P", `"${P}"`, `"$P"/x`)
		}),
		text("sh/dynamic-other-spelling", func(g *gen, _ string) string {
			fam := families[g.rng.IntN(3)]
			return "export " + fam.upper + "=" + g.plain(fam.upper) + "\nexport " + fam.lower + `="$` + fam.upper + `"`
		}),
		text("sh/dynamic-substitution", func(g *gen, v string) string {
			return "export " + v + "=" + pick(g, "$(echo "+g.plain(v)+")", "`echo "+g.plain(v)+"`", `"$(printf %s `+g.plain(v)+`)"`)
		}),
		text("sh/dynamic-if", func(g *gen, v string) string {
			return "if " + pick(g, "true", "false", "[ -e / ]", "[ -n \"$"+v+"\" ]") + "; then\n\texport " + v + "=" + g.plain(v) + "\nfi"
		}),
		text("sh/dynamic-and-or", func(g *gen, v string) string {
			return pick(g, "true && ", "false && ", "true || ", "[ -e / ] && ") + "export " + v + "=" + g.plain(v) + "\n:"
		}),
		text("sh/dynamic-default", func(g *gen, v string) string {
			return pick(g, ": ${"+v+":="+g.plain(v)+"}\nexport "+v, "export "+v+`="${`+v+":-"+g.plain(v)+`}"`)
		}),
		text("sh/dynamic-source", func(g *gen, v string) string {
			path := treeRoot + "/etc/proxy.sh"
			g.file(path, "startup", "script").add("export " + v + "=" + g.plain(v))
			return pick(g, ". ", "[ -r "+path+" ] && . ") + path
		}),
		text("sh/dynamic-function", func(g *gen, v string) string {
			return "f() { export " + v + "=" + g.plain(v) + "; }\n" + pick(g, "f", ":")
		}),
		text("sh/dynamic-early-return", func(g *gen, v string) string {
			return "export " + v + "=" + g.plain(v) + "\nreturn 0\nexport " + v + "=" + g.plain(v)
		}),
		text("sh/dynamic-loop", func(g *gen, v string) string {
			return "for n in " + v + " X; do export $n=" + g.plain(v) + "; done"
		}),
		text("sh/dynamic-eval", func(g *gen, v string) string { return "eval 'export " + v + "=" + g.plain(v) + "'" }),
		text("sh/dynamic-here-document", func(g *gen, v string) string {
			return "cat >/dev/null <<END\nexport " + v + "=" + g.plain(v) + "\nEND\nexport " + v + "=" + g.plain(v)
		}),
	}
}

// openrcConstructs are what only OpenRC has: files sourced before conf.d/docker
// (openrc-run.sh: rc.conf, rc.conf.d/*.conf, conf.d/NAME.RUNLEVEL or conf.d/NAME).
func openrcConstructs() []construct {
	list := []construct{
		{id: "openrc/bare", build: func(g *gen) {
			v := g.name()
			g.openRC().add(v + "=" + g.value(v))
		}},
		{id: "openrc/export", build: func(g *gen) {
			v := g.name()
			g.openRC().add("export " + v + "=" + g.value(v))
		}},
		{id: "openrc/rc-conf", build: func(g *gen) {
			v := g.name()
			g.openRC()
			g.file("/etc/rc.conf", "env", "script").add(pick(g, "export ", "") + v + "=" + g.value(v))
			if g.chance(50) {
				g.openRC().add(pick(g, "export ", "") + v + "=" + g.value(v))
			}
		}},
		{id: "openrc/rc-conf-d", build: func(g *gen) {
			v := g.name()
			g.openRC()
			g.file("/etc/rc.conf", "env", "script").add("export " + v + "=" + g.value(v))
			g.file("/etc/rc.conf.d/20-proxy.conf", "env", "script").add(pick(g, "export ", "") + v + "=" + g.value(v))
		}},
		{id: "openrc/runlevel-file", build: func(g *gen) { // docker.RUNLEVEL is read in place of docker
			v := g.name()
			g.openRC().add("export " + v + "=" + g.value(v))
			g.file("/etc/conf.d/docker.default", "startup", "script").add("export " + v + "=" + g.value(v))
		}},
		{id: "openrc/default-file-unread", build: func(g *gen) {
			v := g.name()
			g.openRC()
			g.file("/etc/default/docker", "startup", "script").add("export " + v + "=" + g.value(v))
		}},
	}
	return kinds(OpenRC, list)
}
