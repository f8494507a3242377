package precedence

import "strings"

// publicRegistries are hosts, or what they stand below, of registries and mirrors that everybody uses.
func publicRegistries() []string {
	return []string{
		"docker.io", "docker.com", // Docker Hub: registry-1.docker.io, auth.docker.io, production.cloudflare.docker.com
		"gcr.io", "pkg.dev", // Google: mirror.gcr.io is the usual mirror of Docker Hub
		"ghcr.io", "quay.io", "registry.k8s.io", "mcr.microsoft.com", "public.ecr.aws", "registry.gitlab.com", "registry.access.redhat.com", "registry.redhat.io",
		"mirror.aliyuncs.com", "hub-mirror.c.163.com", "docker.mirrors.ustc.edu.cn", "daocloud.io", "mirror.baidubce.com", "registry.docker-cn.com", "mirror.ccs.tencentyun.com",
	}
}

// PublicHost reports whether a host belongs to a registry or mirror that everybody uses; it then has a certificate of a public authority.
func PublicHost(host string) bool { return publicRegistry(strings.ToLower(host)) != "" }

// publicRegistry returns the name by which a host is known as a registry or mirror that everybody uses, "" for any other host. Behind a corporate proxy such a
// host is reached through the proxy.
func publicRegistry(host string) string {
	for _, known := range publicRegistries() {
		if host == known || strings.HasSuffix(host, "."+known) {
			return known
		}
	}
	return ""
}
