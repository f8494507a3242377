//go:build hosts && linux

package e2e

import (
	"net"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// databases are two of NSS' making in the container browser: root's, and one of a user, whose owner and times have to stay.
const databases = `set -e
root=/proc/$(docker inspect -f '{{.State.Pid}}' browser)/root
for dir in /root/.pki/nssdb /home/ann/.pki/nssdb; do
	mkdir -p "$root$dir"
	docker exec browser certutil -N -d sql:$dir --empty-password
done
chown -R 1500:1500 "$root/home/ann"
touch -d '2020-02-02 02:02:02.123456789' "$root"/home/ann/.pki/nssdb/* "$root/home/ann/.pki/nssdb"
`

// nssState is all of both databases: names, owners, modes, times, bytes.
const nssState = `cd /proc/$(docker inspect -f '{{.State.Pid}}' browser)/root && find root/.pki home/ann/.pki -printf '%p %y %m %U:%G %T@\n' | sort && sha256sum root/.pki/nssdb/* home/ann/.pki/nssdb/*`

// editsNSS shows that databases of NSS are told with the command by default, edited by the container's own certutil on request, and get their very bytes back; a client of NSS
// trusts the server in between, and only then.
func editsNSS(t *testing.T, h *hosts.Host) {
	h.MustDocker(t, "run", "-d", "--name", "browser", "--network", "host", "apps")
	h.Sh(t, databases)
	host, port, err := net.SplitHostPort(hosts.DirectRegistry)
	assert.NilError(t, err)
	trusts := func(dir string) bool {
		r := h.Docker(t, "exec", "browser", "tstclnt", "-h", host, "-p", port, "-d", "sql:"+dir, "-Q", "-b")
		return r.Code == 0
	}
	dirs := []string{"/root/.pki/nssdb", "/home/ann/.pki/nssdb"}
	before := h.Sh(t, nssState)
	for _, dir := range dirs {
		assert.Assert(t, !trusts(dir), dir)
	}

	out := writeCAs(t, h, 0, "add", hosts.CAFile, "browser")
	var commands []string
	for _, n := range out.Containers[0].Notes {
		if strings.Contains(n.Command, "certutil -A") {
			commands = append(commands, n.Command)
		}
	}
	assert.Equal(t, len(commands), 2, "%+v", out.Containers[0].Notes)
	assert.Equal(t, h.Sh(t, nssState), before)
	mustProxy(t, h, "ca", "verify", "browser")

	check := writeCAs(t, h, 3, "add", hosts.CAFile, "browser", "--refresh", "tool", "--check")
	assert.Equal(t, len(check.Containers[0].Files), 2, "%+v", check.Containers[0].Files)
	out = writeCAs(t, h, 0, "add", hosts.CAFile, "browser", "--refresh", "tool")
	assert.Equal(t, caStates(out), "browser changed")
	for _, n := range out.Containers[0].Notes {
		assert.Assert(t, !strings.Contains(n.Command, "certutil"), "%+v", n)
	}
	print := out.Certificates[0].Fingerprint[:12]
	for _, dir := range dirs {
		assert.Assert(t, trusts(dir), dir)
		assert.Assert(t, cmp.Regexp(`docker-proxy-`+print+` +C,,`, h.MustDocker(t, "exec", "browser", "certutil", "-L", "-d", "sql:"+dir)))
		assert.Assert(t, cmp.Contains(h.MustDocker(t, "exec", "browser", "certutil", "-V", "-u", "L", "-d", "sql:"+dir, "-n", "docker-proxy-"+print), "certificate is valid"))
	}
	list := mustProxy(t, h, "ca", "list", "browser", "--format", "json").Stdout
	assert.Assert(t, cmp.Contains(list, "/home/ann/.pki/nssdb/cert9.db"))
	mustProxy(t, h, "ca", "verify", "browser")
	edited := h.Sh(t, nssState)
	assert.Assert(t, cmp.Contains(edited, "home/ann/.pki/nssdb/cert9.db f 600 1500:1500"))
	assert.Equal(t, caStates(writeCAs(t, h, 0, "add", hosts.CAFile, "browser", "--refresh", "tool")), "browser unchanged")
	assert.Equal(t, h.Sh(t, nssState), edited)

	mustProxy(t, h, "ca", "remove", hosts.CAFile, "browser")
	assert.Equal(t, h.Sh(t, nssState), before)

	// Somebody takes it out of one, and it is missed; somebody adds to the other, and that stays.
	writeCAs(t, h, 0, "add", hosts.CAFile, "browser", "--refresh", "tool")
	h.MustDocker(t, "exec", "browser", "certutil", "-D", "-d", "sql:"+dirs[0], "-n", "docker-proxy-"+print)
	r := proxy(t, h, "ca", "verify", "browser")
	assert.Equal(t, r.Code, 1, "%s", r)
	assert.Assert(t, cmp.Contains(r.Stdout, dirs[0]+"/cert9.db"))
	h.Sh(t, "docker cp "+hosts.InspectionCAFile+" browser:/tmp/other.crt && docker exec browser certutil -A -d sql:"+dirs[1]+" -t C,, -n other -i /tmp/other.crt")
	out = writeCAs(t, h, 0, "remove", hosts.CAFile, "browser")
	commands = nil
	for _, n := range out.Containers[0].Notes {
		if n.Command != "" {
			commands = append(commands, n.Command)
		}
	}
	assert.DeepEqual(t, commands, []string{"docker exec browser certutil -D -d sql:/home/ann/.pki/nssdb -n docker-proxy-" + print})
	assert.Assert(t, trusts(dirs[1]) && !trusts(dirs[0]))
	writeCAs(t, h, 0, "remove", hosts.CAFile, "browser", "--refresh", "tool")
	assert.Assert(t, !trusts(dirs[1]))
	assert.Assert(t, cmp.Regexp(`other +C,,`, h.MustDocker(t, "exec", "browser", "certutil", "-L", "-d", "sql:"+dirs[1])))
}
