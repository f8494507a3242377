package jsonedit

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// describe renders proxies and problems one a line, for comparing in tables.
func describe(proxies []Proxy, problems []Problem) string {
	var b strings.Builder
	for _, p := range proxies {
		mark := "shadowed"
		if p.Effective {
			mark = "effective"
		}
		fmt.Fprintf(&b, "%d %s %s=%s %s\n", p.Line, p.Name, p.Key, p.Value, mark)
	}
	for _, p := range problems {
		fmt.Fprintf(&b, "%d %s %s %s: %s\n", p.Line, p.Name, p.Class, p.Effect, p.Msg)
	}
	return b.String()
}

func TestDaemonProxies(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want string
	}{
		{
			"all three", "{\n\"proxies\": {\n\"http-proxy\": \"a\",\n\"https-proxy\": \"b\",\n\"no-proxy\": \"c\"}}",
			"3 proxies.http-proxy http-proxy=a effective\n4 proxies.https-proxy https-proxy=b effective\n5 proxies.no-proxy no-proxy=c effective\n",
		},
		{"another order, on one line", `{"proxies":{"no-proxy":"c","http-proxy":"a"}}`, "1 proxies.no-proxy no-proxy=c effective\n1 proxies.http-proxy http-proxy=a effective\n"},
		{"empty value", `{"proxies":{"http-proxy":""}}`, "1 proxies.http-proxy http-proxy= effective\n"},
		{"null", `{"proxies":{"http-proxy":null}}`, ""},
		{"duplicates", "{\"proxies\":{\"http-proxy\":\"a\",\n\"http-proxy\":\"b\",\n\"http-proxy\":null}}", "1 proxies.http-proxy http-proxy=a shadowed\n2 proxies.http-proxy http-proxy=b effective\n"},
		{
			"merged", "{\"proxies\":{\"http-proxy\":\"a\",\"no-proxy\":\"n\"},\n\"PROXIES\":{\"http-proxy\":\"b\"},\n\"proxieſ\":{\"https-proxy\":\"c\"}}",
			"1 proxies.http-proxy http-proxy=a shadowed\n1 proxies.no-proxy no-proxy=n effective\n2 PROXIES.http-proxy http-proxy=b effective\n3 proxieſ.https-proxy https-proxy=c effective\n",
		},
		{
			"wrong capitals", "{\"proxies\":\n{\"HTTP-Proxy\":\"a\"}}",
			"2 proxies.HTTP-Proxy http-proxy=a effective\n2 proxies.HTTP-Proxy unknown-directive refused: HTTP-Proxy is no setting of dockerd in this spelling, it must be http-proxy; dockerd does not start\n",
		},
		{
			"wrong capitals, hidden from the check", "{\"proxies\":{\"HTTP-Proxy\":\"a\"},\n\"proxies\":{}}",
			"1 proxies.HTTP-Proxy http-proxy=a effective\n",
		},
		{"client's name", `{"proxies":{"httpProxy":"a"}}`, "1 proxies.httpProxy client-shape refused: httpProxy is no setting of dockerd; dockerd does not start\n"},
		{
			"client's form", "{\"proxies\":{\"default\":\n{\"httpProxy\":\"a\"}}}",
			"1 proxies.default client-shape refused: default is no setting of dockerd: proxies of a daemon.json has no hosts, that is the form of the client's config.json; dockerd does not start\n",
		},
		{"all-proxy", `{"proxies":{"all-proxy":"a"}}`, "1 proxies.all-proxy unknown-directive refused: all-proxy is no setting of dockerd; dockerd does not start\n"},
		{"unknown, hidden from the check", `{"proxies":{"all-proxy":"a"},"proxies":{}}`, "1 proxies.all-proxy unknown-name ignored: all-proxy is no setting of dockerd; a later object of the same name hides it from the check\n"},
		{"a setting slipped in", `{"proxies":{"log-driver":"x"}}`, "1 proxies.log-driver misplaced ignored: log-driver has no effect inside proxies, it belongs to the top level\n"},
		{"proxies null", `{"proxies":null}`, "1 proxies null refused: proxies must be an object, not null: dockerd calls it an unknown directive and does not start\n"},
		{"proxies null, hidden from the check", `{"proxies":null,"proxies":{"http-proxy":"a"}}`, "1 proxies.http-proxy http-proxy=a effective\n"},
		{"proxies a string, hidden from the check", `{"proxies":"x","proxies":{}}`, "1 proxies wrong-type refused: proxies must be an object, not a string: dockerd does not start\n"},
		{"proxies an array", "{\n\"Proxies\":[]}", "2 Proxies wrong-type refused: Proxies must be an object, not an array: dockerd calls it an unknown directive and does not start\n"},
		{"a number", `{"proxies":{"http-proxy":1}}`, "1 proxies.http-proxy wrong-type refused: http-proxy must be a string, not a number: dockerd does not start\n"},
		{"an array", `{"proxies":{"no-proxy":["a"]}}`, "1 proxies.no-proxy wrong-type refused: no-proxy must be a string, not an array: dockerd does not start\n"},
		{"an object", `{"proxies":{"no-proxy":{}}}`, "1 proxies.no-proxy wrong-type refused: no-proxy must be a string, not an object: dockerd does not start\n"},
		{"flat", "{\n\"http-proxy\":\"a\"}", "2 http-proxy flat ignored: http-proxy has no effect here, dockerd reads it only inside an object named proxies\n"},
		{"flat, client's name", `{"httpProxy":"a"}`, "1 httpProxy client-shape refused: httpProxy is no setting of dockerd; dockerd does not start\n"},
		{"flat, upper case", `{"HTTP_PROXY":"a"}`, "1 HTTP_PROXY unknown-directive refused: HTTP_PROXY is no setting of dockerd; dockerd does not start\n"},
		{"proxy with a string", `{"proxy":"a"}`, "1 proxy unknown-directive refused: proxy is no setting of dockerd; dockerd does not start\n"},
		{"in another object", `{"proxy":{"http-proxy":"a"}}`, "1 proxy.http-proxy flat ignored: http-proxy has no effect here, dockerd reads it only inside an object named proxies\n"},
		{"in another object, client's name", `{"zzz":{"httpsProxy":"a"}}`, "1 zzz.httpsProxy client-shape refused: httpsProxy is no setting of dockerd; dockerd does not start\n"},
		{"the whole object in another one", `{"config":{"proxies":{"http-proxy":"a"}}}`, "1 config.proxies unknown-directive refused: proxies is no setting of dockerd inside config, it belongs to the top level; dockerd does not start\n"},
		{"in an object dockerd does not look into", `{"log-opts":{"httpProxy":"a"}}`, ""},
		{"userland-proxy is something else", `{"userland-proxy":false,"userland-proxy-path":"x"}`, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, tc.in, Options{})
			assert.Equal(t, describe(DaemonProxies(d)), tc.want)
			checkDaemonOracle(t, []byte(tc.in), d)
		})
	}
}

