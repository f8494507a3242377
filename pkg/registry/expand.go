// Package registry knows which hosts a pull of an image talks to: the registry, where it hands out tokens, and where it sends clients for layers. It is data with
// its sources; nothing is asked. Registries it does not know are themselves alone.
//
// Start reading at Expand; known.go is the data.
package registry

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/distribution/reference"
)

// Role is what a host is for in a pull.
type Role string

// The roles of the JSON output, in the order a pull meets them.
const (
	RoleMirror   Role = "mirror"
	RoleRegistry Role = "registry"
	RoleAuth     Role = "auth"
	RoleBlobs    Role = "blobs"
)

// Endpoint is one host of a pull.
type Endpoint struct {
	Role   Role
	Scheme string // https, or http where the daemon may fall back to it
	Host   string // HOST or HOST:PORT; for a family of hosts an example of it
	Family string // such as *.data.mcr.microsoft.com; "" for one host
	Source string // where this is documented; "" for what the image's name itself or the daemon's settings say
}

// Image is an image reference with the hosts of its pull.
type Image struct {
	Name      string // in full: docker.io/library/alpine:latest
	Endpoints []Endpoint
	Known     bool // the registry is one whose token and layer hosts are known
}

// Settings are what the daemon's configuration adds, as GET /info tells.
type Settings struct {
	Mirrors  []string // URLs; of Docker Hub only
	Insecure []string // registries that may be asked without TLS: HOST, HOST:PORT, or CIDR
}

// Expand parses an image reference as docker does and returns the hosts of its pull in order: mirrors, registry, tokens, layers. The error says what is wrong with
// the reference.
func Expand(ref string, s Settings) (Image, error) {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return Image{}, fmt.Errorf("not an image reference: %w", err)
	}
	domain := reference.Domain(named)
	img := Image{Name: named.String()}
	if domain == dockerHub {
		for _, m := range s.Mirrors {
			if u, err := url.Parse(m); err == nil && u.Host != "" {
				img.Endpoints = append(img.Endpoints, Endpoint{Role: RoleMirror, Scheme: u.Scheme, Host: u.Host})
			}
		}
	}
	for _, k := range known() {
		if rest, ok := k.matches(domain); ok {
			img.Known = true
			img.Endpoints = append(img.Endpoints, k.endpoints(domain, rest)...)
			return img, nil
		}
	}
	img.Endpoints = append(img.Endpoints, Endpoint{Role: RoleRegistry, Scheme: "https", Host: domain})
	if s.insecure(domain) {
		img.Endpoints = append(img.Endpoints, Endpoint{Role: RoleRegistry, Scheme: "http", Host: domain})
	}
	return img, nil
}

// insecure reports whether the daemon may ask the registry without TLS (moby registry/config.go isSecureIndex); names are not resolved here.
func (s Settings) insecure(domain string) bool {
	host := domain
	if h, _, err := net.SplitHostPort(domain); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	if host == "localhost" || ip.IsLoopback() {
		return true
	}
	for _, i := range s.Insecure {
		if _, network, err := net.ParseCIDR(i); err == nil && ip != nil && network.Contains(ip) {
			return true
		}
		if i == domain {
			return true
		}
	}
	return false
}
