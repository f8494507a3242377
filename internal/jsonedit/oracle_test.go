package jsonedit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/tailscale/hujson"
	"gotest.tools/v3/assert"
)

// The oracles: for config.json the docker CLI's own reader; for daemon.json
// encoding/json with the shape of dockerd's configuration (moby
// daemon/config/config.go cannot be imported without half of buildkit), and a
// second, deliberately naive account of dockerd's check of names.

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	assert.TestingT
	Helper()
}

type daemonShape struct {
	Proxies struct {
		HTTPProxy  string `json:"http-proxy,omitempty"`
		HTTPSProxy string `json:"https-proxy,omitempty"`
		NoProxy    string `json:"no-proxy,omitempty"`
	} `json:"proxies"`
}

// daemonOracle returns the values by key, and whether dockerd refuses the file
// because of something about proxies: a type, or a name that no flag has.
func daemonOracle(t tb, text []byte) (values map[string]string, refused bool) {
	t.Helper()
	var shape daemonShape
	refused = json.Unmarshal(text, &shape) != nil
	values = map[string]string{
		"http-proxy":  shape.Proxies.HTTPProxy,
		"https-proxy": shape.Proxies.HTTPSProxy,
		"no-proxy":    shape.Proxies.NoProxy,
	}
	var top map[string]any
	assert.NilError(t, json.Unmarshal(text, &top))
	for name, value := range top {
		names := []string{name}
		if inner, ok := value.(map[string]any); ok && !isFlatOption(name) {
			names = nil
			for n := range inner {
				if isProxies(name) || looksLikeProxy(n) || isProxies(n) {
					names = append(names, n)
				}
			}
		} else if !isProxies(name) && !looksLikeProxy(name) {
			continue // an unknown name, but not about proxies
		}
		refused = refused || slices.ContainsFunc(names, func(n string) bool { return !isKnownOption(n) })
	}
	return values, refused
}

// checkDaemonOracle compares what DaemonProxies says with the oracle.
func checkDaemonOracle(t tb, text []byte, d *Document) {
	t.Helper()
	values, refused := daemonOracle(t, text)
	proxies, problems := DaemonProxies(d)
	got := map[string]string{"http-proxy": "", "https-proxy": "", "no-proxy": ""}
	seen := map[string]int{}
	for _, p := range proxies {
		if p.Effective {
			got[p.Key] = p.Value
			seen[p.Key]++
		}
	}
	for key, n := range seen {
		assert.Assert(t, n <= 1, "%s is effective %d times", key, n)
	}
	gotRefused := slices.ContainsFunc(problems, func(p Problem) bool { return p.Effect == EffectRefused })
	assert.Equal(t, gotRefused, refused, "refused; %q %+v", text, problems)
	if !refused {
		assert.DeepEqual(t, got, values)
	}
}

// clientOracle decodes like LoadFromReader, without its check of credentials.
func clientOracle(text []byte) (map[string]configfile.ProxyConfig, error) {
	var file configfile.ConfigFile
	err := json.NewDecoder(bytes.NewReader(text)).Decode(&file)
	return file.Proxies, err
}

func clientValues(p configfile.ProxyConfig) map[string]string {
	return map[string]string{"httpProxy": p.HTTPProxy, "httpsProxy": p.HTTPSProxy, "noProxy": p.NoProxy, "ftpProxy": p.FTPProxy, "allProxy": p.AllProxy}
}

// checkClientOracle compares what ClientProxies says about every host with the
// docker CLI.
func checkClientOracle(t tb, text []byte, d *Document) {
	t.Helper()
	records, err := clientOracle(text)
	hosts := ClientHosts(d)
	assert.Equal(t, len(hosts), len(records), "%q: %q", text, hosts)
	warned := false
	for _, host := range append(hosts, "default") {
		want, exists := records[host]
		record, problems := ClientProxies(d, host)
		assert.Equal(t, record.Exists, exists)
		got := clientValues(configfile.ProxyConfig{})
		for _, p := range record.Proxies {
			if p.Effective {
				got[p.Key] = p.Value
			}
		}
		assert.DeepEqual(t, got, clientValues(want))
		warned = slices.ContainsFunc(problems, func(p Problem) bool { return p.Effect == EffectWarned })
	}
	if warned {
		assert.Assert(t, err != nil, "%q: a warning the CLI does not give", text)
	}
}

