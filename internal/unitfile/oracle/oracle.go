//go:build hosts

// Package oracle asks a real systemd on a test host what it makes of unit
// files and environment files, and records the answers, so that the tests of
// packages unitfile and envfile compare with them on every machine. It reads
// nothing with those packages.
//
// Start reading at [Ask].
package oracle

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// Case is one question: a text, as a drop-in or as an EnvironmentFile, and
// after Ask the answer.
type Case struct {
	Input  string            `json:"input,omitempty"`
	Bytes  []byte            `json:"bytes,omitempty"` // in place of Input when it is not UTF-8
	Unit   string            `json:"unit"`            // the unit that was started
	Failed bool              `json:"failed,omitempty"`
	Env    map[string]string `json:"env,omitempty"`  // what the text put into the environment
	Argv   []string          `json:"argv,omitempty"` // what ExecStart's program got, for a text with an ExecStart
}

const dir = "/run/oracle"

// Ask boots a host, starts one oneshot unit for each input and compares the
// answers with those recorded in goldenFile; with the flag -update it records
// them. With asFile, the inputs are environment files, else drop-ins.
func Ask(t *testing.T, host, goldenFile string, inputs []string, asFile bool) {
	t.Helper()
	m := boot(t, host)
	var units []string
	cases := prepare(inputs, func(i int, text string) string {
		units = append(units, writeUnit(t, m.Root(), i, text, asFile))
		return units[i]
	})
	assert.Equal(t, run(t, m, "systemctl", "daemon-reload"), 0)
	for batch := range slices.Chunk(units, 100) {
		// One at a time: systemctl 262 starts none when one cannot be loaded.
		_ = run(t, m, append([]string{"sh", "-c", "for u; do systemctl start $u; done", "sh"}, batch...)...)
	}
	compare(t, m.Root(), goldenFile, cases)
}

// AskScript does the same with a shell script that reads the file $1 and
// writes an environment, NUL after each variable.
func AskScript(t *testing.T, host, goldenFile string, inputs []string, script string) {
	t.Helper()
	m := boot(t, host)
	cases := prepare(inputs, func(i int, text string) string {
		name := fmt.Sprintf("oracle-%d", i)
		write(t, m.Root(), dir+"/"+name, text)
		return name
	})
	write(t, m.Root(), dir+"/script", script)
	all := "cd " + dir + "; for f in oracle-*; do sh ./script " + dir + "/$f >$f.out; done"
	assert.Equal(t, run(t, m, "sh", "-c", all), 0)
	compare(t, m.Root(), goldenFile, cases)
}

func boot(t *testing.T, host string) *hosts.Machine {
	t.Helper()
	m, release, err := hosts.Start(t.Context(), host, hosts.Seed{}, io.Discard)
	assert.NilError(t, err)
	t.Cleanup(m.Stop)
	release()
	assert.NilError(t, m.AwaitDocker(t.Context())) // the last thing a host starts
	return m
}

// prepare writes all questions, and after them an empty one as the control.
func prepare(inputs []string, write func(int, string) string) []Case {
	var cases []Case
	for i, text := range append(slices.Clone(inputs), "") {
		c := Case{Unit: write(i, text), Input: text}
		if !utf8.ValidString(text) {
			c.Input, c.Bytes = "", []byte(text)
		}
		cases = append(cases, c)
	}
	return cases
}

// compare collects the answers.
func compare(t *testing.T, root, goldenFile string, cases []Case) {
	t.Helper()
	control := answer(t, root, cases[len(cases)-1].Unit)
	cases = cases[:len(cases)-1]
	for i := range cases {
		c := &cases[i]
		out := answer(t, root, c.Unit)
		if strings.Contains(input(*c), "ExecStart=") {
			c.Argv = out
			continue
		}
		c.Failed = out == nil
		c.Env = difference(out, control)
	}
	data, err := json.MarshalIndent(cases, "", " ")
	assert.NilError(t, err)
	golden.Assert(t, string(data)+"\n", goldenFile)
}

func input(c Case) string { return c.Input + string(c.Bytes) }

// run runs a command inside and gives its status: that some units fail is
// part of the questions.
func run(t *testing.T, m *hosts.Machine, argv ...string) int {
	t.Helper()
	r, err := m.Exec(t.Context(), hosts.Cmd{Argv: argv})
	assert.NilError(t, err)
	return r.Code
}

// writeUnit writes the unit of one case and gives its name.
func writeUnit(t *testing.T, root string, i int, text string, asFile bool) string {
	t.Helper()
	name := fmt.Sprintf("oracle-%d.service", i)
	unit := "[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/usr/bin/env -0\n" +
		"StandardOutput=file:" + dir + "/" + name + ".out\n"
	file := "/run/systemd/system/" + name + ".d/case.conf"
	if asFile {
		file = dir + "/" + name + ".env"
		unit += "EnvironmentFile=" + file + "\n"
	}
	write(t, root, dir+"/keep", "")
	write(t, root, "/run/systemd/system/"+name, unit)
	write(t, root, file, text)
	return name
}

func write(t *testing.T, root, path, text string) {
	t.Helper()
	full := filepath.Join(root, path)
	assert.NilError(t, os.MkdirAll(filepath.Dir(full), 0o755))
	assert.NilError(t, os.WriteFile(full, []byte(text), 0o644))
}

// answer gives what the unit's program wrote, or nil when it never ran.
func answer(t *testing.T, root, unit string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, dir, unit+".out"))
	if os.IsNotExist(err) {
		return nil
	}
	assert.NilError(t, err)
	if len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}

// difference gives the variables of a unit that the control does not have
// with that value. Those that differ at every start are left out.
func difference(out, control []string) map[string]string {
	known := map[string]bool{}
	for _, v := range control {
		known[v] = true
	}
	env := map[string]string{}
	for _, v := range out {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case "INVOCATION_ID", "SYSTEMD_EXEC_PID", "JOURNAL_STREAM", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE":
			continue
		}
		if !known[v] {
			if !utf8.ValidString(value) {
				value = "not UTF-8: " + strconv.QuoteToASCII(value)
			}
			env[name] = value
		}
	}
	return env
}
