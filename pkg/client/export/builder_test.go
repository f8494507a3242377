package export_test

import (
	"encoding/csv"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// calls plays a script with a `docker` that prints its arguments, and returns the arguments of each call.
func calls(t *testing.T, shell []string, script string, env ...string) [][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:len(shell):len(shell)], "-c", `docker() { printf '%s\000' "$@"; printf '\001'; }`+"\n"+script)...)
	cmd.Env = env
	out, err := cmd.Output()
	assert.NilError(t, err, "%s", script)
	var all [][]string
	for call := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x01"), "\x01") {
		all = append(all, strings.Split(strings.TrimSuffix(call, "\x00"), "\x00"))
	}
	return all
}

// created is what docker buildx create makes of its arguments. The flags are buildx's (commands/create.go), and so is the reading of --driver-opt as comma-separated values; the
// real program is called on a booted host.
type created struct {
	name, node, driver, config, flags string
	platforms                         []string
	opts                              map[string]string
	appended, use                     bool
	endpoint                          string
}

func create(t *testing.T, args []string) created {
	t.Helper()
	assert.DeepEqual(t, args[:2], []string{"buildx", "create"})
	c := created{opts: map[string]string{}}
	f := pflag.NewFlagSet("create", pflag.ContinueOnError)
	f.StringVar(&c.name, "name", "", "")
	f.StringVar(&c.node, "node", "", "")
	f.StringVar(&c.driver, "driver", "", "")
	f.StringVar(&c.config, "buildkitd-config", "", "")
	f.StringVar(&c.flags, "buildkitd-flags", "", "")
	f.StringArrayVar(&c.platforms, "platform", nil, "")
	f.BoolVar(&c.appended, "append", false, "")
	f.BoolVar(&c.use, "use", false, "")
	opts := f.StringArray("driver-opt", nil, "")
	assert.NilError(t, f.Parse(args[2:]))
	for _, o := range *opts {
		fields, err := csv.NewReader(strings.NewReader(o)).Read()
		assert.NilError(t, err, o)
		for _, field := range fields {
			key, value, ok := strings.Cut(field, "=")
			assert.Assert(t, ok, o)
			c.opts[key] = value
		}
	}
	c.endpoint = strings.Join(f.Args(), " ")
	return c
}

