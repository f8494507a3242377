package redact_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

func TestText(t *testing.T) {
	var r redact.Redactor
	r.Add("F@oBar!x")
	r.AddValue("http://ann:pa%2Fss@proxy:1")
	r.AddValue("b:tokens-are-long@h:1")
	cases := []struct{ name, in, want string }{
		{"raw", "the password F@oBar!x is", "the password xxxxx is"},
		{"encoded", "x F%40oBar%21x y", "x xxxxx y"},
		{"decoded", "x pa/ss y", "x xxxxx y"},
		{"any URL, known or not", `parse "http://who:what@h:1": invalid`, `parse "http://xxxxx:xxxxx@h:1": invalid`},
		{"several", "http://a:b@c https://d:e@f", "http://xxxxx:xxxxx@c https://xxxxx:xxxxx@f"},
		{"without scheme", "is tokens-are-long here", "is xxxxx here"},
		{"no credentials", "http://proxy:3128 and a@b", "http://proxy:3128 and a@b"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, r.Text(c.in), c.want)
		})
	}
}

func TestZeroRedactorMasksURLs(t *testing.T) {
	var none *redact.Redactor
	assert.Equal(t, none.Text("http://a:b@c"), "http://xxxxx:xxxxx@c")
}

func TestWriterSplitsNothing(t *testing.T) {
	var r redact.Redactor
	r.Add("verysecret")
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, part := range []string{"a very", "secret\nb http://u:", "p@h\nlast verysec", "ret"} {
		_, err := fmt.Fprint(w, part)
		assert.NilError(t, err)
	}
	assert.NilError(t, w.Close())
	assert.Equal(t, out.String(), "a xxxxx\nb http://xxxxx:xxxxx@h\nlast xxxxx")
}

func TestTerminal(t *testing.T) {
	assert.Equal(t, redact.Terminal("plain\tü\n"), "plain\tü\n")
	got := redact.Terminal("a\x1b[31mb\u202ec\x7f\u009b")
	assert.Assert(t, !strings.ContainsAny(got, "\x1b\u202e\x7f\u009b"), "%q", got)
	assert.Assert(t, strings.HasPrefix(got, `a\x1b[31mb\u202ec`), "%q", got)
}

func FuzzText(f *testing.F) {
	f.Add("secretsecret", "x secretsecret http://u:secretsecret@h y")
	f.Fuzz(func(t *testing.T, secret, text string) {
		if len(secret) < 4 || strings.Contains("xxxxx:xxxxx@", secret) {
			return
		}
		var r redact.Redactor
		r.Add(secret)
		out := r.Text(text)
		masked := strings.ReplaceAll(out, "xxxxx", "")
		if strings.Contains(out, secret) && strings.Contains(masked, secret) {
			t.Fatalf("%q is still in %q", secret, out)
		}
		_ = precedence.Value(text).String()
	})
}
