package proc

import (
	"bufio"
	"os/exec"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

func TestHangup(t *testing.T) {
	files, err := host.Open("")
	assert.NilError(t, err)
	defer files.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap "echo hup; exit" HUP; echo ready; while :; do sleep 0.01; done`)
	out, err := cmd.StdoutPipe()
	assert.NilError(t, err)
	assert.NilError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	assert.Assert(t, lines.Scan())
	p, err := Read(files, cmd.Process.Pid)
	assert.NilError(t, err)

	other := *p
	other.Start = p.Start.Add(-time.Hour)
	assert.ErrorContains(t, other.Hangup(files), "another one has its number")

	assert.NilError(t, p.Hangup(files))
	assert.Assert(t, lines.Scan())
	assert.Equal(t, lines.Text(), "hup")
	assert.NilError(t, cmd.Wait())
	assert.ErrorContains(t, p.Hangup(files), "signalling process")
}
