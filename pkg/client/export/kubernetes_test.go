package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/pkg/client/export"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// secretManifest and deploymentPatch are the parts of Kubernetes' schema that an export uses (core/v1 Secret, apps/v1 Deployment); any other key is an error.
type secretManifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Type       string            `yaml:"type"`
	StringData map[string]string `yaml:"stringData"`
}

type envVar struct {
	Name      string  `yaml:"name" json:"name"`
	Value     *string `yaml:"value" json:"value"`
	Patch     string  `yaml:"$patch" json:"-"`
	ValueFrom struct {
		SecretKeyRef struct {
			Name string `yaml:"name" json:"name"`
			Key  string `yaml:"key" json:"key"`
		} `yaml:"secretKeyRef" json:"secretKeyRef"`
	} `yaml:"valueFrom" json:"valueFrom"`
}

type containers struct {
	Containers []struct {
		Name string   `yaml:"name" json:"name"`
		Env  []envVar `yaml:"env" json:"env"`
	} `yaml:"containers" json:"containers"`
}

type deploymentPatch struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Spec struct {
		Template struct {
			Spec containers `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

func decodeAll[T any](t *testing.T, data []byte) []T {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var out []T
	for {
		var one T
		err := dec.Decode(&one)
		if errors.Is(err, io.EOF) {
			return out
		}
		assert.NilError(t, err, "%s", data)
		out = append(out, one)
	}
}

// resolved looks the variables of a patch up in the Secrets, as the kubelet does.
func resolved(t *testing.T, secrets []secretManifest, env []envVar) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, e := range env {
		for _, s := range secrets {
			if s.Metadata.Name == e.ValueFrom.SecretKeyRef.Name {
				value, ok := s.StringData[e.ValueFrom.SecretKeyRef.Key]
				assert.Assert(t, ok, "%s is not in the Secret", e.Name)
				out[e.Name] = value
			}
		}
	}
	return out
}

func TestKubernetesReadsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		web := generated().Draw(rt, "web")
		api := rapid.SampledFrom([]export.Settings{web, generated().Draw(rt, "api")}).Draw(rt, "the same or not")
		consumers := []export.Consumer{{Name: "web", Settings: web}, {Name: "api", Settings: api}}
		workloads := []export.Workload{{Name: "web", Container: "web"}, {Name: "api", Container: "main"}}
		k := export.NewKeyring(consumers...)
		out, err := k.Kubernetes(consumers, workloads, true)
		assert.NilError(rt, err)
		secrets := decodeAll[secretManifest](t, out.Secrets)
		for i, s := range []export.Settings{web, api} {
			patches := decodeAll[deploymentPatch](t, out.Patches[i])
			assert.Equal(rt, len(patches), 1)
			p := patches[0]
			assert.Equal(rt, p.APIVersion+" "+p.Kind+" "+p.Metadata.Name, "apps/v1 Deployment "+workloads[i].Name)
			assert.Equal(rt, p.Spec.Template.Spec.Containers[0].Name, workloads[i].Container)
			assert.DeepEqual(rt, resolved(t, secrets, p.Spec.Template.Spec.Containers[0].Env), values(s))
			assert.Assert(rt, !bytes.Contains(out.Patches[i], []byte("proxy.corp")), "a patch has no values")
		}
		// Hidden, what stands for credentials is in the text and they are not.
		hidden, err := k.Kubernetes(consumers, workloads, false)
		assert.NilError(rt, err)
		for line := range strings.Lines(strings.TrimPrefix(string(k.File()), export.Marker)) {
			_, secret, _ := strings.Cut(strings.TrimSpace(line), "=")
			assert.Assert(rt, !strings.Contains(string(hidden.Secrets), secret+"@"))
		}
	})
}

func TestKubernetesSecrets(t *testing.T) {
	one := clean(t, set("http://ann:p@p:1", "a"))
	other := clean(t, export.Settings{HTTPSProxy: precedence.Value("http://p:1")})
	names := func(consumers ...export.Consumer) string {
		var workloads []export.Workload
		for _, c := range consumers {
			if c.Name != "" {
				workloads = append(workloads, export.Workload{Name: c.Name, Container: c.Name})
			}
		}
		out, err := export.NewKeyring(consumers...).Kubernetes(consumers, workloads, true)
		assert.NilError(t, err)
		assert.Equal(t, len(out.Patches), len(workloads))
		var all []string
		for _, s := range decodeAll[secretManifest](t, out.Secrets) {
			assert.Equal(t, s.APIVersion+" "+s.Kind+" "+s.Type, "v1 Secret Opaque")
			all = append(all, s.Metadata.Name)
		}
		return strings.Join(all, " ")
	}
	assert.Equal(t, names(export.Consumer{Settings: one}), "docker-proxy")
	assert.Equal(t, names(export.Consumer{Name: "web", Settings: one}, export.Consumer{Name: "api", Settings: one}), "docker-proxy")
	assert.Equal(t, names(export.Consumer{Name: "web", Settings: one}, export.Consumer{Name: "api", Settings: other}), "docker-proxy-web docker-proxy-api")
}

func TestParseWorkload(t *testing.T) {
	for text, want := range map[string]string{"web": "web/web", "web/main": "web/main", "a-1": "a-1/a-1"} {
		w, err := export.ParseWorkload(text)
		assert.NilError(t, err)
		assert.Equal(t, w.Name+"/"+w.Container, want)
	}
	for _, text := range []string{"", "Web", "a_b", "-a", "a/", "/a", "a/b/c", "a b", strings.Repeat("a", 64)} {
		_, err := export.ParseWorkload(text)
		assert.ErrorContains(t, err, "is not the name of a Deployment", text)
	}
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers:
      - {name: sidecar, image: img}
      - name: web
        image: img
        env:
        - {name: MINE, value: "1"}
        - {name: HTTP_PROXY, value: "http://old:1"}
        - {name: ftp_proxy, value: "http://old:1"}
`

// TestKubectlMerges lets kubectl itself merge the patches, where there is one; a booted host has Debian's.
func TestKubectlMerges(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Log("kubectl is not installed: TestExportKubernetes plays this on a booted host")
		return
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	patch := func(file, patch string) []byte {
		out, err := exec.CommandContext(t.Context(), "kubectl", "patch", "--local", "-f", file, "--patch-file", patch, "-o", "json").Output()
		assert.NilError(t, err)
		return out
	}
	env := func(data []byte, container int) map[string]envVar {
		var d struct {
			Spec struct{ Template struct{ Spec containers } }
		}
		assert.NilError(t, json.Unmarshal(data, &d))
		out := map[string]envVar{}
		for _, e := range d.Spec.Template.Spec.Containers[container].Env {
			out[e.Name] = e
		}
		return out
	}
	s := clean(t, set("http://p:1", "a"))
	workloads := []export.Workload{{Name: "web", Container: "web"}}
	out, err := export.NewKeyring().Kubernetes([]export.Consumer{{Name: "web", Settings: s}}, workloads, true)
	assert.NilError(t, err)
	patched := patch(write("d.yaml", []byte(deployment)), write("p.yaml", out.Patches[0]))
	got := env(patched, 1)
	assert.Equal(t, len(got), len(s.VariableNames())+2)
	assert.Equal(t, *got["MINE"].Value, "1")
	for _, n := range s.VariableNames() {
		assert.Equal(t, got[n].ValueFrom.SecretKeyRef.Key, n)
		assert.Assert(t, got[n].Value == nil, "%s keeps a value beside valueFrom, which the API refuses", n)
	}
	assert.Equal(t, len(env(patched, 0)), 0)

	off, err := export.KubernetesOff(workloads)
	assert.NilError(t, err)
	got = env(patch(write("patched.json", patched), write("off.yaml", off[0])), 1)
	assert.Equal(t, len(got), 1)
	assert.Equal(t, *got["MINE"].Value, "1")
}
