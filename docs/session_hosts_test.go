//go:build hosts && linux

package docs

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// newPassword is what the proxy wants from the command on that says new-secret.
const newPassword = "n%w p@ss/word#"

// TestReadmeSession plays the console blocks of the README, one after the other, on a booted Debian 13 behind a real proxy, and compares what is printed. Process
// ids, times and versions may differ. With -update the outputs are written into the README.
func TestReadmeSession(t *testing.T) { t.Run("trixie", playReadme) }

func playReadme(t *testing.T) {
	hosts.RecordAtEnd(t, "trixie")
	h := hosts.Boot(t, "trixie")
	h.InstallPlugin(t, binary(t))
	n := h.Network(t)
	h.Sh(t, "install -m 0644 "+hosts.CAFile+" /usr/local/share/ca-certificates/corp.crt && update-ca-certificates")
	h.WriteFile(t, "/etc/default/docker", "# Docker's startup file\nHTTPS_PROXY=http://old.corp:8080\n", 0o644)
	h.WriteFile(t, "/etc/systemd/system/docker.service.d/proxy.conf", "[Service]\nEnvironment=\"HTTPS_PROXY=http://older.corp:8080\" \"NO_PROXY=localhost,.intern\"\n", 0o644)
	h.WriteFile(t, "/etc/docker/daemon.json", "{\n  \"registry-mirrors\": [\"https://registry.corp:5000\"],\n  \"proxies\": {\n    \"https-proxy\": \"http://proxy.corp:3128\"\n  }\n}\n", 0o644)
	for name, password := range map[string]string{"secret": hosts.ProxyPassword, "new-secret": newPassword, "wrong-secret": "wrong"} {
		h.WriteFile(t, "/home/dev/"+name, password+"\n", 0o644)
	}
	h.RestartDocker(t)

	p := readPage(t, readme)
	for _, b := range p.blocks("console") {
		p = p.play(t, h, b, func(line string) {
			if strings.Contains(line, "new-secret") {
				n.SetProxyPassword(t, newPassword)
			}
		})
	}
	p.save(t)
}

// play types the commands of a console block as dev, and compares what is printed with what stands below them. before sees every command first. With -update the
// page it returns has what was printed.
func (p page) play(t *testing.T, h *hosts.Host, b block, before func(line string)) page {
	t.Helper()
	var played strings.Builder
	for _, c := range b.commands() {
		before(c.line)
		typed := hosts.Cmd{Argv: []string{"sh", "-c", "{ " + c.line + "} 2>&1"}, User: "dev", Dir: "/home/dev"}
		r := h.Do(t, typed)
		if r.Stdout == "" && strings.HasPrefix(c.line, "docker run --rm") {
			r = h.Do(t, typed) // of a container that ends at once, a busy dockerd now and then loses what it printed
		}
		output := r.Stdout
		if r.Code != 0 {
			output += fmt.Sprintf("(status %d)\n", r.Code)
		}
		played.WriteString(prompt + c.line + output)
		if !updating() {
			assert.Check(t, strings.TrimSpace(neutral(c.output)) == strings.TrimSpace(neutral(output)), "%s\n%s has:\n%s\nthe host has:\n%s", c.line, p.name, c.output, output)
		}
	}
	return page{p.name, strings.Replace(p.text, b.text, played.String(), 1)}
}

// save writes a page that was played with -update.
func (p page) save(t *testing.T) {
	t.Helper()
	if updating() {
		assert.NilError(t, os.WriteFile(p.file(), []byte(p.text), 0o644))
	}
}

// neutral takes out what differs from one host to the next.
func neutral(output string) string {
	for _, r := range [][2]string{
		{`pid \d+`, "pid N"},
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"},
		{`dockerd \d[^ ,]*`, "dockerd VERSION"},
		{`\b\d+ ms\b`, "N ms"},
		{`sha256:[0-9a-f]{64}`, "DIGEST"},
	} {
		output = regexp.MustCompile(r[0]).ReplaceAllString(output, r[1])
	}
	return output
}
