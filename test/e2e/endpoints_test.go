//go:build hosts && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// tested is the JSON of `docker proxy test`.
type tested struct {
	From    string
	Failed  int
	Results []struct {
		Target, Role, By, Proxy, Cause, Message, Next, Skipped string
		Connect, Status                                        int
		OK                                                     bool
		Milliseconds                                           int64
		Steps                                                  []struct{ Stage string }
		Authentication                                         []string
		TLS                                                    *struct {
			Ends  struct{ At, Why string }
			Chain []struct{ Subject, Issuer string }
		}
	}
	Notes []string
}

func testEndpoints(t *testing.T, h *hosts.Host, status int, args ...string) tested {
	t.Helper()
	r := proxy(t, h, append([]string{"test", "--timeout", "4s", "--format", "json"}, args...)...)
	assert.Equal(t, r.Code, status, "%s", r)
	var out tested
	assert.NilError(t, json.Unmarshal([]byte(r.Stdout), &out), r.Stdout)
	assert.Assert(t, !strings.Contains(r.Stdout+r.Stderr, hosts.ProxyPasswordURL) && !strings.Contains(r.Stdout+r.Stderr, hosts.ProxyPassword))
	return out
}

// TestEndpoints: `test` names the right cause with a real squid, a real registry, the real daemon, and from inside real containers.
func TestEndpoints(t *testing.T) {
	on(t, "trixie", func(t *testing.T, h *hosts.Host) {
		h.Network(t, hosts.Untrusted())
		h.WriteFile(t, "/root/password", hosts.ProxyPassword+"\n", 0o600)
		h.WriteFile(t, "/root/wrong", "wrong\n", 0o600)
		// Something that accepts connections and says nothing, and proxies that have one answer for everybody.
		h.Sh(t, "setsid busybox nc -ll -p 9998 -e sleep 60 >/dev/null 2>&1 </dev/null &")
		for port, answer := range map[string]string{
			"9997": `HTTP/1.1 403 Forbidden\r\n`,
			"9996": `HTTP/1.1 502 Bad Gateway\r\n`,
			"9995": `HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n`,
		} {
			h.WriteFile(t, "/root/proxy-"+port, "#!/bin/sh\nwhile read -r line && [ ${#line} -gt 1 ]; do :; done\nprintf '"+answer+`Content-Length: 0\r\n\r\n'`+"\n", 0o755)
			h.Sh(t, "setsid busybox nc -ll -p "+port+" -e /root/proxy-"+port+" >/dev/null 2>&1 </dev/null &")
		}
		url := "https://" + hosts.Registry + "/v2/"
		cases := []struct {
			name, settings string
			args           []string
			cause          string
		}{
			{"works", "httpsProxy: " + hosts.ProxyURL(hosts.PlainPort), []string{"--ca", hosts.CAFile, url}, ""},
			{"with a password", fmt.Sprintf("httpsProxy: %s\nusername: %s\npasswordFile: /root/password", hosts.ProxyURL(hosts.AuthPort), hosts.ProxyUser), []string{"--ca", hosts.CAFile, url}, ""},
			{"without one", "httpsProxy: " + hosts.ProxyURL(hosts.AuthPort), []string{url}, "auth-required"},
			{"with a wrong one", fmt.Sprintf("httpsProxy: %s\nusername: %s\npasswordFile: /root/wrong", hosts.ProxyURL(hosts.AuthPort), hosts.ProxyUser), []string{url}, "auth-rejected"},
			{"a registry of an unknown authority", "httpsProxy: " + hosts.ProxyURL(hosts.PlainPort), []string{url}, "endpoint-authority"},
			{"TLS is terminated on the way", "httpsProxy: " + hosts.ProxyURL(hosts.InspectPort), []string{"https://" + hosts.DirectRegistry + "/v2/"}, "endpoint-authority"},
			{"a TLS proxy of an unknown authority", "httpsProxy: " + hosts.ProxyURL(hosts.TLSPort), []string{url}, "unknown-authority"},
			{"https:// to a plain proxy", "httpsProxy: " + strings.Replace(hosts.ProxyURL(hosts.PlainPort), "http:", "https:", 1), []string{url}, "plain-proxy"},
			{"a dead port", "httpsProxy: http://" + hosts.ProxyHost + ":9", []string{url}, "refused"},
			{"a loopback proxy that is not there", "httpsProxy: http://127.0.0.1:9", []string{url}, "refused"},
			{"a black hole", "httpsProxy: http://127.0.0.1:9998", []string{url}, "silent"},
			{"a proxy that refuses everything", "httpsProxy: http://127.0.0.1:9997", []string{url}, "forbidden"},
			{"a proxy that is broken", "httpsProxy: http://127.0.0.1:9996", []string{url}, "target-unreachable"},
			{"a proxy of a Windows domain", "httpsProxy: http://127.0.0.1:9995", []string{url}, "auth-unsupported"},
			{"a name that is none", "httpsProxy: http://nowhere.corp:3128", []string{url}, "no-dns"},
			{"an endpoint that is not there, behind a proxy that works", "httpsProxy: " + hosts.ProxyURL(hosts.PlainPort), []string{"https://nowhere.corp/"}, "target-unreachable"},
			{"an endpoint that is not there", "noProxy: '*'", []string{"https://nowhere.corp/"}, "endpoint-no-dns"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				h.WriteFile(t, "/root/proxy.yaml", "schema: 1\n"+c.settings+"\n", 0o600)
				status := 0
				if c.cause != "" {
					status = 1
				}
				got := testEndpoints(t, h, status, append([]string{"-f", "/root/proxy.yaml"}, c.args...)...)
				assert.Equal(t, len(got.Results), 1)
				r := got.Results[0]
				assert.Equal(t, r.Cause, c.cause, r.Message)
				assert.Equal(t, r.OK, c.cause == "")
				if c.cause != "" {
					assert.Assert(t, r.Message != "" && r.Next != "")
				}
				switch c.name {
				case "TLS is terminated on the way":
					assert.Equal(t, r.TLS.Ends.At, "on-the-way", r.TLS.Ends.Why)
				case "works":
					var stages []string
					for _, s := range r.Steps {
						stages = append(stages, s.Stage)
					}
					assert.DeepEqual(t, stages, []string{"dns", "tcp", "connect", "tls", "http"})
					assert.Equal(t, r.Connect, 200)
					assert.Equal(t, r.Status, 200)
					assert.Equal(t, r.TLS.Ends.At, "endpoint", r.TLS.Ends.Why)
					assert.Assert(t, len(r.TLS.Chain) > 0 && r.TLS.Chain[0].Issuer != "")
				case "without one":
					assert.DeepEqual(t, r.Authentication, []string{"Basic"})
				case "a proxy of a Windows domain":
					assert.DeepEqual(t, r.Authentication, []string{"NTLM", "Negotiate"})
					assert.Assert(t, cmp.Contains(r.Next, "cntlm"))
				}
			})
		}
		t.Run("the registries of this host", func(t *testing.T) {
			h.WriteFile(t, "/root/.docker/config.json", `{"auths": {"`+hosts.Registry+`": {"auth": "dTpwCg=="}}}`, 0o600)
			defer h.Remove(t, "/root/.docker/config.json")
			h.WriteFile(t, "/root/proxy.yaml", "schema: 1\nhttpsProxy: "+hosts.ProxyURL(hosts.PlainPort)+"\n", 0o600)
			got := testEndpoints(t, h, 1, "-f", "/root/proxy.yaml", "--ca", hosts.CAFile)
			causes := map[string]string{}
			for _, r := range got.Results {
				causes[r.Target] = r.Cause
			}
			assert.DeepEqual(t, causes, map[string]string{url: "", "https://registry-1.docker.io/v2/": "target-unreachable"})
			// On a terminal what is done is told as it is done.
			text := h.Run(t, "script", "-qec", "docker proxy test --timeout 4s -f /root/proxy.yaml --ca "+hosts.CAFile+" 2>&1 >/dev/null", "/dev/null").Stdout
			assert.Assert(t, cmp.Contains(text, "ok   "+url))
			assert.Assert(t, cmp.Contains(text, "FAIL https://registry-1.docker.io/v2/"))
		})
		t.Run("by the daemon", func(t *testing.T) {
			image := hosts.Registry + "/" + hosts.Image
			mustProxy(t, h, "set", "--proxy", hosts.ProxyURL(hosts.PlainPort), "--only", "daemon", "--restart")
			got := testEndpoints(t, h, 1, image)
			last := got.Results[len(got.Results)-1]
			assert.Equal(t, last.By, "dockerd")
			assert.Equal(t, last.Cause, "endpoint-authority", last.Message)
			h.WriteFile(t, "/etc/docker/certs.d/"+hosts.Registry+"/ca.crt", h.ReadFile(t, hosts.CAFile), 0o644)
			got = testEndpoints(t, h, 0, image)
			roles := ""
			for _, r := range got.Results {
				roles += r.By + "/" + r.Role + " "
			}
			assert.Equal(t, roles, "machine/registry machine/blobs dockerd/ ")
			assert.Equal(t, got.Results[0].Proxy, hosts.ProxyURL(hosts.PlainPort))
			text := mustProxy(t, h, "test", image).Stdout
			assert.Assert(t, cmp.Contains(text, "by dockerd's own registry client"))
			assert.Assert(t, cmp.Contains(text, "3 tested, 0 failed"))
		})
		t.Run("from a container", func(t *testing.T) {
			h.Sh(t, "tar -C / -c usr/bin/busybox | docker import - box")
			h.MustDocker(t, "run", "-d", "--name", "inside", "--network", "host", "-e", "https_proxy="+hosts.ProxyURL(hosts.PlainPort), "box", "/usr/bin/busybox", "sleep", "600")
			h.MustDocker(t, "run", "-d", "--name", "apart", "--network", "none", "box", "/usr/bin/busybox", "sleep", "600")
			got := testEndpoints(t, h, 1, "--from", "inside", url)
			assert.Equal(t, got.From, "inside")
			assert.Equal(t, got.Results[0].Proxy, hosts.ProxyURL(hosts.PlainPort))
			assert.Equal(t, got.Results[0].Cause, "endpoint-authority", got.Results[0].Message)
			assert.Assert(t, cmp.Contains(strings.Join(got.Notes, "\n"), "no bundle of trusted authorities"))
			got = testEndpoints(t, h, 0, "--from", "inside", "--ca", hosts.CAFile, url)
			assert.Equal(t, got.Results[0].By, "container")
			got = testEndpoints(t, h, 1, "--from", "apart", url)
			assert.Assert(t, strings.HasPrefix(got.Results[0].Cause, "endpoint-"), got.Results[0].Message)
			h.Sh(t, "mkdir -p /root/image/etc/ssl/certs /root/image/usr/bin && cp /usr/bin/busybox /root/image/usr/bin/ && cp "+hosts.CAFile+" /root/image/etc/ssl/certs/ca-certificates.crt && tar -C /root/image -c . | docker import - trusting")
			h.MustDocker(t, "run", "-d", "--name", "trusting", "--network", "host", "-e", "HTTPS_PROXY="+hosts.ProxyURL(hosts.PlainPort), "trusting", "/usr/bin/busybox", "sleep", "600")
			testEndpoints(t, h, 0, "--from", "trusting", url)
			r := proxy(t, h, "test", "--from", "nobody", url)
			assert.Equal(t, r.Code, 1, "%s", r)
			assert.Assert(t, cmp.Contains(r.Stderr, "No such container"))
			asGuest := h.Do(t, hosts.Cmd{Argv: []string{"docker", "proxy", "test", "--from", "inside", url}, User: "dev"})
			assert.Equal(t, asGuest.Code, 1, "%s", asGuest)
		})
	})
}
