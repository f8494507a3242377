package unitfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/unitfile"
)

var ours = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}

func TestRemoveEnvironment(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"whole line", "Environment=HTTP_PROXY=x\nA=1\n", "A=1\n"},
		{"without final newline", "A=1\nEnvironment=HTTP_PROXY=x", "A=1\n"},
		{"one of two", `Environment=HTTP_PROXY=x A=1` + "\n", "Environment=A=1\n"},
		{"last of two", "Environment=A=1  HTTP_PROXY=x  \n", "Environment=A=1  \n"},
		{"middle", `Environment="A=1" "NO_PROXY=a b" B=2` + "\n", `Environment="A=1" B=2` + "\n"},
		{"all of several", `Environment="HTTP_PROXY=x" 'NO_PROXY=y'` + "\n", ""},
		{"spaces and tabs", "\tEnvironment = HTTP_PROXY=x\tA=1\n", "\tEnvironment = A=1\n"},
		{"dropped by systemd", "Environment=HTTPS_PROXY=http://u:F%40o@p:3128\nType=x\n", "Type=x\n"},
		{"only junk left", "Environment=HTTP_PROXY=x # corp\n", "Environment=# corp\n"},
		{"reset stays", "Environment=\nEnvironment=HTTP_PROXY=x\n", "Environment=\n"},
		{"other section", "[Unit]\nEnvironment=HTTP_PROXY=x\n", "[Unit]\nEnvironment=HTTP_PROXY=x\n"},
		{"comments", "#Environment=HTTP_PROXY=x\n; NO_PROXY=y\n", "#Environment=HTTP_PROXY=x\n; NO_PROXY=y\n"},
		{"name inside a value", "Environment=A=HTTP_PROXY=x\n", "Environment=A=HTTP_PROXY=x\n"},
		{"continued, first", "Environment=HTTP_PROXY=x \\\n  A=1\n", "Environment= \\\n  A=1\n"},
		{"continued, middle", "Environment=A=1 \\\n  NO_PROXY=x \\\n  B=2\n", "Environment=A=1 \\\n  B=2\n"},
		{"continued, last", "Environment=A=1 \\\n  NO_PROXY=x\nB=2\n", "Environment=A=1\nB=2\n"},
		{"continued, last, no newline", "Environment=A=1 \\\n  NO_PROXY=x", "Environment=A=1"},
		{"continued, all", "Environment=NO_PROXY=y \\\n# keep\n  HTTP_PROXY=x\nB=2\n", "# keep\nB=2\n"},
		{"continued, last after a comment", "Environment=A=1 \\\n# keep\n  HTTP_PROXY=x\nB=2\n", "Environment=A=1\n# keep\nB=2\n"},
		{"continued, last after a comment, no newline", "Environment=A=1 \\\n# keep\n  HTTP_PROXY=x", "Environment=A=1\n# keep\n"},
		{"continued with CRLF", "Environment=A=1 \\\r\n  NO_PROXY=x \\\r\n  B=2\r\n", "Environment=A=1 \\\r\n  B=2\r\n"},
		{"quoted over lines", "Environment=A=1 \"NO_PROXY=a, \\\n# keep\n  b\" B=2\n", "Environment=A=1 \\\n# keep\nB=2\n"},
		{"blank continuation before the last", "Environment=A=1 \\\n  \\\n  NO_PROXY=x\nB=2\n", "Environment=A=1\nB=2\n"},
		{"junk that would become a comment", "Environment=A=1 \\\n  NO_PROXY=x # corp\nType=x\n", "Environment=A=1 \\\n  \"\" # corp\nType=x\n"},
		{"key and equals sign apart", "Environment\\\n=HTTP_PROXY=x A=1\n", "Environment\\\n=A=1\n"},
		{"value on the next line", "Environment=\\\n  HTTP_PROXY=x \\\n  A=1\n", "Environment=\\\n  A=1\n"},
		{"behind a syntax error", "Environment=HTTP_PROXY=x A=1 \"NO_PROXY=y\n", "Environment=A=1 \"NO_PROXY=y\n"},
		{"escaped name", `Environment=\x48TTP_PROXY=x A=1` + "\n", "Environment=A=1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := unitfile.Parse([]byte("[Service]\n" + c.text)).RemoveEnvironment(ours...)
			assert.Equal(t, string(r.Data), "[Service]\n"+c.want)
		})
	}
}

