package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
	"github.com/docker-proxy/docker-proxy/pkg/registry"
)

// explainTarget is one request that an argument of `explain` stands for.
type explainTarget struct {
	argument string // masked
	image    string // in full; "" for a host or URL
	role     registry.Role
	family   string // the host is an example of these
	bare     bool   // the argument named no scheme
	target   reader.Target
}

// explainArgument returns the requests that an argument stands for, and a note where it could have meant something else. Errors are wrong usage.
//
// A URL has "://". A host is an IP address, localhost, or a name with a dot, with or without a port. Everything else is an image, as `docker pull` takes it.
func explainArgument(arg string, s registry.Settings) (targets []explainTarget, note string, err error) {
	shown := precedence.Mask(arg)
	switch {
	case strings.Contains(arg, "://"):
		t, err := reader.ParseURL(arg)
		if err != nil {
			return nil, "", usageErrorf("%q: %w", shown, err)
		}
		return []explainTarget{{argument: shown, target: t}}, "", nil
	case looksLikeHost(arg):
		scheme := "https"
		if strings.HasSuffix(arg, ":80") {
			scheme = "http"
		}
		t, err := reader.ParseHost(scheme, arg)
		if err != nil {
			return nil, "", usageErrorf("%q: %w", shown, err)
		}
		return []explainTarget{{argument: shown, target: t, bare: true}}, "", nil
	}
	img, err := registry.Expand(arg, s)
	if err != nil {
		return nil, "", usageErrorf("%q is neither a host, a URL nor an image: %w", shown, err)
	}
	for _, e := range img.Endpoints {
		t, err := reader.ParseHost(e.Scheme, e.Host)
		if err != nil {
			continue // a mirror that dockerd could not use either
		}
		targets = append(targets, explainTarget{argument: shown, image: img.Name, role: e.Role, family: e.Family, target: t})
	}
	switch {
	case portLike(arg):
		note = fmt.Sprintf("%s is taken as the image %s; for a host of that name say https://%s", shown, img.Name, shown)
	case !img.Known:
		note = fmt.Sprintf("where the registry of %s hands out tokens and sends clients for layers is not known here; it may be other hosts", img.Name)
	}
	return targets, note, nil
}

// portLike reports whether an image without a registry has a tag that could have been meant as a port: intranet:8080, but not redis:7 or ubuntu:24.04.
func portLike(arg string) bool {
	_, tag, _ := strings.Cut(arg, ":")
	return !strings.ContainsAny(arg, "/@") && len(tag) > 2 && strings.Trim(tag, "0123456789") == ""
}

// looksLikeHost tells HOST[:PORT] from an image without a registry, such as alpine, alpine:3 or debian:12.5.
func looksLikeHost(arg string) bool {
	if strings.ContainsAny(arg, "/@") {
		return false
	}
	if _, err := netip.ParseAddr(arg); err == nil {
		return true
	}
	host, port, err := net.SplitHostPort(arg)
	if err != nil {
		host, port = strings.Trim(arg, "[]"), ""
	}
	if strings.Trim(port, "0123456789") != "" {
		return false // a tag
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return strings.EqualFold(host, "localhost") || strings.Contains(strings.TrimSuffix(host, "."), ".") || strings.HasSuffix(host, ".")
}
