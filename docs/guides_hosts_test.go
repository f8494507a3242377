//go:build hosts && linux

package docs

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestGuides plays docs/guides.md: the files that stand in it, and every console block, each part in a directory of its own. With -update the outputs are written into the page.
func TestGuides(t *testing.T) { t.Run("trixie", playGuides) }

func playGuides(t *testing.T) {
	hosts.RecordAtEnd(t, "trixie")
	h := hosts.Boot(t, "trixie")
	h.InstallPlugin(t, binary(t))
	h.InstallDebian(t, "trixie", "docker-compose", hosts.ComposePlace)
	n := h.Network(t)
	h.Sh(t, `cd $(mktemp -d); mkdir -p bin conda/ssl; cp /usr/bin/busybox bin/; for a in sleep env tail; do ln -s busybox bin/$a; done; cp /etc/ssl/certs/ca-certificates.crt conda/ssl/cacert.pem
tar -c . | docker import -c 'CMD ["/bin/sleep", "600"]' - repo
for n in 1 2; do printf 'user%s:%s\n' $n "$(openssl passwd -apr1 pw$n)"; done >>/srv/corp/users`)

	p := readPage(t, "docs/guides.md")
	text := p.text
	for _, part := range regexp.MustCompile(`(?m)^## `).Split(p.text, -1)[1:] {
		name, _, _ := strings.Cut(strings.ToLower(part), ":")
		dir := path.Join("/root", name)
		for file, content := range map[string]string{"user1-password": "pw1\n", "user2-password": "pw2\n", "password": hosts.ProxyPassword + "\n"} {
			h.WriteFile(t, path.Join(dir, file), content, 0o600)
		}
		for _, m := range regexp.MustCompile("(?s)`([\\w.]+\\.yaml)`[^`]*?:\n\n```yaml\n(.*?)```").FindAllStringSubmatch(strings.ReplaceAll(part, "`F@oBar!`", ""), -1) {
			h.WriteFile(t, path.Join(dir, m[1]), m[2], 0o644)
		}
		for _, b := range (page{text: part}).blocks("console") {
			text = strings.Replace(text, b.text, playBlock(t, h, dir, b), 1)
		}
	}
	if updating() {
		assert.NilError(t, os.WriteFile(p.file(), []byte(text), 0o644))
	}
	log := n.ProxyLog(t)
	for _, user := range []string{"user1", "user2", hosts.ProxyUser} {
		assert.Check(t, cmp.Contains(fmt.Sprint(log), user))
	}
}

// playBlock types the commands of a block and returns it with their output.
func playBlock(t *testing.T, h *hosts.Host, dir string, b block) string {
	t.Helper()
	var played strings.Builder
	for _, c := range b.commands() {
		r := h.Do(t, hosts.Cmd{Argv: []string{"sh", "-c", "{ " + c.line + "} 2>&1"}, Dir: dir})
		output := regexp.MustCompile(`(?m)^ (Container|Network) .*\n`).ReplaceAllString(r.Stdout, "") // Compose's progress, in no certain order
		if r.Code != 0 {
			output += fmt.Sprintf("(status %d)\n", r.Code)
		}
		if !updating() {
			assert.Check(t, strings.TrimSpace(times(c.output)) == strings.TrimSpace(times(output)), "%s\nthe page has:\n%s\nthe host has:\n%s", c.line, c.output, output)
		}
		played.WriteString(prompt + c.line + output)
	}
	return played.String()
}

// times takes out how long something took.
func times(output string) string {
	return regexp.MustCompile(`\d+ m?s\b`).ReplaceAllString(output, "TIME")
}
