package main

import (
	"fmt"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/docker/client"
)

// endpoint is where Docker's own options (--context, --host, DOCKER_CONTEXT, DOCKER_HOST, config.json) lead.
type endpoint struct {
	context string // name of the context, "default" without one
	host    string // DOCKER_HOST notation; may hold a user for ssh, never a password
	docker  docker.Endpoint
}

// contextError says that the selected context cannot be used. It is a finding for commands that can do without the API, not their end.
type contextError struct {
	name string
	err  error
}

func (e *contextError) Error() string {
	return fmt.Sprintf("context %q is not usable: %v", e.name, e.err)
}

func (e *contextError) Unwrap() error { return e.err }

// resolveEndpoint returns the endpoint of the selected context. Nothing is connected. Errors are *contextError.
//
// It takes the place of command.Cli's Client and DockerEndpoint (docker/cli v28.5.2 cli/command/cli.go): Client ends the process when the context is broken,
// and both ping the daemon, which by socket activation starts one that was stopped.
func resolveEndpoint(dockerCLI command.Cli) (endpoint, error) {
	name := dockerCLI.CurrentContext()
	ep := endpoint{context: name}
	meta, err := dockerCLI.ContextStore().GetMetadata(name)
	if err != nil {
		return ep, &contextError{name: name, err: err}
	}
	epMeta, err := docker.EndpointFromContext(meta)
	if err != nil {
		return ep, &contextError{name: name, err: err}
	}
	ep.host = epMeta.Host
	if ep.docker, err = docker.WithTLSData(dockerCLI.ContextStore(), name, epMeta); err != nil {
		return ep, &contextError{name: name, err: err}
	}
	return ep, nil
}

// brokenContext refuses a change of the daemon while the selected context does not say which daemon that is: the one on this machine may not be meant.
func brokenContext(err error) error {
	return fmt.Errorf("%w; no daemon was changed, for it is not known which one is meant: name one with --context NAME, such as default", err)
}

// newEngineClient returns an API client for ep, with the headers of config.json. It connects at the first call, not before; the API version is negotiated then.
func newEngineClient(dockerCLI command.Cli, ep endpoint) (*client.Client, error) {
	opts, err := ep.docker.ClientOpts()
	if err != nil {
		return nil, &contextError{name: ep.context, err: err}
	}
	if headers := dockerCLI.ConfigFile().HTTPHeaders; len(headers) > 0 {
		opts = append(opts, client.WithHTTPHeaders(headers))
	}
	opts = append(opts, client.WithUserAgent("docker-proxy/"+buildVersion()))
	c, err := client.NewClientWithOpts(opts...)
	if err != nil {
		return nil, &contextError{name: ep.context, err: err}
	}
	return c, nil
}
