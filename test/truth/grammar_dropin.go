package truth

import "fmt"

// dropInConstructs is which files make the unit and in which order:
// systemd.unit(5), src/shared/dropin.c unit_file_find_dropin_paths and
// src/basic/conf-files.c; continuation lines as src/shared/conf-parser.c has them.
func dropInConstructs() []construct {
	env := func(v, x string) string { return "Environment=" + v + "=" + x }
	list := []construct{
		{id: "dropin/name-order", build: func(g *gen) {
			v := g.name()
			for _, i := range g.rng.Perm(3) {
				g.dropIn(unitDirs[(i+g.rng.IntN(4))%4], fmt.Sprintf("%d0-%c.conf", i+1, 'c'-i)).add(env(v, g.plain(v)))
			}
			g.st.Rule = "later-drop-in"
		}},
		{id: "dropin/name-order-bytes", build: func(g *gen) { // sorted as bytes, not as numbers or words
			v := g.name()
			pair := pick(g, [2]string{"9-a.conf", "10-a.conf"}, [2]string{"Z.conf", "a.conf"}, [2]string{"a-b.conf", "a.conf"}, [2]string{"a_b.conf", "a-b.conf"}, [2]string{"ä.conf", "z.conf"})
			for _, i := range g.rng.Perm(2) {
				g.dropIn(pick(g, unitDirs...), pair[i]).add(env(v, g.value(v)))
			}
		}},
		{id: "dropin/vendor-99-beats-etc-10", build: func(g *gen) {
			v := g.name()
			g.dropIn(unitDirs[0], "10-ours.conf").add(env(v, g.plain(v)))
			g.dropIn(pick(g, unitDirs[2:]...), "99-vendor.conf").add(env(v, g.plain(v)))
			g.st.Rule = "later-drop-in"
		}},
		{id: "dropin/same-name", build: func(g *gen) {
			v, w := g.name(), g.name()
			a := g.rng.IntN(3)
			b := a + 1 + g.rng.IntN(3-a)
			g.dropIn(unitDirs[b], "http-proxy.conf").add(env(v, g.value(v)) + " " + w + "=" + g.value(w))
			g.dropIn(unitDirs[a], "http-proxy.conf").add(env(v, g.value(v)))
		}},
		{id: "dropin/masked", build: func(g *gen) {
			v := g.name()
			g.dropIn(pick(g, unitDirs[2:]...), "20-vendor.conf").add(env(v, g.value(v)))
			mask := g.rawDropIn(unitDirs[g.rng.IntN(2)], "20-vendor.conf")
			switch g.rng.IntN(3) {
			case 0: // an empty file replaces it by nothing, too
			case 1:
				mask.add("# nothing")
			default:
				mask.link = "/dev/null"
			}
		}},
		{id: "dropin/not-conf", build: func(g *gen) {
			v := g.name()
			f := g.dropIn(pick(g, unitDirs...), pick(g, "50-a.conf.bak", "50-a.conf~", ".50-a.conf", "50-a.CONF", "50-a.conf.dpkg-old", "50-a.txt", "50-a", "50-a.conf.swp", ".conf"))
			f.add(env(v, g.value(v)))
		}},
		{id: "dropin/continuation", build: func(g *gen) {
			v, w := g.name(), g.name()
			f := g.conf()
			f.add(pick(g,
				"Environment="+v+"="+g.value(v)+" \\\n  "+w+"="+g.value(w),
				"Environment=\\\n"+v+"="+g.value(v)+"\\\n "+w+"="+g.value(w),
				"Environment=\"X=a\\\nb\" "+v+"="+g.value(v),
				"Environment=NO_PROXY=a.example,\\\n"+g.mark()+".corp",
				`Environment="`+v+"="+g.value(v)+"\" \\\n\n"+env(w, g.value(w)),
				"Environment="+v+"="+g.value(v)+" \\  \n"+env(w, g.value(w)),
				"Environment="+v+"="+g.value(v)+" \\\\\n"+env(w, g.value(w))))
		}},
		{id: "dropin/comment-in-continuation", build: func(g *gen) {
			v, w := g.name(), g.name()
			c := pick(g, "# "+env(v, g.value(v)), "; note", "  # note", "# a\n; b", "# ends in \\", "#")
			g.conf().add("Environment=" + v + "=" + g.value(v) + " \\\n" + c + "\n  " + w + "=" + g.value(w))
		}},
		{id: "dropin/comment-ends-in-backslash", build: func(g *gen) {
			v := g.name()
			g.conf().add(pick(g, "# note \\", "; note \\", "#\\") + "\n" + env(v, g.value(v)))
		}},
		{id: "dropin/linked-file", build: func(g *gen) {
			v := g.name()
			target := treeRoot + pick(g, "/etc/docker/dropin.conf", "/opt/site/proxy")
			g.rawDropIn(unitDirs[0], "30-link.conf").link = target
			g.file(target, "systemd", "environment").add("[Service]").add(env(v, g.value(v)))
		}},
		{id: "dropin/dangling-link", build: func(g *gen) {
			v := g.name()
			g.dropIn(unitDirs[3], "30-link.conf").add(env(v, g.value(v)))
			g.rawDropIn(unitDirs[0], "30-link.conf").link = treeRoot + "/absent"
		}},
		{id: "dropin/directory-named-conf", build: func(g *gen) {
			v := g.name()
			g.dropIn(unitDirs[3], "30-dir.conf").add(env(v, g.value(v)))
			g.rawDropIn(unitDirs[g.rng.IntN(2)], "30-dir.conf").dir = true
		}},
		{id: "dropin/unit-in-etc", build: func(g *gen) { // the whole unit is replaced, its drop-ins are not
			v, w := g.name(), g.name()
			g.debian().add(env(v, g.value(v)))
			f := g.file(pick(g, unitDirs[:3]...)+"/"+unitName+".service", "systemd", "environment")
			f.add("[Service]").add("Type="+unitType).addAs("flag", "flag", "ExecStart="+execPath)
			if g.chance(50) {
				f.add(env(v, g.value(v)))
			}
			g.dropIn(unitDirs[3], "10-a.conf").add(env(w, g.value(w)))
		}},
		{id: "dropin/control-directory", build: func(g *gen) {
			v := g.name()
			base := pick(g, "10-a.conf", "50-Environment.conf")
			g.dropIn(pick(g, "/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient"), base).add(env(v, g.value(v)))
			g.dropIn(unitDirs[0], pick(g, base, "20-b.conf")).add(env(v, g.value(v)))
		}},
		{id: "dropin/prefix-directory-of-another-unit", build: func(g *gen) { // docker.service has no dash: docker-.service.d is not its
			v := g.name()
			f := g.file(unitDirs[0]+"/"+unitName+"-.service.d/10-a.conf", "systemd", "environment")
			f.add("[Service]").add(env(v, g.value(v)))
		}},
		{id: "dropin/unset-environment", build: func(g *gen) {
			v, w := g.name(), g.name()
			g.conf().add(env(v, g.value(v)))
			if g.chance(50) {
				g.envFile().add(w + "=" + g.value(w))
			}
			g.conf().add("UnsetEnvironment=" + pick(g, v, w+" "+v, `"`+v+`"`, v+" OTHER", "'"+w+"'"))
		}},
		{id: "dropin/unset-environment-alone", build: func(g *gen) {
			v := g.name()
			g.conf().add(env(v, g.plain(v)))
			g.nextDropIn().add("UnsetEnvironment=" + v)
			g.st.Rule = "unset-environment"
		}},
		{id: "dropin/unset-environment-pair", build: func(g *gen) {
			v := g.name()
			g.st.NoTwin = true
			f := g.conf()
			f.add(env(v, "http://exact.corp:3128"))
			f.add("UnsetEnvironment=" + pick(g, v+"=http://exact.corp:3128", v+"=http://other.corp", `"`+v+`=http://exact.corp:3128"`, v+"=", v+"=http://exact.corp:312"))
		}},
		{id: "dropin/unset-environment-reset", build: func(g *gen) {
			v := g.name()
			f := g.conf()
			f.add(env(v, g.value(v))).add("UnsetEnvironment=" + v)
			g.nextDropIn().add("UnsetEnvironment=")
			if g.chance(30) {
				g.nextDropIn().add("UnsetEnvironment=" + pick(g, "X", v+"x", "%z"))
			}
		}},
		{id: "dropin/pass-environment-of-nothing", build: func(g *gen) { // PID 1 has no such variable
			v, w := g.name(), g.name()
			g.conf().add("PassEnvironment=" + v + " " + w)
			if g.chance(50) {
				g.conf().add(env(v, g.value(v)))
			}
		}},
		{id: "dropin/junk-lines", build: func(g *gen) {
			v := g.name()
			f := g.conf()
			f.add(pick(g, "not an assignment", "=value", ".include /etc/x", "Foo=bar", "[", "Environment"))
			f.add(env(v, g.value(v)))
		}},
		{id: "dropin/same-file-two-lines", build: func(g *gen) {
			v := g.name()
			g.nextDropIn().add(env(v, g.plain(v))).add("# between").add(env(v, g.plain(v)))
			g.st.Rule = "later-assignment"
		}},
		{id: "dropin/unit-then-dropin", build: func(g *gen) {
			v := g.name()
			g.anyUnit().add(env(v, g.plain(v)))
			g.nextDropIn().add(env(v, g.plain(v)))
			g.st.Rule = "later-drop-in"
		}},
		{id: "dropin/only-value", build: func(g *gen) {
			v := g.name()
			g.conf().add(env(v, g.plain(v)))
			g.st.Rule = "only-value"
		}},
		{id: "dropin/reset-then-other-file", build: func(g *gen) {
			v := g.name()
			g.dropIn(unitDirs[3], "10-a.conf").add(env(v, g.plain(v)))
			g.dropIn(unitDirs[1], "20-b.conf").add("Environment=")
			g.dropIn(unitDirs[0], "30-c.conf").add(env(v, g.plain(v)))
			g.st.Rule = "reset"
		}},
	}
	list = append(list, machineConstructs()...)
	return kinds(Systemd, list)
}

