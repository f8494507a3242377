//go:build !windows

package client

// defaultEndpoint is docker/docker client.DefaultDockerHost of this platform.
const defaultEndpoint = "unix:///var/run/docker.sock"
