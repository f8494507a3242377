package readers

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader/oracle"
)

// seed makes every run the same.
const seed = 20261121

// scripted is how many pairs the programs get that take them all in one process.
const scripted = 2000

// program returns the path of a tool that `make test` installs, and skips the test where it is not there.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not on this machine; make test as root installs it", name)
	}
	return path
}

func named(t *testing.T, name reader.Name) reader.Reader {
	t.Helper()
	r, ok := reader.ByName(name)
	assert.Assert(t, ok)
	return r
}

// run gives a program its questions and returns its lines.
func run(t *testing.T, input []byte, path string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOME=/nonexistent"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	assert.NilError(t, err, "%s", stderr.String())
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

// questions are the pairs as JSON lines.
func questions(t *testing.T, pairs []oracle.Pair) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range pairs {
		line, err := json.Marshal(map[string]any{"vars": p.Vars(), "url": p.URL})
		assert.NilError(t, err)
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// tally makes sure that a comparison compared something: routes and causes of all kinds were seen.
type tally map[reader.Cause]int

func (c tally) enough(t *testing.T, causes ...reader.Cause) {
	t.Helper()
	t.Logf("%v", c)
	for _, cause := range causes {
		assert.Check(t, c[cause] >= 20, "only %d answers are %s", c[cause], cause)
	}
}

// proxyOf is the host name of the proxy that the model says, "" for direct.
func proxyOf(t *testing.T, a reader.Answer) string {
	t.Helper()
	if a.Route != reader.RouteProxy {
		return ""
	}
	u, err := url.Parse(a.Proxy.Value.Reveal())
	assert.NilError(t, err)
	return u.Hostname()
}

// TestPython: requests and urllib.
func TestPython(t *testing.T) {
	python := program(t, pythonWithRequests())
	pairs := oracle.Pairs(seed, scripted, oracle.Options{OddAddresses: true, OddNames: true, Underscore: true, IDN: true})
	lines := run(t, questions(t, pairs), python, "testdata/python.py")
	assert.Equal(t, len(lines), len(pairs))
	for _, name := range []reader.Name{reader.Requests, reader.Urllib} {
		t.Run(string(name), func(t *testing.T) {
			r, seen := named(t, name), tally{}
			for i, p := range pairs {
				var real map[string]*string
				assert.NilError(t, json.Unmarshal([]byte(lines[i]), &real))
				target, err := p.Target()
				assert.NilError(t, err)
				a := r.Ask(p.Env, target)
				seen[a.Cause]++
				got := ""
				if v := real[string(name)]; v != nil {
					u, err := url.Parse(*v)
					assert.NilError(t, err)
					got = u.Hostname()
				}
				assert.Check(t, got == proxyOf(t, a), "%s\n  really %q, the model says %q by %s %q", p.Describe(), got, proxyOf(t, a), a.Cause, a.Entry)
			}
			seen.enough(t, reader.CauseEntry, reader.CauseNoEntry, reader.CauseNoProxySet)
		})
	}
}

// pythonWithRequests prefers the distribution's Python, for which its package of requests is.
func pythonWithRequests() string {
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import requests").Run() == nil {
			return p
		}
	}
	return "python3-with-requests"
}

// TestJava: the selector, given what JavaProperties makes of the variables, and the matching alone with lists in Java's own notation.
func TestJava(t *testing.T) {
	java := program(t, "java")
	program(t, "javac") // the launcher compiles the source
	pairs := oracle.Pairs(seed, scripted, oracle.Options{OddAddresses: true, Underscore: true})
	var input strings.Builder
	for _, p := range pairs {
		input.WriteString(p.URL)
		props, _ := reader.JavaProperties(p.Env)
		for _, q := range props {
			input.WriteString("\t" + q.Name + "=" + q.Value.Reveal())
		}
		input.WriteByte('\n')
	}
	native := oracle.JavaPairs(seed, scripted)
	for _, n := range native {
		input.WriteString(n.URL + "\thttp.proxyHost=p\thttps.proxyHost=p\thttp.nonProxyHosts=" + n.Patterns + "\n")
	}
	lines := run(t, []byte(input.String()), java, "testdata/Selector.java")
	assert.Equal(t, len(lines), len(pairs)+len(native))
	r, seen := named(t, reader.Java), tally{}
	for i, p := range pairs {
		target, err := p.Target()
		assert.NilError(t, err)
		a := r.Ask(p.Env, target)
		seen[a.Cause]++
		got, _, _ := strings.Cut(strings.Replace(lines[i], "direct", "", 1), ":")
		assert.Check(t, got == proxyOf(t, a), "%s\n  really %q, the model says %q by %s %q", p.Describe(), got, proxyOf(t, a), a.Cause, a.Entry)
	}
	seen.enough(t, reader.CauseEntry, reader.CauseNoEntry, reader.CauseNoProxySet, reader.CauseBuiltIn)
	for i, n := range native {
		target, err := reader.ParseURL(n.URL)
		assert.NilError(t, err)
		patterns := n.Patterns
		if patterns != "" {
			patterns += "|localhost|127.*|[::1]|0.0.0.0|[::0]"
		}
		really := lines[len(pairs)+i] == "direct"
		assert.Check(t, really == reader.JavaMatches(patterns, target), "%s %q: really direct: %v", n.URL, n.Patterns, really)
	}
}

// TestNode: the http and https modules, and fetch.
func TestNode(t *testing.T) {
	node := nodeProgram(t)
	pairs := oracle.Pairs(seed, scripted, oracle.Options{OddAddresses: true, Underscore: true, IDN: true})
	lines := run(t, questions(t, pairs), node, "--expose-internals", "--no-warnings", "testdata/node.mjs")
	assert.Equal(t, len(lines), len(pairs))
	for _, name := range []reader.Name{reader.Node, reader.Fetch} {
		t.Run(string(name), func(t *testing.T) {
			key := map[reader.Name]string{reader.Node: "node", reader.Fetch: "fetch"}[name]
			r, seen := named(t, name), tally{}
			for i, p := range pairs {
				var real map[string]*string
				assert.NilError(t, json.Unmarshal([]byte(lines[i]), &real))
				target, err := p.Target()
				assert.NilError(t, err)
				a := r.Ask(p.Env, target)
				seen[a.Cause]++
				assert.Assert(t, real[key] != nil, p.Describe())
				got := *real[key]
				if !strings.HasSuffix(got, "-proxy.test") {
					got = ""
				}
				assert.Check(t, got == proxyOf(t, a), "%s\n  really %q, the model says %q by %s %q", p.Describe(), got, proxyOf(t, a), a.Cause, a.Entry)
			}
			seen.enough(t, reader.CauseEntry, reader.CauseNoEntry, reader.CauseNoProxySet)
		})
	}
}

// nodeProgram is a Node that knows NODE_USE_ENV_PROXY: the one DOCKER_PROXY_NODE names, which `make test` provides.
func nodeProgram(t *testing.T) string {
	t.Helper()
	if p := os.Getenv("DOCKER_PROXY_NODE"); p != "" {
		return program(t, p)
	}
	p := program(t, "node")
	out, err := exec.CommandContext(t.Context(), p, "--expose-internals", "-p", "typeof require('internal/http').parseProxyConfigFromEnv").Output()
	if err != nil || strings.TrimSpace(string(out)) != "function" {
		t.Skipf("%s does not know NODE_USE_ENV_PROXY; make test gets one that does", p)
	}
	return p
}
