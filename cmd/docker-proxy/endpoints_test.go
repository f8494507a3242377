package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/cli/cli/command"
	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/probe"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// aRegistry is a registry whose blobs are elsewhere: tokens, a list of manifests, a manifest, a redirect.
func aRegistry(t *testing.T, blobs string) (addr string, pool *x509.CertPool) {
	t.Helper()
	var srv *httptest.Server
	srv = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			assert.Check(t, r.URL.Query().Get("scope") == "repository:team/app:pull")
			fmt.Fprint(w, `{"token": "tok-secret"}`)
		case r.Header.Get("Authorization") != "Bearer tok-secret":
			w.Header().Set("Www-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="reg"`, srv.URL))
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasSuffix(r.URL.Path, "/manifests/1"):
			fmt.Fprint(w, `{"manifests": [{"digest": "sha256:aa"}]}`)
		case strings.HasSuffix(r.URL.Path, "/manifests/sha256:aa"):
			fmt.Fprint(w, `{"config": {"digest": "sha256:bb"}}`)
		case strings.HasSuffix(r.URL.Path, "/blobs/sha256:bb"):
			http.Redirect(w, r, blobs+"/x?signature=secret", http.StatusTemporaryRedirect)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(srv.Close)
	pool = x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return srv.Listener.Addr().String(), pool
}

func newTester(t *testing.T, pool *x509.CertPool) *tester {
	t.Helper()
	cli, err := command.NewDockerCli(command.WithCombinedStreams(&bytes.Buffer{}))
	assert.NilError(t, err)
	a := &app{cli: cli}
	v := &view{site: &daemon.Site{}, obs: &daemon.Observation{}}
	return &tester{app: a, view: v, job: &job{app: a, view: v}, roots: pool, timeout: 2 * time.Second, values: precedence.Settings{}}
}

// TestLayersAreFollowed: a registry that is reached does not mean that a pull works, since its layers may be on a host that is not.
func TestLayersAreFollowed(t *testing.T) {
	fine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Check(t, r.Header.Get("Authorization") == "", "the registry's token went to another host")
		w.WriteHeader(http.StatusOK)
	}))
	defer fine.Close()
	dead := httptest.NewServer(http.NotFoundHandler())
	deadURL := dead.URL
	dead.Close()
	for _, c := range []struct {
		name, blobs string
		cause       probe.Cause
	}{{"reached", fine.URL, ""}, {"blocked", deadURL, probe.EndpointRefused}} {
		t.Run(c.name, func(t *testing.T) {
			addr, pool := aRegistry(t, c.blobs)
			tt := newTester(t, pool)
			rep := tt.run(t.Context(), []testTarget{{argument: "x", url: &url.URL{Scheme: "https", Host: addr, Path: "/v2/"}, repo: "team/app", tag: "1"}})
			assert.Equal(t, len(rep.Results), 2)
			assert.Equal(t, rep.Results[0].OK, true, rep.Results[0].Message)
			assert.Equal(t, rep.Results[0].Challenge, "Bearer")
			assert.Equal(t, rep.Results[1].Cause, c.cause, rep.Results[1].Message)
			assert.Equal(t, rep.Results[1].Target, c.blobs+"/x")
			assert.Equal(t, rep.Failed, map[bool]int{true: 0, false: 1}[c.cause == ""])
		})
	}
}

// TestManyAtOnce: endpoints are visited side by side, and not more of them than a small proxy bears.
func TestManyAtOnce(t *testing.T) {
	var now, most atomic.Int32
	full := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == visitors {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		<-full // nobody goes before all that may are there
		w.WriteHeader(http.StatusOK)
	}))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	assert.NilError(t, err)
	rep := newTester(t, nil).run(t.Context(), slices.Repeat([]testTarget{{url: u}}, 3*visitors))
	assert.Equal(t, rep.Failed, 0)
	assert.Equal(t, len(rep.Results), 3*visitors)
	assert.Equal(t, int(most.Load()), visitors)
}

// TestBusyNetworksAreTriedAgain: what may be gone a moment later is asked once more, and nothing else is.
func TestBusyNetworksAreTriedAgain(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusOK)
	}))
	defer srv.Close()
	u, err := url.Parse(srv.URL)
	assert.NilError(t, err)
	_, r := newTester(t, nil).visit(t.Context(), testTarget{url: u}, nil)
	assert.Equal(t, r.OK, true, r.Message)
	assert.Equal(t, r.Tries, 2)
}

// TestDaemonsWords: what dockerd says about its registry client, by cause.
func TestDaemonsWords(t *testing.T) {
	for text, want := range map[string]probe.Cause{
		`Get "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`: probe.EndpointAuthority,
		`Get "https://r/v2/": Proxy Authentication Required`:                                                    probe.AuthRequired,
		`Get "https://r/v2/": proxyconnect tcp: dial tcp 10.0.0.1:9: connect: connection refused`:               probe.Refused,
		`Get "https://r/v2/": dial tcp: lookup r on 127.0.0.11:53: no such host`:                                probe.EndpointNoDNS,
		`Get "https://r/v2/": http: server gave HTTP response to HTTPS client`:                                  probe.EndpointPlain,
		`Get "https://r/v2/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`:       probe.EndpointSilent,
		`Get "https://r/v2/": Forbidden`:                                                                        probe.Forbidden,
		`something new`:                                                                                         probe.EndpointError,
	} {
		var r testResult
		r.daemonProblem(text, &view{obs: &daemon.Observation{}})
		assert.Equal(t, r.Cause, want, text)
		assert.Assert(t, r.Next != "")
	}
}

// TestNextInside: what is to be done for a container is not what helps this machine or dockerd.
func TestNextInside(t *testing.T) {
	ends := func(at probe.EndingAt) *tlsReport { return &tlsReport{Ends: probe.Ending{At: at}} }
	for _, c := range []struct {
		name string
		r    testResult
		want string
	}{
		{"nothing", testResult{OK: true}, ""},
		{"the endpoint's authority", testResult{Cause: probe.EndpointAuthority, Next: "in /etc/docker/certs.d/", TLS: ends(probe.AtEndpoint)}, "add its root CA to the bundle of trusted authorities in the container"},
		{"one on the way", testResult{Cause: probe.EndpointAuthority, Next: "in this machine's", TLS: ends(probe.OnTheWay)}, "add the proxy's root CA to the bundle"},
		{"the proxy's own", testResult{Cause: probe.UnknownAuthority, Next: "in this machine's"}, "add the root CA of the proxy's certificate"},
		{"another proxy", testResult{Cause: probe.Refused, Next: "docker proxy set --proxy http://p:PORT"}, "create the container anew"},
		{"forbidden", testResult{Cause: probe.Forbidden, Target: "https://feeds.corp/", Next: "docker proxy set --no-proxy-add feeds.corp"}, "ask for https://feeds.corp/ to be allowed at the proxy"},
		{"no difference", testResult{Cause: probe.EndpointCertificate, Next: "openssl s_client"}, "openssl s_client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := nextInside(c.r)
			assert.Assert(t, strings.HasPrefix(got, c.want) && !strings.Contains(got, "docker proxy set"), got)
		})
	}
}
