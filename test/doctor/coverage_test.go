package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// shownElsewhere are the kinds of finding that no files of a machine show, with the tests that do: a running daemon, containers, a network or a broken account is what it takes.
func shownElsewhere() map[string]string {
	const fixed, containers, lived = "TestDoctorFix of test/e2e", "TestClient of test/e2e", "TestDoctorState of test/e2e"
	return map[string]string{
		"daemon-json-breaks-next-restart": fixed, "systemd-reload-needed": fixed, "systemd-start-limit-near": fixed, "restart-pending": fixed, "daemon-not-reachable": fixed,
		"url-loopback-in-rootless-or-vm": "TestDoctorLoopback of test/e2e",

		"url-scheme-https-to-plain-proxy": lived, "proxy-not-reachable": lived, "proxy-refuses-credentials": lived, "running-differs-from-configured": lived, "live-restore-off": lived,
		"daemon-json-validate-fails": lived, "systemd-verify-complains": lived, "ca-not-in-daemon-store": lived, "ca-daemon-not-restarted": lived,
		"ca-expires-soon": "TestCA of test/e2e", "ca-containers-missing": "TestFindings of pkg/certs/health",

		"no-proxy-missing-docker-network": containers, "no-proxy-missing-service": containers, "client-config-root-owned": containers, "client-credentials-in-inspect": containers,
		"client-env-file-loses": containers, "client-image-has-proxy": containers, "client-stale-containers": containers,

		"change-in-progress": "TestCrowd of test/e2e", "unfinished-change": "TestInterrupted of test/e2e", "context-broken": "TestBrokenContext of test/doctor",
		"desktop-manages-proxy": "TestDesktopManages of pkg/daemon", "unknown-without-running-code": "TestWhatIsNotKnown of pkg/daemon",
	}
}

// TestEveryCheckIsShown: every kind of finding that files can show stands in the corpus.
func TestEveryCheckIsShown(t *testing.T) {
	shown := map[string]bool{constant: true} // every state has it
	for _, s := range corpus(t) {
		for _, f := range s.Expect {
			shown[f.ID] = true
		}
	}
	elsewhere := shownElsewhere()
	for _, c := range precedence.Checks() {
		_, other := elsewhere[c.ID]
		assert.Check(t, shown[c.ID] || other, "%s: no state shows it", c.ID)
		assert.Check(t, !(shown[c.ID] && other), "%s stands in the corpus: it need not be shown elsewhere", c.ID)
		delete(elsewhere, c.ID)
	}
	for id := range elsewhere {
		t.Errorf("%s is no registered check", id)
	}
}

// TestShownElsewhere: the tests that are named are there, and have to do with the finding.
func TestShownElsewhere(t *testing.T) {
	for id, where := range shownElsewhere() {
		name, dir, ok := strings.Cut(where, " of ")
		assert.Assert(t, ok, where)
		files, err := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
		assert.NilError(t, err)
		declared, mentioned := false, false
		for _, file := range files {
			if filepath.Base(file) == "coverage_test.go" {
				continue
			}
			text, err := os.ReadFile(file)
			assert.NilError(t, err)
			declared = declared || strings.Contains(string(text), "func "+name+"(")
			mentioned = mentioned || strings.Contains(string(text), id)
		}
		assert.Check(t, declared, "%s: there is no %s", id, where)
		assert.Check(t, mentioned, "%s: no test in %s knows it", id, dir)
	}
}