// machineConstructs need files of the whole machine, which all states of a
// batch share.
func machineConstructs() []construct {
	env := func(v, x string) string { return "Environment=" + v + "=" + x }
	return []construct{
		{id: "dropin/type-level", batch: "type-level", build: func(g *gen) {
			if v := g.name(); g.chance(70) {
				g.dropIn(pick(g, unitDirs...), pick(g, "10-before.conf", "60-behind.conf", "40-a.conf", "45-b.conf")).add(env(v, g.value(v)))
			}
		}},
		{id: "dropin/type-level-same-name", batch: "type-level", build: func(g *gen) {
			v := g.name()
			f := g.rawDropIn(pick(g, unitDirs...), pick(g, "40-type.conf", "50-type.conf"))
			if g.chance(30) {
				f.link = "/dev/null"
				return
			}
			f.add("[Service]").add(env(v, g.value(v)))
		}},
		{id: "dropin/manager-environment", batch: "manager", build: func(g *gen) {
			v := g.name()
			switch g.rng.IntN(3) {
			case 0:
				g.conf().add(env(v, g.value(v)))
			case 1:
				g.conf().add("UnsetEnvironment=" + v)
			default:
				g.envFile().add(v + "=" + g.value(v))
			}
		}},
		{id: "dropin/pass-environment", batch: "manager", build: func(g *gen) {
			g.conf().add("PassEnvironment=" + pick(g, "HTTP_PROXY", "NO_PROXY https_proxy", "HTTPS_PROXY", "http_proxy no_proxy"))
			if g.chance(30) {
				g.conf().add("PassEnvironment=")
			}
			if v := g.name(); g.chance(40) {
				g.conf().add(env(v, g.value(v)))
			}
		}},
	}
}

