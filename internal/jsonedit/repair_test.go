package jsonedit

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestRepairDaemon: what dockerd decodes afterwards is what stood anywhere before, and the rest keeps its bytes.
func TestRepairDaemon(t *testing.T) {
	for _, tc := range []struct {
		name, in, want, left, err string
		bom                       bool
	}{
		{name: "nothing to mend", in: `{"debug": true, "proxies": {"http-proxy": "http://a:1"}}`, want: `{"debug": true, "proxies": {"http-proxy": "http://a:1"}}`},
		{name: "empty", in: "", want: ""},
		{name: "top level", in: `{"http-proxy": "http://a:1", "debug": true}`, want: `{"debug": true, "proxies": {"http-proxy": "http://a:1"}}`},
		{name: "another object", in: `{"proxy": {"https-proxy": "http://a:1", "x": 1}}`, want: `{"proxy": {"x": 1}, "proxies": {"https-proxy": "http://a:1"}}`},
		{name: "environment spelling", in: `{"HTTP_PROXY": "http://a:1"}`, want: `{"proxies": {"http-proxy": "http://a:1"}}`},
		{name: "wrong case inside", in: `{"proxies": {"HTTP-Proxy": "http://a:1"}}`, want: `{"proxies": {"http-proxy": "http://a:1"}}`},
		{name: "the client's form", in: `{"proxies": {"default": {"httpProxy": "http://a:1", "noProxy": "x"}}}`, want: `{"proxies": {"http-proxy": "http://a:1", "no-proxy": "x"}}`},
		{name: "one host only", in: `{"proxies": {"tcp://h:2376": {"httpProxy": "http://a:1"}}}`, want: `{"proxies": {"tcp://h:2376": {"httpProxy": "http://a:1"}}}`, left: "for the host tcp://h:2376 only"},
		{name: "another value counts", in: `{"http-proxy": "http://b:1", "proxies": {"http-proxy": "http://a:1"}}`, want: `{"http-proxy": "http://b:1", "proxies": {"http-proxy": "http://a:1"}}`, left: "which is the one in use"},
		{name: "the same value twice", in: `{"http-proxy": "http://a:1", "proxies": {"http-proxy": "http://a:1"}}`, want: `{"proxies": {"http-proxy": "http://a:1"}}`},
		{name: "two values", in: `{"http-proxy": "http://a:1", "httpProxy": "http://b:1"}`, want: `{"http-proxy": "http://a:1", "httpProxy": "http://b:1"}`, left: "two values of http-proxy"},
		{name: "duplicates", in: `{"proxies": {"http-proxy": "http://a:1", "http-proxy": "http://b:1"}}`, want: `{"proxies": {"http-proxy": "http://b:1"}}`},
		{name: "two objects", in: `{"proxies": {"http-proxy": "http://a:1"}, "debug": true, "Proxies": {"http-proxy": "http://b:1", "no-proxy": "x"}}`, want: `{"debug": true, "proxies": {"http-proxy": "http://b:1", "no-proxy": "x"}}`},
		{name: "two objects, one with more in it", in: `{"proxies": {"http-proxy": "http://a:1"}, "Proxies": {"no-proxy": 1}}`, want: `{"proxies": {"http-proxy": "http://a:1"}, "Proxies": {"no-proxy": 1}}`},
		{name: "options of a driver", in: `{"log-opts": {"http-proxy": "http://a:1"}}`, want: `{"log-opts": {"http-proxy": "http://a:1"}}`},
		{name: "null", in: `{"debug": true, "proxies": null}`, want: `{"debug": true}`},
		{name: "a comma too many", in: "{\n  \"debug\": true,\n  \"proxies\": {\n    \"http-proxy\": \"http://a:1\",\n  },\n}\n", want: "{\n  \"debug\": true,\n  \"proxies\": {\n    \"http-proxy\": \"http://a:1\"\n  }\n}\n"},
		{name: "comments are not lost", in: "{\n  // mine\n  \"debug\": true\n}", err: "comment"},
		{name: "no JSON", in: "{\"a\" 1}", err: "x.json:1"},
		{name: "a mark on an old engine", in: "\xef\xbb\xbf{\"debug\": true}", want: `{"debug": true}`},
		{name: "a mark on a new one", bom: true, in: "\xef\xbb\xbf{\"debug\": true}", want: "\xef\xbb\xbf{\"debug\": true}"},
		{name: "a million brackets", in: strings.Repeat("[", 1000000), err: "x.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := RepairDaemon("x.json", []byte(tc.in), Options{Dialect: DaemonJSON, AllowBOM: tc.bom})
			if tc.err != "" {
				assert.ErrorContains(t, err, tc.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, string(r.Data), tc.want)
			assert.Assert(t, strings.Contains(strings.Join(r.Left, "; "), tc.left))
			assert.Equal(t, len(r.Left) > 0, tc.left != "")
			again, err := RepairDaemon("x.json", r.Data, Options{Dialect: DaemonJSON, AllowBOM: tc.bom})
			assert.NilError(t, err)
			assert.Equal(t, string(again.Data), tc.want, "a second time")
		})
	}
}
