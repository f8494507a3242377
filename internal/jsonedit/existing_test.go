package jsonedit

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestSetReplacesOnlyTheEffectiveLiteral(t *testing.T) {
	tests := []struct {
		name    string
		dialect Dialect
		path    string // dots between the names
		in      string // the literal between « and » is what may change
		want    string // what is there afterwards, set to NEW
	}{
		{"plain", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy" :  «"a"», "no-proxy": "b"}, "z": [1,  2]}`, `"NEW"`},
		{"last duplicate", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": "a", "http-proxy": «"b"»}}`, `"NEW"`},
		{"null leaves the earlier value", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": «"a"», "http-proxy": null}}`, `"NEW"`},
		{"null alone", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": «null»}}`, `"NEW"`},
		{"several nulls", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": null, "http-proxy": «null»}}`, `"NEW"`},
		{"empty string", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": «""»}}`, `"NEW"`},
		{"merged objects", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": "a"}, "PROXIES": {"http-proxy": «"b"»}, "proxies": {"no-proxy": "c"}}`, `"NEW"`},
		{"escaped name", DaemonJSON, "proxies.http-proxy", `{"proxies": {"\u0068ttp-proxy": «"a"»}}`, `"NEW"`},
		{"into an existing object", DaemonJSON, "proxies.no-proxy", "{\n\t\"proxies\": {\n\t\t\"http-proxy\": \"a\"«»\n\t}\n}", ",\n\t\t\"no-proxy\": \"NEW\""},
		{"into the last of several objects", DaemonJSON, "proxies.no-proxy", `{"proxies":{"http-proxy":"a"},"proxies":{"https-proxy":"a"«»}}`, `,"no-proxy":"NEW"`},
		{"into an empty object in one line", DaemonJSON, "proxies.no-proxy", `{"proxies":{«»},"a":1}`, `"no-proxy":"NEW"`},
		{"into an empty object on its own line", DaemonJSON, "proxies.no-proxy", "{\n    \"a\": 1,\n    \"proxies\": {«»}\n}", "\n        \"no-proxy\": \"NEW\"\n    "},
		{"into an empty object over two lines", DaemonJSON, "proxies.no-proxy", "{\n    \"a\": 1,\n    \"proxies\": {«»\n    }\n}", "\n        \"no-proxy\": \"NEW\""},
		{"a top-level string", DaemonJSON, "data-root", `{"data-root":«"/x"»}`, `"NEW"`},

		{"client", ConfigJSON, "proxies.default.httpProxy", "{\"proxies\":{\"default\":{\"httpProxy\":«\"a\"»}}}", `"NEW"`},
		{"client, other capitals", ConfigJSON, "proxies.default.httpProxy", "{\"Proxies\":{\"default\":{\"HTTPPROXY\":«\"a\"»}}}", `"NEW"`},
		{"client, hosts have one spelling", ConfigJSON, "proxies.default.httpProxy", `{"proxies": {"Default": {"httpProxy": "a"}«»}}`, `, "default": {"httpProxy": "NEW"}`},
		{"client, a later record replaces", ConfigJSON, "proxies.default.httpProxy", `{"proxies":{"default":{"httpProxy":"a"},"default":{"noProxy":"b"«»}}}`, `,"httpProxy":"NEW"`},
		{"client, a null in a shadowed record", ConfigJSON, "proxies.default.httpProxy", `{"proxies":{"default":{"httpProxy":null},"default":{"noProxy":"b"«»}}}`, `,"httpProxy":"NEW"`},
		{"client, a null in the record", ConfigJSON, "proxies.default.httpProxy", `{"proxies":{"default":{"httpProxy":«null»}}}`, `"NEW"`},
		{"client, the record is in an earlier object", ConfigJSON, "proxies.default.httpProxy", `{"proxies":{"default":{"httpProxy":«"a"»}},"proxies":{"tcp://h:1":{}}}`, `"NEW"`},
		{"client, a second host", ConfigJSON, "proxies.tcp://h:1.httpProxy", "{\n\t\"auths\": {},\n\t\"proxies\": {\n\t\t\"default\": {\n\t\t\t\"httpProxy\": \"a\"\n\t\t}«»\n\t}\n}", ",\n\t\t\"tcp://h:1\": {\n\t\t\t\"httpProxy\": \"NEW\"\n\t\t}"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			head, rest, _ := strings.Cut(tc.in, "«")
			old, tail, _ := strings.Cut(rest, "»")
			d := mustParse(t, head+old+tail, Options{Dialect: tc.dialect})
			assert.NilError(t, d.Set("NEW", strings.Split(tc.path, ".")...))
			assert.Equal(t, string(d.Bytes()), head+tc.want+tail)
		})
	}
}

func TestSetKeepsAnEqualValueAsItIsWritten(t *testing.T) {
	in := `{"proxies": {"http-proxy": "http:\/\/p\u003a1\u0026"}}`
	d := mustParse(t, in, Options{})
	assert.NilError(t, d.Set("http://p:1&", "proxies", "http-proxy"))
	assert.Equal(t, string(d.Bytes()), in)
}

func TestSetEscapesOnlyWhatItMust(t *testing.T) {
	d := mustParse(t, `{}`, Options{})
	assert.NilError(t, d.Set("<a&b>\"\\\n\x00é\u2028/", "proxies", "http-proxy"))
	assert.Equal(t, string(d.Bytes()), `{"proxies": {"http-proxy": "<a&b>\"\\\n\u0000é`+"\u2028"+`/"}}`)
}

func TestSetBool(t *testing.T) {
	d := mustParse(t, "{\n  \"live-restore\": true\n}\n", Options{})
	assert.NilError(t, d.SetBool(false, "live-restore"))
	assert.Equal(t, string(d.Bytes()), "{\n  \"live-restore\": false\n}\n")
	assert.NilError(t, d.SetBool(true, "debug"))
	assert.Equal(t, string(d.Bytes()), "{\n  \"live-restore\": false,\n  \"debug\": true\n}\n")
	assert.Error(t, d.Set("x", "debug"), "f.json:3: debug must be a string, not a boolean")
}

func TestDelete(t *testing.T) {
	tests := []struct {
		name    string
		dialect Dialect
		path    string
		in      string
		want    string
	}{
		{"first", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": "a", "no-proxy": "b"}}`, `{"proxies": {"no-proxy": "b"}}`},
		{"middle", DaemonJSON, "b", "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}", "{\n  \"a\": 1,\n  \"c\": 3\n}"},
		{"several in the middle", DaemonJSON, "b", "{\n  \"a\": 1,\n  \"b\": 2,\n  \"b\": 3,\n  \"c\": 3\n}", "{\n  \"a\": 1,\n  \"c\": 3\n}"},
		{"several at the start", DaemonJSON, "b", "{\n  \"b\": 2,\n  \"b\": 3,\n  \"c\": 3\n}", "{\n  \"c\": 3\n}"},
		{"last", DaemonJSON, "c", "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}", "{\n  \"a\": 1,\n  \"b\": 2\n}"},
		{"only", DaemonJSON, "a", "{\n  \"a\": 1\n}\n", "{\n}\n"},
		{"all duplicates", DaemonJSON, "proxies.http-proxy", `{"proxies": {"http-proxy": "a", "no-proxy": "b", "http-proxy": null, "http-proxy": 3}}`, `{"proxies": {"no-proxy": "b"}}`},
		{"all spellings that may surface", DaemonJSON, "proxies.http-proxy", `{"proxies": {"HTTP-Proxy": "a", "no-proxy": "b"}}`, `{"proxies": {"no-proxy": "b"}}`},
		{"in merged objects", DaemonJSON, "proxies.http-proxy", `{"a": 1, "proxies": {"http-proxy": "a"}, "PROXIES": {"no-proxy": "b", "http-proxy": "c"}}`, `{"a": 1, "proxies": {}, "PROXIES": {"no-proxy": "b"}}`},
		{"merged objects, all emptied", DaemonJSON, "proxies.http-proxy", `{"a": 1, "proxies": {"http-proxy": "a"}, "PROXIES": {"http-proxy": "c"}}`, `{"a": 1}`},
		{
			"an emptied duplicate hides the first from dockerd's check", DaemonJSON, "proxies.no-proxy",
			`{"proxies": {"x": "a"}, "proxies": {"no-proxy": "b"}}`, `{"proxies": {"x": "a"}, "proxies": {}}`,
		},
		{"flat keys stay", DaemonJSON, "proxies.http-proxy", `{"http-proxy": "a"}`, `{"http-proxy": "a"}`},
		{"not there", DaemonJSON, "proxies.http-proxy", `{"proxies": {}}`, `{"proxies": {}}`},
		{"through a wrong type", DaemonJSON, "proxies.http-proxy", `{"proxies": "x"}`, `{"proxies": "x"}`},
		{"a whole object", DaemonJSON, "proxies", `{"proxies": null, "a": 1, "proxies": {"http-proxy": "x"}}`, `{"a": 1}`},
		{"empty file", DaemonJSON, "proxies.http-proxy", ``, ``},

		{"client", ConfigJSON, "proxies.default.httpProxy", "{\n\t\"auths\": {},\n\t\"proxies\": {\n\t\t\"default\": {\n\t\t\t\"httpProxy\": \"a\"\n\t\t}\n\t}\n}", "{\n\t\"auths\": {}\n}"},
		{"client, other hosts stay", ConfigJSON, "proxies.default.httpProxy", `{"proxies":{"h":{"httpProxy":"a"},"default":{"httpProxy":"b"}}}`, `{"proxies":{"h":{"httpProxy":"a"}}}`},
		{
			"client, an emptied record keeps hiding an earlier one", ConfigJSON, "proxies.default.httpProxy",
			`{"proxies":{"default":{"noProxy":"a"},"default":{"httpProxy":"b"}}}`, `{"proxies":{"default":{"noProxy":"a"},"default":{}}}`,
		},
		{
			"client, also in another object", ConfigJSON, "proxies.default.httpProxy",
			`{"proxies":{"default":{"noProxy":"a"}},"proxies":{"default":{"httpProxy":"b"}}}`, `{"proxies":{"default":{"noProxy":"a"}},"proxies":{"default":{}}}`,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, tc.in, Options{Dialect: tc.dialect})
			assert.NilError(t, d.Delete(strings.Split(tc.path, ".")...))
			assert.Equal(t, string(d.Bytes()), tc.want)
		})
	}
}

func TestEditErrors(t *testing.T) {
	tests := []struct {
		name    string
		dialect Dialect
		path    string
		in      string
		want    string
	}{
		{"proxies is null", DaemonJSON, "proxies.http-proxy", "{\n\"proxies\": null}", "f.json:2: proxies must be an object, not null"},
		{"proxies is a string", DaemonJSON, "proxies.http-proxy", "{\n\n\"Proxies\": \"x\"}", "f.json:3: Proxies must be an object, not a string"},
		{"one of the objects is none", DaemonJSON, "proxies.http-proxy", "{\"proxies\": [],\n\"proxies\": {}}", "f.json:1: proxies must be an object, not an array"},
		{"a number", DaemonJSON, "proxies.http-proxy", "{\"proxies\":\n{\"http-proxy\": 3128}}", "f.json:2: http-proxy must be a string, not a number"},
		{"an array", DaemonJSON, "proxies.no-proxy", `{"proxies":{"no-proxy": ["a"]}}`, "f.json:1: no-proxy must be a string, not an array"},
		{"a record is a string", ConfigJSON, "proxies.default.httpProxy", `{"proxies":{"default": "a"}}`, "f.json:1: default must be an object, not a string"},
		{"trailing text", ConfigJSON, "proxies.default.httpProxy", "{}\n\n}\n", "f.json:3: text after the end of the JSON value: the docker CLI ignores it and loses it when it saves; remove it first"},
		{"trailing comment", ConfigJSON, "a", "{}//x", "f.json:1: text after the end of the JSON value: the docker CLI ignores it and loses it when it saves; remove it first"},
		{"not UTF-8", ConfigJSON, "a", "{\n\"b\": \"\xe9\"}", "f.json:2: byte 0xe9 is not valid UTF-8"},
		{"not UTF-8, old dockerd", DaemonJSON, "a", "{\n\"b\": \"\xe9\"}", "f.json:2: byte 0xe9 is not valid UTF-8"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, tc.in, Options{Dialect: tc.dialect})
			err := d.Set("http://user:secret@p:1", strings.Split(tc.path, ".")...)
			assert.Error(t, err, tc.want)
			assert.Equal(t, string(d.Bytes()), tc.in)
			if d.Editable() != nil {
				assert.Error(t, d.Delete(strings.Split(tc.path, ".")...), tc.want)
				assert.Error(t, d.Editable(), tc.want)
			}
		})
	}
}

func TestEditErrorsWithoutALine(t *testing.T) {
	d := mustParse(t, `{}`, Options{})
	assert.Error(t, d.Set("a\xff", "proxies", "http-proxy"), "f.json: the new value of proxies.http-proxy is not valid UTF-8")
	assert.Error(t, d.Set("a"), "f.json: no key given")
	assert.Error(t, d.Delete(), "f.json: no key given")
	err := d.Set(strings.Repeat("a", MaxSize), "proxies", "http-proxy")
	assert.ErrorContains(t, err, "f.json: after the change: has 10486")
	assert.Equal(t, string(d.Bytes()), `{}`)
}
