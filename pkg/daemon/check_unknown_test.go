//go:build linux

package daemon

import (
	"testing"

	"gotest.tools/v3/assert"
)

// TestWhatIsNotKnown: what could not be found out is told, by another name of a directory than of a system that runs.
func TestWhatIsNotKnown(t *testing.T) {
	site := rooted(t, debianHost("26.1.5"))
	site.Unknown = []string{"which files /etc/init.d/docker sources is not known: it is not plain shell"}
	found := Observe(site).Findings
	assert.Equal(t, len(found), 1)
	assert.Equal(t, found[0].ID+" "+found[0].Message, "not-known-under-root "+site.Unknown[0])
	site.Live = true
	found = Observe(site).Findings
	assert.Equal(t, len(found), 1)
	assert.Equal(t, found[0].ID+" "+found[0].Message, "unknown-without-running-code "+site.Unknown[0])
	site.Unknown = nil
	assert.Equal(t, len(Observe(site).Findings), 0)
}
