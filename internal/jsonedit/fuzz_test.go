package jsonedit

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"
)

// seeds are documents with every construct the package treats specially.
func seeds() []string {
	return []string{
		"", "\n", "null", "{}", "{ }", "{\n}\n", "[]", "\ufeff{}", "\xff\xfe{\x00}\x00", "\xfe\xff\x00{\x00}",
		`{"debug":true,"a":1}`, "{\r\n\t\"debug\": true\r\n}", "{ \"a\": 1\n, \"b\": 2\n}",
		`{"proxies":{"http-proxy":"a","http-proxy":"b","no-proxy":null}}`,
		`{"proxies":{"HTTP-Proxy":"a"},"PROXIES":{"http-proxy":"b"},"proxies":{}}`,
		`{"proxies":null,"proxies":{"https-proxy":""}}`, `{"proxies":"x"}`, `{"http-proxy":"flat"}`,
		`{"proxies":{"default":{"httpProxy":"a","noProxy":1}}}`, `{"proxies":{"default":null,"default":{"HTTPPROXY":"a"}}}`,
		`{"proxies":{"default":{"httpProxy":"a"}},"proxies":null,"Proxies":{"h":{},"default":{"allProxy":"b"}}} x`,
		`{"prox\u0069es":{"http-prox\u0079":"\ud800"}}`, "{\"a\":\"\xe9\"}", "{\"a\":1,}", "{//\n}", `{"a":{"b":[{},[1.5e3]]}}`,
		strings.Repeat("[", 10001), `{"a":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + "}",
	}
}

func FuzzDaemonEdit(f *testing.F) {
	for i, s := range seeds() {
		f.Add([]byte(s), "http://user:p%40ss@proxy:3128", i)
	}
	f.Fuzz(func(t *testing.T, data []byte, value string, choice int) {
		opt := Options{AllowBOM: choice&1 == 0}
		checkRead(t, data, opt)
		if utf8.ValidString(value) {
			keys := DaemonKeys()
			checkEdit(t, data, opt, value, []string{"proxies", keys[uint(choice)%uint(len(keys))]})
		}
	})
}

func FuzzClientEdit(f *testing.F) {
	for i, s := range seeds() {
		f.Add([]byte(s), "http://user:p%40ss@proxy:3128", "default", i)
	}
	f.Fuzz(func(t *testing.T, data []byte, value, host string, choice int) {
		opt := Options{Dialect: ConfigJSON}
		checkRead(t, data, opt)
		if utf8.ValidString(value) && utf8.ValidString(host) {
			keys := ClientKeys()
			checkEdit(t, data, opt, value, []string{"proxies", host, keys[uint(choice)%uint(len(keys))]})
		}
	})
}

// document draws a JSON object in random formatting whose names are mostly
// those the readers care about.
func document(rt *rapid.T, dialect Dialect) string {
	space := rapid.SampledFrom([]string{"", "", " ", "\n", "\n  ", "\r\n\t", "\n\n", "  \t"})
	ws := func() string { return space.Draw(rt, "ws") }
	top := rapid.SampledFrom([]string{"proxies", "proxies", "PROXIES", "proxieſ", `prox\u0069es`, "proxy", "http-proxy", "httpProxy", "debug", "log-opts", "zz", "x"})
	names := []string{"http-proxy", "https-proxy", "no-proxy", "HTTP-Proxy", `http-prox\u0079`, "default", "debug", "all-proxy"}
	if dialect == ConfigJSON {
		names = []string{"default", "default", "h", "Default", "httpProxy", `d\u0065fault`}
	}
	inner := rapid.SampledFrom(names)
	record := rapid.SampledFrom([]string{"httpProxy", "HTTPPROXY", "httpsProxy", "noProxy", "ftpProxy", "allProxy", "http-proxy", `httpProx\u0079`})
	scalar := rapid.SampledFrom([]string{`"a"`, `"b"`, `""`, `"\u0026\/"`, "null", "true", "3128", "[]", "[ {\"proxies\":1} ]"})

	var object func(depth int) string
	object = func(depth int) string {
		var b strings.Builder
		b.WriteString("{" + ws())
		for i := range rapid.IntRange(0, 4).Draw(rt, "members") {
			if i > 0 {
				b.WriteString(ws() + "," + ws())
			}
			name := []*rapid.Generator[string]{top, inner, record}[depth].Draw(rt, "name")
			value := scalar.Draw(rt, "scalar")
			if depth < 2 && rapid.IntRange(0, 3).Draw(rt, "nest") > 0 {
				value = object(depth + 1)
			}
			b.WriteString(`"` + name + `"` + ws() + ":" + ws() + value)
		}
		return b.String() + ws() + "}"
	}
	return ws() + object(0) + ws()
}

func TestRandomDocuments(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		opt := Options{Dialect: rapid.SampledFrom([]Dialect{DaemonJSON, ConfigJSON}).Draw(rt, "dialect"), AllowBOM: rapid.Bool().Draw(rt, "new")}
		data := []byte(document(rt, opt.Dialect))
		value := rapid.String().Draw(rt, "value")
		if !utf8.ValidString(value) {
			value = strings.ToValidUTF8(value, "?")
		}
		path := []string{"proxies", rapid.SampledFrom(DaemonKeys()).Draw(rt, "key")}
		if opt.Dialect == ConfigJSON {
			path = []string{"proxies", rapid.SampledFrom([]string{"default", "h"}).Draw(rt, "host"), rapid.SampledFrom(ClientKeys()).Draw(rt, "key")}
		}
		checkRead(rt, data, opt)
		checkEdit(rt, data, opt, value, path)
	})
}

// Any number of settings in any order, changed and taken out again, leaves the
// bytes as they were.
func TestRandomRoundTrips(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := strings.NewReplacer("proxies", "pr", "PROXIES", "PR", "proxieſ", "p", `prox\u0069es`, "q").Replace(document(rt, DaemonJSON))
		d, err := Parse("f.json", []byte(data), Options{})
		assert.NilError(rt, err)
		key := rapid.SampledFrom(DaemonKeys())
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			k := key.Draw(rt, "key")
			if rapid.Bool().Draw(rt, "delete") {
				assert.NilError(rt, d.Delete("proxies", k))
			} else {
				assert.NilError(rt, d.Set(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "value"), "proxies", k))
			}
			checkRead(rt, d.Bytes(), Options{})
		}
		for _, k := range rapid.Permutation(DaemonKeys()).Draw(rt, "order") {
			assert.NilError(rt, d.Delete("proxies", k))
		}
		assert.Equal(rt, string(d.Bytes()), data)
	})
}
