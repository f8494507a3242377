package store_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
)

// Every read is a request where a container is reached through the archive API: their number must not grow with the number of certificates.
func TestFewReads(t *testing.T) {
	d := newDebian(t)
	d.update(t)
	m := d.load(t)
	m.Reads = 0
	s, err := store.Look(m)
	assert.NilError(t, err)
	_, _, err = s.Add(m, []certs.Authority{authority(t, "x")}, store.AddOptions{})
	assert.NilError(t, err)
	assert.Assert(t, m.Reads <= 24, "%d reads", m.Reads)
}

func BenchmarkAdd(b *testing.B) {
	m := containerOf(b)
	ours := []certs.Authority{authority(b, "Ours")}
	b.ReportAllocs()
	for b.Loop() {
		s, err := store.Look(m)
		assert.NilError(b, err)
		plan, _, err := s.Add(m, ours, store.AddOptions{})
		assert.NilError(b, err)
		assert.Equal(b, len(plan), 4)
	}
}

func BenchmarkHolds(b *testing.B) {
	m := containerOf(b)
	s, err := store.Look(m)
	assert.NilError(b, err)
	for b.Loop() {
		_, err := s.Holds(m)
		assert.NilError(b, err)
	}
}
