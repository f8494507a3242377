//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// TestScript runs testdata/script/*.txtar, each under an open and under a closed umask: no result may depend on it. The commands scripts have beyond
// testscript's own are in script_commands_test.go.
//
// A script starts in $WORK, with HOME=$WORK/home, no Docker settings in the environment and DOCKER_HOST leading nowhere, so it never meets this machine's
// daemon; $REPO is the checkout,
// $PLUGIN the program, $UMASK the umask and $ESC an escape character.
func TestScript(t *testing.T) {
	for _, umask := range []int{0o022, 0o077} {
		t.Run(fmt.Sprintf("umask-%03o", umask), func(t *testing.T) {
			before := unix.Umask(umask)
			t.Cleanup(func() { unix.Umask(before) }) // after the scripts, which run in parallel within this test
			testscript.Run(t, testscript.Params{
				Dir:                 filepath.Join("testdata", "script"),
				Cmds:                scriptCommands(),
				Condition:           scriptCondition,
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
				Setup: func(env *testscript.Env) error {
					env.Values[treesKey{}] = map[string]string{}
					env.Setenv("UMASK", fmt.Sprintf("%03o", umask))
					return setUpScript(env)
				},
			})
		})
	}
}

// setUpScript gives a script its environment, and lets an unprivileged user reach what it works with.
func setUpScript(env *testscript.Env) error {
	repo, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, "home")
	if err := os.Mkdir(home, 0o755); err != nil && !os.IsExist(err) { //nolint:gosec // the unprivileged user's home, too
		return err
	}
	if err := os.Chmod(home, 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	plugin, err := exec.LookPath("docker-proxy")
	if err != nil {
		return err
	}
	for _, kv := range [][2]string{
		{"HOME", home},
		{"PLUGIN", plugin},
		{"ESC", "\x1b"},
		{"REPO", repo},
		{"DOCKER_HOST", "unix://" + filepath.Join(env.WorkDir, "no-daemon.sock")},
		{"GOCOVERDIR", os.Getenv("GOCOVERDIR")},
	} {
		env.Setenv(kv[0], kv[1])
	}
	for _, dir := range []string{env.WorkDir, filepath.Dir(plugin)} {
		if err := openPath(dir); err != nil {
			return err
		}
	}
	return os.Chmod(plugin, 0o755)
}

// openPath makes dir and the directories above it, up to the directory for temporary files, searchable for everybody: they are made with mode 0700.
func openPath(dir string) error {
	for dir != os.TempDir() && dir != filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
		dir = filepath.Dir(dir)
	}
	return nil
}

// scriptCondition knows [root]: the test runs as root.
func scriptCondition(cond string) (bool, error) {
	if cond == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// TestDockerCLI fails where make test should have provided a docker CLI: the script that calls the plugin through it must not be lost without a word.
func TestDockerCLI(t *testing.T) {
	_, err := exec.LookPath("docker")
	if err != nil && os.Getenv("DOCKER_PROXY_REQUIRE_DOCKER_CLI") == "" {
		t.Skip("no docker CLI on PATH: the script docker_cli.txtar did not run the plugin through it; `make test` as root gets one")
	}
	assert.NilError(t, err, "make test provides a docker CLI")
}