func TestRemovalReport(t *testing.T) {
	text := "[Service]\nEnvironment=A=1 HTTP_PROXY=x \\\n NO_PROXY=y\nEnvironment=A=1 \"NO_PROXY=y\n"
	r := unitfile.Parse([]byte(text)).RemoveEnvironment(ours...)
	assert.DeepEqual(t, r.Removed, []unitfile.Removed{{"Environment", "HTTP_PROXY", 2}, {"Environment", "NO_PROXY", 3}})
	assert.Equal(t, len(r.Left), 1)
	assert.Equal(t, r.Left[0].Line, 4)

	r = unitfile.Parse([]byte(text)).RemoveEnvironment("FTP_PROXY")
	assert.Equal(t, string(r.Data), text)
	assert.Equal(t, len(r.Removed)+len(r.Left), 0)
}

func TestRemovePassEnvironment(t *testing.T) {
	f := unitfile.Parse([]byte("[Service]\nPassEnvironment=HTTP_PROXY A \\\n  NO_PROXY\nPassEnvironment=\"HTTP_PROXY\"\n"))
	r := f.RemovePassEnvironment(ours...)
	assert.Equal(t, string(r.Data), "[Service]\nPassEnvironment=A\n")
	assert.Equal(t, len(r.Removed), 3)
}

// state is what systemd makes of [Service] Environment= lines without our
// variables, and of everything else.
func state(f *unitfile.File, version int) string {
	var out []string
	for _, a := range f.Assignments() {
		if a.Section != "Service" || a.Key != "Environment" {
			out = append(out, a.Section, a.Key, a.Value)
			continue
		}
		if a.Resets() {
			out = append(out, "reset")
		}
		words, _ := unitfile.EnvironmentWords(a, nil, version)
		for _, w := range words {
			if !slices.Contains(ours, w.Name) {
				out = append(out, w.Name, w.Value)
			}
		}
	}
	out = append(out, fmt.Sprint(f.Stopped() != nil))
	return strings.Join(out, "\x00")
}

func FuzzRemove(f *testing.F) {
	for _, s := range append(seeds(), corpus(f)...) {
		for _, version := range []int{219, 229, 239, 240, 241, 257} {
			f.Add([]byte(s), version)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, version int) {
		if version < 219 || version > 262 {
			version = 257
		}
		if version < 235 {
			// Specifiers come before words there, so a lone % at the end of a
			// word means something else once it ends the line.
			data = bytes.ReplaceAll(data, []byte("%"), []byte("x"))
		}
		before := unitfile.ParseVersion(data, version)
		r := before.RemoveEnvironment(ours...)
		after := unitfile.ParseVersion(r.Data, version)
		assert.Equal(t, state(after, version), state(before, version), "%q\n%q", data, r.Data)
		for _, a := range after.All("Service", "Environment") {
			words, _ := unitfile.EnvironmentWords(a, nil, version)
			for _, w := range words {
				assert.Assert(t, !slices.Contains(ours, w.Name) || strings.Contains(w.Raw, "%"), "%q\n%q", data, r.Data)
			}
		}
		if len(r.Removed) == 0 {
			assert.Equal(t, string(r.Data), string(data))
		}
		assert.Assert(t, subsequence(r.Data, data), "%q\n%q", data, r.Data)
		again := after.RemoveEnvironment(ours...)
		assert.Equal(t, string(again.Data), string(r.Data))
	})
}

// subsequence reports whether small comes out of large by leaving out bytes,
// apart from the empty words an edit may put before a comment sign.
func subsequence(small, large []byte) bool {
	s := strings.ReplaceAll(string(small), `"" `, "")
	i := 0
	for _, c := range large {
		if i < len(s) && s[i] == c {
			i++
		}
	}
	return i == len(s)
}

// corpus is the text of all recorded answers.
func corpus(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/systemd-257.json")
	assert.NilError(t, err)
	var cases []answered
	assert.NilError(t, json.Unmarshal(data, &cases))
	var texts []string
	for _, c := range cases {
		texts = append(texts, c.Input+string(c.Bytes))
	}
	return texts
}

func seeds() []string {
	return []string{
		"[Service]\nEnvironment=\"HTTP_PROXY=a\" A=1 \\\n# note\n  NO_PROXY=b \\\n  HTTPS_PROXY=%40\nFoo=1\n",
		"[Service]\r\nEnvironment=A=1 \\\r\n  NO_PROXY=b # corp\r\nX=1\r\n", "[Service]\nEnvironment=A=1 \\\n \\\n NO_PROXY=x", "[Service]\nEnvironment='NO_PROXY=a \\\n; x\n b' #c \\\n\nA=1\n",
		"[Service]\nEnvironment=\nEnvironment=NO_PROXY=x\\\n\n#", "\uFEFF[Service]\nEnvironment=NO_PROXY=\\x41 \"B\n", "[Service]\nPassEnvironment=A\x00Environment=HTTP_PROXY=1",
	}
}