func TestDaemonDirectives(t *testing.T) {
	d := mustParse(t, `{
"http-proxy": null,
"zzz": {"http-proxy": 1},
"proxies": {"http-proxy": "a"},
"proxies": {"http-proxy": "b", "http-proxy": "c"},
"Proxies": {"no-proxy": ""},
"log-opts": {"http-proxy": "d"}
}`, Options{})
	got := DaemonDirectives(d, "http-proxy")
	assert.DeepEqual(t, got, []Member{
		{Path: []string{"http-proxy"}, Kind: KindNull, Line: 2},
		{Path: []string{"zzz", "http-proxy"}, Value: "1", Kind: KindNumber, Line: 3},
		{Path: []string{"proxies", "http-proxy"}, Value: "c", Kind: KindString, Line: 5, Effective: true},
	})
	assert.Equal(t, got[2].Name(), "http-proxy")
	assert.Equal(t, DaemonDirectives(d, "no-proxy")[0].Effective, true)
	assert.Equal(t, len(DaemonDirectives(d, "https-proxy")), 0)
}

func TestNamesInMessagesAreHarmless(t *testing.T) {
	d := mustParse(t, `{"proxies":{"\u001b[2J\u202e`+strings.Repeat("x", 1000)+`":"secret"}}`, Options{})
	_, problems := DaemonProxies(d)
	assert.Equal(t, problems[0].Msg, `\x1b[2J\u202e`+strings.Repeat("x", 55)+`… is no setting of dockerd; dockerd does not start`)
}

