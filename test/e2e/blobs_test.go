//go:build hosts && linux

package e2e

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// redirecting is a registry that answers for manifests itself and sends clients to another host for blobs, as those of clouds do.
const redirecting = "registry.corp:5001"

// startRedirecting starts it on the storage of the corporation's registry, and a web server by the name blobs.corp that has the blobs.
const startRedirecting = `cd /srv/corp
sed -e 's/addr: .*/addr: 0.0.0.0:5001/' -e 's,^http:,middleware:\n  storage:\n    - name: redirect\n      options: {baseurl: "http://blobs.corp:5080/"}\nhttp:,' registry.yml >redirecting.yml
echo 10.200.0.21 blobs.corp >>/etc/hosts
mkdir -p /etc/docker/certs.d/` + redirecting + ` && cp ca.crt /etc/docker/certs.d/` + redirecting + `/
sed -i 's/^acl asks /acl blobs dstdomain blobs.corp\n#http_access deny blobs\n&/' squid.conf
squid -f squid.conf -k reconfigure
setsid ip netns exec corp docker-registry serve /srv/corp/redirecting.yml </dev/null >log/redirecting.log 2>&1 &
setsid ip netns exec corp busybox httpd -f -p 10.200.0.21:5080 -h /srv/corp/registry </dev/null >/dev/null 2>&1 &
tries=0
until curl -sfL --max-time 5 --cacert ca.crt --proxy http://proxy.corp:3128 -o /dev/null https://` + redirecting + `/v2/; do
	tries=$((tries + 1)); [ $tries -lt 100 ] || { cat log/redirecting.log >&2; exit 1; }
	sleep 0.1
done`

// TestBlockedBlobs: the proxy lets the registry through and not the host that it sends clients to for blobs: dockerd finds the manifest and cannot pull, and `test` says what is in the way.
func TestBlockedBlobs(t *testing.T) { on(t, "trixie", playBlockedBlobs) }

func playBlockedBlobs(t *testing.T, h *hosts.Host) {
	h.Network(t)
	h.Sh(t, startRedirecting)
	image := redirecting + "/" + hosts.Image
	mustProxy(t, h, "set", "--proxy", hosts.ProxyURL(hosts.PlainPort), "--only", "daemon", "--restart")
	block := func(line string) {
		t.Helper()
		h.Sh(t, "sed -i 's/^#*http_access deny blobs/"+line+"/' /srv/corp/squid.conf && squid -f /srv/corp/squid.conf -k reconfigure")
		h.Eventually(t, "squid with other rules", func() bool {
			status := h.Run(t, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--proxy", hosts.ProxyURL(hosts.PlainPort), "http://blobs.corp:5080/").Stdout
			return (status == "403") == !strings.HasPrefix(line, "#")
		})
	}
	pull := func() hosts.Result {
		t.Helper()
		h.Sh(t, "docker image rm -f $(docker image ls -q) >/dev/null 2>&1 || :")
		return h.Docker(t, "pull", image)
	}
	outcome := func(got tested) string {
		lines := ""
		for _, r := range got.Results {
			lines += r.By + " " + r.Role + " " + r.Cause + "\n"
		}
		return lines
	}

	block("http_access deny blobs")
	assert.Assert(t, pull().Code != 0, "the pull does not need the blobs' host")
	got := testEndpoints(t, h, 1, "--ca", hosts.CAFile, image)
	assert.Equal(t, outcome(got), "machine registry \nmachine blobs forbidden\ndockerd  \n")
	blobs := got.Results[1]
	assert.Assert(t, strings.HasPrefix(blobs.Target, "http://blobs.corp:5080/"), blobs.Target)
	assert.Equal(t, blobs.Proxy, hosts.ProxyURL(hosts.PlainPort))
	assert.Assert(t, cmp.Contains(blobs.Message, "blobs.corp"))
	assert.Assert(t, blobs.Next != "")
	text := proxy(t, h, "test", "--ca", hosts.CAFile, image).Stdout
	assert.Assert(t, cmp.Contains(text, "3 tested, 1 failed"))

	block("#http_access deny blobs")
	r := pull()
	assert.Equal(t, r.Code, 0, "%s", r)
	got = testEndpoints(t, h, 0, "--ca", hosts.CAFile, image)
	assert.Equal(t, outcome(got), "machine registry \nmachine blobs \ndockerd  \n")
	assert.Equal(t, got.Results[1].Status, 200)
}
