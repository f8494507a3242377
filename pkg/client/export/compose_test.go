package export_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
)

// load reads a project as docker compose does.
func load(t *testing.T, dir string, envFiles, files []string) (*types.Project, error) {
	t.Helper()
	opts, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(dir), cli.WithEnvFiles(envFiles...), cli.WithDotEnv, cli.WithDefaultConfigPath, cli.WithDefaultProfiles("*"))
	if err != nil {
		return nil, err
	}
	return opts.LoadProject(t.Context())
}

// environment is what a service of a loaded project gets.
func environment(p *types.Project, service string) map[string]string {
	out := map[string]string{}
	for name, value := range p.Services[service].Environment {
		if value != nil && slices.Contains(export.Names(), name) {
			out[name] = *value
		}
	}
	return out
}

const anaconda = `
services:
  repo_api:
    image: x
    environment:
    - HTTP_PROXY=http://old:1
    - http_proxy=http://older:1
    - MINE=kept $$5
  repo_worker:
    image: x
    env_file: [worker.env]
  postgres: {image: x}
`

// TestComposeReadsBack: the override, merged with the project by Compose's own loader, gives the services exactly what was exported, and nothing else of them changes.
func TestComposeReadsBack(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	base := write("compose.yaml", []byte(anaconda))
	write("worker.env", []byte("HTTPS_PROXY=http://old:1\nMINE=kept\n"))
	rapid.Check(t, func(rt *rapid.T) {
		api, worker := generated().Draw(rt, "api"), generated().Draw(rt, "worker")
		consumers := []export.Consumer{{Name: "repo_api", Settings: api}, {Name: "repo_worker", Settings: worker}}
		k := export.NewKeyring(consumers...)
		for _, reveal := range []bool{true, false} {
			data, err := k.Compose(consumers, reveal)
			assert.NilError(rt, err)
			override, env := write("override.yaml", data), write("credentials.env", k.File())
			var envFiles []string
			if !reveal {
				envFiles = []string{env}
			}
			p, err := load(t, dir, envFiles, []string{base, override})
			assert.NilError(rt, err, "%s", data)
			assert.DeepEqual(rt, environment(p, "repo_api"), values(api))
			assert.DeepEqual(rt, environment(p, "repo_worker"), values(worker))
			assert.DeepEqual(rt, environment(p, "postgres"), map[string]string{})
			assert.Equal(rt, *p.Services["repo_api"].Environment["MINE"], "kept $5")
			assert.Equal(rt, *p.Services["repo_worker"].Environment["MINE"], "kept")
		}
	})
}

// TestComposeWithoutCredentials: Compose stops when nobody defines the name.
func TestComposeWithoutCredentials(t *testing.T) {
	consumers := []export.Consumer{{Name: "repo_api", Settings: clean(t, set("http://ann:s3cret@p:1", "a"))}}
	data, err := export.NewKeyring(consumers...).Compose(consumers, false)
	assert.NilError(t, err)
	assert.Assert(t, !strings.Contains(string(data), "s3cret") && !strings.Contains(string(data), "ann"))
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(anaconda), 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "worker.env"), nil, 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "o.yaml"), data, 0o600))
	_, err = load(t, dir, nil, []string{filepath.Join(dir, "compose.yaml"), filepath.Join(dir, "o.yaml")})
	assert.ErrorContains(t, err, "PROXY_CREDENTIALS")
	assert.ErrorContains(t, err, "from an --env-file")
}

func TestComposeOff(t *testing.T) {
	dir := t.TempDir()
	data, err := export.ComposeOff([]string{"repo_api"})
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(anaconda), 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "worker.env"), nil, 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "o.yaml"), data, 0o600))
	p, err := load(t, dir, nil, []string{filepath.Join(dir, "compose.yaml"), filepath.Join(dir, "o.yaml")})
	assert.NilError(t, err)
	want := map[string]string{}
	for _, n := range export.Names() {
		want[n] = ""
	}
	assert.DeepEqual(t, environment(p, "repo_api"), want)
}