// readerAccepts says whether the real decoder takes the file at all.
func readerAccepts(text []byte, dialect Dialect) bool {
	if dialect == ConfigJSON {
		var top map[string]any
		err := json.NewDecoder(bytes.NewReader(text)).Decode(&top)
		return err == nil || len(bytes.Trim(text, " \t\r\n")) == 0
	}
	trimmed := bytes.TrimSpace(text)
	var top map[string]any
	return len(trimmed) == 0 || json.Unmarshal(trimmed, &top) == nil
}

// withoutProxies decodes a file and drops everything named proxies.
func withoutProxies(t tb, text []byte) map[string]any {
	t.Helper()
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil
	}
	var top map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	assert.NilError(t, dec.Decode(&top))
	for name := range top {
		if isProxies(name) {
			delete(top, name)
		}
	}
	if len(top) == 0 {
		return nil
	}
	return top
}

// checkSplices verifies that replacing the planned ranges is all an edit does,
// and that a Set replaces nothing but one literal or white space.
func checkSplices(t tb, before *Document, splices []splice, after []byte, isSet bool) {
	t.Helper()
	var want bytes.Buffer
	at := 0
	for _, s := range splices {
		assert.Assert(t, at <= s.start && s.start <= s.end && s.end <= len(before.body), "%+v", s)
		want.Write(before.body[at:s.start])
		want.WriteString(s.text)
		at = s.end
		old := string(before.body[s.start:s.end])
		if isSet {
			isSpace := len(bytes.Trim([]byte(old), " \t\r\n")) == 0
			assert.Assert(t, isSpace || old == "null" || old[0] == '"' && json.Valid([]byte(old)), "replaces %q", old)
		} else {
			assert.Equal(t, s.text, "")
		}
	}
	want.Write(before.body[at:])
	text := string(before.prefix) + want.String() + string(before.suffix)
	assert.Equal(t, string(after), string(before.chars.encode([]byte(text))))
}

// checkEdit sets and deletes one key and verifies every promise of the
// package on the way.
func checkEdit(t tb, data []byte, opt Options, value string, path []string) {
	t.Helper()
	d, err := Parse("f.json", data, opt)
	if err != nil {
		assert.ErrorType(t, err, &ParseError{})
		return
	}
	text := d.text()
	hadProxies := len(d.match(path[:1])) > 0
	wasObject := d.root != nil
	if d.Editable() != nil {
		assert.Error(t, d.Set(value, path...), d.Editable().Error())
		assert.Assert(t, bytes.Equal(d.text(), text))
		return
	}

	plan, planErr := d.planSet(path, KindString, string(hujson.String(value)))
	before := *d
	err = d.Set(value, path...)
	if err != nil {
		assert.ErrorType(t, err, &ParseError{})
		assert.Assert(t, bytes.Equal(d.Bytes(), data), "changed in spite of %v", err)
		return
	}
	assert.NilError(t, planErr)
	var splices []splice
	if plan != nil {
		splices = append(splices, *plan)
	}
	checkSplices(t, &before, splices, d.Bytes(), true)
	assert.Equal(t, effectiveValue(t, d, path), value)
	checkOthers(t, d, text, path)
	assert.Assert(t, reflect.DeepEqual(withoutProxies(t, d.text()), withoutProxies(t, text)))
	set := d.Bytes()
	assert.NilError(t, d.Set(value, path...))
	assert.Assert(t, bytes.Equal(d.Bytes(), set), "a second Set changed the file")

	before = *d
	removals := d.planDelete(path)
	assert.NilError(t, d.Delete(path...))
	checkSplices(t, &before, removals, d.Bytes(), false)
	assert.Equal(t, effectiveValue(t, d, path), "")
	checkOthers(t, d, text, path)
	assert.Equal(t, len(d.Lookup(path...)), 0)
	assert.Assert(t, reflect.DeepEqual(withoutProxies(t, d.text()), withoutProxies(t, text)))
	switch {
	case !hadProxies && wasObject:
		assert.Equal(t, string(d.Bytes()), string(data))
	case !wasObject:
		assert.Assert(t, d.Empty())
	}
}

