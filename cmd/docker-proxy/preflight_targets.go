package main

import (
	"bytes"
	"crypto/x509"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
)

// dockerHub is the registry every daemon knows.
const dockerHub = "registry-1.docker.io"

// askable is a registry a proxy is asked for.
type askable struct {
	address  string // HOST:PORT
	plain    bool   // by an http:// request
	insecure bool   // dockerd does not look at its certificate
}

// registries lists what this host's daemon asks through a proxy, most telling first: its mirrors, its registries without TLS or without a certificate to check, those somebody here
// has logged in to, and Docker Hub.
func (j *job) registries() []askable {
	var mirrors, insecure []string
	if s := j.view.site; s.FS != nil {
		facts := s.AutoFacts()
		mirrors, insecure = facts.Mirrors, facts.Insecure
	}
	return registriesOf(mirrors, insecure, j.logins())
}

func registriesOf(mirrors, insecure, logins []string) []askable {
	var out []askable
	for _, m := range mirrors {
		u, err := url.Parse(m)
		if err != nil || u.Hostname() == "" {
			continue
		}
		switch u.Scheme {
		case "https":
			out = append(out, askable{address: withPort(u.Host, "443"), insecure: slices.Contains(insecure, u.Host)})
		case "http":
			out = append(out, askable{address: withPort(u.Host, "80"), plain: true})
		}
	}
	for _, r := range insecure {
		if r != "" && !strings.Contains(r, "/") { // no CIDR range
			out = append(out, askable{address: withPort(r, "443"), insecure: true}, askable{address: withPort(r, "80"), plain: true})
		}
	}
	for _, r := range logins {
		if host := loginHost(r); host != "" {
			out = append(out, askable{address: withPort(host, "443"), insecure: slices.Contains(insecure, host)})
		}
	}
	return append(out, askable{address: net.JoinHostPort(dockerHub, "443")}, askable{address: net.JoinHostPort(dockerHub, "80"), plain: true})
}

// loginHost returns the HOST or HOST:PORT of a key of config.json's auths, which may be a URL (docker/cli config/credentials.ConvertToHostname); "" for Docker Hub, which comes
// last anyway, and for what is no host.
func loginHost(key string) string {
	if _, rest, ok := strings.Cut(key, "://"); ok {
		key = rest
	}
	host, _, _ := strings.Cut(key, "/")
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		return ""
	}
	if u, err := url.Parse("https://" + host); err != nil || u.Host != host || u.Hostname() == "" {
		return ""
	}
	return host
}

// logins lists the registries for which the caller's config.json, and the one of the person behind sudo, holds credentials or names a helper, sorted. The credentials
// themselves are not asked for.
func (j *job) logins() []string {
	found := map[string]bool{}
	note := func(c *configfile.ConfigFile) {
		for name := range c.AuthConfigs {
			found[name] = true
		}
		for name := range c.CredentialHelpers {
			found[name] = true
		}
	}
	note(j.app.cli.ConfigFile())
	if j.view.files != nil && j.view.at != nil {
		at, _, _ := clientLocations(j.view, nil) // an error is about writing there
		for _, loc := range at {
			data, err := j.view.files.ReadFile(loc.Path)
			c := configfile.New(loc.Path)
			if err == nil && c.LoadFromReader(bytes.NewReader(data)) == nil {
				note(c)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// trusted returns the authorities dockerd trusts for a registry: the system's and those in its directory below certs.d (moby registry.newTLSConfig); nil for the system's alone.
func (j *job) trusted(address string) *x509.CertPool {
	site := j.view.site
	if site.FS == nil {
		return nil
	}
	base := certsDir(site)
	dirs := []string{path.Join(base, address)}
	if host, port, err := net.SplitHostPort(address); err == nil && port == "443" {
		dirs = append(dirs, path.Join(base, host))
	}
	pool := j.rootsWithCA()
	for _, dir := range dirs {
		names, _ := site.FS.ReadDir(dir) // dockerd goes without it as well
		for _, name := range names {
			data, err := site.FS.ReadFile(path.Join(dir, name))
			if err != nil || path.Ext(name) != ".crt" {
				continue
			}
			if pool == nil {
				pool = systemRoots()
			}
			pool.AppendCertsFromPEM(data)
		}
	}
	return pool
}

// rootsWithCA are the machine's authorities with those that it is about to trust; nil when there are none of these.
func (j *job) rootsWithCA() *x509.CertPool {
	if len(j.ca.list) == 0 {
		return nil
	}
	pool := systemRoots()
	for _, c := range j.ca.list {
		pool.AddCert(c.Cert)
	}
	return pool
}

func systemRoots() *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return x509.NewCertPool()
	}
	return pool
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}
