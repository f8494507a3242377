package client

import (
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Variable is one environment variable that the docker CLI gives to what it creates.
type Variable struct {
	Name   string
	Value  precedence.Value
	Source precedence.Source // the member of config.json that it comes from
}

// variables are the names that each key of a record becomes (docker/cli configfile.ParseProxyConfig): both spellings, set one by one.
func variables(key string) []string {
	for _, k := range []struct{ key, upper string }{
		{"httpProxy", "HTTP_PROXY"}, {"httpsProxy", "HTTPS_PROXY"}, {"noProxy", "NO_PROXY"}, {"ftpProxy", "FTP_PROXY"}, {"allProxy", "ALL_PROXY"},
	} {
		if k.key == key {
			return []string{k.upper, strings.ToLower(k.upper)}
		}
	}
	return nil
}

// ForContainers returns what `docker run` and `docker create` of docker CLI 23.0 and later add to a new container's environment; older ones do not know allProxy.
// A variable of the same spelling given by -e stays as given; one from --env-file does not (opts.ReadKVEnvStrings: these are appended behind the file's).
func (f File) ForContainers() []Variable {
	var out []Variable
	for _, s := range f.Settings {
		if s.Value == "" {
			continue
		}
		source := precedence.Source{Layer: Layer, Path: f.Path, Line: s.Line, Name: "proxies." + f.Host + "." + s.Key}
		for _, name := range variables(s.Key) {
			out = append(out, Variable{name, s.Value, source})
		}
	}
	return out
}

// ForBuilds returns the build arguments that buildx gives to a build's RUN steps (buildx storeutil.GetProxyConfig): the same without allProxy.
func (f File) ForBuilds() []Variable {
	var out []Variable
	for _, v := range f.ForContainers() {
		if !strings.EqualFold(v.Name, "ALL_PROXY") {
			out = append(out, v)
		}
	}
	return out
}
