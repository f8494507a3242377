package unitfile_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/unitfile"
)

func TestDropIn(t *testing.T) {
	file, err := unitfile.EnvironmentFileLine("/etc/systemd/system/docker.service.d/http-proxy.env", true)
	assert.NilError(t, err)
	unset, err := unitfile.UnsetEnvironmentLine("HTTP_PROXY", "http_proxy")
	assert.NilError(t, err)
	assert.Equal(t, string(unitfile.DropIn("Made by docker proxy.\n# Second line \\\n", file, unset)),
		"# Made by docker proxy.\n# Second line \\\n[Service]\nEnvironmentFile=-/etc/systemd/system/docker.service.d/http-proxy.env\nUnsetEnvironment=HTTP_PROXY http_proxy\n")
}

func TestRefused(t *testing.T) {
	for _, value := range []string{"a\x00", "a\nb", "a\rb", "\x7f", "\xff", "\uFFFE", strings.Repeat("x", 128<<10)} {
		_, err := unitfile.QuoteEnvironment("HTTP_PROXY", value)
		assert.ErrorIs(t, err, unitfile.ErrNotExpressible)
		assert.Assert(t, !strings.Contains(err.Error(), value))
	}
	for _, name := range []string{"", "1A", "A-B", "A B", "É"} {
		_, err := unitfile.QuoteEnvironment(name, "x")
		assert.ErrorIs(t, err, unitfile.ErrNotExpressible)
		_, err = unitfile.UnsetEnvironmentLine(name)
		assert.ErrorIs(t, err, unitfile.ErrNotExpressible)
	}
	_, err := unitfile.UnsetEnvironmentLine()
	assert.ErrorIs(t, err, unitfile.ErrNotExpressible)
	for _, path := range []string{"", "etc/x", "/etc//x", "/etc/x/", "/etc/./x", "/etc/x ", "/etc/a\nb"} {
		_, err := unitfile.EnvironmentFileLine(path, true)
		assert.ErrorIs(t, err, unitfile.ErrNotExpressible, path)
	}
}

func TestEnvironmentFilePath(t *testing.T) {
	for _, c := range []struct {
		name, value, path string
		version           int
		optional, unknown bool
	}{
		{"plain", "/etc/default/docker", "/etc/default/docker", 257, false, false},
		{"optional", "-/etc/default/docker", "/etc/default/docker", 257, true, false},
		{"slashes", "-/etc//default/./docker/", "/etc/default/docker", 239, true, false},
		{"slashes kept", "-/etc//default", "/etc//default", 238, true, false},
		{"glob", "/etc/*.env", "/etc/*.env", 257, false, false},
		{"specifiers", "-/etc/%p%%.env", "/etc/docker%.env", 257, true, false},
		{"unknown value", "-%h/x", "/x", 257, true, true},
		{"blanks are part of it", "/etc/a b", "/etc/a b", 257, false, false},
		{"relative", "etc/x", "", 257, false, false},
		{"quoted", `"/etc/x"`, "", 257, false, false},
		{"blank after the dash", "- /etc/x", "", 257, false, false},
		{"unknown specifier", "/etc/%40", "", 257, false, false},
		{"unknown specifier, old", "/etc/%40", "/etc/%40", 235, false, false},
		{"empty", "", "", 257, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := unitfile.Parse([]byte("[Service]\nEnvironmentFile=" + c.value + "\n")).Assignments()[0]
			r := func(letter byte) (string, bool) { return "docker", letter == 'p' }
			ef, err := unitfile.EnvironmentFilePath(a, r, c.version)
			assert.Equal(t, err != nil, c.path == "")
			assert.Equal(t, ef, unitfile.EnvironmentFile{Path: c.path, Optional: c.optional, Unknown: c.unknown})
		})
	}
}

func TestExecPrefixes(t *testing.T) {
	for _, c := range []struct {
		name, value, path, argv  string
		literal, ignore, refused bool
	}{
		{"docker", "/usr/bin/dockerd -H fd:// $DOCKER_OPTS", "/usr/bin/dockerd", "/usr/bin/dockerd|-H|fd://|$DOCKER_OPTS", false, false, false},
		{"all prefixes", "-@:+/usr/bin/x zero one", "/usr/bin/x", "zero|one", true, true, false},
		{"two exclamation marks", "!!/usr/bin/x", "/usr/bin/x", "/usr/bin/x", false, false, false},
		{"relative name", "dockerd", "dockerd", "dockerd", false, false, false},
		{"relative path", "./dockerd", "", "", false, false, true},
		{"directory", "/usr/bin/", "", "", false, false, true},
		{"no argv", "@/usr/bin/x", "", "", false, false, true},
		{"unknown specifier", "/usr/bin/x %40", "", "", false, false, true},
		{"path simplified", "/usr//bin/x", "/usr/bin/x", "/usr//bin/x", false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := unitfile.Parse([]byte("[Service]\nExecStart=" + c.value + "\n")).Assignments()[0]
			commands, problems := unitfile.ExecCommands(a, nil, 257)
			if c.refused {
				assert.Equal(t, len(commands), 0)
				assert.Equal(t, problems[0].Kind, unitfile.KindStopped)
				return
			}
			assert.Equal(t, len(problems), 0)
			got := commands[0]
			assert.Equal(t, got.Path, c.path)
			assert.Equal(t, strings.Join(got.Argv, "|"), c.argv)
			assert.Equal(t, got.Literal, c.literal)
			assert.Equal(t, got.IgnoreFailure, c.ignore)
		})
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		key, value string
		version    int
		want       string
	}{
		{"PassEnvironment", "A B=1 1C \"D\" %40", 257, "A D"},
		{"PassEnvironment", "A %p", 228, "A"},
		{"PassEnvironment", "A", 227, ""},
		{"PassEnvironment", "A", 219, ""},
		{"UnsetEnvironment", `A B=\x41 C`, 257, "A B C"},
		{"UnsetEnvironment", `A \x41`, 235, "A x41"},
		{"UnsetEnvironment", "A", 234, ""},
	} {
		a := unitfile.Parse([]byte("[Service]\n" + c.key + "=" + c.value + "\n")).Assignments()[0]
		names, _ := unitfile.Names(a, func(byte) (string, bool) { return "P", true }, c.version)
		var got []string
		for _, n := range names {
			got = append(got, n.Name)
		}
		assert.Equal(t, strings.Join(got, " "), c.want, "%+v", c)
	}
}