func TestDaemonDuplicates(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want []Duplicate
	}{
		{"none", `{"proxies":{"http-proxy":"a","https-proxy":"a"}}`, nil},
		{"empty", "", nil},
		{"a value twice", "{\"proxies\":{\n\"http-proxy\":\"a\",\n\"http-proxy\":\"b\"}}", []Duplicate{{Key: "http-proxy", Name: "proxies.http-proxy", Line: 2, Other: 3}}},
		{"the same value twice", "{\"proxies\":{\"http-proxy\":\"a\",\"http-proxy\":\"a\"}}", []Duplicate{{Key: "http-proxy", Name: "proxies.http-proxy", Line: 1, Other: 1, Equal: true}}},
		{"a null does not override", `{"proxies":{"http-proxy":"a","http-proxy":null}}`, nil},
		{"two objects", "{\"proxies\":{\"http-proxy\":\"a\"},\n\"Proxies\":{\"no-proxy\":\"b\"}}", []Duplicate{{Name: "Proxies", Line: 2, Other: 1}}},
		{"two objects with the same key", "{\"proxies\":{\"http-proxy\":\"a\"},\n\"proxies\":{\"http-proxy\":\"b\"}}", []Duplicate{{Key: "http-proxy", Name: "proxies.http-proxy", Line: 1, Other: 2}, {Name: "proxies", Line: 2, Other: 1}}},
		{"null and an object", `{"proxies":null,"proxies":{"http-proxy":"a"}}`, nil},
		{"keys outside", `{"http-proxy":"a","proxies":{"http-proxy":"b"}}`, nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			assert.DeepEqual(t, DaemonDuplicates(mustParse(t, tc.in, Options{})), tc.want)
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name, in string
		opt      Options
		want     Mistake
	}{
		{"a comment", "{\n// c\n}", Options{}, MistakeComment},
		{"a comment behind a value", "{\"a\": 1 # c\n}", Options{}, MistakeComment},
		{"a comment before all", "/* c */ {}", Options{}, MistakeComment},
		{"a trailing comma", `{"a": [1,]}`, Options{}, MistakeTrailingComma},
		{"a comma behind the end", "{},\n", Options{}, MistakeTrailingComma},
		{"a second value", "{},{}", Options{}, ""},
		{"a missing comma", "{\"a\": 1\n\"b\": 2}", Options{}, ""},
		{"a byte order mark", "\ufeff{}", Options{}, MistakeByteOrderMark},
		{"UTF-16", "\xff\xfe{\x00}\x00", Options{}, MistakeByteOrderMark},
		{"UTF-16 for the client", "\xfe\xff\x00{\x00}", Options{Dialect: ConfigJSON}, MistakeByteOrderMark},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("f.json", []byte(tc.in), tc.opt)
			var pe *ParseError
			assert.Assert(t, errors.As(err, &pe), "%v", err)
			assert.Equal(t, pe.Mistake, tc.want)
		})
	}
}

func TestDaemonStrays(t *testing.T) {
	d := mustParse(t, `{
"http-proxy": "a",
"HTTPS_PROXY": "b",
"proxy": {"no-proxy": "c", "http-proxy": 1},
"proxies": {"http-proxy": "read", "HTTP-Proxy": "read", "default": {"httpProxy": "d", "allProxy": "x"}, "httpsProxy": "e"},
"default": {"inner": {"noProxy": "f"}},
"log-opts": {"http-proxy": "not looked into"},
"userland-proxy-path": "x"
}`, Options{})
	var got []string
	for _, s := range DaemonStrays(d) {
		got = append(got, fmt.Sprintf("%d %s %s=%s", s.Line, strings.Join(s.Path, "."), s.Key, s.Value))
	}
	assert.DeepEqual(t, got, []string{
		"2 http-proxy http-proxy=a", "3 HTTPS_PROXY https-proxy=b", "4 proxy.no-proxy no-proxy=c",
		"5 proxies.default.httpProxy http-proxy=d", "5 proxies.httpsProxy https-proxy=e", "6 default.inner.noProxy no-proxy=f",
	})
	assert.Equal(t, len(DaemonStrays(mustParse(t, "", Options{}))), 0)
}
