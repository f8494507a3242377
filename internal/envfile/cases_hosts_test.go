//go:build hosts

package envfile_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/docker-proxy/docker-proxy/internal/unitfile/oracle"
)

var hostsAsked = []struct{ host, release string }{{"trixie", "257"}, {"bookworm", "252"}, {"sid", "262"}}

// TestAnswersAreCurrent asks real hosts what TestSystemdAnswers checks
// everywhere; with -update it records the answers.
func TestAnswersAreCurrent(t *testing.T) {
	for _, c := range hostsAsked {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			oracle.Ask(t, c.host, "systemd-"+c.release+".json", append(chosen(), random(250)...), true)
		})
	}
}

// TestEnvironmentDAnswersAreCurrent runs the generator of a user manager.
func TestEnvironmentDAnswersAreCurrent(t *testing.T) {
	const script = `
mkdir -p "$1.d/environment.d"
cp "$1" "$1.d/environment.d/x.conf"
env -i HOME=/root XDG_CONFIG_HOME="$1.d" KNOWN=known /usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator >"$1.sh"
env -i bash -c 'set -a; . "$1"; env -0' bash "$1.sh"`
	for _, c := range hostsAsked {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			oracle.AskScript(t, c.host, "environmentd-"+c.release+".json", slices.Concat(home(chosen()), expansions(), random(150)), script)
		})
	}
}

// TestPAMAnswersAreCurrent logs in with the text as /etc/environment.
func TestPAMAnswersAreCurrent(t *testing.T) {
	const script = `cp "$1" /etc/environment; exec su root -c "env -0"`
	for _, c := range hostsAsked {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			oracle.AskScript(t, c.host, "pam-"+c.host+".json", append(chosen(), random(100)...), script)
		})
	}
}

// home leaves out the case the script's own shell would change.
func home(cases []string) []string {
	return slices.DeleteFunc(cases, func(s string) bool { return strings.Contains(s, "~") })
}

// chosen are the cases somebody thought of.
func chosen() []string {
	return []string{
		"E=v\n", "E=v", "export E=v\n", "export  E=v\n", "export E\n", "E = v\n", "E=a#b # c\n", "E=\"a\\$b\"\n", "E='$x \\n'\n", "E=$HOME\n", "E='a'\\''b'\n", "E=\"x\"y\n", "E=\"a\nb\"\n", "E='a\nb'\n",
		"E=v\r\nF=w\r\n", "E=v  \t\n", "E=p%40s\n", "# c \\\nE=1\nF=2\n", "; c \\\nE=1\nF=2\n", "#E=1\n;F=2\nG=3\n", "  E=1\n\t F=2\n", "E=1 F=2\n", "E=\n", "E=\"\"\n", "E=''\n", "E=1\nE=\n", "E=1\nE=2\n", "E\n=1\nF=2\n", "=1\nF=2\n",
		"E=a\\\nb\nF=1\n", "E=a \\\n b\n", "E=\"a\\\nb\"\n", "E='a\\\nb'\n", "E=a\\ b\n", "E=a\\tb\n", "E=\"a\\tb\"\n", "E=\"a\\\"b\"\n", "E=\"a\\\\b\"\n", "E=\"a\\`b\"\n", "E='a\\'b'\n", "E=\\\"x\\\"\n", "E=a\"b\"c\n", "E=a'b'c\n",
		"E=\"a\" \"b\"\n", "E=\"a\"'b' c \n", "E='a' # c\n", "E=\"open\nF=1\n", "E='open\nF=1\n", "E=a\\", "E=\"a\\", "E=1\nF=\xff\nG=2\n", "E=1\n# \xff\nG=2\n", "\xff=1\nG=2\n", "E=1\nF=\ufffe\n", "E=1\x00\nF=2\n", "E=1\n\x00F=2\n", "\uFEFFE=1\nF=2\n",
		"1E=1\nE1=1\nE-F=1\nÄ=1\nG=1\n", "E=\x01\nF=1\n", "E=\"a\tb\"\n", "E=a\tb\n", "E=1;F=2\n", "set -a\nE=1\n", "E=1 # c \\\nF=2\n", "#\\\nE=1\n", "# \\ \nE=1\n", "E=`id`\n", "E=$(id)\n", "E=\"$(id)\"\n", "E=~/x\n", "E=*\n", "\n\n\nE=1\n\n", "",
		"HTTP_PROXY='http://u:p@h:3128'\nexport HTTP_PROXY\n", "HTTP_PROXY=\"http://u:p@h:3128\"\nNO_PROXY=localhost,.corp\n", "E = 'a b' \nF\t=\t1\n", "E F=1\nG=1\n", "E=1\rF=2\r", "E=\"1\"\"2\"\n", "E=''x\n", "E=x''\n", "E=\"x'y\"\n", "E='x\"y'\n", "E=\"x\" \n", "E='x\n", "E=x'\n", "E=x\"\n",
		"export\tE=1\n", " export E=1\n", "exportE=1\n", "E=1\nE\n", "E=1\nexport E\n", "E==1\n", "E=a=b\n", "E=\"a#b\"\n", "E=a\\#b\n", "E=a \\\n# c\nb\n", "E=\\\n\nF=1\n", "E=\\\\\nF=1\n", "E=a\\\r\nb\n",
	}
}

// expansions are cases for environment.d only.
func expansions() []string {
	return []string{
		"A=1\nB=$A\n", "A=1\nB=${A}x$Ay\n", "A=1\nB=$A$A${A}\n", "B=$KNOWN-${KNOWN}\n", "B=$NONE-${NONE}x\n", "B=${NONE:-d}${KNOWN:-d}\n", "B=${NONE:+d}x${KNOWN:+d}\n", "A=1\nB=${NONE:-$A}\n", "A=1\nB=${NONE:-${A}}x\n", "B=$$KNOWN\n", "B=$\n", "B=a$\n",
		"B=$-x\n", "B=${KNOWN\n", "B=${KNOWN:x}y\n", "B=${}x\n", "B='$KNOWN'\n", "B=\"$KNOWN\"\n", "B=\\$KNOWN\n", "B=\"\\$KNOWN\"\n", "A=1\nA=$A:2\n", "A=\nB=x$A\n", "A=' '\nB=x${A:-y}\n", "B=${KNOWN:-a}b}\n", "B=$1x\n", "1A=1\nB=2\n", "B=${KNOWN:}\n", "B=${KNOWN:-\n", "A=$KNOWN\nA=$A$A\n",
	}
}

// random makes files from pieces that are likely to matter.
func random(n int) []string {
	r := rand.New(rand.NewPCG(3, 5))
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	names := []string{"E", "F", "HTTP_PROXY", "export F", " E ", "1E"}
	parts := []string{"a", "http://h:3128", ",", "%40", "\\", `\\`, `\"`, `\'`, `\x`, `"`, `'`, `"b c"`, `'d e'`, "$", "`", "=", "#", " # c", ";", " ", "\t", "é", "\\\n", "@"}
	lines := []string{"# note", "; note", "", " ", "junk", "# note \\", "export HTTP_PROXY"}
	out := make([]string, n)
	for i := range out {
		end := "\n"
		if r.IntN(10) == 0 {
			end = "\r\n"
		}
		var b strings.Builder
		for range 1 + r.IntN(5) {
			if r.IntN(4) == 0 {
				b.WriteString(pick(lines) + end)
				continue
			}
			b.WriteString(pick(names) + "=")
			for range r.IntN(5) {
				b.WriteString(pick(parts))
			}
			if r.IntN(10) > 0 {
				b.WriteString(end)
			}
		}
		out[i] = b.String()
	}
	return out
}
