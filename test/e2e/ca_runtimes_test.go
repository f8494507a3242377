//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestRuntimes shows, in a container and with a real squid that terminates TLS, that curl, Python requests, Java and a static Go program fail before and succeed after
// one `ca add`, that Node.js does with what the report says, and that nothing is left after `ca remove`.
func TestRuntimes(t *testing.T) { on(t, "trixie", playRuntimes) }

// importApps makes the image apps on the host, of programs of this machine.
func importApps(t *testing.T, h *hosts.Host) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	must := func(name string, args ...string) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		assert.NilError(t, err, "%s %q: %s", name, args, out)
	}
	must("sh", "apps/stage.sh", root)
	must("go", "build", "-o", filepath.Join(root, "client"), "./apps/client")
	must("javac", "-d", root, "apps/Client.java")
	must("cp", "apps/client.py", "apps/client.js", "apps/strict.py", root)
	must("sh", "-c", `tar -C "$1" -c . | nsenter -t "$2" -m -u -i -n -p -C -r -w docker import -c 'ENV PATH=/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1' -c 'CMD ["/client"]' - apps`,
		"sh", root, strconv.Itoa(h.Leader))
}

// client is how one program in the container asks for a URL by the proxy of its environment.
type client struct {
	name string
	argv []string
	env  []string
}

func clients(t *testing.T) []client {
	t.Helper()
	compiler, err := exec.LookPath("javac")
	assert.NilError(t, err)
	compiler, err = filepath.EvalSymlinks(compiler) // in the image at the same place
	assert.NilError(t, err)
	java := []string{"JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1 -Dhttps.proxyHost=" + hosts.ProxyHost + " -Dhttps.proxyPort=" + strconv.Itoa(hosts.InspectPort)}
	return []client{
		{name: "curl", argv: []string{"curl", "-sSf", "-o", "/dev/null", "-w", "trusted %{http_code}"}},
		{name: "Python requests", argv: []string{"python3", "/client.py"}},
		{name: "Java", argv: []string{filepath.Join(filepath.Dir(compiler), "java"), "-cp", "/", "Client"}, env: java},
		{name: "a static Go program", argv: []string{"/client"}},
	}
}

// ask runs the client and returns what it says.
func (c client) ask(t *testing.T, h *hosts.Host, env ...string) string {
	t.Helper()
	url := hosts.ProxyURL(hosts.InspectPort)
	argv := []string{"exec", "-e", "HTTPS_PROXY=" + url, "-e", "https_proxy=" + url}
	for _, e := range slices.Concat(c.env, env) {
		argv = append(argv, "-e", e)
	}
	r := h.Docker(t, append(append(append(argv, "app"), c.argv...), "https://"+hosts.Registry+"/v2/")...)
	return r.Stdout + r.Stderr
}

