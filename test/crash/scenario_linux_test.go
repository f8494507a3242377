package crash

import (
	"maps"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// command is a command line behind `docker proxy`, without --root, and what it reads.
type command struct {
	args  []string
	stdin string
}

func docker(args ...string) command { return command{args: args} }

func (c command) reads(text string) command { c.stdin = text; return c }

// scenario is a host, what was done on it before, and the command that is made to fail.
type scenario struct {
	name   string
	files  int // that the command changes
	live   bool
	host   tree
	before []command
	run    command
	next   command // another changing command, for recovery; its result tells the old state from the new one
	secret string  // must be readable for nobody but root, whatever happens
	back   bool    // run takes back an earlier change, so that `rollback` after it goes on with it
	twice  bool    // a second failure is tried at every operation, too
	slow   bool    // each operation returns one of the errors only, the next one another
}

const (
	dropins  = "/etc/systemd/system/docker.service.d"
	password = "s3cret-one"
	unitText = "[Unit]\nDescription=Docker\n\n[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n"
	// jsonText and the others stand for what an administrator wrote: it comes back byte for byte.
	jsonText    = "{\n\t\"log-level\":\"info\",   \"debug\" : true }\n"
	jsonProxies = "{\n  \"debug\": true,\n  \"proxies\": {\n    \"http-proxy\": \"http://json.corp:3128\",\n    \"https-proxy\": \"http://json.corp:3128\"\n  }\n}\n"
	dropinText  = "# why we do this\n[Service]\nEnvironment=HTTP_PROXY=http://unit.corp:3128 LANG=C\nEnvironment=\"HTTPS_PROXY=http://unit.corp:3128\"\n"
	startText   = "# options\nDOCKER_OPTS=\"--debug\"\nHTTP_PROXY=http://start.corp:3128\n"
	sourcedText = "# options\nDOCKER_OPTS=\"\"\nexport http_proxy=http://start.corp:3128\n"
	configText  = "{\n\t\"auths\": {\"r.corp\": {\"auth\": \"Zm9yZWlnbg==\"}},\n\t\"psFormat\": \"table\"\n}\n"
	initText    = "#!/bin/sh\nBASE=docker\nDOCKER_OPTS=\nif [ -f /etc/default/$BASE ]; then\n\t. /etc/default/$BASE\nfi\nstart-stop-daemon --start --exec /usr/sbin/dockerd -- $DOCKER_OPTS\n"
	// ours is what this program writes; the journal may have forgotten it.
	ourMarker = "# Written by docker proxy. Change it with `docker proxy set`; `docker proxy unset` takes it away.\n"
	ourConf   = ourMarker + "[Service]\nEnvironmentFile=-" + dropins + "/http-proxy.env\n"
	ourEnv    = ourMarker + "HTTP_PROXY='http://own.corp:3128'\nhttp_proxy='http://own.corp:3128'\n"
	annID     = 12345
)

func file(text string, mode uint32) node { return node{mode: unix.S_IFREG | mode, text: text} }
func dir(mode uint32) node               { return node{mode: unix.S_IFDIR | mode} }
func link(text string) node              { return node{mode: unix.S_IFLNK | 0o777, text: text} }

func (n node) owned(id int) node { n.uid, n.gid = id, id; return n }

func (n node) attr(name, value string) node { n.attrs = map[string]string{name: value}; return n }

// with returns the tree with more in it; missing directories above are made with mode 0755.
func (t tree) with(more tree) tree {
	out := maps.Clone(t)
	maps.Copy(out, more)
	for _, name := range out.names() {
		for d := path.Dir(name); ; d = path.Dir(d) {
			if _, ok := out[d]; !ok {
				out[d] = dir(0o755)
			}
			if d == "/" {
				break
			}
		}
	}
	return out
}

// named gives a file of the tree a second name.
func (t tree) named(name, second string) tree {
	n := t[name]
	n.same = min(name, second)
	return t.with(tree{name: n, second: n})
}

// debian is a Debian with systemd and Docker of that version.
func debian(version string, more tree) tree {
	return tree{
		"/usr/sbin/dockerd":                      file("", 0o755),
		"/var/lib/dpkg/status":                   file("Package: docker.io\nStatus: install ok installed\nVersion: "+version+"\n", 0o644),
		"/var/lib/dpkg/info/docker.io.list":      file("/usr/sbin/dockerd\n", 0o644),
		"/usr/lib/os-release":                    file("ID=debian\n", 0o644),
		"/usr/lib/systemd/system/docker.service": file(unitText, 0o644),
		"/etc/default":                           dir(0o755),
	}.with(more)
}

func trixie(more tree) tree { return debian("26.1.5+dfsg1-9+b9", more) }

// live is a root for a worker that takes it for the running system: a Debian without systemd, where nothing is running, and ann.
func live(more tree) tree {
	t := trixie(tree{
		"/sbin/init":         file("", 0o755),
		"/etc/init.d/docker": file(initText, 0o755),
		"/etc/passwd":        file("root:x:0:0:root:/root:/bin/sh\nann:x:12345:12345:Ann:/home/ann:/bin/sh\n", 0o644),
		"/etc/group":         file("root:x:0:\nann:x:12345:\n", 0o644),
		"/etc/docker":        dir(0o755),
		"/root":              dir(0o700),
		"/tmp":               dir(0o1777),
		"/home/ann":          dir(0o755).owned(annID),
	}.with(more))
	delete(t, "/usr/lib/systemd/system/docker.service")
	delete(t, "/usr/sbin/dockerd") // nothing is there to be executed
	return t
}

// scenarios are plans of one to five files for each command, and every kind of change that a command can plan.
func scenarios() []scenario {
	list := slices.Concat(sets(), unsets(), reconciles(), rollbacks(), lives())
	for i := range list {
		if list[i].next.args == nil {
			list[i].next = docker("set", "--only", "daemon", "--no-proxy", "next.corp", "--no-check")
		}
	}
	return list
}

var (
	setJSON   = docker("set", "--only", "daemon", "--layer", "daemon.json", "--proxy", "http://new.corp:3128")
	setUnit   = docker("set", "--only", "daemon", "--layer", "systemd", "--proxy", "http://new.corp:3128")
	setSecret = docker("set", "--only", "daemon", "--layer", "systemd", "--proxy", "http://new.corp:3128", "--username", "ann", "--password-stdin", "--reconcile").reads(password)
	unsetAll  = docker("unset", "--only", "daemon", "--all")
	toSystemd = docker("reconcile", "--to", "systemd")
	takeBack  = docker("rollback")
)

// hosts of growing numbers of places. The last one has all the ways in which a file can be more than a file.
func hostFull() tree {
	return trixie(tree{
		"/etc/docker/daemon.json": link("/srv/docker/daemon.json"),
		"/srv/docker/daemon.json": file(jsonProxies, 0o640).attr("user.origin", "admin"),
		dropins + "/proxy.conf":   file(dropinText, 0o644).attr("trusted.note", "kept"),
		"/etc/default/docker":     file(startText, 0o644),
	}).named("/etc/default/docker", "/etc/default/docker.also")
}

func hostThree() tree {
	return trixie(tree{dropins + "/proxy.conf": file(dropinText, 0o644), "/etc/docker": dir(0o755)})
}

func hostFour() tree {
	return hostThree().with(tree{"/etc/default/docker": file(startText, 0o640)})
}

// withOurs adds what this program wrote long ago.
func withOurs(t tree) tree {
	return t.with(tree{dropins + "/http-proxy.conf": file(ourConf, 0o644), dropins + "/http-proxy.env": file(ourEnv, 0o600)})
}

func sets() []scenario {
	return []scenario{
		{name: "set, directory made", files: 1, host: trixie(nil), run: setJSON},
		{name: "set, foreign daemon.json", files: 1, host: trixie(tree{"/etc/docker/daemon.json": file(jsonText, 0o644)}), run: setJSON},
		{name: "set, two files, directories made", files: 2, host: trixie(nil), run: setUnit},
		{name: "set, foreign drop-in cleaned", files: 3, host: hostThree(), run: setUnit},
		{name: "set, startup file cleaned", files: 4, host: hostFour(), run: setSecret, secret: password},
		{name: "set, link, hard links, attributes, password", files: 5, host: hostFull(), run: setSecret, secret: password, twice: true},
	}
}

func unsets() []scenario {
	return []scenario{
		{name: "unset, file and directory go", files: 1, host: trixie(nil), before: []command{setJSON}, run: unsetAll},
		{name: "unset, two files and directories go", files: 2, host: trixie(nil), before: []command{setUnit}, run: unsetAll},
		{name: "unset, foreign drop-in", files: 3, host: withOurs(hostThree()), run: unsetAll},
		{name: "unset, startup file", files: 4, host: withOurs(hostFour()), run: unsetAll},
		{name: "unset, link, hard links, attributes", files: 5, host: withOurs(hostFull()), run: unsetAll},
	}
}

func reconciles() []scenario {
	return []scenario{
		{name: "reconcile, one file", files: 1, host: trixie(tree{"/etc/docker/daemon.json": file(jsonProxies, 0o644), "/etc/default/docker": file(startText, 0o644)}), run: docker("reconcile")},
		{name: "reconcile, two files", files: 2, host: trixie(tree{"/etc/default/docker": file(startText, 0o644), "/etc/docker": dir(0o755)}), run: docker("reconcile", "--to", "daemon.json")},
		{name: "reconcile, three files", files: 3, host: trixie(tree{"/etc/docker/daemon.json": file(jsonProxies, 0o644)}), run: toSystemd},
		{name: "reconcile, four files", files: 4, host: hostFour(), run: toSystemd},
		{name: "reconcile, five files", files: 5, host: hostFull(), run: toSystemd},
	}
}

func rollbacks() []scenario {
	list := []scenario{
		{name: "rollback of one file", files: 1, host: trixie(nil), before: []command{setJSON}},
		{name: "rollback of two files", files: 2, host: trixie(nil), before: []command{setUnit}},
		{name: "rollback of three files", files: 3, host: hostThree(), before: []command{setUnit}},
		{name: "rollback of four files", files: 4, host: hostFour(), before: []command{setSecret}, secret: password},
		{name: "rollback of five files", files: 5, host: hostFull(), before: []command{setSecret}, secret: password},
	}
	for i := range list {
		list[i].run, list[i].back = takeBack, true
	}
	return list
}

// lives are those that need a running system to be planned: a user's config.json.
func lives() []scenario {
	full := live(tree{
		"/etc/docker/daemon.json":       file(jsonText, 0o644),
		"/home/ann/.docker":             dir(0o700).owned(annID),
		"/home/ann/.docker/config.json": file(configText, 0o600).owned(annID).attr("user.origin", "ann"),
	})
	linked := live(tree{
		"/home/ann/dotfiles/docker.json": file(configText, 0o600).owned(annID),
		"/home/ann/.docker":              dir(0o700).owned(annID),
		"/home/ann/.docker/config.json":  link("../dotfiles/docker.json").owned(annID),
		"/home/ann/dotfiles":             dir(0o750).owned(annID),
		"/etc/default/docker":            file(sourcedText, 0o644),
	}).named("/home/ann/dotfiles/docker.json", "/home/ann/dotfiles/hard.json")
	set := docker("set", "--user", "ann", "--client-credentials", "include", "--proxy", "http://new.corp:3128", "--username", "ann", "--password-stdin", "--no-check").reads(password)
	unset := docker("unset", "--user", "ann", "--all")
	list := []scenario{
		{name: "set of a user, directory made", files: 1, host: live(nil), run: docker("set", "--only", "client", "--user", "ann", "--proxy", "http://new.corp:3128")},
		{name: "set of daemon and user", files: 2, host: full, run: set, secret: password},
		{name: "set of daemon and user, links, startup file", files: 2, host: linked, run: set, secret: password},
		{name: "unset of daemon and user", files: 2, host: full, before: []command{set}, run: unset},
		{name: "rollback of daemon and user", files: 2, host: linked, before: []command{set}, run: takeBack, back: true, secret: password},
	}
	for i := range list {
		// A user's file is changed by child processes, which take their time; every error is returned by the first of them.
		list[i].live, list[i].slow = true, i > 0
	}
	return list
}
