package jsonedit

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"

	"gotest.tools/v3/assert"
)

func TestParseErrors(t *testing.T) {
	daemon := Options{Dialect: DaemonJSON, AllowBOM: true}
	client := Options{Dialect: ConfigJSON}
	tests := []struct {
		name string
		opt  Options
		in   string
		want string
	}{
		{"line comment", daemon, "{\n  // no\n  \"a\": 1\n}", "f.json:2: comments are not allowed in this file"},
		{"block comment after a value", daemon, "{\n  \"a\": 1 /* no */\n}", "f.json:2: comments are not allowed in this file"},
		{"comment after everything", daemon, "{}\n// no\n", "f.json:2: comments are not allowed in this file"},
		{"hash comment", daemon, "# no\n{}", "f.json:1: comments are not allowed in this file"},
		{"trailing comma in an object", daemon, "{\n  \"a\": 1,\n}", "f.json:2: trailing comma before '}'"},
		{"trailing comma in an array", daemon, "{\n  \"a\": [1,\n 2, ]\n}", "f.json:3: trailing comma before ']'"},
		{"trailing text", daemon, "{}\n{}", "f.json:2: text after the end of the JSON value"},
		{"truncated", daemon, "{\n\"a\": {\n", "f.json:2: invalid JSON: the file ends in the middle of a value"},
		{"truncated string", daemon, "{\n\"a", "f.json:2: invalid JSON: the file ends in the middle of a value"},
		{"line end in a string", daemon, "{\n\"a\n\": 1}", "f.json:2: invalid JSON: a line ends inside a string or word"},
		{"missing comma", daemon, "{\n\"a\": 1\n\"b\": 2}", "f.json:3: invalid JSON: invalid character '\"' after object key:value pair"},
		{"single quotes", daemon, "{'a': 1}", "f.json:1: invalid JSON: invalid character '\\'' looking for beginning of object key string"},
		{"slash that is no comment", daemon, "{/}", "f.json:1: invalid JSON: invalid character '/' looking for beginning of object key string"},
		{"array", daemon, "\n[]", "f.json:2: must hold a JSON object, not an array"},
		{"string", daemon, `"x"`, "f.json:1: must hold a JSON object, not a string"},
		{"number", client, `12`, "f.json:1: must hold a JSON object, not a number"},
		{"not UTF-8", daemon, "{\n\n\"a\": \"caf\xe9\"}", "f.json:3: byte 0xe9 is not valid UTF-8"},
		{"UTF-16 without a mark", daemon, "{\x00}\x00", "f.json:1: not UTF-8 text (a zero byte; perhaps UTF-16 without a byte order mark)"},
		{"big-endian UTF-16 without a mark", daemon, "\x00{\x00}", "f.json:1: not UTF-8 text (a zero byte; perhaps UTF-16 without a byte order mark)"},
		{"mark, old dockerd", Options{}, "\ufeff{}", "f.json:1: starts with a byte order mark, which dockerd before 24.0 does not accept; save it as UTF-8 without one"},
		{"UTF-16 mark, old dockerd", Options{}, "\xff\xfe{\x00}\x00", "f.json:1: starts with a byte order mark, which dockerd before 24.0 does not accept; save it as UTF-8 without one"},
		{"mark, client", client, "\ufeff{}", "f.json:1: starts with a byte order mark, which the docker CLI does not accept; save it as UTF-8 without one"},
		{"two marks", daemon, "\ufeff\ufeff{}", "f.json:1: invalid JSON: invalid character 'ï' looking for beginning of value"},
		{"odd UTF-16", daemon, "\xff\xfe{\x00}\x00x", "f.json:1: text after the end of the JSON value"},
		{"client, line comment", client, "{\n  // no\n  \"a\": 1\n}", "f.json:2: comments are not allowed in this file"},
		{"client, trailing comma", client, " \n{\n  \"a\": 1,\n}", "f.json:3: trailing comma before '}'"},
		{"client, truncated", client, "{\n\"a\": 1\n\n", "f.json:2: invalid JSON: the file ends in the middle of a value"},
		{"client, form feed is no white space", client, "\n\f{}", "f.json:2: invalid JSON: invalid character '\\f' looking for beginning of value"},
		{"a million brackets", daemon, strings.Repeat("[", 1_000_000), "f.json:1: nested deeper than 10000 levels"},
		{"client, a million brackets", client, "{\n\"a\":" + strings.Repeat("[", 1_000_000), "f.json:2: nested deeper than 10000 levels"},
		{"too deep by one", daemon, "{\n\"a\":" + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}", "f.json:2: nested deeper than 10000 levels"},
		{"too large", daemon, strings.Repeat(" ", MaxSize+1), "f.json: has 1048577 bytes, more than the 1048576 this program reads"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("f.json", []byte(tc.in), tc.opt)
			assert.Error(t, err, tc.want)
			assert.ErrorType(t, err, &ParseError{})
		})
	}
}

