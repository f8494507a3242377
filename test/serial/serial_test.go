package serial_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/test/serial"
)

func TestRegister(t *testing.T) {
	r := serial.NewRegister("0")
	before := r.Read()
	r.Begin("1")()
	end := r.Begin("2")
	during := r.Read()
	assert.NilError(t, before("0"))
	assert.NilError(t, before("2"))
	assert.NilError(t, during("1"))
	assert.NilError(t, during("2"))
	assert.ErrorContains(t, during("0"), `read "0", and possible are ["1" "2"]`)
	assert.ErrorContains(t, before("3"), `read "3"`)
	assert.Equal(t, r.Value(), "1")
	end()
	assert.Equal(t, r.Value(), "2")
	assert.ErrorContains(t, r.Read()("1"), `possible are ["2"]`)
	assert.Assert(t, r.Ever("1") && !r.Ever("3"))
}

func TestSet(t *testing.T) {
	s := serial.NewSet("a")
	s.Begin("b")()
	end := s.Begin("c")
	during := s.Read()
	assert.NilError(t, during([]string{"a", "b"}))
	assert.NilError(t, during([]string{"c", "b", "a"}))
	assert.ErrorContains(t, during([]string{"a", "c"}), "lost are [b]")
	assert.ErrorContains(t, during([]string{"a", "b", "d"}), "wrote [d]")
	assert.ErrorContains(t, during([]string{"a", "b", "b"}), "wrote [b]")
	assert.Equal(t, s.Size(), 2)
	end()
	assert.Equal(t, s.Size(), 3)
	assert.ErrorContains(t, s.Read()([]string{"a", "b"}), "lost are [c]")
}
