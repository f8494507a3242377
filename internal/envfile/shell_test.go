package envfile_test

import (
	"fmt"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/envfile"
)

func TestAsShell(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", `A=http://u:p@h:1`, `"" []`},
		{"comment", `A=b # note`, `"# note" []`},
		{"comment behind a quote", `A="b" # note`, `"# note" []`},
		{"comment alone", `A= # none`, `"# none" []`},
		{"part of the value", `A=b#c`, `"" []`},
		{"begins with a hash", `A=#b`, `"" []`},
		{"quoted", `A="b # c" B`, `"" []`},
		{"single quotes", `A='b # $C' # d`, `"# d" []`},
		{"variable", `A=http://$HOST:1`, `"" [$HOST]`},
		{"in double quotes", `A="$a,${B}"`, `"" [$a ${B}]`},
		{"in single quotes", `A='$a ${B} $(c)'`, `"" []`},
		{"command", "A=$(hostname -f),`id`", "\"\" [$(hostname -f) `id`]"},
		{"escaped", `A=a\$b"\$c"\#`, `"" []`},
		{"a dollar sign", `A=pa$$ $1 $`, `"" []`},
		{"never closed", "A=${b $(c `d", `"" []`},
		{"in a comment", `A=b # $c`, `"# $c" []`},
		{"export", `export A=$b`, `"" [$b]`},
		{"over lines", "A=\"b\n$c\" # d", `"# d" [$c]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, skipped := envfile.Parse([]byte(c.text+"\n"), 0)
			assert.Equal(t, skipped, envfile.SkipNot)
			s := envfile.AsShell([]byte(c.text+"\n"), all[0])
			assert.Equal(t, fmt.Sprintf("%q %v", s.Comment, s.Expansions), c.want)
		})
	}
	assert.DeepEqual(t, envfile.ShellExpansions("http://${H}:$P/"), []string{"${H}", "$P"})
}
