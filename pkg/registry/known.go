package registry

import "strings"

const dockerHub = "docker.io"

// service is one entry of the data. A name that begins with a dot stands for what is below it; then `{}` in a host is the part in front.
type service struct {
	name  string
	hosts []Endpoint // without the registry itself, unless its host differs from its name
}

// The sources.
const (
	srcDocker = "https://docs.docker.com/desktop/setup/allow-list/"
	srcGitHub = "https://docs.github.com/en/actions/reference/runners/self-hosted-runners"
	srcRedHat = "https://access.redhat.com/node/7001746"
	srcShift  = "https://docs.openshift.com/container-platform/latest/installing/install_config/configuring-firewall.html"
	srcMCR    = "https://github.com/microsoft/containerregistry/blob/main/docs/mcr-endpoints-guidance.md"
	srcACR    = "https://learn.microsoft.com/en-us/azure/container-registry/container-registry-firewall-access-rules"
	srcECR    = "https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"
	srcECRPub = "https://aws.amazon.com/blogs/aws/amazon-ecr-public-a-new-public-container-registry/"
	srcGoogle = "https://talos.dev/v1.7/advanced/egress-domains"
	srcK8s    = "https://github.com/kubernetes/registry.k8s.io#stability"
	srcGitLab = "https://docs.gitlab.com/user/gitlab_com/"
)

func auth(host, source string) Endpoint {
	return Endpoint{Role: RoleAuth, Scheme: "https", Host: host, Source: source}
}

func blobs(host, source string) Endpoint {
	return Endpoint{Role: RoleBlobs, Scheme: "https", Host: host, Source: source}
}

func family(example, pattern, source string) Endpoint {
	return Endpoint{Role: RoleBlobs, Scheme: "https", Host: example, Family: pattern, Source: source}
}

// known is the data, as of November 2026. Which of the layer hosts answers depends on the day, the place and the plan.
func known() []service {
	quay := []Endpoint{
		blobs("cdn.quay.io", srcRedHat), blobs("cdn01.quay.io", srcRedHat), blobs("cdn02.quay.io", srcRedHat), blobs("cdn03.quay.io", srcRedHat),
		blobs("cdn04.quay.io", srcShift), blobs("cdn05.quay.io", srcShift), blobs("cdn06.quay.io", srcShift),
	}
	google := []Endpoint{blobs("storage.googleapis.com", srcGoogle)}
	return []service{
		{dockerHub, []Endpoint{
			{Role: RoleRegistry, Scheme: "https", Host: "registry-1.docker.io", Source: srcDocker},
			auth("auth.docker.io", srcDocker),
			blobs("production.cloudflare.docker.com", srcDocker),
			blobs("production.cloudfront.docker.com", srcDocker),
			blobs("docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com", srcDocker),
		}},
		{"ghcr.io", []Endpoint{blobs("pkg-containers.githubusercontent.com", srcGitHub)}},
		{"quay.io", quay},
		{"registry.redhat.io", quay},
		{"registry.access.redhat.com", quay},
		{"mcr.microsoft.com", []Endpoint{family("westeurope.data.mcr.microsoft.com", "*.data.mcr.microsoft.com", srcMCR)}},
		{".azurecr.io", []Endpoint{family("account.blob.core.windows.net", "*.blob.core.windows.net", srcACR)}},
		{"public.ecr.aws", []Endpoint{family("distribution.cloudfront.net", "*.cloudfront.net", srcECRPub)}},
		{".amazonaws.com", nil}, // told by ecr
		{"registry.k8s.io", []Endpoint{
			family("europe-west1-docker.pkg.dev", "*.pkg.dev", srcK8s),
			family("prod-registry-k8s-io-eu-west-1.s3.dualstack.eu-west-1.amazonaws.com", "prod-registry-k8s-io-*.amazonaws.com", srcK8s),
		}},
		{"gcr.io", google},
		{".gcr.io", google},
		{"registry.gitlab.com", []Endpoint{auth("gitlab.com", srcGitLab), blobs("cdn.registry.gitlab-static.net", srcGitLab)}},
	}
}

// matches reports whether the registry is the one of an image's domain, and returns what stands in front of a name that begins with a dot.
func (r service) matches(domain string) (rest string, ok bool) {
	if !strings.HasPrefix(r.name, ".") {
		return "", domain == r.name
	}
	rest, ok = strings.CutSuffix(domain, r.name)
	if r.name == ".amazonaws.com" {
		_, region := ecr(rest)
		return rest, ok && region != ""
	}
	return rest, ok && rest != ""
}

// endpoints are the hosts of a pull from the registry.
func (r service) endpoints(domain, rest string) []Endpoint {
	hosts := r.hosts
	if r.name == ".amazonaws.com" {
		_, region := ecr(rest)
		hosts = []Endpoint{blobs("prod-"+region+"-starport-layer-bucket.s3."+region+".amazonaws.com", srcECR)}
	}
	if len(hosts) > 0 && hosts[0].Role == RoleRegistry {
		return hosts
	}
	return append([]Endpoint{{Role: RoleRegistry, Scheme: "https", Host: domain}}, hosts...)
}

// ecr reads ACCOUNT.dkr.ecr.REGION.
func ecr(rest string) (account, region string) {
	account, region, _ = strings.Cut(rest, ".dkr.ecr.")
	if strings.Contains(region, ".") {
		return "", ""
	}
	return account, region
}
