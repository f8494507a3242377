package unitfile_test

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/unitfile"
)

// words lists what Environment= lines of [Service] set, and the kinds of
// problems in and around them.
func words(text string, version int) string {
	f := unitfile.ParseVersion([]byte(text), version)
	var out []string
	for _, p := range f.Problems() {
		out = append(out, fmt.Sprintf("!%s:%d", p.Kind, p.Line))
	}
	for _, a := range f.All("Service", "Environment") {
		if a.Resets() {
			out = append(out, "reset")
		}
		words, problems := unitfile.EnvironmentWords(a, unitfile.SystemSpecifiers("docker.service", nil), version)
		for _, w := range words {
			out = append(out, fmt.Sprintf("%s=%s", w.Name, w.Value))
		}
		for _, p := range problems {
			out = append(out, fmt.Sprintf("!%s:%d:%s", p.Kind, p.Line, p.Name))
		}
	}
	return strings.Join(out, "|")
}

// TestReleases has a row for each difference between releases. Releases other
// than 252, 257 and 262 were read, not run.
func TestReleases(t *testing.T) {
	long := strings.Repeat("x", 2100)
	for _, c := range []struct {
		name, text string
		want       map[int]string
	}{
		{"unknown specifier", "Environment=A=%40 B=2", map[int]string{219: "A=%40|B=2", 235: "A=%40|B=2", 236: "B=2|!specifier:2:A", 262: "B=2|!specifier:2:A"}},
		{"specifier that came later", "Environment=A=%C3", map[int]string{219: "A=%C3", 235: "A=%C3", 236: "A=/var/cache3", 257: "A=/var/cache3"}},
		{"specifier that came with 256", "Environment=A=%D", map[int]string{235: "A=%D", 255: "!specifier:2:A", 256: "A=/usr/share"}},
		{"percent at the end", "Environment=A=a%", map[int]string{219: "A=a", 234: "A=a", 235: "A=a%", 257: "A=a%"}},
		{"unknown escape", `Environment=A=1 B=D\user C=3`, map[int]string{219: `A=1|B=D\user|C=3`, 229: "A=1|C=3|!escape:2:B", 233: "A=1|!escape:2:B"}},
		{"quote inside a word", `Environment=A=a"b c"d`, map[int]string{219: `A=a"b|!invalid:2:`, 233: "A=ab cd"}},
		{"unbalanced quote inside a word", `Environment=A=it's B=1`, map[int]string{232: "A=it's|B=1", 233: "!quote:2:A"}},
		{"garbage after a quote", `Environment=X=1 "A=1"B=2`, map[int]string{232: "X=1|!quote:2:A", 233: "X=1|A=1B=2"}},
		{"comment in a continuation", "Environment=A=1 \\\n# c\nB=2", map[int]string{219: "A=1|!invalid:3:|!invalid:3:c", 240: "A=1|B=2"}},
		{"indented comment in a continuation", "Environment=A=1 \\\n # c\nEnvironment=B=2", map[int]string{240: "A=1|!invalid:3:|!invalid:3:c|B=2", 241: "A=1|Environment=B=2"}},
		{"comment that is continued", "# c \\\nEnvironment=A=1", map[int]string{239: "", 240: "A=1"}},
		{"empty line in a continuation", "Environment=A=1 \\\n\nEnvironment=B=2", map[int]string{239: "A=1|B=2", 241: "A=1|Environment=B=2", 243: "A=1|B=2"}},
		{"continuation at the end", "Environment=A=1 \\\n", map[int]string{238: "!ignored:2", 239: "A=1"}},
		{"CRLF continuation", "Environment=A=1 \\\r\nB=2\r\n", map[int]string{239: "A=1|!escape:2:", 240: "A=1|B=2"}},
		{"line without equals", "junk\nEnvironment=A=1", map[int]string{242: "!stopped:2", 243: "!ignored:2|A=1"}},
		{"not UTF-8", "Foo=\xff\nEnvironment=A=1", map[int]string{238: "A=1", 239: "!stopped:2"}},
		{"section with a quote", "Environment=A=1\n['x]\n[Service]\nEnvironment=B=1", map[int]string{250: "A=1|B=1", 251: "A=1|!stopped:3"}},
		{"include", ".include /x\nEnvironment=A=1", map[int]string{245: "!include:2|A=1", 246: "!ignored:2|A=1"}},
		{"line feed in a value", `Environment="A=a\nb" B=1`, map[int]string{238: "B=1|!invalid:2:A", 239: "A=a\nb|B=1"}},
		{"control character in a value", `Environment="A=a\x01b" B=1`, map[int]string{247: "B=1|!invalid:2:A", 248: "A=a\x01b|B=1"}},
		{"more than 2 KiB", "Environment=A=" + long, map[int]string{219: "A=" + long, 229: "!stopped:2|A=" + long[:2047-len("Environment=A=")], 235: "A=" + long}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for version, want := range c.want {
				got := words("[Service]\n"+c.text, version)
				if p, rest, ok := strings.Cut(want, "|!stopped"); ok { // problems of the file come first here
					want = "!stopped" + rest + "|" + p
				}
				if p, rest, ok := strings.Cut(want, "|!ignored"); ok {
					want = "!ignored" + rest + "|" + p
				}
				assert.Equal(t, got, want, "systemd %d", version)
			}
		})
	}
}

func TestMark(t *testing.T) {
	const text = "\uFEFF[Service]\nEnvironment=A=1\n"
	for version, want := range map[int]string{219: "A=1", 229: "!section:1|!section:2", 230: "A=1", 257: "A=1"} {
		assert.Equal(t, words(text, version), want, "systemd %d", version)
	}
	const second = "[Service]\n\uFEFFEnvironment=A=1\n"
	for version, want := range map[int]string{234: "", 235: "A=1"} {
		assert.Equal(t, words(second, version), want, "systemd %d", version)
	}
}

