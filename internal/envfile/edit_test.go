package envfile_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
)

func TestSet(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty file", "", "P='v'\n"},
		{"appended", "# c\nA=1\n", "# c\nA=1\nP='v'\n"},
		{"appended without final newline", "A=1", "A=1\nP='v'"},
		{"appended with CRLF", "A=1\r\n", "A=1\r\nP='v'\r\n"},
		{"appended with CRLF without the final one", "A=1\r\nB=2", "A=1\r\nB=2\r\nP='v'"},
		{"replaced", "P=old\nA=1\n", "P='v'\nA=1\n"},
		{"replaced where it is indented", "  P = \"old\nx\"  \nA=1\n", "  P='v'\nA=1\n"},
		{"the last of several", "P=1\nA=1\nP=2\n# c\n", "A=1\nP='v'\n# c\n"},
		{"with export", "export P=1\n", "P='v'\n"},
		{"commented out", "#P=1\n", "#P=1\nP='v'\n"},
		{"there already", "A=1\nP=v\n", "A=1\nP=v\n"},
		{"there already, twice", "P=v\nP=v\n", "P='v'\n"},
		{"at the end without a newline", "A=1\nP=x", "A=1\nP='v'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := envfile.Set([]byte(c.text), "P", "v")
			assert.NilError(t, err)
			assert.Equal(t, string(got), c.want)
		})
	}
}

func TestRemove(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing there", "A=1", "A=1"},
		{"all of them", "P=1\n#c\n export P=2\nA=1\n  Q='x\ny'\n", "#c\nA=1\n"},
		{"CRLF", "A=1\r\nP=1\r\nB=2\r\n", "A=1\r\nB=2\r\n"},
		{"the last without a newline", "A=1\nP=1", "A=1"},
		{"the only one", "P=1", ""},
		{"name as part of another", "PP=1\nXP=2\nA=P=1\n", "PP=1\nXP=2\nA=P=1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := envfile.Remove([]byte(c.text), "P", "Q")
			assert.NilError(t, err)
			assert.Equal(t, string(got), c.want)
		})
	}
}

// TestUnsafe: edits that would change what else the file says.
func TestUnsafe(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"open quote", "A='x\n"},
		{"comment continued", "# c \\"},
		{"value continued", "A=x\\"},
	} {
		t.Run("set "+c.name, func(t *testing.T) {
			got, err := envfile.Set([]byte(c.text), "P", "v")
			assert.ErrorIs(t, err, envfile.ErrUnsafe)
			assert.Assert(t, got == nil)
		})
	}
	_, err := envfile.Remove([]byte("# c \\\nP=1\nA=1\n"), "P")
	assert.ErrorIs(t, err, envfile.ErrUnsafe)
}

func TestRefused(t *testing.T) {
	for _, v := range []string{"a'b", `a"b`, `a\b`, "a\nb", "a\x00", "a\tb", "\xff", strings.Repeat("x", 128<<10)} {
		_, err := envfile.Set(nil, "P", v)
		assert.ErrorIs(t, err, envfile.ErrNotExpressible)
		assert.Assert(t, !strings.Contains(err.Error(), v))
		_, err = envfile.Format("x", []envfile.Var{{Name: "P", Value: v}})
		assert.ErrorIs(t, err, envfile.ErrNotExpressible)
	}
	_, err := envfile.Set(nil, "A B", "v")
	assert.ErrorIs(t, err, envfile.ErrNotExpressible)
}

func TestFormat(t *testing.T) {
	got, err := envfile.Format("Made by docker proxy. \\\n# x\n", []envfile.Var{{"HTTP_PROXY", "http://u:p%40@h:3128"}, {"NO_PROXY", "localhost,$HOME #`id`"}})
	assert.NilError(t, err)
	assert.Equal(t, string(got), "# Made by docker proxy.\n# x\nHTTP_PROXY='http://u:p%40@h:3128'\nNO_PROXY='localhost,$HOME #`id`'\n")
}

// TestShellReadsAlike sources what Format writes.
func TestShellReadsAlike(t *testing.T) {
	for _, value := range []string{"http://user:F%40oBar%21@proxy:3128", "a b $HOME `id` $(id) # ; & | * ? ~ ! é {a,b}", "", "~/x"} {
		text, err := envfile.Format("test", []envfile.Var{{"P", value}})
		assert.NilError(t, err)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `eval "$0"; printf %s "$P"`, string(text))
		cmd.Env = []string{"HOME=/nowhere"}
		out, err := cmd.Output()
		assert.NilError(t, err)
		assert.Equal(t, string(out), value)
		for _, version := range []int{219, 240, 241, 247, 257} {
			all, skipped := envfile.Parse(text, version)
			assert.Equal(t, skipped, envfile.SkipNot)
			assert.Equal(t, all[0].Value, value)
		}
	}
}

func seed(f *testing.F) {
	f.Helper()
	for _, golden := range []string{"systemd-257.json", "environmentd-257.json"} {
		for _, a := range answers(f, golden, 1) {
			f.Add([]byte(a.Input+string(a.Bytes)), "http://h:3128")
		}
	}
	f.Add([]byte("A=1\r\nexport P=1"), "x y")
	f.Add([]byte("P=\"1\\\n2\"\n# c \\\n"), "")
}

// FuzzSet: an edit touches nothing else, is read back, and removing what was
// appended restores every byte.
func FuzzSet(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		out, err := envfile.Set(data, "P", value)
		if err != nil {
			assert.Assert(t, errors.Is(err, envfile.ErrUnsafe) || errors.Is(err, envfile.ErrNotExpressible))
			return
		}
		again, err := envfile.Set(out, "P", value)
		assert.NilError(t, err)
		assert.Equal(t, string(again), string(out))
		if all, skipped := envfile.Parse(out, 257); skipped == "" {
			assert.Equal(t, effective(all)["P"], value)
			before, _ := envfile.Parse(data, 257)
			was, is := effective(before), effective(all)
			delete(was, "P")
			delete(is, "P")
			assert.DeepEqual(t, was, is)
		}
		without, err := envfile.Remove(data, "P")
		if err != nil || string(without) != string(data) {
			return
		}
		restored, err := envfile.Remove(out, "P")
		assert.NilError(t, err)
		assert.Equal(t, string(restored), string(data))
	})
}

// FuzzParse: no panic, and every place is inside the source and in order.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte, value string) {
		check := func(all []envfile.Assignment) {
			at := 0
			for _, a := range all {
				assert.Assert(t, at <= a.Start && a.Start < a.End && a.End <= len(data) && a.Line >= 1, "%+v", a)
				assert.Equal(t, a.Line, 1+strings.Count(string(data[:a.Start]), "\n"))
				at = a.End
			}
		}
		for _, version := range []int{219, 240, 246, 253, 257} {
			all, _ := envfile.Parse(data, version)
			check(all)
			check(envfile.ParseEnvironmentD(data, version, func(string) (string, bool) { return value, value != "" }))
		}
		check(envfile.ParsePAM(data))
		check(envfile.ParseProfileEnv(data))
	})
}
