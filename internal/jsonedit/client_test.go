package jsonedit

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestClientProxies(t *testing.T) {
	tests := []struct {
		name string
		in   string
		line int // of the record of "default"
		want string
	}{
		{
			"all five", "{\"proxies\":{\n\"default\":{\"httpProxy\":\"a\",\n\"httpsProxy\":\"b\",\n\"noProxy\":\"c\",\n\"ftpProxy\":\"d\",\n\"allProxy\":\"e\"}}}", 2,
			"2 proxies.default.httpProxy httpProxy=a effective\n3 proxies.default.httpsProxy httpsProxy=b effective\n4 proxies.default.noProxy noProxy=c effective\n" +
				"5 proxies.default.ftpProxy ftpProxy=d effective\n6 proxies.default.allProxy allProxy=e effective\n",
		},
		{"capitals do not matter inside", "{\"PROXIES\":{\"default\":{\"HTTPproxy\":\"a\"}}}", 1, "1 PROXIES.default.HTTPproxy httpProxy=a effective\n"},
		{"host in capitals", "{\"proxies\":{\"Default\":{\"httpProxy\":\"a\"}}}", 0, ""},
		{
			"a later record replaces the whole", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\"},\n\"default\":{\"noProxy\":\"b\"}}}", 2,
			"1 proxies.default.httpProxy httpProxy=a shadowed\n2 proxies.default.noProxy noProxy=b effective\n",
		},
		{
			"objects are merged by record", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\"}},\n\"proxies\":{\"h\":{\"noProxy\":\"b\"}}}", 1,
			"1 proxies.default.httpProxy httpProxy=a effective\n",
		},
		{"null drops what was before", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\"}},\n\"proxies\":null}", 0, "1 proxies.default.httpProxy httpProxy=a shadowed\n"},
		{"a null record exists", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\"},\n\"default\":null}}", 2, "1 proxies.default.httpProxy httpProxy=a shadowed\n"},
		{
			"a wrong record exists", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\"},\n\"default\":\"x\"}}", 2,
			"1 proxies.default.httpProxy httpProxy=a shadowed\n2 proxies.default wrong-type warned: the record of a host must be an object, not a string\n",
		},
		{
			"a wrong value leaves the earlier one", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\",\n\"httpProxy\":1,\"noProxy\":null}}}", 1,
			"1 proxies.default.httpProxy httpProxy=a effective\n2 proxies.default.httpProxy wrong-type warned: httpProxy must be a string, not a number\n",
		},
		{
			"flat proxies", "{\"proxies\":{\n\"httpProxy\":\"a\"}}", 0,
			"2 proxies.httpProxy misplaced warned: httpProxy is taken for a host here: it belongs into a record, \"proxies\": {\"default\": {…}}\n",
		},
		{"proxies a string", "{\"proxies\":\"a\"}", 0, "1 proxies wrong-type warned: proxies must be an object with a record per host, not a string\n"},
		{"flat", "{\"httpProxy\":\"a\"}", 0, "1 httpProxy misplaced ignored: httpProxy has no effect here, the docker CLI reads it only inside proxies.default or another host's record\n"},
		{
			"dockerd's name", "{\"proxies\":{\"default\":{\"http-proxy\":\"a\"}}}", 1,
			"1 proxies.default.http-proxy misplaced ignored: http-proxy has no effect: the docker CLI spells its settings httpProxy, httpsProxy, noProxy, ftpProxy, allProxy\n",
		},
		{"trailing text", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\"}}} }", 1, "1 proxies.default.httpProxy httpProxy=a effective\n"},
		{"not UTF-8", "{\"proxies\":{\"default\":{\"httpProxy\":\"a\xe9\"}}}", 1, "1 proxies.default.httpProxy httpProxy=a\ufffd effective\n"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, tc.in, Options{Dialect: ConfigJSON})
			record, problems := ClientProxies(d, "default")
			assert.Equal(t, describe(record.Proxies, problems), tc.want)
			assert.Equal(t, record.Line, tc.line)
			assert.Equal(t, record.Exists, tc.line > 0)
			checkClientOracle(t, []byte(tc.in), d)
		})
	}
}

func TestClientHosts(t *testing.T) {
	d := mustParse(t, `{"proxies":{"x":{}},"proxies":null,"proxies":{"tcp://b:1":{},"default":null},"Proxies":{"a":{},"a":{}}}`, Options{Dialect: ConfigJSON})
	assert.DeepEqual(t, ClientHosts(d), []string{"a", "default", "tcp://b:1"})
}