func TestLineLimit(t *testing.T) {
	head := "[Service]\nEnvironment=B=1\n"
	fits := strings.Repeat("x", 1<<20-1-len("Environment=A="))
	assert.Equal(t, words(head+"Environment=A="+fits+"\n", 0), "B=1|A="+fits)
	assert.Equal(t, words(head+"Environment=A="+fits+"x\n", 0), "!stopped:3|B=1")
	assert.Equal(t, words(head+"Environment=A="+fits+" \\\nC=1\n", 0), "!stopped:3|B=1")
	assert.Equal(t, words(head+"Environment=A="+fits[:1<<19]+" \\\n"+fits[:1<<19]+"\n", 0), "!stopped:4|B=1")
}

func TestPlaces(t *testing.T) {
	text := "# top\r\n[Service]\r\nEnvironment=A=1 \\\r\n# note\r\n  \"B=x \\\r\n y\" C=3\r\nType=notify\r\nType=simple"
	f := unitfile.Parse([]byte(text))
	a := f.All("Service", "Environment")[0]
	assert.Equal(t, text[a.Start:a.End], "Environment=A=1 \\\r\n# note\r\n  \"B=x \\\r\n y\" C=3\r\n")
	words, problems := unitfile.EnvironmentWords(a, nil, 0)
	assert.Equal(t, len(problems), 0)
	for i, want := range []struct {
		raw  string
		line int
	}{{"A=1", 3}, {"\"B=x \\\r\n y\"", 5}, {"C=3", 6}} {
		assert.Equal(t, text[words[i].Start:words[i].End], want.raw)
		assert.Equal(t, words[i].Line, want.line)
	}
	assert.Equal(t, words[1].Value, "x   y")
	last, ok := f.Last("Service", "Type")
	assert.Assert(t, ok)
	assert.Equal(t, last.Value, "simple")
	assert.Equal(t, text[last.Offset(0):last.End], "simple")
	_, ok = f.Last("Service", "User")
	assert.Assert(t, !ok)
}

func TestManagerConfiguration(t *testing.T) {
	a := unitfile.Parse([]byte("[Manager]\nDefaultEnvironment=A=%40 B=%h C=%n D=%T\n")).Assignments()[0]
	for version, want := range map[int]string{
		248: "A=%40 B=%h C=%n D=%T", 249: "D=/tmp", 253: "D=/tmp", 254: "B=/root D=/tmp", 257: "B=/root D=/tmp",
	} {
		var got []string
		words, _ := unitfile.EnvironmentWords(a, unitfile.SystemSpecifiers("x.service", nil), version)
		for _, w := range words {
			got = append(got, w.Name+"="+w.Value)
		}
		assert.Equal(t, strings.Join(got, " "), want, "systemd %d", version)
	}
}

func TestUnknownSpecifier(t *testing.T) {
	for _, version := range []int{219, 257} {
		a := unitfile.Parse([]byte("[Service]\nEnvironment=A=1 B=%H-x \"C=%m\"\n")).Assignments()[0]
		words, problems := unitfile.EnvironmentWords(a, nil, version)
		assert.Equal(t, len(problems), 0)
		assert.Assert(t, !words[0].Unknown && words[1].Unknown && words[2].Unknown, "systemd %d: %+v", version, words)
	}
}

func TestSystemSpecifiers(t *testing.T) {
	s := unitfile.SystemSpecifiers(`a-b@c\x2dd.service`, func(letter byte) (string, bool) { return "more", letter == 'H' })
	for letter, want := range map[byte]string{
		'n': `a-b@c\x2dd.service`, 'N': `a-b@c\x2dd`, 'p': "a-b", 'P': "a/b", 'i': `c\x2dd`, 'I': "c-d", 'j': "b", 'f': "/c-d", 'H': "more", 'u': "root",
	} {
		got, ok := s(letter)
		assert.Assert(t, ok)
		assert.Equal(t, got, want, string(letter))
	}
	_, ok := s('m')
	assert.Assert(t, !ok)
}

func TestWordSpecifiers(t *testing.T) {
	for version, want := range map[int]string{229: `["%n@"] []`, 257: `["%C3" "%A9" "%n@"] ["%C"]`} { // neither %C nor %A in 229
		f := unitfile.ParseVersion([]byte("[Service]\nEnvironment=\"A=%%40%C3%A9%n@x\" B=%C\n"), version)
		words, _ := unitfile.EnvironmentWords(f.Assignments()[0], nil, version)
		assert.Equal(t, fmt.Sprintf("%q %q", words[0].Specifiers, words[1].Specifiers), want)
	}
}

// TestProblemTexts: what is ignored can be told from the problem alone.
func TestProblemTexts(t *testing.T) {
	for _, c := range []struct {
		name, text string
		kind       unitfile.Kind
		want       string
	}{
		{"no section", "Environment=A=1\n", unitfile.KindSection, "Environment=A=1"},
		{"no equals sign", "[Service]\nA 1\n", unitfile.KindIgnored, "A 1"},
		{"no key", "[Service]\n=A=1\n", unitfile.KindIgnored, "=A=1"},
		{"no section header", "[Service\nEnvironment=A=1\n", unitfile.KindStopped, "[Service\nEnvironment=A=1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := unitfile.Parse([]byte(c.text)).Problems()
			assert.Equal(t, len(p), 1)
			assert.Equal(t, p[0].Kind, c.kind)
			assert.Equal(t, p[0].Text, c.want)
		})
	}
}
