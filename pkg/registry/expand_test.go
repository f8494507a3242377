package registry

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

func TestExpand(t *testing.T) {
	hub := "registry https registry-1.docker.io, auth https auth.docker.io, blobs https production.cloudflare.docker.com, blobs https production.cloudfront.docker.com, " +
		"blobs https docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com"
	for _, tc := range []struct {
		name, ref, full string
		settings        Settings
		want            string
		known           bool
	}{
		{"a bare name", "alpine", "docker.io/library/alpine:latest", Settings{}, hub, true},
		{"with a tag", "redis:7", "docker.io/library/redis:7", Settings{}, hub, true},
		{"Docker Hub by its old name", "index.docker.io/library/alpine", "docker.io/library/alpine:latest", Settings{}, hub, true},
		{"a mirror is asked first", "alpine", "docker.io/library/alpine:latest", Settings{Mirrors: []string{"http://mirror.corp:5000/"}}, "mirror http mirror.corp:5000, " + hub, true},
		{"mirrors are Docker Hub's only", "r.corp/x", "r.corp/x:latest", Settings{Mirrors: []string{"http://mirror.corp:5000/"}}, "registry https r.corp", false},
		{"GitHub", "ghcr.io/o/p:1", "ghcr.io/o/p:1", Settings{}, "registry https ghcr.io, blobs https pkg-containers.githubusercontent.com", true},
		{"GitLab", "registry.gitlab.com/a/b", "registry.gitlab.com/a/b:latest", Settings{}, "registry https registry.gitlab.com, auth https gitlab.com, blobs https cdn.registry.gitlab-static.net", true},
		{"a family of hosts", "mcr.microsoft.com/x/y", "mcr.microsoft.com/x/y:latest", Settings{}, "registry https mcr.microsoft.com, blobs https westeurope.data.mcr.microsoft.com (*.data.mcr.microsoft.com)", true},
		{"ECR by region", "123.dkr.ecr.eu-west-1.amazonaws.com/a", "123.dkr.ecr.eu-west-1.amazonaws.com/a:latest", Settings{},
			"registry https 123.dkr.ecr.eu-west-1.amazonaws.com, blobs https prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com", true},
		{"not ECR", "x.amazonaws.com/a", "x.amazonaws.com/a:latest", Settings{}, "registry https x.amazonaws.com", false},
		{"below a name", "eu.gcr.io/p/i", "eu.gcr.io/p/i:latest", Settings{}, "registry https eu.gcr.io, blobs https storage.googleapis.com", true},
		{"unknown, with a port", "r.corp:5000/x@sha256:" + strings.Repeat("a", 64), "r.corp:5000/x@sha256:" + strings.Repeat("a", 64), Settings{}, "registry https r.corp:5000", false},
		{"insecure by name", "r.corp:5000/x", "r.corp:5000/x:latest", Settings{Insecure: []string{"r.corp:5000"}}, "registry https r.corp:5000, registry http r.corp:5000", false},
		{"insecure by another port", "r.corp:5001/x", "r.corp:5001/x:latest", Settings{Insecure: []string{"r.corp:5000"}}, "registry https r.corp:5001", false},
		{"insecure by network", "10.1.2.3:5000/x", "10.1.2.3:5000/x:latest", Settings{Insecure: []string{"10.0.0.0/8"}}, "registry https 10.1.2.3:5000, registry http 10.1.2.3:5000", false},
		{"localhost is", "localhost:5000/x", "localhost:5000/x:latest", Settings{}, "registry https localhost:5000, registry http localhost:5000", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			img, err := Expand(tc.ref, tc.settings)
			assert.NilError(t, err)
			var got []string
			for _, e := range img.Endpoints {
				text := string(e.Role) + " " + e.Scheme + " " + e.Host
				if e.Family != "" {
					text += " (" + e.Family + ")"
				}
				got = append(got, text)
			}
			assert.Equal(t, strings.Join(got, ", "), tc.want)
			assert.Equal(t, img.Name, tc.full)
			assert.Equal(t, img.Known, tc.known)
		})
	}
}

func TestExpandRefuses(t *testing.T) {
	for _, ref := range []string{"", "UPPER", "a//b", "http://x/y", "x:"} {
		_, err := Expand(ref, Settings{})
		assert.ErrorContains(t, err, "not an image reference", "%q", ref)
	}
}

// TestData: every host is one that can be asked about, and everything but the registry itself has its source.
func TestData(t *testing.T) {
	for _, r := range known() {
		for _, e := range r.hosts {
			_, err := reader.ParseHost(e.Scheme, e.Host)
			assert.NilError(t, err, e.Host)
			assert.Assert(t, strings.HasPrefix(e.Source, "https://"), e.Host)
			if e.Family != "" {
				parts := strings.SplitN(e.Family, "*", 2)
				assert.Assert(t, strings.HasPrefix(e.Host, parts[0]) && strings.HasSuffix(e.Host, parts[1]), "%s is not one of %s", e.Host, e.Family)
			}
		}
	}
}
