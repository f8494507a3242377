package unitfile_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/unitfile"
)

// FuzzParse: no panic, and every place is inside the source and in order.
func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s), 0)
	}
	f.Add([]byte("[Service]\nExecStart=-@/usr/bin/x ${A} $B \\; ; /y 'z\nEnvironmentFile=-/a%n\n"), 219)
	f.Fuzz(func(t *testing.T, data []byte, version int) {
		file := unitfile.ParseVersion(data, version)
		at := 0
		for _, a := range file.Assignments() {
			assert.Assert(t, at <= a.Start && a.Start < a.End && a.End <= len(data) && a.Line >= 1 && a.Section != "" && a.Key != "")
			at = a.End
			for i := range a.Value {
				o := a.Offset(i)
				assert.Assert(t, o >= a.Start && o < a.End)
				assert.Assert(t, data[o] == a.Value[i] || data[o] == '\\' && a.Value[i] == ' ')
			}
			words, problems := unitfile.EnvironmentWords(a, nil, version)
			for _, w := range words {
				assert.Assert(t, a.Start <= w.Start && w.Start < w.End && w.End <= a.End && w.Line >= a.Line)
			}
			for _, p := range problems {
				assert.Assert(t, a.Start <= p.Start && p.Start <= p.End && p.End <= a.End && p.Msg != "")
			}
			_, _ = unitfile.Names(a, nil, version)
			_, _ = unitfile.EnvironmentFilePath(a, nil, version)
			commands, _ := unitfile.ExecCommands(a, nil, version)
			for _, c := range commands {
				unitfile.ExpandExec(c.Argv, func(string) (string, bool) { return a.Value, true })
			}
		}
	})
}

// FuzzQuote: what is written is read back equal by every release.
func FuzzQuote(f *testing.F) {
	for _, v := range []string{"", "http://u:F%40oBar%21@proxy:3128", `a"b\c'd`, "%n%%", " x\t", "é$X#;", "\\", "#", "a\x01"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		l, err := unitfile.EnvironmentLine("HTTPS_PROXY", value)
		if err != nil {
			assert.ErrorIs(t, err, unitfile.ErrNotExpressible)
			return
		}
		text := unitfile.DropIn("# made by a test", l)
		for _, version := range []int{219, 229, 233, 236, 240, 252, 262} {
			if version == 229 && len(text) > 2000 {
				continue // that release reads no longer line
			}
			a := unitfile.ParseVersion(text, version).Assignments()
			assert.Equal(t, len(a), 1)
			words, problems := unitfile.EnvironmentWords(a[0], nil, version)
			assert.Equal(t, len(problems), 0, "%q", text)
			assert.Equal(t, len(words), 1)
			assert.Equal(t, words[0].Value, value, "systemd %d", version)
		}
		file, err := unitfile.EnvironmentFileLine("/"+value, true)
		if err != nil {
			return
		}
		ef, err := unitfile.EnvironmentFilePath(unitfile.Parse(unitfile.DropIn("x", file)).Assignments()[0], nil, 0)
		assert.NilError(t, err)
		assert.Assert(t, ef.Optional && !ef.Unknown)
		assert.Equal(t, unglob(ef.Path), "/"+value)
	})
}

// unglob undoes the backslashes as glob(7) does.
func unglob(pattern string) string {
	var out []byte
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		out = append(out, pattern[i])
	}
	return string(out)
}
