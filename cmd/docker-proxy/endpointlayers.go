package main

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

// manifestKinds are the media types of manifests and of lists of them (OCI image-spec, Docker distribution v2.2).
const manifestKinds = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"

// manifest is as much of a manifest, or of a list of them, as leads to one blob.
type manifest struct {
	Config    struct{ Digest string } `json:"config"`
	Manifests []struct {
		Digest string `json:"digest"`
	} `json:"manifests"`
}

// layers follows a registry to where it sends clients for blobs: a pull needs that host, too, and it is often forgotten at the proxy. It asks for the image's
// configuration, the smallest blob, with an anonymous token. ok is false when the registry does not say (it wants a login, or has no such image): what it said to
// /v2/ stands.
func (t *tester) layers(ctx context.Context, target testTarget, first probe.Visited) (testResult, bool) {
	header := map[string]string{"Accept": manifestKinds}
	if token := t.token(ctx, target, first.Challenge); token != "" {
		header["Authorization"] = "Bearer " + token
	}
	version := target.tag
	for range 2 { // a list, then one of its manifests
		m, ok := t.manifest(ctx, target, version, header)
		switch {
		case !ok:
			return testResult{}, false
		case m.Config.Digest != "":
			return t.blob(ctx, target, m.Config.Digest, header)
		case len(m.Manifests) == 0:
			return testResult{}, false
		}
		version = m.Manifests[0].Digest
	}
	return testResult{}, false
}

func (t *tester) manifest(ctx context.Context, target testTarget, version string, header map[string]string) (manifest, bool) {
	var m manifest
	at := target
	at.url = target.url.JoinPath(target.repo, "manifests", version)
	v, r := t.visit(ctx, at, header)
	return m, r.OK && v.Status == 200 && json.Unmarshal(v.Body, &m) == nil
}

// blob asks for one blob and, when the registry sends elsewhere, there.
func (t *tester) blob(ctx context.Context, target testTarget, digest string, header map[string]string) (testResult, bool) {
	at := target
	at.role = registry.RoleBlobs
	at.url = target.url.JoinPath(target.repo, "blobs", digest)
	v, r := t.visit(ctx, at, header)
	if v.Location == nil || !r.OK {
		return r, !r.OK || v.Status == 200
	}
	at.url = v.Location
	_, r = t.visit(ctx, at, nil) // the registry's token is not for other hosts
	return r, true
}

// token gets an anonymous token as the challenge says (distribution's token authentication); "" when there is none to get.
func (t *tester) token(ctx context.Context, target testTarget, challenge string) string {
	scheme, rest, _ := strings.Cut(challenge, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	params := map[string]string{}
	for _, p := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		params[strings.ToLower(name)] = strings.Trim(value, `"`)
	}
	realm, err := url.Parse(params["realm"])
	if err != nil || realm.Hostname() == "" {
		return ""
	}
	realm.RawQuery = url.Values{"service": {params["service"]}, "scope": {"repository:" + target.repo + ":pull"}}.Encode()
	at := target
	at.url, at.role = realm, registry.RoleAuth
	v, r := t.visit(ctx, at, nil)
	var answer struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if !r.OK || json.Unmarshal(v.Body, &answer) != nil {
		return ""
	}
	token := answer.Token
	if token == "" {
		token = answer.Access
	}
	t.app.redactor.Add(token)
	return token
}