func TestParseAcceptsTheDeepestAndTheLargest(t *testing.T) {
	deep := `{"a":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`
	d := mustParse(t, deep, Options{})
	assert.NilError(t, d.Set("x", "proxies", "http-proxy"))
	assert.NilError(t, d.Delete("proxies", "http-proxy"))
	assert.Equal(t, string(d.Bytes()), deep)

	nested := strings.Repeat(`{"a":`, 9999) + "{}" + strings.Repeat("}", 9999)
	d = mustParse(t, nested, Options{Dialect: ConfigJSON})
	assert.NilError(t, d.Delete("a"))
	assert.Equal(t, string(d.Bytes()), "{}")

	mustParse(t, "{}"+strings.Repeat(" ", MaxSize-2), Options{})
}

// A file of the greatest size with a problem in every member must not take
// quadratic time; the test would run for minutes.
func TestManyMembers(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`{"proxies":{"http-proxy":"a"`)
	for b.Len() < MaxSize-100 {
		b.WriteString(",\n\"http-proxy\":1")
	}
	b.WriteString(`}}`)
	d := mustParse(t, b.String(), Options{})
	proxies, problems := DaemonProxies(d)
	assert.Equal(t, len(proxies), 1)
	assert.Equal(t, len(problems), bytes.Count(b.Bytes(), []byte("\n")))
	assert.Equal(t, problems[len(problems)-1].Line, 1+len(problems))
	assert.NilError(t, d.Delete("proxies", "http-proxy"))
	assert.Equal(t, string(d.Bytes()), "{}")

	b.Reset()
	b.WriteString(`{"proxies":{"default":{}`)
	for i := 0; b.Len() < MaxSize-100; i++ {
		b.WriteString(",\n\"" + strings.Repeat("h", i%7) + "\":{}")
	}
	b.WriteString(`}}`)
	d = mustParse(t, b.String(), Options{Dialect: ConfigJSON})
	assert.Equal(t, len(ClientHosts(d)), 8)
	assert.NilError(t, d.Set("x", "proxies", "h", "httpProxy"))
}

func TestUTF16(t *testing.T) {
	text := "{\r\n  \"a\": \"é😀\"\r\n}\r\n"
	units := utf16.Encode([]rune(text))
	for _, c := range []charset{utf16LE, utf16BE} {
		in := c.bom()
		for _, u := range units {
			in = c.byteOrder().AppendUint16(in, u)
		}
		d, err := Parse("f.json", in, Options{AllowBOM: true})
		assert.NilError(t, err)
		assert.DeepEqual(t, d.Bytes(), in)
		v, line, err := d.String("a")
		assert.NilError(t, err)
		assert.Equal(t, v, "é😀")
		assert.Equal(t, line, 2)
		assert.NilError(t, d.Set("http://p:1", "proxies", "http-proxy"))
		assert.Equal(t, string(c.decode(d.Bytes())), "{\r\n  \"a\": \"é😀\",\r\n  \"proxies\": {\r\n    \"http-proxy\": \"http://p:1\"\r\n  }\r\n}\r\n")
		assert.NilError(t, d.Delete("proxies", "http-proxy"))
		assert.DeepEqual(t, d.Bytes(), in)
	}

	// Half a surrogate pair cannot be written back.
	d, err := Parse("f.json", []byte("\xff\xfe{\x00\"\x00\x00\xd8\"\x00:\x001\x00}\x00"), Options{AllowBOM: true})
	assert.NilError(t, err)
	assert.Error(t, d.Set("x", "a"), "f.json:1: is not valid UTF-16")
}

