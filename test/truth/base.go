package truth

import (
	"fmt"
	"strings"
)

// Families are the three settings and the two spellings dockerd reads each in
// (golang.org/x/net/http/httpproxy, FromEnvironment).
var families = []family{
	{"http-proxy", "HTTP_PROXY", "http_proxy"},
	{"https-proxy", "HTTPS_PROXY", "https_proxy"},
	{"no-proxy", "NO_PROXY", "no_proxy"},
}

type family struct{ key, upper, lower string }

// familyOf finds the family of a variable's name; false for a foreign name.
func familyOf(name string) (family, bool) {
	for _, f := range families {
		if name == f.upper || name == f.lower {
			return f, true
		}
	}
	return family{}, false
}

// Secret is part of every password the grammar writes; it must never appear in
// anything the project prints.
const secret = "hush"

// name picks a variable that this state does not use yet (either spelling of a
// family marks the family as used), or any when all are.
func (g *gen) name() string {
	order := g.rng.Perm(len(families))
	for _, i := range order {
		if f := families[i]; !g.used[f.key] {
			g.used[f.key] = true
			if g.chance(25) {
				return f.lower
			}
			return f.upper
		}
	}
	return families[order[0]].upper
}

// value writes a harmless value for a variable: no character in it means
// anything to systemd, sh or JSON.
func (g *gen) value(name string) string {
	m := g.mark()
	if strings.EqualFold(name, "no_proxy") {
		return pick(g,
			"localhost,"+m+".corp",
			m+".corp,10.0.0.0/8",
			"127.0.0.1,."+m+".corp,::1")
	}
	return pick(g,
		"http://"+m+".corp:3128",
		"https://"+m+".corp",
		"http://"+m+".corp:8080/",
		"socks5://"+m+".corp:1080",
		m+".corp:3128",
		"http://ann:"+secret+"1@"+m+".corp:3128")
}

// plain writes a value that survives being repeated in any order: an http URL
// without credentials, or a list.
func (g *gen) plain(name string) string {
	m := g.mark()
	if strings.EqualFold(name, "no_proxy") {
		return "localhost," + m + ".corp"
	}
	return "http://" + m + ".corp:3128"
}

// Directories of system units from the highest to the lowest, systemd.unit(5).
var unitDirs = []string{
	"/etc/systemd/system",
	"/run/systemd/system",
	"/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",
}

const vendorUnit = "/usr/lib/systemd/system/" + unitName + ".service"

// startupFile is what Debian's docker.service names with EnvironmentFile=-.
const startupFile = treeRoot + "/etc/default/docker"

// unit writes the main unit file. Debian's names a startup file, docker-ce's
// names none.
func (g *gen) unit(namesStartup bool, exec string) *file {
	if f := g.mainUnit(); f != nil {
		if namesStartup && !strings.Contains(f.text.String(), startupFile) {
			f.add("EnvironmentFile=-" + startupFile)
		}
		return f
	}
	f := g.file(vendorUnit, "systemd", "environment")
	f.add("[Unit]")
	f.add("Description=Docker Application Container Engine")
	f.add("After=network-online.target")
	f.add("")
	f.add("[Service]")
	f.add("Type=" + unitType)
	if namesStartup {
		f.add("EnvironmentFile=-" + startupFile)
	}
	if exec == "" {
		exec = execPath + " -H fd:// $DOCKER_OPTS"
	}
	f.addAs("flag", "flag", "ExecStart="+exec)
	f.add("ExecReload=/bin/kill -s HUP $MAINPID")
	return f
}

// debian and dockerCE are the two units in use.
func (g *gen) debian() *file   { return g.unit(true, "") }
func (g *gen) dockerCE() *file { return g.unit(false, execPath+" -H fd://") }

// anyUnit writes one of the two units when there is none yet.
func (g *gen) anyUnit() *file {
	if f := g.mainUnit(); f != nil {
		return f
	}
	if g.chance(60) {
		return g.debian()
	}
	return g.dockerCE()
}

func (g *gen) mainUnit() *file {
	if g.has(vendorUnit) {
		return g.file(vendorUnit, "", "")
	}
	return nil
}

// dropIn is a drop-in of the unit in one of the unit directories; new ones
// begin with [Service].
func (g *gen) dropIn(dir, base string) *file {
	path := dir + "/" + unitName + ".service.d/" + base
	fresh := !g.has(path)
	f := g.file(path, "systemd", "environment")
	if fresh {
		f.add("[Service]")
	}
	return f
}

// rawDropIn is a drop-in without anything in it yet.
func (g *gen) rawDropIn(dir, base string) *file {
	return g.file(dir+"/"+unitName+".service.d/"+base, "systemd", "environment")
}

// nextDropIn is a fresh drop-in that sorts behind the ones before it.
func (g *gen) nextDropIn() *file {
	g.slot++
	dir := unitDirs[0]
	if g.chance(30) {
		dir = pick(g, unitDirs...)
	}
	return g.dropIn(dir, fmt.Sprintf("%02d-%s.conf", g.slot*10, pick(g, "proxy", "a", "vendor", "override")))
}

// conf is any place for a directive: the unit or some drop-in.
func (g *gen) conf() *file {
	if f := g.mainUnit(); f != nil && g.chance(25) {
		return f
	}
	return g.nextDropIn()
}

// envFile is a file that the unit reads by EnvironmentFile=; the directive is
// written when the unit does not name the file yet.
func (g *gen) envFile() *file {
	if f := g.mainUnit(); f == nil || strings.Contains(f.text.String(), startupFile) {
		if f == nil {
			g.debian()
		}
		if g.chance(60) && !g.has(startupFile) {
			return g.file(startupFile, "startup", "environment-file")
		}
	}
	path, layer := treeRoot+fmt.Sprintf("/etc/docker/proxy%d.env", g.slot), "systemd"
	if sys := treeRoot + "/etc/sysconfig/docker"; g.chance(40) && !g.has(sys) {
		path, layer = sys, "startup"
	}
	g.nextDropIn().add("EnvironmentFile=" + pick(g, "", "-") + path)
	return g.file(path, layer, "environment-file")
}

// noise adds harmless assignments around what a construct wrote, sometimes for
// the very variable it is about, so that precedence is always part of the state.
func (g *gen) noise(focus string) {
	for n := g.rng.IntN(3); n > 0; n-- {
		v := g.name()
		if focus != "" && g.chance(35) {
			v = focus
		}
		switch g.rng.IntN(3) {
		case 0:
			g.nextDropIn().add("Environment=" + v + "=" + g.value(v))
		case 1:
			g.conf().add(`Environment="` + v + "=" + g.value(v) + `"`)
		default:
			g.envFile().add(v + "=" + g.value(v))
		}
	}
}
