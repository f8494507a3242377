//go:build hosts

package unitfile_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/docker-proxy/docker-proxy/internal/unitfile/oracle"
)

// TestAnswersAreCurrent asks real hosts what TestSystemdAnswers checks
// everywhere; with -update it records the answers.
func TestAnswersAreCurrent(t *testing.T) {
	for _, c := range []struct{ host, golden string }{{"trixie", "systemd-257.json"}, {"bookworm", "systemd-252.json"}, {"sid", "systemd-262.json"}} {
		t.Run(c.host, func(t *testing.T) {
			t.Parallel()
			oracle.Ask(t, c.host, c.golden, append(chosen(), random(300)...), false)
		})
	}
}

// chosen are the cases somebody thought of.
func chosen() []string {
	service := func(lines ...string) string { return "[Service]\n" + strings.Join(lines, "\n") + "\n" }
	env := func(values ...string) string {
		for i := range values {
			values[i] = "Environment=" + values[i]
		}
		return service(values...)
	}
	exec := func(args string) string {
		return service(`Environment=ONE=1 EMPTY= "TWO=a  b" "QUOTED=a 'b c' \"d e\" f\\\\ g" OPEN=a'b%%`, "ExecStart=", `ExecStart=/usr/bin/printf "%%s\\000" x `+args)
	}
	return []string{
		// words
		env(`A=1 B=2  C=3`), env(`"A=1 B=2"`), env(`A="1 2"`), env(`A=a"b c"d`), env(`'A=1 "2"'`), env(`"A=it's"`), env(`A=it's B=2`),
		env(`A=1 "B=2`), env(`A=1 B="2" C='3`), env(`A=1 B=2"C=3"`), env(`A= B=""`), env(`""`), env(`A=1`, ``, `B=2`), env(`A=1`, `""`, `B=2`),
		env(`A=1 A=2`), env(`A=1`, `A=2`, `A=`), env(`A=1 # comment`), env(`A=1;B=2`), env(`A=$HOME B=${X} C=$$`), env(`A=1,B=2`),
		env(`A`), env(`=1`), env(`1A=1 A1=1`), env(`A-B=1 C=1`), env(`A.B=1`), env(`Ä=1 B=1`), env(`A=Ä`), env(` A=1	B=2 `), env(`A=1 "" B=2`),
		env(`export A=1`), env(`HTTP_PROXY=http://u:p@h:3128 NO_PROXY=localhost,127.0.0.0/8,.corp`),
		// escapes
		env(`A=DOM\user B=2`), env(`A=\x40\x41`), env(`A=\x4`), env(`A=\x00`), env(`A=\101`), env(`A=\777`), env(`A=\u00e9\U0001F600`), env(`A=\ud800 B=1`),
		env(`A=\U00110000`), env(`A=a\sb\tc`), env(`"A=a\nb"`), env(`A=\\ B=\"`), env(`A='\''`), env(`A='a\x40'`), env(`A=a\ b`), env(`A=1 B=\`),
		env(`A=\xff`), env(`A=\xc3\xa9`), env(`A=￾`), env(`A=\uFFFE`), env(`A=\ufdd0`), env(`"A=\x01\x7f"`), env(`A=\e`), env(`A=a\` + "\t" + `b`),
		// specifiers
		env(`A=%40`), env(`A=p%40ss B=2`), env(`A=%%40`), env(`A=%C3%A9`), env(`A=% B=%`), env(`A=a%`), env(`A=%% B=%%%%`), env(`A=%-x%.y%@`), env(`A=%é`),
		env(`A=%n B=%p C=%N D=%i E=%t F=%C G=%S H=%L I=%E J=%T K=%V`), env(`A=%u:%U:%g:%G:%h`), env(`%p=1 A=1`), env(`A=%z B=%Z C=%9`), env(`A="%40 x" B=1`),
		env(`A=%D B=%d`), env(`A=%j`), env(`"A=%%n"`), env(`A=\x25n`), env(`A=\x2540`), env(`A=%I`), env(`A=%f`), env(`A=%k`), env(`A=%O B=1`), env(`A=%F`), env(`A=%2F`),
		env(`HTTPS_PROXY=http://user:F%40oBar%21@proxy:3128 B=1`), env(`HTTPS_PROXY=http://user:F%%40oBar%%21@proxy:3128`),
		// lines
		service("Environment=A=1 \\", "  B=2 \\", "C=3"), service("Environment=A=1 \\", "# comment", "B=2"), service("Environment=A=1 \\", "  ; comment", "B=2"),
		service("Environment=A=1 \\", "", "Environment=B=2"), service("Environment=A=1 \\", "   ", "Environment=B=2"), service("Environment=A=1 \\ ", "B=2"),
		service("Environment=A=1 \\\\", "B=2"), service("Environment=\"A=1 \\", "  2\""), service("Environment=A=1\\", "B=2"), service("Environment=A=1 \\", "# c \\", "B=2", "C=3"),
		service("# c \\", "Environment=A=1"), service("#Environment=A=1", ";Environment=B=1", " # Environment=C=1", "Environment=D=1"), service("Environment=\\", "A=1"),
		service("Environment\\", "=A=1"), service("  Environment = A=1  "), service("environment=A=1", "ENVIRONMENT=B=1"), service("Environment A=1", "Environment=B=1"),
		service("=A=1", "Environment=B=1"), service("junk", "Environment=B=1"), service("Environment=A=1 \\"), "[Service]\nEnvironment=A=1 \\", "[Service]\nEnvironment=A=1",
		"[Service]\nEnvironment=A=1 \\\n# end", "[Service]\r\nEnvironment=A=1 \\\r\n B=2\r\nEnvironment=C=3\r\n", "[Service]\rEnvironment=A=1\rEnvironment=B=2\r",
		"[Service]\n\rEnvironment=A=1\n\r\n\rEnvironment=B=2", "[Service]\nEnvironment=A=1\x00Environment=B=2\n", "[Service]\nEnvironment=A=1\n\x00\nEnvironment=B=2\n",
		"\uFEFF[Service]\nEnvironment=A=1\n", "[Service]\n\uFEFFEnvironment=A=1\n\uFEFFEnvironment=B=1\n", "\uFEFF# comment\n[Service]\nEnvironment=A=1\n", " \uFEFF[Service]\nEnvironment=A=1\n",
		"[Service]\nEnvironment=A=1\nEnvironment=B=\xff\nEnvironment=C=3\n", "[Service]\nEnvironment=A=1\n# \xff\nEnvironment=C=3\n", "[Service]\nEnvironment=A=1\nFoo=\xff\nEnvironment=C=3\n",
		"[Service]\nEnvironment=A=1 \\\n B=\xff\nEnvironment=C=3\n",
		// sections
		"Environment=A=1\n[Service]\nEnvironment=B=1\n", "[Service]\nEnvironment=A=1\n[Unit]\nEnvironment=B=1\n", "[Service]\nEnvironment=A=1\n[X-Foo]\nEnvironment=B=1\n[Service]\nEnvironment=C=1\n",
		"[Foo]\nEnvironment=A=1\njunk\n[Service]\nEnvironment=B=1\n", "[service]\nEnvironment=A=1\n", "[ Service ]\nEnvironment=A=1\n", "  [Service]  \nEnvironment=A=1\n",
		"[Service]\nEnvironment=A=1\n[Serv\nEnvironment=B=1\n", "[Service]\nEnvironment=A=1\n[\nEnvironment=B=1\n", "[Service]\nEnvironment=A=1\n[]\nEnvironment=B=1\n",
		"[Service]\nEnvironment=A=1\n[Ser\"vice]\nEnvironment=B=1\n", "[Service] # x\nEnvironment=A=1\n", "[Service]\nEnvironment=A=1\n[Service \\\n]\nEnvironment=B=1\n", "[Serv\\\nice]\nEnvironment=A=1\n",
		".include /nonexistent\n[Service]\nEnvironment=A=1\n", "[Service]\n.include /nonexistent\nEnvironment=A=1\n", "",
		// reset and unset
		service("Environment=A=1 B=2", "Environment=", "Environment=C=3"), service("Environment=A=1 B=2 C=3", "UnsetEnvironment=A C=3"), service("Environment=A=1 B=2", "UnsetEnvironment=A=2 B=2"),
		service("Environment=A=1 B=2", "UnsetEnvironment=A", "UnsetEnvironment=", "UnsetEnvironment=B"), service("Environment=A=1 B=2", `UnsetEnvironment="A" 'B'`), service("Environment=A=1 B=2", `UnsetEnvironment=%n A B`),
		service("Environment=A=1 B=2", `UnsetEnvironment=A "B`), service("Environment=A=1 B=2", `UnsetEnvironment=\x41 B`), service("Environment=A=a%%b B=2", `UnsetEnvironment=A=a%%b B=%40`), service("Environment=A=1", "UnsetEnvironment=A-B A"),
		service("Environment=A=1 B=2 C=3", "UnsetEnvironment=A \\", "# c", " B"),
		// commands
		exec(`a b`), exec(`"a b" 'c d' e"f g"h`), exec(`$ONE ${ONE} x${ONE}y $ONE$ONE`), exec(`$TWO ${TWO} "$TWO" '${TWO}'`), exec(`$QUOTED ${QUOTED}`), exec(`$NONE ${NONE} x${NONE}y`), exec(`$EMPTY ${EMPTY} z`),
		exec(`$$ONE $$ a$$b $`), exec(`${ONE ${ONE:-x} ${} ${1x} $1x`), exec(`\x41 \u00e9 \s \q`), exec(`%%40 %p`), exec(`; /usr/bin/true second`), exec(`;`), exec(`a ;b`), exec(`a \; b ";" c`), exec(`$OPEN`), exec(`a'b`), exec(`%40`), exec(`"" a`), exec(`x\`),
		exec(`${ONE}${TWO} ${A:b}$$ $-`), exec("a \\\n b"), exec(`"$ONE" "a$ONE" ${ONE}$TWO`), exec(`${ONE${TWO}} z`),
	}
}

// random makes drop-ins from pieces that are likely to matter.
// None asks for a specifier that differs between machines or boots.
func random(n int) []string {
	r := rand.New(rand.NewPCG(7, 11))
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	names := []string{"A", "B", "HTTP_PROXY", "https_proxy", "NO_PROXY"}
	parts := []string{"x", "1", "http://h:3128", ",", ".corp", "%%", "%40", "%", "%n", "%C3", "\\", `\\`, `\"`, `\x41`, `\u00e9`, `\n`, `"`, `'`, `"-b c"`, `'d e'`, "$", "${A}", "=", "#", ";", " ", "  ", "\t", "é", "@", "!"}
	lines := []string{"# note", "; note", "", " ", "junk", "[Unit]", "[Service]", "Environment=", "UnsetEnvironment=A", "UnsetEnvironment=B=1", "UnsetEnvironment=", "# note \\", "Type=oneshot", "X-Foo=bar"}
	out := make([]string, n)
	for i := range out {
		end := "\n"
		if r.IntN(10) == 0 {
			end = "\r\n"
		}
		var b strings.Builder
		b.WriteString("[Service]" + end)
		for range 1 + r.IntN(5) {
			if r.IntN(4) == 0 {
				b.WriteString(pick(lines) + end)
				continue
			}
			b.WriteString("Environment=")
			for range 1 + r.IntN(3) {
				word := pick(names) + "="
				for range r.IntN(5) {
					word += pick(parts)
				}
				if r.IntN(4) == 0 {
					word = `"` + word + `"`
				}
				b.WriteString(word)
				switch r.IntN(6) {
				case 0:
					b.WriteString(" \\" + end)
				case 1:
					b.WriteString(" \\" + end + pick(lines[:4]) + end + " ")
				default:
					b.WriteString(" ")
				}
			}
			if r.IntN(8) > 0 {
				b.WriteString(end)
			}
		}
		out[i] = b.String()
	}
	return out
}
