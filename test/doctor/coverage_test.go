package doctor

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// shownElsewhere are the kinds of finding that no files of a machine show, with the tests that do: a running daemon, containers, a network or a broken account is what it takes.
func shownElsewhere() map[string]string {
	return map[string]string{}
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