// batchFiles are the shared files of a batch. Their marks are p90 and above.
func batchFiles(batch string) []*file {
	at := func(path, layer, route string, lines ...string) *file {
		f := &file{path: path, layer: layer, route: route, eol: "\n"}
		for _, l := range lines {
			f.add(l)
		}
		return f
	}
	switch batch {
	case "type-level":
		return []*file{
			at("/etc/systemd/system/service.d/40-type.conf", "systemd", "environment", "[Service]", "Environment=HTTP_PROXY=http://p90.corp:3128 https_proxy=http://p91.corp"),
			at("/usr/lib/systemd/system/service.d/50-type.conf", "systemd", "environment", "[Service]", "Environment=HTTPS_PROXY=http://p92.corp:3128", "Environment=NO_PROXY=localhost,p93.corp"),
		}
	case "manager":
		return []*file{
			at("/etc/systemd/system.conf.d/10-proxy.conf", "env", "manager", "[Manager]",
				`DefaultEnvironment="HTTP_PROXY=http://p90.corp:3128/%%2F" NO_PROXY=localhost,p91.corp`),
			at("/etc/systemd/system.conf.d/20-proxy.conf", "env", "manager", "[Manager]",
				"DefaultEnvironment=https_proxy=http://p92.corp:3128",
				"ManagerEnvironment=HTTPS_PROXY=http://p93.corp:3128"),
		}
	}
	return nil
}