func TestRecreateReadsBack(t *testing.T) {
	all := shells(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := generated().Draw(rt, "settings")
		kept := map[string]string{"image": "reg/bk:1", "env.OTHER": entry().Draw(rt, "other")}
		opts := map[string]string{"env.HTTP_PROXY": "http://u:old@h:1", "env.no_proxy": "old"}
		for k, v := range kept {
			opts[k] = v
		}
		stored := map[string]any{"Name": "one", "Driver": "docker-container", "Dynamic": false, "Nodes": []map[string]any{
			{
				"Name": "one0", "Endpoint": "unix:///var/run/docker.sock", "DriverOpts": opts, "Flags": []string{"--debug", entry().Draw(rt, "flag")},
				"Platforms": []map[string]string{{"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm", "variant": "v7"}},
				"Files":     map[string][]byte{"buildkitd.toml": []byte(`ca = ["/etc/buildkit/certs/r/ca.pem"]`), "certs/r/ca.pem": []byte("pem")},
			},
			{"Name": "two", "Endpoint": "other", "DriverOpts": nil, "Flags": nil, "Platforms": nil, "Files": nil},
		}}
		data, err := json.Marshal(stored)
		assert.NilError(rt, err)
		b, err := export.ParseBuilder(data)
		assert.NilError(rt, err)
		k := export.NewKeyring(export.Consumer{Settings: s})
		shell := rapid.SampledFrom(all).Draw(rt, "shell")
		for _, reveal := range []bool{true, false} {
			var env []string
			for line := range strings.Lines(strings.TrimPrefix(string(k.File()), export.Marker)) {
				env = append(env, strings.TrimSpace(line))
			}
			played := calls(t, shell, k.Recreate(b, s, "some dir", true, reveal), env...)
			assert.Equal(rt, len(played), 3)
			assert.DeepEqual(rt, played[0], []string{"buildx", "rm", "--keep-state", "one"})
			want := map[string]string{}
			for n, v := range values(s) {
				want["env."+n] = v
			}
			two := create(t, played[2])
			assert.DeepEqual(rt, two.opts, want)
			for n, v := range kept {
				want[n] = v
			}
			one := create(t, played[1])
			assert.DeepEqual(rt, one.opts, want)
			assert.Equal(rt, strings.Join([]string{one.name, one.node, one.driver, one.config, one.endpoint}, " "), "one one0 docker-container some dir/one0/buildkitd.toml unix:///var/run/docker.sock")
			assert.Equal(rt, strings.Join([]string{two.name, two.node, two.driver, two.config, two.endpoint}, " "), "one two docker-container  other")
			assert.Assert(rt, one.use && !one.appended && !two.use && two.appended)
			assert.DeepEqual(rt, one.platforms, []string{"linux/amd64,linux/arm/v7"})
			words := calls(t, shell, "docker "+one.flags)
			assert.DeepEqual(rt, words[0], b.Nodes[0].Flags)
		}
		files := b.ConfigFiles("/d")
		assert.Equal(rt, len(files), 2)
		assert.Equal(rt, files[0].Name+" "+string(files[0].Data), "one0/buildkitd.toml "+export.Marker+`ca = ["/d/one0/certs/r/ca.pem"]`)
		assert.Equal(rt, files[1].Name+" "+string(files[1].Data), "one0/certs/r/ca.pem pem")
	})
}

func TestRecreateOff(t *testing.T) {
	b, err := export.ParseBuilder([]byte(`{"Name":"b","Driver":"docker-container","Nodes":[{"Name":"b0","Endpoint":"default","DriverOpts":{"env.HTTPS_PROXY":"http://u:s3cret@h","network":"host","env.X":"1"},"Flags":["--allow-insecure-entitlement=network.host"]}]}`))
	assert.NilError(t, err)
	assert.Assert(t, b.HostNetwork() && !b.HasConfig())
	text := export.NewKeyring().Recreate(b, export.Settings{}, "", false, false)
	assert.Equal(t, text, "docker buildx rm --keep-state b\ndocker buildx create --name b --node b0 --driver docker-container \\\n  --driver-opt env.X=1 \\\n  --driver-opt network=host \\\n  default\n")
}

func TestCreate(t *testing.T) {
	s := clean(t, set("http://p:1", "a,b"))
	got := create(t, calls(t, []string{"sh"}, export.NewKeyring().Create(s, false))[0])
	assert.Equal(t, got.driver, "docker-container")
	assert.Equal(t, got.opts["env.no_proxy"], "a,b")
	assert.Equal(t, len(got.opts), 6)
}

func TestParseBuilderRefuses(t *testing.T) {
	cases := []struct{ name, data, want string }{
		{"no JSON", `{"Name":"s3cret`, "not what docker buildx stores"},
		{"another shape", `{"Nodes":"s3cret"}`, "not what docker buildx stores"},
		{"empty", `{}`, "no name or no node"},
		{"kubernetes", `{"Name":"k","Driver":"kubernetes","Nodes":[{"Name":"k0"}]}`, "docker proxy export kubernetes --service k0/buildkitd"},
		{"remote", `{"Name":"r","Driver":"remote","Nodes":[{"Name":"r0","Endpoint":"tcp://h:1"}]}`, "tcp://h:1"},
		{"docker", `{"Name":"d","Driver":"docker","Nodes":[{"Name":"d0"}]}`, "the daemon's proxy"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := export.ParseBuilder([]byte(c.data))
			assert.ErrorContains(t, err, c.want)
			assert.Assert(t, !strings.Contains(err.Error(), "s3cret"))
		})
	}
}
