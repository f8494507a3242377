package engine

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/client"
	"gotest.tools/v3/assert"
)

// daemon answers the API's paths with fixed JSON; a path it does not know gets Docker's 404.
func daemon(t *testing.T, answers map[string]string) Engine {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Api-Version", "1.45")
		for p, text := range answers {
			if strings.HasSuffix(r.URL.Path, p) {
				_, _ = w.Write([]byte(text))
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": "no such thing"})
	}))
	t.Cleanup(srv.Close)
	c, err := client.NewClientWithOpts(client.WithHost("tcp://"+strings.TrimPrefix(srv.URL, "http://")), client.WithVersion("1.45"))
	assert.NilError(t, err)
	return New(c)
}

func TestInfo(t *testing.T) {
	e := daemon(t, map[string]string{"/info": `{"ID":"i","Name":"n","ServerVersion":"26.1.5","HttpProxy":"http://xxxxx:xxxxx@p:1","HttpsProxy":"s","NoProxy":"a,b","DockerRootDir":"/var/lib/docker",
		"OperatingSystem":"Debian","OSType":"linux","LiveRestoreEnabled":true,"Swarm":{"LocalNodeState":"active"},"SecurityOptions":["name=seccomp,profile=builtin","name=rootless"],"ContainersRunning":2,
		"RegistryConfig":{"InsecureRegistryCIDRs":["127.0.0.0/8","10.0.0.0/8"],"IndexConfigs":{"reg:5000":{"Name":"reg:5000","Secure":false},"docker.io":{"Name":"docker.io","Secure":true}},"Mirrors":["https://m/"]}}`})
	got, err := e.Info(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, got, Info{
		ID: "i", Name: "n", ServerVersion: "26.1.5", HTTPProxy: "http://xxxxx:xxxxx@p:1", HTTPSProxy: "s", NoProxy: "a,b", DockerRootDir: "/var/lib/docker", OperatingSystem: "Debian", OSType: "linux",
		LiveRestore: true, Swarm: true, Rootless: true, Insecure: []string{"10.0.0.0/8", "127.0.0.0/8", "reg:5000"}, Mirrors: []string{"https://m/"}, Running: 2,
	})
	version, err := e.Ping(t.Context())
	assert.Assert(t, err != nil || version == "1.45")
}

func TestContainers(t *testing.T) {
	e := daemon(t, map[string]string{
		"/containers/json":   `[{"Id":"2","Image":"img"},{"Id":"1","Image":"img"},{"Id":"3","Image":"gone"}]`,
		"/containers/1/json": `{"Id":"1","Name":"/b","HostConfig":{"RestartPolicy":{"Name":"always"}}}`,
		"/containers/2/json": `{"Id":"2","Name":"/a","HostConfig":{"AutoRemove":true,"RestartPolicy":{"Name":""}}}`,
	})
	got, err := e.Containers(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []Container{{ID: "2", Name: "a", Image: "img", Restart: "no", AutoRemove: true}, {ID: "1", Name: "b", Image: "img", Restart: "always"}})
}

func TestDistribution(t *testing.T) {
	e := daemon(t, map[string]string{"/distribution/reg:5000/img:1/json": `{"Descriptor":{}}`})
	assert.NilError(t, e.Distribution(t.Context(), "reg:5000/img:1"))
	assert.ErrorContains(t, e.Distribution(t.Context(), "reg:5000/other:1"), "no such thing")
}

func TestSilentDaemon(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(srv.Close)
	c, err := client.NewClientWithOpts(client.WithHost("tcp://" + strings.TrimPrefix(srv.URL, "http://")))
	assert.NilError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = New(c).Info(ctx)
	assert.Assert(t, err != nil)
}

func TestNoClient(t *testing.T) { assert.Assert(t, New(nil) == nil) }

func TestNetworks(t *testing.T) {
	e := daemon(t, map[string]string{"/networks": `[{"Name":"shop","IPAM":{"Config":[{"Subnet":"172.18.0.0/16"},{"Subnet":"fd00::/64"}]}},{"Name":"host","IPAM":{"Config":[]}},
		{"Name":"bridge","IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]}}]`})
	got, err := e.Networks(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(got), 2)
	assert.Equal(t, got[0].Name, "bridge")
	assert.Equal(t, got[1].Prefixes[1].String(), "fd00::/64")
}

func TestMembers(t *testing.T) {
	e := daemon(t, map[string]string{"/containers/json": `[
		{"Id":"1","Names":["/shop-db-1"],"Labels":{"com.docker.compose.service":"db"},"NetworkSettings":{"Networks":{"shop":{}}}},
		{"Id":"2","Names":["/shop-db-2"],"Labels":{"com.docker.compose.service":"db"},"NetworkSettings":{"Networks":{"shop":{}}}},
		{"Id":"3","Names":["/alone"],"NetworkSettings":{"Networks":{"bridge":{}}}}]`})
	got, err := e.Members(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []Member{{"db", "service"}, {"shop-db-1", "container"}, {"shop-db-2", "container"}})
}

func TestAllContainers(t *testing.T) {
	e := daemon(t, map[string]string{
		"/containers/json":   `[{"Id":"2","Image":"img","State":"running"},{"Id":"1","Image":"img","State":"exited"},{"Id":"3","Image":"gone"}]`,
		"/containers/1/json": `{"Id":"1","Name":"/b","Config":{"Env":["A=1"],"Labels":{"l":"x"}}}`,
		"/containers/2/json": `{"Id":"2","Name":"/a"}`,
	})
	got, err := e.AllContainers(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []Created{{ID: "2", Name: "a", Image: "img", Running: true}, {ID: "1", Name: "b", Image: "img", Env: []string{"A=1"}, Labels: map[string]string{"l": "x"}}})
}

func TestAttachments(t *testing.T) {
	const id = "0123456789abcdef"
	e := daemon(t, map[string]string{
		"/containers/json": `[{"Id":"` + id + `","Image":"img","State":"running"},{"Id":"2","Image":"img","State":"running"}]`,
		"/containers/" + id + "/json": `{"Id":"` + id + `","Name":"/shop-db-1","Image":"sha256:1","HostConfig":{"NetworkMode":"shop"},"Config":{},
			"NetworkSettings":{"Networks":{"shop":{"Aliases":["db","0123456789ab","cache"]},"bridge":{"Aliases":null}}}}`,
		"/containers/2/json": `{"Id":"2","Name":"/b","HostConfig":{"NetworkMode":"container:` + id + `"},"NetworkSettings":{"Networks":{}}}`,
	})
	got, err := e.AllContainers(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, got[0].Shared && !got[1].Shared)
	assert.Equal(t, got[1].ImageID, "sha256:1")
	assert.DeepEqual(t, got[1].Networks, []Attachment{{Network: "bridge"}, {Network: "shop", Names: []string{"cache", "db"}}})
}

func TestImages(t *testing.T) {
	e := daemon(t, map[string]string{
		"/images/json":          `[{"Id":"sha256:2"},{"Id":"sha256:1"},{"Id":"sha256:gone"}]`,
		"/images/sha256:1/json": `{"Id":"sha256:1","RepoTags":["b:1","a:1"],"Config":{"Env":["HTTP_PROXY=http://p:1"]}}`,
		"/images/sha256:2/json": `{"Id":"sha256:2"}`,
	})
	got, err := e.Images(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(got), 2)
	assert.DeepEqual(t, got[0].Tags, []string{"a:1", "b:1"})
	assert.DeepEqual(t, got[0].Config.Env, []string{"HTTP_PROXY=http://p:1"})
	assert.Assert(t, got[1].Config != nil)
}
