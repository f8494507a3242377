package main

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"gotest.tools/v3/assert"
)

// newTestCLI returns a client initialised as a plugin's is, with an empty config directory and the given options.
func newTestCLI(t *testing.T, opts *cliflags.ClientOptions) *command.DockerCli {
	t.Helper()
	dockerCLI, err := command.NewDockerCli(command.WithBaseContext(t.Context()), command.WithCombinedStreams(io.Discard))
	assert.NilError(t, err)
	opts.ConfigDir = t.TempDir()
	assert.NilError(t, dockerCLI.Initialize(opts))
	return dockerCLI
}

func TestResolveEndpoint(t *testing.T) {
	for _, tc := range []struct {
		name, dockerHost, dockerContext string
		hosts                           []string
		wantContext, wantHost           string
		broken                          bool
	}{
		{name: "nothing set", wantContext: "default", wantHost: "unix:///var/run/docker.sock"},
		{name: "DOCKER_HOST", dockerHost: "tcp://10.0.0.1:2375", wantContext: "default", wantHost: "tcp://10.0.0.1:2375"},
		{name: "ssh", dockerHost: "ssh://ann@build", wantContext: "default", wantHost: "ssh://ann@build"},
		{name: "flag beats both", hosts: []string{"tcp://10.0.0.2:2375"}, dockerContext: "nonsense", wantContext: "default", wantHost: "tcp://10.0.0.2:2375"},
		{name: "DOCKER_HOST beats DOCKER_CONTEXT", dockerHost: "tcp://10.0.0.1:2375", dockerContext: "nonsense", wantContext: "default", wantHost: "tcp://10.0.0.1:2375"},
		{name: "a context that is not there", dockerContext: "nonsense", wantContext: "nonsense", broken: true},
		{name: "a host that is none", dockerHost: "nonsense://x", wantContext: "default", broken: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", tc.dockerHost)
			t.Setenv("DOCKER_CONTEXT", tc.dockerContext)
			got, err := resolveEndpoint(newTestCLI(t, &cliflags.ClientOptions{Hosts: tc.hosts}))
			assert.Equal(t, got.context, tc.wantContext)
			if tc.broken {
				var contextErr *contextError
				assert.Assert(t, errors.As(err, &contextErr), "%v", err)
				assert.ErrorContains(t, err, `context "`+tc.wantContext+`" is not usable: `)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, got.host, tc.wantHost)
		})
	}
}

// TestEngineClientDoesNotConnect: a ping would start a stopped, socket-activated dockerd.
func TestEngineClientDoesNotConnect(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "d.sock")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	assert.NilError(t, err)
	called := make(chan struct{}, 1)
	go func() {
		if c, err := listener.Accept(); err == nil {
			c.Close()
			called <- struct{}{}
		}
	}()
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	dockerCLI := newTestCLI(t, &cliflags.ClientOptions{})
	ep, err := resolveEndpoint(dockerCLI)
	assert.NilError(t, err)
	api, err := newEngineClient(dockerCLI, ep)
	assert.NilError(t, err)
	assert.Equal(t, api.DaemonHost(), "unix://"+socket)
	assert.Equal(t, len(called), 0)
	_, err = api.Ping(t.Context()) // now it does
	assert.Assert(t, err != nil)
	<-called
	assert.NilError(t, os.RemoveAll(socket))
	listener.Close()
}
