package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// image writes a small tree with Docker in it, as Debian has it, and returns its directory.
func image(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/docker/daemon.json":                "{\n  \"log-level\": \"warn\"\n}\n",
		"usr/lib/systemd/system/docker.service": "[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n",
		"var/lib/dpkg/status":                   "Package: docker.io\nStatus: install ok installed\nVersion: 26.1.5+dfsg1-9+b9\n",
	} {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

// call runs the program and returns what it prints.
func call(t *testing.T, dir, script string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "{ "+script+"\n} 2>&1")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+t.TempDir(), "DOCKER_CONTEXT=", "DOCKER_HOST=")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestSettingsFiles: every file of settings that a page shows is accepted, by both commands that read one.
func TestSettingsFiles(t *testing.T) {
	bin, count := binary(t), 0
	for _, p := range pages(t) {
		for _, b := range append(p.blocks("yaml"), p.blocks("json")...) {
			if !strings.Contains(b.text, "schema") {
				continue
			}
			count++
			dir, root := t.TempDir(), image(t)
			assert.NilError(t, os.WriteFile(filepath.Join(dir, "proxy.yaml"), []byte(b.text), 0o600))
			for _, m := range regexp.MustCompile(`passwordFile"?: "?([\w-]+)`).FindAllStringSubmatch(b.text, -1) {
				assert.NilError(t, os.WriteFile(filepath.Join(dir, m[1]), []byte("secret-word\n"), 0o600))
			}
			address := regexp.MustCompile(`httpProxy"?: "?http://([\w.:]+)`).FindStringSubmatch(b.text)
			assert.Assert(t, address != nil, "%s:%d: it has no httpProxy", p.name, b.line)
			for _, args := range []string{"set --only daemon", "reconcile"} {
				out, status := call(t, dir, fmt.Sprintf("%s %s -f proxy.yaml --root %s --dry-run", bin, args, root))
				assert.Check(t, status == 0, "%s:%d: %s: status %d\n%s", p.name, b.line, args, status, out)
				assert.Check(t, strings.Contains(out, address[1]) && !strings.Contains(out, "secret-word"), "%s", out)
			}
		}
	}
	assert.Assert(t, count >= 3)
}

// TestSettingsKeys: docs/files.md explains every key of the file.
func TestSettingsKeys(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "cmd", "docker-proxy", "spec.go"))
	assert.NilError(t, err)
	keys := regexp.MustCompile("`yaml:\"(\\w+)\"`").FindAllStringSubmatch(string(source), -1)
	assert.Assert(t, len(keys) > 8)
	_, text, _ := strings.Cut(readPage(t, "docs/files.md").text, "| key | meaning |")
	for _, k := range keys {
		assert.Check(t, strings.Contains(text, "`"+k[1]+"`"), "docs/files.md does not explain %s", k[1])
	}
}

// TestImageSession plays the console blocks of docs/root-and-images.md on a small tree; -update writes what is printed.
func TestImageSession(t *testing.T) {
	const mountPoint = "/mnt/image"
	p := readPage(t, "docs/root-and-images.md")
	bin, root := binary(t), image(t)
	text := p.text
	for _, b := range p.blocks("console") {
		played := ""
		for _, c := range b.commands() {
			line := strings.ReplaceAll(strings.TrimPrefix(c.line, "sudo "), mountPoint, root)
			out, status := call(t, root, strings.Replace(line, "docker proxy", bin, 1))
			assert.Equal(t, status, 0, "%s\n%s", c.line, out)
			out = strings.ReplaceAll(out, root, mountPoint)
			played += prompt + c.line + out
			if !updating() {
				assert.Equal(t, out, c.output, c.line)
			}
		}
		text = strings.Replace(text, b.text, played, 1)
	}
	if updating() {
		assert.NilError(t, os.WriteFile(p.file(), []byte(text), 0o644))
	}
}
