package client

import "strings"

// sshHost is what the docker CLI takes for the daemon's host in every ssh context (docker/cli cli/connhelper, getConnectionHelper: the URL of its tunnel), so that
// they all share one record.
const sshHost = "http://docker.example.com"

// Lookup returns the string that the docker CLI looks up in config.json's proxies for an endpoint as contexts and DOCKER_HOST spell it: byte for byte, without any
// normalisation (docker/cli configfile.ParseProxyConfig with client.DaemonHost). An empty endpoint is the platform's default one.
func Lookup(endpoint string) string {
	switch {
	case endpoint == "":
		return defaultEndpoint
	case strings.HasPrefix(endpoint, "ssh://"):
		return sshHost
	}
	return endpoint
}

// Shared reports whether the record of this host is everybody's who uses an ssh context.
func Shared(host string) bool { return host == sshHost }
