//go:build hosts && linux

package readers

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader/oracle"
	"github.com/docker-proxy/docker-proxy/test/hosts"
)

// TestNewerCurl: the models of the two newer generations of curl, compared with the curl of a Debian that has it.
func TestNewerCurl(t *testing.T) {
	for _, host := range []string{"trixie", "sid"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			hosts.RecordAtEnd(t, host)
			h := hosts.Boot(t, host)
			self, err := os.Executable()
			assert.NilError(t, err)
			program, err := os.ReadFile(self)
			assert.NilError(t, err)
			h.WriteFile(t, "/usr/local/bin/readers.test", string(program), 0o755)
			r := curlOfVersion(t, h.MustRun(t, "curl", "--version").Stdout)
			older := curlOfVersion(t, "curl 7.88.1")
			assert.Assert(t, r.Title != older.Title, "this host's curl is no newer one")
			t.Logf("compared with the model of %s", r.Title)
			pairs := oracle.Pairs(seed, pairsToRun(t), oracle.Options{OddAddresses: true, Underscore: true, IDN: true})
			result := h.Do(t, hosts.Cmd{
				Argv:  []string{"unshare", "--net", "--mount", "env", roleVariable + "=curl", "/usr/local/bin/readers.test"},
				Stdin: string(questions(t, pairs)),
			})
			assert.Equal(t, result.Code, 0, "%s", result.Stderr)
			judge(t, r, pairs, strings.Split(strings.TrimRight(result.Stdout, "\n"), "\n"))
		})
	}
}