func playRuntimes(t *testing.T, h *hosts.Host) {
	h.Network(t)
	importApps(t, h)
	h.MustDocker(t, "run", "-d", "--name", "app", "--network", "host", "apps")
	diff := func() []string { // in no order of its own
		lines := strings.Split(h.MustDocker(t, "diff", "app"), "\n")
		slices.Sort(lines)
		return lines
	}
	before := diff()
	fail := func(name string, list []client) {
		for _, c := range list {
			t.Run(c.name+" "+name, func(t *testing.T) {
				said := c.ask(t, h)
				assert.Assert(t, !strings.Contains(said, "trusted 200"), said)
				assert.Assert(t, cmp.Regexp(`certificate|PKIX|CERTIFICATE_VERIFY_FAILED`, said))
			})
		}
	}
	fail("fails before", clients(t))

	r := mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "app", "--format", "json")
	var report struct {
		Containers []struct {
			Family string
			Files  []struct{ Path string }
			Notes  []struct {
				Kind, Path, Command string
				Env                 []string
			}
		}
	}
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &report), r.Stdout)
	assert.Equal(t, len(report.Containers), 1)
	app := report.Containers[0]
	var files []string
	for _, f := range app.Files {
		files = append(files, f.Path)
	}
	assert.Equal(t, app.Family, "debian")
	for _, want := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/java/cacerts"} {
		assert.Assert(t, slices.Contains(files, want), "%q", files)
	}
	assert.Assert(t, slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "/pip/_vendor/certifi/cacert.pem") }), "%q", files)
	for _, c := range clients(t) {
		t.Run(c.name+" succeeds after", func(t *testing.T) {
			assert.Assert(t, cmp.Contains(c.ask(t, h), "trusted 200"))
		})
	}
	t.Run("the first process has to start again", func(t *testing.T) {
		restart := slices.IndexFunc(app.Notes, func(n struct {
			Kind, Path, Command string
			Env                 []string
		}) bool {
			return n.Kind == "restart" && n.Path == "client"
		})
		assert.Assert(t, restart >= 0, "%v", app.Notes)
		assert.Equal(t, app.Notes[restart].Command, "docker restart app")
	})
	t.Run("Node.js succeeds with what the report says", func(t *testing.T) {
		asks := client{argv: []string{"node", "/client.js"}}
		assert.Assert(t, !strings.Contains(asks.ask(t, h), "trusted"))
		var env []string
		for _, n := range app.Notes {
			if n.Kind == "recreate" {
				env = append(env, n.Env...)
			}
		}
		assert.Equal(t, len(env), 1, "%v", app.Notes)
		assert.Assert(t, cmp.Contains(asks.ask(t, h, env...), "trusted"))
	})
	t.Run("a chain that Python 3.13 refuses is said to be one", func(t *testing.T) { tellsOfStrict(t, h) })
	t.Run("Java in a new container is pointed at a store", func(t *testing.T) { pointsJava(t, h) })
	t.Run("a scratch container gets public roots on request", func(t *testing.T) { seeds(t, h) })
	t.Run("a second time changes nothing", func(t *testing.T) {
		changed := diff()
		mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "app", "--check")
		mustProxy(t, h, "ca", "add", hosts.InspectionCAFile, "app")
		assert.DeepEqual(t, diff(), changed)
	})
	t.Run("databases of NSS by their own tool", func(t *testing.T) { editsNSS(t, h) })
	mustProxy(t, h, "ca", "remove", hosts.InspectionCAFile, "app")
	fail("fails again", clients(t)[:1])
	assert.DeepEqual(t, diff(), before)
}

// tellsOfStrict: squid's certificates have no authorityKeyIdentifier, for which strict programs refuse them although they trust who has signed them. OpenSSL and Python say so, and
// so do the three commands that look at chains.
func tellsOfStrict(t *testing.T, h *hosts.Host) {
	const url, said = "https://" + hosts.Registry + "/v2/", "refuse this chain whatever their store holds: the server's own certificate has no authorityKeyIdentifier"
	inspecting := hosts.ProxyURL(hosts.InspectPort)
	r := h.Docker(t, "exec", "app", "python3", "/strict.py", url, inspecting, "/etc/ssl/certs/ca-certificates.crt")
	assert.Assert(t, cmp.Contains(r.Stdout, "Missing Authority Key Identifier"))
	r = h.Do(t, hosts.Cmd{Argv: []string{"openssl", "s_client", "-x509_strict", "-proxy", strings.TrimPrefix(inspecting, "http://"), "-connect", hosts.Registry, "-verify_return_error", "-CAfile", hosts.InspectionCAFile}})
	assert.Assert(t, cmp.Contains(r.Stdout+r.Stderr, "Missing Authority Key Identifier"))

	mustProxy(t, h, "set", "--proxy", inspecting, "--no-check", "--only", "daemon", "--no-restart", "--yes")
	assert.Assert(t, cmp.Contains(mustProxy(t, h, "ca", "verify", "app", "--url", url).Stdout, "app: strict programs, such as all that run on Python from 3.13 on, "+said))
	assert.Assert(t, cmp.Contains(mustProxy(t, h, "ca", "fetch", hosts.Registry).Stdout, said))
	assert.Assert(t, cmp.Contains(proxy(t, h, "test", url, "--ca", hosts.InspectionCAFile).Stdout, said))
	direct := mustProxy(t, h, "ca", "fetch", hosts.Registry, "--direct").Stdout
	assert.Assert(t, !strings.Contains(direct, "refuse this chain"), "the registry's own certificate is as it should be: %s", direct)
}

