package jsonedit

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestSetAndDeleteDaemon(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want string // after setting https-proxy to http://p:1
	}{
		{"absent file", "", "{\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n}\n"},
		{"one line end", "\n", "{\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n}\n"},
		{"dos line end", "\r\n", "{\r\n  \"proxies\": {\r\n    \"https-proxy\": \"http://p:1\"\r\n  }\r\n}\r\n"},
		{"null", "null\n", "{\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n}\n"},
		{"empty object", "{}\n", "{\"proxies\": {\"https-proxy\": \"http://p:1\"}}\n"},
		{"empty object with a blank", "{ }", "{ \"proxies\": { \"https-proxy\": \"http://p:1\" } }"},
		{"empty object in two lines", "{\n}\n", "{\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n}\n"},
		{"empty object with a blank line", "{\n\n}", "{\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n\n}"},
		{"compact", `{"debug":true,"a":1}`, `{"debug":true,"a":1,"proxies":{"https-proxy":"http://p:1"}}`},
		{"one member, blank after the colon", `{"debug": true}`, `{"debug": true, "proxies": {"https-proxy": "http://p:1"}}`},
		{"padded braces", `{ "debug" : true }`, `{ "debug" : true, "proxies" : { "https-proxy" : "http://p:1" } }`},
		{"padded braces, two members", `{ "a": 1, "b": 2 }`, `{ "a": 1, "b": 2, "proxies": { "https-proxy": "http://p:1" } }`},
		{
			"two spaces, no final newline", "{\n  \"debug\": true\n}",
			"{\n  \"debug\": true,\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n}",
		},
		{
			"four spaces", "{\n    \"debug\": true,\n    \"hosts\": [\"fd://\"]\n}\n",
			"{\n    \"debug\": true,\n    \"hosts\": [\"fd://\"],\n    \"proxies\": {\n        \"https-proxy\": \"http://p:1\"\n    }\n}\n",
		},
		{
			"tabs and dos line ends", "{\r\n\t\"debug\": true\r\n}\r\n",
			"{\r\n\t\"debug\": true,\r\n\t\"proxies\": {\r\n\t\t\"https-proxy\": \"http://p:1\"\r\n\t}\r\n}\r\n",
		},
		{
			"no indentation", "{\n\"debug\": true\n}\n",
			"{\n\"debug\": true,\n\"proxies\": {\n\"https-proxy\": \"http://p:1\"\n}\n}\n",
		},
		{
			"blank lines are not imitated", "{\n\n  \"a\": 1,\n\n  \"b\": 2\n\n}\n",
			"{\n\n  \"a\": 1,\n\n  \"b\": 2,\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n\n}\n",
		},
		{
			"comma first", "{ \"a\": 1\n, \"b\": 2\n}\n",
			"{ \"a\": 1\n, \"b\": 2\n, \"proxies\": { \"https-proxy\": \"http://p:1\" }\n}\n",
		},
		{
			"aligned colons", "{\n  \"a\"    :   1\n}\n",
			"{\n  \"a\"    :   1,\n  \"proxies\" : {\n    \"https-proxy\" : \"http://p:1\"\n  }\n}\n",
		},
		{
			"duplicates and unknown keys stay", "{\n  \"x\": 1.0e1,\n  \"x\": \"\\u0026\\/\"\n}",
			"{\n  \"x\": 1.0e1,\n  \"x\": \"\\u0026\\/\",\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n}",
		},
		{
			"white space round the value, form feed included", "\f \n{\"a\":1} \u00a0\n",
			"\f \n{\"a\":1,\"proxies\":{\"https-proxy\":\"http://p:1\"}} \u00a0\n",
		},
		{
			"byte order mark", "\ufeff{\n  \"a\": 1\n}\n",
			"\ufeff{\n  \"a\": 1,\n  \"proxies\": {\n    \"https-proxy\": \"http://p:1\"\n  }\n}\n",
		},
		{
			"flat keys are left alone", "{\"https-proxy\": \"flat\"}",
			"{\"https-proxy\": \"flat\", \"proxies\": {\"https-proxy\": \"http://p:1\"}}",
		},
		{
			"names are decoded", "{\"prox\\u0069e\": 1}",
			"{\"prox\\u0069e\": 1, \"proxies\": {\"https-proxy\": \"http://p:1\"}}",
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, tc.in, Options{AllowBOM: true})
			assert.NilError(t, d.Set("http://p:1", "proxies", "https-proxy"))
			assert.Equal(t, string(d.Bytes()), tc.want)
			assert.NilError(t, d.Set("http://p:1", "proxies", "https-proxy"))
			assert.Equal(t, string(d.Bytes()), tc.want, "a second time")
			assert.NilError(t, d.Set("10.0.0.0/8", "proxies", "no-proxy"))
			assert.NilError(t, d.Set("http://q:2", "proxies", "https-proxy"))
			assert.NilError(t, d.Delete("proxies", "https-proxy"))
			assert.NilError(t, d.Delete("proxies", "no-proxy"))
			if mustParse(t, tc.in, Options{AllowBOM: true}).root == nil {
				assert.Assert(t, d.Empty(), "%q", d.Bytes())
			} else {
				assert.Equal(t, string(d.Bytes()), tc.in)
			}
		})
	}
}

func mustParse(t *testing.T, data string, opt Options) *Document {
	t.Helper()
	d, err := Parse("f.json", []byte(data), opt)
	assert.NilError(t, err)
	assert.Equal(t, string(d.Bytes()), data)
	return d
}
