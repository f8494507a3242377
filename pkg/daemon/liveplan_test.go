package daemon

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/systemd"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

const liveFile = "/etc/docker/daemon.json"

// liveSite is a site whose configuration file holds a text; "" means that there is none.
func liveSite(t *testing.T, text string) (*Site, *host.FS) {
	t.Helper()
	dir := t.TempDir()
	if text != "" {
		assert.NilError(t, os.MkdirAll(filepath.Join(dir, "etc/docker"), 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, liveFile), []byte(text), 0o640))
	}
	files, err := host.Open(dir)
	assert.NilError(t, err)
	t.Cleanup(func() { files.Close() })
	return &Site{FS: files, Version: "26.1.5", Manager: ManagerSysV, ConfigFile: liveFile, Info: &engine.Info{OSType: "linux"}}, files
}

// walk makes plans one after the other on a table of states, as a transaction does: every change has to find the state it expects.
func walk(t *testing.T, at map[string]change.State, plans ...change.Plan) {
	t.Helper()
	for i, p := range plans {
		for _, c := range p {
			assert.Assert(t, c.From.Equal(at[c.Path]), "part %d, %s: from %q, is %q", i, c.Path, c.From.Data, at[c.Path].Data)
			assert.Assert(t, !c.NoOp(), "part %d, %s", i, c.Path)
			at[c.Path] = c.To
		}
	}
}

func TestLivePlan(t *testing.T) {
	const other = "/etc/default/docker"
	for _, tt := range []struct {
		name, before string
		after        *string // of the configuration file; nil: not in the plan
		during       string  // what the restarted daemon reads
		steps        int     // changes of the configuration file on the way there
	}{
		{name: "no file, and none wanted", before: "", during: `"live-restore": true`, steps: 3},
		{name: "no file, one is made", before: "", after: text(`{"proxies": {"http-proxy": "http://u:p@p:1"}}`), during: `"live-restore": true`, steps: 4},
		{name: "the file goes", before: `{"proxies": {"http-proxy": "x"}}`, after: text(""), during: `"live-restore": true`, steps: 4},
		{name: "odd bytes", before: "\t{ \"debug\":true ,\n}"[:16] + "}", after: nil, during: `true`, steps: 3},
		{name: "explicitly false", before: `{"live-restore":   false}`, after: text(`{"live-restore":   false, "proxies": {}}`), during: `"live-restore":   true`, steps: 3},
		{name: "already true", before: `{"live-restore": true}`, after: text(`{"live-restore": true, "proxies": {}}`), during: `"live-restore": true`, steps: 1},
		{name: "the plan turns it off", before: `{"live-restore": true}`, after: text(`{}`), during: `"live-restore": true`, steps: 3},
		{name: "duplicates", before: `{"live-restore": true, "live-restore": false}`, during: `"live-restore": true, "live-restore": true`, steps: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site, files := liveSite(t, tt.before)
			from, err := change.Observe(files, liveFile)
			assert.NilError(t, err)
			plan := change.Plan{{Path: other, To: change.NewFile([]byte("x"), 0o600)}}
			want := from
			if tt.after != nil {
				want = from.WithData([]byte(*tt.after)).Private()
				if *tt.after == "" {
					want = change.State{}
				}
				plan = append(plan, change.Change{Path: liveFile, From: from, To: want, Cause: "why", Needs: change.Needs{Restart: true}})
			}
			p, err := NewLivePlan(site, files, plan)
			assert.NilError(t, err)

			at := map[string]change.State{liveFile: from}
			walk(t, at, p.On, p.During)
			assert.Assert(t, strings.Contains(string(at[liveFile].Data), tt.during), "%s", at[liveFile].Data)
			walk(t, at, p.Off)
			if len(p.Off) > 0 {
				assert.Assert(t, strings.Contains(string(at[liveFile].Data), "false"), "%s", at[liveFile].Data)
			}
			walk(t, at, p.Last)
			assert.Assert(t, at[liveFile].Equal(want), "%q", at[liveFile].Data)
			assert.Assert(t, at[other].Equal(plan[0].To))
			steps := 0
			for _, part := range []change.Plan{p.On, p.During, p.Off, p.Last} {
				for _, c := range part {
					if c.Path == liveFile {
						steps++
					}
					if strings.Contains(string(c.From.Data)+string(c.To.Data), "u:p@") {
						assert.Assert(t, c.Secret)
					}
				}
			}
			assert.Equal(t, steps, tt.steps)

			at = map[string]change.State{liveFile: from}
			walk(t, at, p.On, p.During, p.Back, p.BackOff, p.BackLast)
			assert.Assert(t, at[liveFile].Equal(from), "%q", at[liveFile].Data)
			assert.Assert(t, at[other].Equal(change.State{}))

			off, last, err := OffForOnce(site, files)
			assert.NilError(t, err)
			walk(t, map[string]change.State{liveFile: from}, off, last)
		})
	}
}

func text(s string) *string { return &s }

