package export_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// values is what a reader has to get.
func values(s export.Settings) map[string]string {
	out := map[string]string{}
	for _, n := range s.VariableNames() {
		out[n] = s.Value(n)
	}
	return out
}

// proxies picks the proxy variables out of an environment.
func proxies(env []string) map[string]string {
	out := map[string]string{}
	for _, kv := range env {
		if name, value, ok := strings.Cut(kv, "="); ok && slices.Contains(export.Names(), name) {
			out[name] = value
		}
	}
	return out
}

// shells are those that have to agree: dash is Debian's sh, bash --posix that of RHEL, busybox that of Alpine.
func shells(t *testing.T) [][]string {
	t.Helper()
	var out [][]string
	for _, argv := range [][]string{{"dash"}, {"bash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(argv[0]); err != nil {
			t.Logf("%s is not installed: nothing is read back with it", argv[0])
			continue
		}
		out = append(out, argv)
	}
	assert.Assert(t, len(out) > 0, "no shell")
	return out
}

// play runs a script and returns the environment of a program that it starts at its end.
func play(ctx context.Context, shell []string, script string, env ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, shell[0], append(shell[1:len(shell):len(shell)], "-c", script+"\nexec /usr/bin/env -0")...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var lines []string
	for kv := range bytes.SplitSeq(out, []byte{0}) {
		lines = append(lines, string(kv))
	}
	return lines, err
}

func TestShellReadsBack(t *testing.T) {
	all := shells(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := generated().Draw(rt, "settings")
		k := export.NewKeyring(export.Consumer{Settings: s})
		shell := rapid.SampledFrom(all).Draw(rt, "shell")
		env, err := play(t.Context(), shell, k.Shell(s, true))
		assert.NilError(rt, err)
		assert.DeepEqual(rt, proxies(env), values(s))

		// With the credentials in variables of their own the same comes out, and none of it is in the text.
		text := k.Shell(s, false)
		var given []string
		for line := range strings.Lines(strings.TrimPrefix(string(k.File()), export.Marker)) {
			name, secret, _ := strings.Cut(strings.TrimSpace(line), "=")
			given = append(given, name+"="+secret)
			assert.Assert(rt, !strings.Contains(text, secret+"@"), "%s", text)
		}
		env, err = play(t.Context(), shell, text, given...)
		assert.NilError(rt, err)
		assert.DeepEqual(rt, proxies(env), values(s))
	})
}

// TestShellWithoutCredentials: a shell that does not know the name stops instead of using http://@proxy.
func TestShellWithoutCredentials(t *testing.T) {
	s := clean(t, set("http://ann:pw@p:1", ""))
	for _, shell := range shells(t) {
		cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:len(shell):len(shell)], "-c", export.NewKeyring(export.Consumer{Settings: s}).Shell(s, false)+"\necho reached")...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		assert.Assert(t, err != nil, "%s", out)
		assert.Assert(t, cmp.Contains(string(out), "PROXY_CREDENTIALS"))
		assert.Assert(t, !strings.Contains(string(out), "reached"))
	}
}

func TestShellOff(t *testing.T) {
	var before []string
	for _, n := range export.Names() {
		before = append(before, n+"=x")
	}
	for _, shell := range shells(t) {
		env, err := play(t.Context(), shell, export.ShellOff(), before...)
		assert.NilError(t, err)
		assert.DeepEqual(t, proxies(env), map[string]string{})
	}
}

// TestDotenvReadsBack: what is not refused is read alike by the CLI, by Compose, and, credentials apart, by each of them from a file.
func TestDotenvReadsBack(t *testing.T) {
	dir, carried, refused := t.TempDir(), 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		s := generated().Draw(rt, "settings")
		k := export.NewKeyring(export.Consumer{Settings: s})
		text, err := k.Dotenv(s, true)
		if err != nil {
			refused++
			assert.ErrorIs(rt, err, export.ErrNotPortable)
			assert.Assert(rt, strings.ContainsAny(s.Value("NO_PROXY"), "'\"$\\") || strings.Contains(s.Value("NO_PROXY"), " #") || strings.TrimSpace(s.Value("NO_PROXY")) != s.Value("NO_PROXY"), "refused without a reason")
			return
		}
		carried++
		path := filepath.Join(dir, "proxy.env")
		assert.NilError(rt, os.WriteFile(path, []byte(export.Marker+text), 0o600))
		list, err := kvfile.Parse(path, os.LookupEnv)
		assert.NilError(rt, err)
		assert.DeepEqual(rt, proxies(list), values(s))
		m, err := dotenv.Read(path)
		assert.NilError(rt, err)
		assert.DeepEqual(rt, m, values(s))

		// Compose replaces the names of the credentials.
		hidden, err := k.Dotenv(s, false)
		assert.NilError(rt, err)
		credentials, err := dotenv.UnmarshalBytesWithLookup(k.File(), nil)
		assert.NilError(rt, err)
		m, err = dotenv.UnmarshalWithLookup(hidden, func(name string) (string, bool) { v, ok := credentials[name]; return v, ok })
		assert.NilError(rt, err)
		assert.DeepEqual(rt, m, values(s))
	})
	assert.Assert(t, carried > 10 && refused > 10, "%d carried, %d refused", carried, refused)
}

func TestDotenvRefuses(t *testing.T) {
	for _, list := range []string{"'a'", `"a"`, "$a", `a\b`, "a #b", strings.Repeat("a", 64<<10)} {
		s := clean(t, set("http://p:1", list))
		_, err := export.NewKeyring().Dotenv(s, true)
		assert.ErrorIs(t, err, export.ErrNotPortable, "%.20q", list)
		assert.Assert(t, cmp.ErrorContains(err, "NO_PROXY cannot be written into an env-file"))
	}
}

func TestDotenvOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "off.env")
	assert.NilError(t, os.WriteFile(path, []byte(export.DotenvOff()), 0o600))
	want := map[string]string{}
	for _, n := range export.Names() {
		want[n] = ""
	}
	list, err := kvfile.Parse(path, os.LookupEnv)
	assert.NilError(t, err)
	assert.DeepEqual(t, proxies(list), want)
	m, err := dotenv.Read(path)
	assert.NilError(t, err)
	assert.DeepEqual(t, m, want)
}

// TestURLs prints the one for https first, each once.
func TestURLs(t *testing.T) {
	s := clean(t, export.Settings{HTTPProxy: "http://u:s3cret@a:1", HTTPSProxy: "http://b:2", AllProxy: "http://u:s3cret@a:1"})
	k := export.NewKeyring(export.Consumer{Settings: s})
	assert.Equal(t, k.URLs(s, false), "http://b:2\nhttp://${PROXY_CREDENTIALS}@a:1\n")
	assert.Equal(t, k.URLs(s, true), "http://b:2\nhttp://u:s3cret@a:1\n")
}
