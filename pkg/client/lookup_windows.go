package client

// defaultEndpoint is docker/docker client.DefaultDockerHost of this platform.
const defaultEndpoint = "npipe:////./pipe/docker_engine"
