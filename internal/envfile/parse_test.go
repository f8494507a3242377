package envfile_test

import (
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
)

func show(all []envfile.Assignment) string {
	var out []string
	for _, a := range all {
		s := fmt.Sprintf("%d:%s=%s", a.Line, a.Name, a.Value)
		if a.Problem != "" {
			s = "!" + s
		}
		if a.Unset {
			s = "-" + s
		}
		if a.Unknown {
			s = "?" + s
		}
		out = append(out, s)
	}
	return strings.Join(out, "|")
}

// TestReleases has a row for each difference between releases. Releases other
// than 252, 257 and 262 were read, not run.
func TestReleases(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[int]string
	}{
		{"comment that is continued", "# c \\\nE=1\nF=2\n", map[int]string{219: "3:F=2", 253: "3:F=2", 254: "2:E=1|3:F=2", 0: "2:E=1|3:F=2"}},
		{"escape in single quotes", `E='a\b\'c'`, map[int]string{219: "1:E=ab'c", 240: "1:E=ab'c", 241: `1:E=a\b\c'`}},
		{"escapes in double quotes", `E="a\b\"\$\\"`, map[int]string{240: `1:E=ab"$\`, 241: `1:E=a\b"\$\\`, 246: `1:E=a\b"\$\\`, 247: `1:E=a\b"$\`}},
		{"joined lines in double quotes", "E=\"a\\\nb\"", map[int]string{240: "1:E=ab", 246: "1:E=ab", 257: "1:E=ab"}},
		{"carriage return escaped", "E=\"a\\\rb\"", map[int]string{240: "1:E=ab", 246: "1:E=ab", 247: "!1:E=a\\\rb", 248: "1:E=a\\\rb"}},
		{"NUL", "E=1\nF=\x002\n", map[int]string{219: "1:E=1|2:F=", 239: "1:E=1|2:F=", 240: "skipped: a NUL byte in the file"}},
		{"line feed in a value", "E=\"a\nb\"\n", map[int]string{238: "!1:E=a\nb", 239: "1:E=a\nb"}},
		{"control character", "E=\"a\x01\"\n", map[int]string{247: "!1:E=a\x01", 248: "1:E=a\x01"}},
		{"one byte not UTF-8", "E=1\nF=\xff\n", map[int]string{219: "skipped: not UTF-8", 257: "skipped: not UTF-8"}},
		{"export", "export E=1\nexport F\nF=2\n", map[int]string{257: "!1:export E=1|3:F=2"}},
		{"lines", "\n#\nE='a\n\nb'\nF=1\n", map[int]string{257: "3:E=a\n\nb|6:F=1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for version, want := range c.want {
				all, skipped := envfile.Parse([]byte(c.text), version)
				got := show(all)
				if skipped != "" {
					got = "skipped: " + string(skipped)
				}
				assert.Equal(t, got, want, "systemd %d", version)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	data := []byte("E=1\n#" + strings.Repeat("x", 4<<20))
	_, skipped := envfile.Parse(data, 248)
	assert.Equal(t, skipped, envfile.SkipLarge)
	all, skipped := envfile.Parse(data, 249)
	assert.Equal(t, skipped, envfile.SkipNot)
	assert.Equal(t, show(all), "1:E=1")
}

func TestPlaces(t *testing.T) {
	text := "# c\r\n  export E = 'a\r\nb'  \r\nF=1"
	all, _ := envfile.Parse([]byte(text), 0)
	assert.Equal(t, text[all[0].Start:all[0].End], "export E = 'a\r\nb'  ")
	assert.Equal(t, text[all[1].Start:all[1].End], "F=1")
	pam := envfile.ParsePAM([]byte("\n  export A=1 \\\n  2 # c\nB\n"))
	assert.Equal(t, show(pam), "2:A=1 2 |-4:B=")
	assert.Equal(t, "\n  export A=1 \\\n  2 # c\nB\n"[pam[0].Start:pam[0].End], "export A=1 \\\n  2 # c")
}

func TestEnvironmentDUnknown(t *testing.T) {
	all := envfile.ParseEnvironmentD([]byte("A=$HOME/x\nB=$A\nC=${PATH:-d}\nD=1\nE=$D\nexport F=1\nG=\n"), 0, nil)
	assert.Equal(t, show(all), "?1:A=/x|?2:B=/x|?3:C=d|4:D=1|5:E=1|!6:export F=1|!7:G=")
}

// The rows follow src/librc/librc-misc.c; no OpenRC was asked.
func TestParseProfileEnv(t *testing.T) {
	text := "# /etc/profile.env\nexport A='x y'\nB=\"z\"\n\nC=1 # c\nexport D\nE=''\nF=$'a'\n  G='a'b'c'\n"
	all := envfile.ParseProfileEnv([]byte(text))
	assert.Equal(t, show(all), "2:A=x y|3:B=z|5:C=1 |7:E=|!8:F=$|9:G=a")
	assert.Equal(t, text[all[0].Start:all[0].End], "export A='x y'")
	assert.Equal(t, text[all[5].Start:all[5].End], "G='a'b'c'")
}
