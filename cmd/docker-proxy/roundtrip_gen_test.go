//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

// node is one file, directory or link of a tree.
type node struct {
	path     string
	dir      bool
	link     string
	data     string
	mode     os.FileMode
	uid, gid int // as root only
}

func (n node) write(root string) error {
	at := filepath.Join(root, n.path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	switch {
	case n.link != "":
		return os.Symlink(n.link, at)
	case n.dir:
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(at, []byte(n.data), 0o600); err != nil {
			return err
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(at, n.uid, n.gid); err != nil {
			return err
		}
	}
	if n.mode == 0 {
		n.mode = 0o644
		if n.dir {
			n.mode = 0o755
		}
	}
	return os.Chmod(at, n.mode)
}

// layout is one way in which hosts start dockerd.
type layout struct {
	name    string
	files   []node
	startup string // the startup file of this host, "" when nobody reads one
	systemd bool
	old     bool // an engine that does not read proxies from daemon.json
}

func layouts() []layout {
	systemd := node{path: "lib/systemd/libsystemd-shared-257.so"}
	unit := func(body string) node { return node{path: "usr/lib/systemd/system/docker.service", data: body} }
	return []layout{
		{
			name: "debian", startup: "etc/default/docker", systemd: true,
			files: []node{systemd, unit("[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n"), dpkg("docker.io", "26.1.5+dfsg1-9+b1")},
		},
		{
			name: "docker-ce", systemd: true,
			files: []node{systemd, unit("[Service]\nExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\n"), dpkg("docker-ce", "5:28.5.2-1~debian.13~trixie")},
		},
		{
			name: "debian-20.10", startup: "etc/default/docker", systemd: true, old: true,
			files: []node{systemd, unit("[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n"), dpkg("docker.io", "20.10.24+dfsg1-1")},
		},
		{
			name: "sysvinit", startup: "etc/default/docker",
			files: []node{{path: "sbin/init", data: "x"}, {path: "etc/init.d/docker", mode: 0o755, data: "#!/bin/sh\nBASE=docker\nif [ -f /etc/default/$BASE ]; then\n\t. /etc/default/$BASE\nfi\nstart-stop-daemon --start --exec /usr/sbin/dockerd -- $DOCKER_OPTS\n"}, dpkg("docker.io", "26.1.5+dfsg1-9")},
		},
		{
			name: "openrc", startup: "etc/conf.d/docker",
			files: []node{{path: "sbin/init", data: "x"}, {path: "etc/init.d/docker", mode: 0o755, data: "#!/sbin/openrc-run\ncommand=/usr/bin/dockerd\ncommand_args=\"${DOCKER_OPTS}\"\n"}, {path: "lib/apk/db/installed", data: "P:docker-engine\nV:27.3.1-r3\n\n"}, {path: "var/lib", dir: true}},
		},
		{
			name: "redhat-sysv", startup: "etc/sysconfig/docker",
			files: []node{{path: "sbin/init", data: "x"}, {path: "etc/init.d", link: "rc.d/init.d"}, {path: "etc/rc.d/init.d/docker", mode: 0o755, data: "#!/bin/sh\nprog=docker\n[ -e /etc/sysconfig/$prog ] && . /etc/sysconfig/$prog\n$exec $other_args &\n"}, {path: "var/lib", dir: true}},
		},
	}
}

func dpkg(name, version string) node {
	return node{path: "var/lib/dpkg/status", data: "Package: " + name + "\nStatus: install ok installed\nVersion: " + version + "\n"}
}

// reads are Docker's own layers that this host's dockerd reads and that reconcile --to all writes.
func (l layout) reads() []string {
	var out []string
	if !l.old {
		out = append(out, "daemon.json")
	}
	if l.systemd {
		out = append(out, "systemd")
	}
	if l.startup != "" {
		out = append(out, "startup")
	}
	return out
}

// layers are all that --layer takes, those that this host does not read too.
func (layout) layers() []string { return []string{"daemon.json", "systemd", "startup"} }

// draw makes a tree of this layout; proxies says whether it has proxy settings already, in places that may contradict each other.
func (l layout) draw(t *rapid.T, proxies bool) []node {
	tree := append([]node{}, l.files...)
	if l.old {
		proxies = proxies && rapid.Bool().Draw(t, "proxies outside daemon.json")
		tree = append(tree, drawFile(t, "etc/docker/daemon.json", drawJSON(t, false, false))...)
	} else {
		tree = append(tree, drawFile(t, "etc/docker/daemon.json", drawJSON(t, proxies, l.name != "redhat-sysv"))...)
	}
	if l.startup != "" && l.startup != "etc/default/docker" && rapid.IntRange(0, 4).Draw(t, "two names of one file") == 0 {
		tree = append(tree, node{path: "etc/default/docker", link: "/" + l.startup})
	} else {
		tree = append(tree, drawFile(t, "etc/default/docker", drawShell(t, proxies))...)
	}
	if l.startup != "" && l.startup != "etc/default/docker" {
		tree = append(tree, drawFile(t, l.startup, drawShell(t, proxies))...)
	}
	if l.systemd {
		tree = append(tree, drawDropIns(t, proxies)...)
	}
	switch rapid.IntRange(0, 3).Draw(t, "state directory") {
	case 0:
		tree = append(tree, node{path: "var/lib/docker-proxy", dir: true, mode: 0o700})
	}
	return tree
}

// drawFile puts text into a file of a random mode and owner, behind a link of any kind, or leaves it or its directory out.
func drawFile(t *rapid.T, path, text string) []node {
	n := node{path: path, data: text, mode: rapid.SampledFrom([]os.FileMode{0o644, 0o644, 0o600, 0o640, 0o664, 0o444, 0o755, 0o400}).Draw(t, "mode")}
	if rapid.IntRange(0, 3).Draw(t, "owner") == 0 {
		n.uid, n.gid = rapid.SampledFrom([]int{0, 1000, 65534}).Draw(t, "uid"), rapid.SampledFrom([]int{0, 4, 998}).Draw(t, "gid")
	}
	dir := filepath.Dir(path)
	switch rapid.IntRange(0, 9).Draw(t, "kind of "+path) {
	case 0:
		return nil
	case 1:
		return []node{{path: dir, dir: true, mode: rapid.SampledFrom([]os.FileMode{0o755, 0o700}).Draw(t, "directory")}}
	case 2:
		n.path = "srv/config/" + strings.ReplaceAll(path, "/", "-")
		return []node{n, {path: path, link: "/" + n.path}}
	case 3:
		n.path = dir + "/real." + filepath.Base(path)
		return []node{n, {path: path, link: filepath.Base(n.path)}}
	case 4:
		later := strings.ReplaceAll(path, "/", "-")
		return []node{{path: "srv", dir: true}, {path: path, link: rapid.SampledFrom([]string{"/srv/", "../../srv/", ""}).Draw(t, "dangling") + later}}
	}
	return []node{n}
}

// drawJSON is the text of a daemon.json.
func drawJSON(t *rapid.T, proxies, bom bool) string {
	text := rapid.SampledFrom([]string{
		"", " \n\t", "{}", "{}\n", "{ }\n", "{\n}\n", "null\n", `{"debug":true}`, "{\"debug\": true, \"log-level\": \"info\"}\n",
		"{\n  \"debug\": true\n}\n", "{\n\t\"debug\": true,\n\t\"dns\": [\n\t\t\"10.0.0.1\"\n\t]\n}", "{\n    \"debug\": true, \"debug\": false,\n    \"my-own-key\": {\"a\": [1, 2]}\n}\n\n",
		"{\n  \"bip\": \"10.1.0.1/16\",\n\n  \"unicode\": \"\\u00e4ä\",\n  \"registry-mirrors\": []}", "  {\"a\":1e5}", "{\n  \"proxies\": {}\n}\n", "{\"proxies\":{ },\"debug\":true}\n",
	}).Draw(t, "json")
	if proxies {
		text = rapid.SampledFrom([]string{
			text, "{\"proxies\":{\"http-proxy\":\"http://json:1\"}}", "{\n  \"proxies\": {\n    \"http-proxy\": \"http://json:1\",\n    \"https-proxy\": \"http://ann:pa55word@json:2\",\n    \"no-proxy\": \"json.example\"\n  },\n  \"debug\": true\n}\n",
			"{\"proxies\": {\"no-proxy\": \"a,b\", \"no-proxy\": \"c\"}}\n", "{\"proxies\": {\"https-proxy\": \"\"}}\n", "{\n\t\"debug\": true,\n\t\"proxies\": {\"https-proxy\": \"http://json:3\"}\n}",
		}).Draw(t, "json with proxies")
	}
	if rapid.IntRange(0, 4).Draw(t, "CRLF") == 0 {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if bom && rapid.IntRange(0, 9).Draw(t, "BOM") == 0 && strings.HasPrefix(text, "{") {
		text = "\ufeff" + text
	}
	return text
}

// drawShell is the text of a startup file.
func drawShell(t *rapid.T, proxies bool) string {
	text := rapid.SampledFrom([]string{
		"", "\n", "# Docker\n", "# no final newline", "# Docker\n\nDOCKER_OPTS=\"--dns 8.8.8.8\"\n", "DOCKER_OPTS=-D", "#export http_proxy=\"http://127.0.0.1:3128/\"\n",
		"A='x\ny'\nexport A\n", "DOCKER_OPTS=\"-D \\\n  --dns 1.1.1.1\"\n", "\tA=1 # trailing\n\n\n", "A=1\nif [ -n \"$A\" ]; then\n  B=2\nfi\n",
	}).Draw(t, "shell")
	if proxies {
		text = rapid.SampledFrom([]string{
			text, "export HTTP_PROXY=http://shell:1\nexport HTTPS_PROXY=\"http://shell:2\"\n", "http_proxy='http://ann:pa55word@shell:3'\nexport http_proxy", "HTTP_PROXY=http://shell:4\nHTTPS_PROXY=http://shell:4\nNO_PROXY=shell.example\nexport HTTP_PROXY HTTPS_PROXY NO_PROXY\n",
			"# x\nNO_PROXY=a,b # c\n", "HTTPS_PROXY=http://shell:5\nexport HTTPS_PROXY\nexport https_proxy=$HTTPS_PROXY\nA=1\n",
		}).Draw(t, "shell with proxies")
	}
	if !proxies && rapid.IntRange(0, 5).Draw(t, "CRLF") == 0 && !strings.ContainsAny(text, "'\"\\[") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// drawDropIns are the directories and drop-ins of the service.
func drawDropIns(t *rapid.T, proxies bool) []node {
	const dir = "etc/systemd/system/docker.service.d"
	var out []node
	switch rapid.IntRange(0, 3).Draw(t, "drop-in directory") {
	case 0:
		return nil
	case 1:
		return []node{{path: filepath.Dir(dir), dir: true}}
	case 2:
		out = append(out, node{path: dir, dir: true, mode: rapid.SampledFrom([]os.FileMode{0o755, 0o750}).Draw(t, "mode of the directory")})
	}
	for _, n := range []node{
		{path: dir + "/10-limits.conf", data: "[Service]\nLimitNOFILE=1048576\nEnvironment=GODEBUG=x \\\n  # comment\n  FOO=bar\n"},
		{path: dir + "/http-proxy.conf", data: "# nothing here yet\n[Service]\n", mode: 0o640},
		{path: dir + "/http-proxy.env", data: "FOO=bar\n"},
		{path: dir + "/zz.conf", data: "[Service]\r\nEnvironment=\"A=b c\"", mode: 0o600},
		{path: dir + "/link.conf", link: "/dev/null"},
	} {
		if rapid.IntRange(0, 3).Draw(t, n.path) == 0 {
			out = append(out, n)
		}
	}
	if !proxies {
		return out
	}
	for _, n := range []node{
		{path: dir + "/50-proxy.conf", data: "[Service]\nEnvironment=\"HTTP_PROXY=http://unit:1\" \"HTTPS_PROXY=http://unit:2\"\nEnvironment=FOO=bar NO_PROXY=unit.example\n"},
		{path: dir + "/60-more.conf", data: "[Service]\n# here\nEnvironment=http_proxy=http://bob:hunter2@unit:3 A=b \\\n  https_proxy=http://unit:4\n"},
		{path: "usr/lib/systemd/system/docker.service.d/vendor.conf", data: "[Service]\nEnvironment=NO_PROXY=vendor.example\n"},
		{path: dir + "/70-file.conf", data: "[Service]\nEnvironmentFile=-/etc/systemd/system/docker.service.d/more.env\n"},
		{path: dir + "/more.env", data: "# ours\nHTTPS_PROXY='http://env:1'\nB=c"},
	} {
		if rapid.IntRange(0, 3).Draw(t, n.path) == 0 {
			out = append(out, n)
		}
	}
	return out
}

// setOp is one command line, what it asks for, and the passwords in it.
type setOp struct {
	args    []string
	stdin   string
	layer   string
	want    map[string]string // by key; nil when the command is no set
	secrets []string
}

// drawSet is a `set` of some settings, in some layer, with or without credentials.
func drawSet(t *rapid.T, l layout) setOp {
	op := setOp{args: []string{"set", "--only", "daemon"}, want: map[string]string{}, layer: rapid.SampledFrom([]string{"auto", "auto", "daemon.json", "systemd", "startup", "env"}).Draw(t, "layer")}
	op.args = append(op.args, "--layer", op.layer)
	names := rapid.SampledFrom([][]string{{"proxy"}, {"proxy", "no-proxy"}, {"http-proxy"}, {"https-proxy"}, {"http-proxy", "https-proxy", "no-proxy"}, {"no-proxy"}}).Draw(t, "settings")
	user, password := drawCredentials(t)
	for _, name := range names {
		if name == "no-proxy" {
			list := rapid.SampledFrom([]string{"localhost", "localhost,127.0.0.1,.example.com", "a$HOME", "b%h", "c;d,e\\f,(g)", "#x,*.corp", "10.0.0.0/8,[::1]", "ä.example", "*"}).Draw(t, name)
			op.want["no-proxy"] = list
			op.args = append(op.args, "--no-proxy", list)
			continue
		}
		host := rapid.SampledFrom([]string{"proxy.example.com:3128", "10.0.0.1:8080", "[::1]:3128", "p"}).Draw(t, name)
		scheme := rapid.SampledFrom([]string{"http", "https", "socks5"}).Draw(t, "scheme")
		op.args = append(op.args, "--"+name, scheme+"://"+host)
		value := scheme + "://" + host
		if user != "" {
			value = scheme + "://" + user + ":" + encodeAll(password) + "@" + host
		}
		switch name {
		case "proxy":
			op.want["http-proxy"], op.want["https-proxy"] = value, value
		default:
			op.want[name] = value
		}
	}
	if user != "" && (len(names) > 1 || names[0] != "no-proxy") {
		op.args, op.stdin = append(op.args, "--username", user, "--password-stdin"), password+"\n"
		op.secrets = []string{password, encodeAll(password)}
	}
	for _, flag := range []string{"--reconcile", "--keep-shadowed"} {
		if rapid.IntRange(0, 3).Draw(t, flag) == 0 {
			op.args = append(op.args, flag)
			break
		}
	}
	return op
}

func drawCredentials(t *rapid.T) (user, password string) {
	if rapid.IntRange(0, 2).Draw(t, "credentials") > 0 {
		return "", ""
	}
	return rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "user"), rapid.StringMatching(`[ -~äß]{6,12}`).Draw(t, "password")
}

// encodeAll percent-encodes as RFC 3986 has it, written down here once more so that the program is not its own judge.
func encodeAll(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// drawChange is any command that writes.
func drawChange(t *rapid.T, l layout) setOp {
	own := func() string { return rapid.SampledFrom(append([]string{"auto", "all"}, l.layers()...)).Draw(t, "to") }
	switch rapid.IntRange(0, 4).Draw(t, "command") {
	case 0:
		return setOp{args: []string{"reconcile", "--to", own()}}
	case 1:
		return setOp{args: []string{"unset", "--only", "daemon", "--all"}}
	case 2:
		return setOp{args: []string{"unset", "--only", "daemon", rapid.SampledFrom([]string{"--http-proxy", "--https-proxy", "--no-proxy"}).Draw(t, "key")}}
	}
	return drawSet(t, l)
}

// sandbox keeps the client's settings of whoever runs the tests out of them.
func sandbox(t *testing.T) {
	dir := t.TempDir()
	for _, kv := range [][2]string{{"HOME", dir}, {"DOCKER_CONFIG", dir}, {"DOCKER_HOST", "unix://" + dir + "/none.sock"}, {"DOCKER_CONTEXT", ""}, {"DOCKER_CLI_PLUGIN_SOCKET", ""}} {
		t.Setenv(kv[0], kv[1])
	}
}

// check is rapid.Check with fewer cases, since each runs a dozen commands; -rapid.checks has the last word.
func check(t *testing.T, cases int, prop func(*rapid.T)) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		assert.NilError(t, f.Value.Set(strconv.Itoa(cases)))
		defer func() { assert.NilError(t, f.Value.Set(f.DefValue)) }()
	}
	rapid.Check(t, prop)
}

// scratch is a directory in memory where there is one: thousands of small files, each synced.
func scratch(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "docker-proxy-test")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func treeDiff(before, after string) string { return udiff.Unified("before", "after", before, after) }