// Directories that go are taken away last: until then the file with the key may be in them.
func TestLivePlanDirectoriesLast(t *testing.T) {
	site, files := liveSite(t, `{}`)
	dir := change.State{Kind: change.Dir, Mode: fs.ModePerm, UID: change.Keep, GID: change.Keep}
	p, err := NewLivePlan(site, files, change.Plan{{Path: "/etc/x", From: dir}})
	assert.NilError(t, err)
	assert.Equal(t, len(p.During), 0)
	assert.Equal(t, p.Last[len(p.Last)-1].Path, "/etc/x")
}

func TestKeepLiveRestore(t *testing.T) {
	for _, tt := range []struct{ name, before, after, want string }{
		{"no change of the file", `{"debug": true}`, "", `{"debug": true, "live-restore": true}`},
		{"with another change", `{}`, `{"debug": true}`, `{"debug": true, "live-restore": true}`},
		{"against a false", `{"live-restore": false}`, "", `{"live-restore": true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site, files := liveSite(t, tt.before)
			from, err := change.Observe(files, liveFile)
			assert.NilError(t, err)
			var plan change.Plan
			if tt.after != "" {
				plan = change.Plan{{Path: liveFile, From: from, To: from.WithData([]byte(tt.after))}}
			}
			plan, err = KeepLiveRestore(site, files, plan)
			assert.NilError(t, err)
			assert.Equal(t, len(plan), 1)
			assert.Equal(t, string(plan[0].To.Data), tt.want)
			p, err := NewLivePlan(site, files, plan)
			assert.NilError(t, err)
			assert.Equal(t, len(p.Off)+len(p.Last), 0, "it stays")
			at := map[string]change.State{liveFile: from}
			walk(t, at, p.On, p.During)
			assert.Equal(t, string(at[liveFile].Data), tt.want)
			at = map[string]change.State{liveFile: from}
			walk(t, at, p.On, p.During, p.Back, p.BackOff, p.BackLast)
			assert.Equal(t, string(at[liveFile].Data), tt.before)
		})
	}
}

func TestLiveRestoreOf(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		change     func(s *Site)
		want       LiveRestore
	}{
		{name: "off", want: LiveRestore{Holds: true}},
		{name: "on", file: `{"live-restore": true}`, change: func(s *Site) { s.Info.LiveRestore = true }, want: LiveRestore{Running: true, Configured: true, Holds: true}},
		{name: "runs, but the next start has it not", change: func(s *Site) { s.Info.LiveRestore = true }, want: LiveRestore{Running: true, Holds: true}},
		{name: "by a flag", change: func(s *Site) { s.Info.LiveRestore = true; s.Flags = []Flag{{Name: "live-restore", Value: "true"}} }, want: LiveRestore{Running: true, Configured: true, Holds: true}},
		{
			name: "off by a flag", change: func(s *Site) {
				s.Flags = []Flag{{Name: "live-restore", Value: "false", Source: precedence.Source{Path: "/u", Line: 3}}}
			},
			want: LiveRestore{Holds: true, Refused: "it is switched off by a flag (/u:3), and dockerd does not start with the same key in its file"},
		},
		{name: "a swarm", change: func(s *Site) { s.Info.Swarm = true }, want: LiveRestore{Holds: true, Refused: "this node is part of a swarm, where live-restore does not work"}},
		{name: "no file", change: func(s *Site) { s.ConfigFile = "" }, want: LiveRestore{Holds: true, Refused: "this dockerd reads no configuration file"}},
		{name: "no API", change: func(s *Site) { s.Info = nil }, want: LiveRestore{Holds: true, Refused: "dockerd's API does not answer"}},
		{name: "a broken file", file: "{", want: LiveRestore{Holds: true, Refused: "/etc/docker/daemon.json:1: invalid JSON: the file ends in the middle of a value"}},
		{name: "written by a tool", file: `{"labels": ["managed by ansible"]}`, want: LiveRestore{Holds: true, Against: "/etc/docker/daemon.json is written by Ansible"}},
		{name: "somebody's false", file: "\n{\"live-restore\": false}", want: LiveRestore{Holds: true, Against: "/etc/docker/daemon.json:2 says false"}},
		{
			name: "the unit takes containers along", change: func(s *Site) {
				s.Manager, s.Unit, s.Info.LiveRestore, s.Loaded = ManagerSystemdUser, "docker.service", true, &systemd.Unit{KillMode: "mixed"}
			},
			want: LiveRestore{Running: true, Refused: "systemd ends the containers' processes together with docker.service (KillMode=mixed)"},
		},
		{name: "the unit spares them", change: func(s *Site) { s.Manager, s.Loaded = ManagerSystemd, &systemd.Unit{KillMode: "process"} }, want: LiveRestore{Holds: true}},
		{name: "no bus", change: func(s *Site) { s.Manager, s.Unit = ManagerSystemd, "docker.service" }, want: LiveRestore{Refused: "systemd does not say how it stops docker.service"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site, files := liveSite(t, tt.file)
			if tt.change != nil {
				tt.change(site)
			}
			got := LiveRestoreOf(site, files)
			assert.DeepEqual(t, got, tt.want)
			assert.Equal(t, got.Keeps(), tt.name == "on" || tt.name == "by a flag")
		})
	}
}