// effectiveValue asks the oracle of the document's dialect.
func effectiveValue(t tb, d *Document, path []string) string {
	t.Helper()
	text := bytes.TrimSpace(d.text())
	if len(text) == 0 {
		return ""
	}
	assert.Assert(t, readerAccepts(text, d.opt.Dialect), "%q", text)
	if d.opt.Dialect == ConfigJSON {
		records, _ := clientOracle(text)
		return clientValues(records[path[1]])[path[2]]
	}
	var shape daemonShape
	// A type error elsewhere is no matter: the rest is decoded all the same.
	_ = json.Unmarshal(text, &shape)
	return map[string]string{
		"http-proxy":  shape.Proxies.HTTPProxy,
		"https-proxy": shape.Proxies.HTTPSProxy,
		"no-proxy":    shape.Proxies.NoProxy,
	}[path[1]]
}

// checkOthers verifies with the oracle that an edit changed no proxy setting
// but its own, and made no file refused that was not.
func checkOthers(t tb, d *Document, before []byte, path []string) {
	t.Helper()
	old := &Document{opt: d.opt, body: before}
	if d.opt.Dialect == ConfigJSON {
		records, _ := clientOracle(before)
		records2, _ := clientOracle(d.text())
		for _, host := range append(slices.Collect(maps.Keys(records)), slices.Collect(maps.Keys(records2))...) {
			for _, key := range ClientKeys() {
				if host != path[1] || key != path[2] {
					other := []string{"proxies", host, key}
					assert.Equal(t, effectiveValue(t, d, other), effectiveValue(t, old, other), "%s of %q", key, host)
				}
			}
		}
		return
	}
	for _, key := range DaemonKeys() {
		if key != path[1] {
			other := []string{"proxies", key}
			assert.Equal(t, effectiveValue(t, d, other), effectiveValue(t, old, other), key)
		}
	}
	if trimmed := bytes.TrimSpace(before); len(trimmed) > 0 {
		_, wasRefused := daemonOracle(t, trimmed)
		_, isRefused := daemonOracle(t, bytes.TrimSpace(d.text()))
		assert.Assert(t, wasRefused || !isRefused, "%q became %q", before, d.text())
	}
}

// checkRead compares acceptance and content with the oracles.
func checkRead(t tb, data []byte, opt Options) {
	t.Helper()
	d, err := Parse("f.json", data, opt)
	chars := detectCharset(data)
	accepts := len(data) <= MaxSize && (chars == plainUTF8 || opt.Dialect == DaemonJSON && opt.AllowBOM)
	text := chars.decode(data)
	if opt.Dialect == DaemonJSON && opt.AllowBOM {
		accepts = accepts && utf8.Valid(text)
	}
	accepts = accepts && readerAccepts(text, opt.Dialect)
	assert.Equal(t, err == nil, accepts, "%q: %v", data, err)
	if err != nil {
		assert.Assert(t, len(err.Error()) < 200, "%v", err)
		return
	}
	if d.Editable() == nil {
		assert.Assert(t, bytes.Equal(d.Bytes(), data))
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || string(trimmed) == "null" {
		return
	}
	if opt.Dialect == ConfigJSON {
		checkClientOracle(t, text, d)
	} else {
		checkDaemonOracle(t, bytes.TrimSpace(text), d)
	}
	checkLines(t, d)
}

// checkLines verifies that the reported lines are where the names stand.
func checkLines(t tb, d *Document) {
	t.Helper()
	lines := bytes.Split(d.text(), []byte("\n"))
	for _, m := range d.Lookup("proxies") {
		assert.Assert(t, bytes.Contains(lines[m.Line-1], []byte(`"`)), fmt.Sprint(m))
	}
}
