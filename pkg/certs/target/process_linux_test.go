package target

import (
	"os"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// A process that was there before the daemon was asked is the one the daemon told of; a later one may have got its number.
func TestProcessBefore(t *testing.T) {
	p, err := openProcess(os.Getpid())
	assert.NilError(t, err)
	defer p.Close()
	for _, tt := range []struct {
		name  string
		asked time.Time
		want  bool
	}{
		{name: "never asked"},
		{name: "asked before it was there", asked: time.Now().Add(-24 * time.Hour)},
		{name: "asked while it was there", asked: time.Now().Add(time.Hour), want: true},
		{name: "by the clock on the wall only", asked: time.Now().Add(-24 * time.Hour).Round(0)},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, p.before(tt.asked), tt.want) })
	}
}