// TestProjectAgreesWithCompose: the names that are read are those of Compose's own loader, on projects with everything that names can come from.
func TestProjectAgreesWithCompose(t *testing.T) {
	dir := t.TempDir()
	names := rapid.SampledFrom([]string{"web", "api", "db_1", "cache-2", "x.y", "UPPER"})
	rapid.Check(t, func(rt *rapid.T) {
		write := func(name, text string) string {
			path := filepath.Join(dir, name)
			assert.NilError(rt, os.MkdirAll(filepath.Dir(path), 0o700))
			assert.NilError(rt, os.WriteFile(path, []byte(text), 0o600))
			return path
		}
		count := 0
		services := func(label string) string {
			var b strings.Builder
			b.WriteString("x-more: &more\n  hostname: h-" + label + "\nservices:\n")
			for _, n := range rapid.SliceOfNDistinct(names, 1, 3, rapid.ID).Draw(rt, label) {
				count++
				fmt.Fprintf(&b, "  %s:\n    image: x\n", n+label)
				if rapid.Bool().Draw(rt, "merged") {
					b.WriteString("    <<: *more\n")
				}
				if rapid.Bool().Draw(rt, "container name") {
					fmt.Fprintf(&b, "    container_name: c%d\n", count)
				}
				if rapid.Bool().Draw(rt, "profile") {
					b.WriteString("    profiles: [debug]\n")
				}
				switch rapid.IntRange(0, 2).Draw(rt, "networks") {
				case 1:
					b.WriteString("    networks: [back]\n")
				case 2:
					fmt.Fprintf(&b, "    networks:\n      back:\n        aliases: [a%d, \"b%d\"]\n", count, count)
				}
			}
			return b.String()
		}
		included := rapid.SampledFrom([]string{"", "include: [sub/more.yaml]\n", "include:\n- path: sub/more.yaml\n", "include:\n- path: [sub/more.yaml]\n"}).Draw(rt, "include")
		write("sub/more.yaml", services("3")+"networks: {back: {}}\n")
		files := []string{write("compose.yaml", included+services("1")+"networks: {back: {}}\n"), write("compose.override.yaml", services("2"))}

		found, err := export.FindProject(os.ReadFile, dir, false, func(string) string { return "" })
		assert.NilError(rt, err)
		assert.DeepEqual(rt, found, files)
		got, err := export.ReadProject(os.ReadFile, files)
		assert.NilError(rt, err)
		p, err := load(t, dir, nil, nil)
		assert.NilError(rt, err)
		assert.DeepEqual(rt, p.ComposeFiles, files)
		want := map[string]bool{}
		for _, s := range p.Services {
			want[s.Name] = true
			for _, n := range []string{s.ContainerName, s.Hostname} {
				if n != "" {
					want[n] = true
				}
			}
			for _, network := range s.Networks {
				if network != nil {
					for _, a := range network.Aliases {
						want[a] = true
					}
				}
			}
		}
		var have []string
		for _, m := range got.Members {
			have = append(have, m.Name)
		}
		assert.DeepEqual(rt, have, slices.Sorted(maps.Keys(want)))
		assert.DeepEqual(rt, got.Services, slices.Sorted(slices.Values(p.ServiceNames())))
	})
}

func TestFindProject(t *testing.T) {
	dir := t.TempDir()
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
	for _, f := range []string{"docker-compose.yml", "one.yml", "two.yml"} {
		assert.NilError(t, os.WriteFile(filepath.Join(dir, f), []byte("services: {}\n"), 0o600))
	}
	none := func(string) string { return "" }
	find := func(at string, up bool, getenv func(string) string) string {
		files, err := export.FindProject(os.ReadFile, filepath.Join(dir, at), up, getenv)
		assert.NilError(t, err)
		var out []string
		for _, f := range files {
			rel, err := filepath.Rel(dir, f)
			assert.NilError(t, err)
			out = append(out, rel)
		}
		return strings.Join(out, " ")
	}
	assert.Equal(t, find("", false, none), "docker-compose.yml")
	assert.Equal(t, find("a/b", true, none), "docker-compose.yml")
	assert.Equal(t, find("a/b", false, none), "")
	env := map[string]string{"COMPOSE_FILE": "one.yml;two.yml", "COMPOSE_PATH_SEPARATOR": ";"}
	assert.Equal(t, find("", false, func(n string) string { return env[n] }), "one.yml two.yml")
	assert.NilError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte("X=1\nCOMPOSE_FILE='two.yml'\n"), 0o600))
	assert.Equal(t, find("", false, none), "two.yml")
	assert.Equal(t, find("", false, func(n string) string { return env[n] }), "one.yml two.yml")
}

func TestReadProjectRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "compose.yaml")
	assert.NilError(t, os.WriteFile(path, []byte("services:\n  a: [\n"), 0o600))
	_, err := export.ReadProject(os.ReadFile, []string{path})
	assert.ErrorContains(t, err, "compose.yaml: line ")
	_, err = export.ReadProject(os.ReadFile, []string{path + ".no"})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestReadProjectOddities: what cannot be followed is said, and what is no project has no names.
func TestReadProjectOddities(t *testing.T) {
	path := filepath.Join(t.TempDir(), "compose.yaml")
	cases := []struct{ name, text, members, unknown string }{
		{"empty", "", "", ""},
		{"no services", "services:\n", "", ""},
		{"a list", "[a]\n", "", ""},
		{"a variable in a name", "services: {a: {container_name: \"c$X\", hostname: h}}\n", "a h", "container_name c$X"},
		{"a remote include", "include: [\"oci://x/y\", \"git@h:r.git\", \"$D/c.yaml\"]\nservices: {a: {}}\n", "a", "include $D/c.yaml include git@h:r.git include oci://x/y"},
		{"it includes itself", "include: [compose.yaml]\nservices: {a: {}}\n", "a", ""},
		{"two documents", "services: {a: {}}\n---\nservices: {b: {}}\n", "a b", ""},
		{"tags", "services: {a: {networks: !reset [], ports: !override []}, b: !reset null}\n", "a b", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.NilError(t, os.WriteFile(path, []byte(c.text), 0o600))
			p, err := export.ReadProject(os.ReadFile, []string{path})
			assert.NilError(t, err)
			var names []string
			for _, m := range p.Members {
				names = append(names, m.Name)
			}
			assert.Equal(t, strings.Join(names, " "), c.members)
			assert.Equal(t, strings.Join(p.Unknown, " "), c.unknown)
		})
	}
}