// seeds: in a container of nothing but a static program a bundle of the proxy's authority alone makes it trust nobody else; with --seed it trusts the roots of the file, too. Neither
// leaves anything.
func seeds(t *testing.T, h *hosts.Host) {
	h.Sh(t, "docker cp app:/client - | docker import - tiny >/dev/null")
	inspecting := "HTTPS_PROXY=" + hosts.ProxyURL(hosts.InspectPort)
	public, signed := "https://"+hosts.DirectRegistry+"/v2/", "https://"+hosts.Registry+"/v2/"
	for _, c := range []struct {
		name, said string
		add        []string
		public     bool
	}{
		{"lone", "it was made with the added certificate alone", nil, false},
		{"seeded", "it was made from 1 public roots and the added certificate", []string{"--seed", hosts.CAFile}, true},
		{"crowded", "public roots and the added certificate", []string{"--seed", "system"}, false},
	} {
		h.MustDocker(t, "run", "-d", "--name", c.name, "--network", "host", "tiny", "/client")
		before := h.MustDocker(t, "diff", c.name)
		ask := func(url string, env ...string) string {
			r := h.Docker(t, slices.Concat([]string{"exec"}, env, []string{c.name, "/client", url})...)
			return r.Stdout
		}
		assert.Assert(t, cmp.Contains(ask(public), "x509"), c.name)
		r := mustProxy(t, h, append([]string{"ca", "add", hosts.InspectionCAFile, c.name}, c.add...)...)
		assert.Assert(t, cmp.Contains(r.Stdout, c.said))
		assert.Assert(t, cmp.Contains(ask(signed, "-e", inspecting), "trusted 200"), c.name)
		assert.Equal(t, strings.Contains(ask(public), "trusted 200"), c.public, c.name)
		bundle := h.Sh(t, "docker cp "+c.name+":/etc/ssl/certs/ca-certificates.crt - | tar -xOf - | grep -c BEGIN")
		assert.Equal(t, len(strings.TrimSpace(bundle)) > 1, c.name == "crowded", "%s: %s", c.name, bundle)
		mustProxy(t, h, "ca", "remove", hosts.InspectionCAFile, c.name)
		assert.Equal(t, h.MustDocker(t, "diff", c.name), before)
	}
}

// pointsJava: a new container of the untouched image trusts the proxy's authority by the options of ca export, and what its own store had still. The image is not run for it.
func pointsJava(t *testing.T, h *hosts.Host) {
	ask := func(options string) string {
		r := h.Run(t, "sh", "-c", "docker run --rm --network host "+options+" apps java -XX:TieredStopAtLevel=1 -Dhttps.proxyHost="+hosts.ProxyHost+" -Dhttps.proxyPort="+strconv.Itoa(hosts.InspectPort)+
			" -cp / Client https://"+hosts.Registry+"/v2/")
		return r.Stdout + r.Stderr
	}
	assert.Assert(t, cmp.Contains(ask(""), "PKIX"))
	before := h.MustDocker(t, "ps", "-aq")
	r := mustProxy(t, h, "ca", "export", "run", hosts.InspectionCAFile, "-o", "/srv/javaca", "--java", "apps")
	assert.Equal(t, h.MustDocker(t, "ps", "-aq"), before)
	assert.Assert(t, cmp.Regexp(`cacerts holds the \d{3} certificates of /usr/lib/jvm/\S+/cacerts in apps, those of the authorities among them`, r.Stderr))
	assert.Assert(t, cmp.Contains(ask(strings.TrimSpace(r.Stdout)), "trusted 200"))
	again := mustProxy(t, h, "ca", "export", "run", hosts.CAFile, "-o", "/srv/javaca", "--java", "apps") // over its own file, without a question
	assert.Assert(t, cmp.Contains(ask(strings.TrimSpace(again.Stdout)), "PKIX"))
	assert.Assert(t, cmp.Contains(proxy(t, h, "ca", "export", "run", hosts.CAFile, "-o", "/srv/none", "--java", "nobody").Stderr, "docker pull nobody"))
}
