package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// wanted is what somebody gives to `docker proxy set`.
type wanted struct {
	name, user, password, noProxy string
	proxies                       []string // options with URLs
}

// wants are values of all kinds that are right, as people have them.
func wants() []wanted {
	both := func(url string) []string { return []string{"--proxy", url} }
	lists := []string{
		"localhost,127.0.0.1,registry.corp", "localhost,.corp,*.intern.example", "127.0.0.0/8,10.0.0.0/8,fd00::/8,::1", "registry.corp:5000,[fd00::7]:5000,10.1.2.3:8443", "*",
	}
	out := []wanted{
		{name: "name", proxies: both("http://proxy.corp:3128")},
		{name: "no-port", proxies: both("http://proxy.corp")},
		{name: "ipv4", proxies: both("http://10.200.0.1:8080")},
		{name: "ipv6", proxies: both("http://[fd00::1]:3128")},
		{name: "two", proxies: []string{"--http-proxy", "http://a.corp:80", "--https-proxy", "http://b.corp:8080"}},
		{name: "https-alone", proxies: []string{"--https-proxy", "http://proxy.corp:3128"}},
		{name: "tls", proxies: both("https://proxy.corp:3129")},
		{name: "socks", proxies: both("socks5://proxy.corp:1080")},
		{name: "slash", proxies: both("http://proxy.corp:3128/")},
	}
	for name, password := range map[string]string{
		"at-sign": "F@oBar!", "percent": "100%25 p%", "hash": "a#b?c/d", "quotes": `o'ne"ill`, "backslash": `w\x41\u`, "dollar": "$HOME`id`$(id)", "blanks": " two  blanks ", "umlaut": "käse", "equals": "a=b&c;d,e|f",
	} {
		out = append(out, wanted{name: "password-" + name, user: `CORP\ann`, password: password, proxies: both("http://proxy.corp:3128")})
	}
	slices.SortFunc(out, func(a, b wanted) int { return strings.Compare(a.name, b.name) })
	for i := range out {
		out[i].noProxy = lists[i%len(lists)]
	}
	return out
}

// TestAfterSet: whatever `set` writes, into whatever layer of whatever machine, doctor has nothing to say about it.
func TestAfterSet(t *testing.T) {
	program, bases := program(t), machines(t)
	for base := range bases {
		if base == clientBase {
			continue
		}
		for _, layer := range []string{"daemon.json", "systemd", "startup", "env"} {
			for n, w := range wants() {
				if layer == "env" && w.password != "" {
					continue // credentials are refused there
				}
				if n%3 != 0 && !slices.Contains([]string{"trixie", "bookworm", "openrc"}, base) {
					continue // machines that differ from these in little
				}
				t.Run(base+"_"+layer+"_"+w.name, func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					bare := state.State{Name: "bare", Base: base}
					files, err := bases.Whole(bare)
					assert.NilError(t, err)
					assert.NilError(t, state.WriteTree(dir, files))
					taken := setIn(t, program, dir, layer, w)
					assert.Equal(t, taken, reads(base, layer), "whether this dockerd reads that layer")
					r, err := ask(program, nil, "doctor", "--root", dir, "--format", "json")
					assert.NilError(t, err)
					for _, f := range r.Findings {
						if f.ID != constant {
							t.Errorf("%s (%s): %s", f.short(), f.Severity, f.Message)
						}
					}
				})
			}
		}
	}
}

// reads says which layers the dockerd of a base reads; it is this test's own knowledge.
func reads(base, layer string) bool {
	switch layer {
	case "daemon.json":
		return base != "bookworm"
	case "systemd":
		return base != "sysvinit" && base != "openrc"
	case "startup":
		return base != "docker-ce"
	}
	return base != "sysvinit"
}

// setIn runs `set` for a directory and reports whether it was done; refused is fine, and leaves nothing behind.
func setIn(t *testing.T, program, dir, layer string, w wanted) bool {
	t.Helper()
	args := append([]string{"set", "--root", dir, "--layer", layer, "--only", "daemon", "--no-proxy", w.noProxy}, w.proxies...)
	if w.password != "" {
		secret := filepath.Join(t.TempDir(), "password")
		assert.NilError(t, os.WriteFile(secret, []byte(w.password), 0o600))
		args = append(args, "--username", w.user, "--password-file", secret)
	}
	before, err := state.ReadTree(dir)
	assert.NilError(t, err)
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput() //nolint:gosec // the program under test
	if err == nil {
		return true
	}
	after, readErr := state.ReadTree(dir)
	assert.NilError(t, readErr)
	assert.DeepEqual(t, before, after)
	assert.Assert(t, strings.Contains(string(out), "use --layer "), "%v: %s", err, out)
	return false
}
