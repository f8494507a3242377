package truth

// execConstructs is how flags reach dockerd: ExecStart= (systemd.service(5),
// COMMAND LINES) with its own quoting, specifiers and variables.
func execConstructs() []construct {
	flagged := func(id string, write func(g *gen, key, v string)) construct {
		return construct{id: id, build: func(g *gen) {
			v := g.name()
			f, _ := familyOf(v)
			write(g, f.key, v)
			if g.chance(50) {
				g.nextDropIn().add("Environment=" + v + "=" + g.plain(v))
			}
		}}
	}
	exec := func(f *file, args string) { f.addAs("flag", "flag", "ExecStart="+execPath+" "+args) }
	list := []construct{
		flagged("exec/flag", func(g *gen, key, v string) {
			g.unit(true, execPath+" -H fd:// --"+key+pick(g, "=", " ")+g.plain(v)+" $DOCKER_OPTS")
		}),
		flagged("exec/quoted", func(g *gen, key, v string) {
			x := "--" + key + "=" + g.plain(v)
			g.unit(false, execPath+" "+pick(g, `"`+x+`"`, "'"+x+"'", "--"+key+"=\""+g.plain(v)+"\"", `--debug "--`+key+`" '`+g.plain(v)+"'"))
		}),
		flagged("exec/escaped", func(g *gen, key, v string) {
			g.unit(false, execPath+" --"+key+"="+g.plain(v)+pick(g, "/%%40", "/%p", "/$$HOME", `/\x41`, "/%N/%%", `/\\`))
		}),
		flagged("exec/drop-in-replaces", func(g *gen, key, v string) {
			g.unit(true, execPath+" --"+key+"="+g.plain(v))
			f := g.nextDropIn()
			f.add("ExecStart=")
			exec(f, pick(g, "", "--"+key+"="+g.plain(v), "-H fd://"))
		}),
		flagged("exec/continued", func(g *gen, key, v string) {
			g.unit(false, execPath+" \\\n  -H fd:// \\\n  --"+key+"="+g.plain(v))
		}),
		flagged("exec/from-variable", func(g *gen, key, v string) {
			g.debian()
			f := g.file(startupFile, "startup", "environment-file")
			f.addAs("flag", "flag", "DOCKER_OPTS="+`"--dns 8.8.8.8 --`+key+"="+g.plain(v)+`"`)
		}),
		flagged("exec/braced-variable-is-one-word", func(g *gen, key, v string) {
			g.unit(true, execPath+" ${DOCKER_OPTS}")
			g.file(startupFile, "startup", "environment-file").
				addAs("flag", "flag", "DOCKER_OPTS="+pick(g, "--"+key+"="+g.plain(v), `"--`+key+"="+g.plain(v)+`"`))
		}),
		flagged("exec/variable-inside-word", func(g *gen, key, v string) {
			g.unit(false, execPath+" --"+key+"="+pick(g, "${P}", `"${P}"`, "${P}/x"))
			g.nextDropIn().addAs("flag", "flag", "Environment=P="+g.plain(v))
		}),
		flagged("exec/prefix", func(g *gen, key, v string) {
			g.unit(false, pick(g, "-", "@", "+", ":", "!")+execPath+" --"+key+"="+g.plain(v))
		}),
		flagged("exec/last-flag-wins", func(g *gen, key, v string) {
			g.unit(false, execPath+" --"+key+"="+g.plain(v)+" -D --"+key+"="+g.plain(v))
		}),
	}
	return kinds(Systemd, list)
}