func TestEmptyDocuments(t *testing.T) {
	tests := []struct {
		name string
		opt  Options
		in   string
		want bool
	}{
		{"nothing", Options{}, "", true},
		{"white space", Options{}, " \n\t\r\n", true},
		{"unicode white space", Options{}, "\u00a0\f\n", true},
		{"only a mark", Options{AllowBOM: true}, "\ufeff", true},
		{"null", Options{}, "null", true},
		{"braces", Options{}, "{ }", true},
		{"a member", Options{}, `{"a":1}`, false},
		{"client, nothing", Options{Dialect: ConfigJSON}, "", true},
		{"client, white space", Options{Dialect: ConfigJSON}, "\n", true},
		{"client, null", Options{Dialect: ConfigJSON}, "null\n", true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, tc.in, tc.opt)
			assert.Equal(t, d.Empty(), tc.want)
			assert.NilError(t, d.Editable())
			proxies, problems := DaemonProxies(d)
			assert.Equal(t, len(proxies)+len(problems), 0)
			record, problems := ClientProxies(d, "default")
			assert.Equal(t, record.Exists, false)
			assert.Equal(t, len(problems)+len(ClientHosts(d)), 0)
			assert.Equal(t, len(d.Lookup("proxies")), 0)
		})
	}
}

func TestNewClientFile(t *testing.T) {
	d := mustParse(t, "", Options{Dialect: ConfigJSON})
	assert.NilError(t, d.Set("http://p:1", "proxies", "default", "httpProxy"))
	assert.NilError(t, d.Set("a", "proxies", "default", "noProxy"))
	assert.Equal(t, string(d.Bytes()), "{\n\t\"proxies\": {\n\t\t\"default\": {\n\t\t\t\"httpProxy\": \"http://p:1\",\n\t\t\t\"noProxy\": \"a\"\n\t\t}\n\t}\n}\n")
}

func TestTopLevelValues(t *testing.T) {
	d := mustParse(t, `{
  "data-root": "/a",
  "Data-Root": "/b",
  "data-root": null,
  "live-restore": true,
  "hosts": ["fd://", "tcp://x"],
  "hosts": ["unix://"],
  "dns": ["1.1.1.1"],
  "dns": null,
  "mtu": "secret",
  "debug": "secret",
  "x": {"data-root": "/c"}
}`, Options{})
	s, line, err := d.String("data-root")
	assert.NilError(t, err)
	assert.Equal(t, s, "/b")
	assert.Equal(t, line, 3)
	b, line, err := d.Bool("live-restore")
	assert.NilError(t, err)
	assert.Equal(t, b, true)
	assert.Equal(t, line, 5)
	list, line, err := d.Strings("hosts")
	assert.NilError(t, err)
	assert.DeepEqual(t, list, []string{"unix://"})
	assert.Equal(t, line, 7)
	list, line, err = d.Strings("dns")
	assert.NilError(t, err)
	assert.Assert(t, list == nil)
	assert.Equal(t, line, 0)
	_, line, err = d.String("group")
	assert.NilError(t, err)
	assert.Equal(t, line, 0)
	_, _, err = d.Bool("debug")
	assert.Error(t, err, "f.json:11: debug must be true or false")
	_, _, err = d.Strings("mtu")
	assert.Error(t, err, "f.json:10: mtu must be an array of strings")

	members := d.Lookup("data-root")
	assert.Equal(t, len(members), 3)
	assert.DeepEqual(t, members[1], Member{Path: []string{"Data-Root"}, Value: "/b", Kind: KindString, Line: 3, Effective: true})
	assert.Equal(t, members[2].Kind, KindNull)
}
