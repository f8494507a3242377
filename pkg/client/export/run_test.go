package export_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/opts"
	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// split lets a shell make words of a text, by $(…) or by eval.
func split(t *testing.T, shell []string, text string, eval bool) []string {
	t.Helper()
	script := `printf '%s\000' $(cat)`
	if eval {
		script = `eval "printf '%s\\000' $(cat)"`
	}
	cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:len(shell):len(shell)], "-c", script)...)
	cmd.Dir = t.TempDir() // with no files, which * would match
	cmd.Stdin = strings.NewReader(text + "\n")
	out, err := cmd.Output()
	assert.NilError(t, err)
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// parsed gives words to the options of `docker run`, of the CLI's own types (cli/command/container/opts.go, addFlags), and returns the environment it makes of -e and
// --env-file. The whole command is played on a booted host.
func parsed(t *testing.T, words []string) []string {
	t.Helper()
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	env, files := opts.NewListOpts(opts.ValidateEnv), opts.NewListOpts(nil)
	flags.VarP(&env, "env", "e", "")
	flags.Var(&files, "env-file", "")
	flags.SetInterspersed(false)
	assert.NilError(t, flags.Parse(append(words, "image")))
	assert.DeepEqual(t, flags.Args(), []string{"image"})
	out, err := opts.ReadKVEnvStrings(files.GetSlice(), env.GetSlice())
	assert.NilError(t, err)
	return out
}

func TestRunReadsBack(t *testing.T) {
	plain, quoted := 0, 0
	for _, shell := range shells(t) {
		rapid.Check(t, func(rt *rapid.T) {
			s := generated().Draw(rt, "settings")
			text, isPlain := export.Words(export.RunOptions(s, nil))
			if isPlain {
				plain++
				assert.DeepEqual(rt, proxies(parsed(t, split(t, shell, text, false))), values(s))
			} else {
				quoted++
			}
			assert.DeepEqual(rt, proxies(parsed(t, split(t, shell, text, true))), values(s))
		})
	}
	assert.Assert(t, plain > 10 && quoted > 10, "%d plain, %d quoted", plain, quoted)
}

func TestRunOff(t *testing.T) {
	text, isPlain := export.Words(export.RunOff())
	assert.Assert(t, isPlain)
	want := map[string]string{}
	for _, n := range export.Names() {
		want[n] = ""
	}
	for _, shell := range shells(t) {
		assert.DeepEqual(t, proxies(parsed(t, split(t, shell, text, false))), want)
	}
}

// TestRunFile: with a file the values are in the file, and a bare -e keeps config.json out for the names that it has; what only config.json has is made empty.
func TestRunFile(t *testing.T) {
	for _, n := range export.Names() {
		t.Setenv(n, "")
		assert.NilError(t, os.Unsetenv(n))
	}
	s := clean(t, set("http://ann:p w@p:1", "localhost,*.corp"))
	path := filepath.Join(t.TempDir(), "proxy.env")
	text, err := export.NewKeyring(export.Consumer{Settings: s}).Dotenv(s, true)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o600))
	words := export.RunFileOptions(s, path, []string{"NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"})
	assert.DeepEqual(t, words, []string{"--env-file", path, "-e", "NO_PROXY", "-e", "no_proxy", "-e", "ALL_PROXY=", "-e", "all_proxy="})
	line, isPlain := export.Words(words)
	assert.Assert(t, isPlain)
	env := parsed(t, split(t, []string{"sh"}, line, false))
	want := values(s)
	want["ALL_PROXY"], want["all_proxy"] = "", ""
	assert.DeepEqual(t, proxies(env), want)
	assert.DeepEqual(t, env[len(env)-4:len(env)-2], []string{"NO_PROXY", "no_proxy"}) // names without a value
}
