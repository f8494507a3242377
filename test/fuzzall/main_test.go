package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/assert"
)

func TestParseList(t *testing.T) {
	got := parseList("?   \tm/a\t[no test files]\nok  \tm/b\t0.01s\nFuzzOne\nFuzzTwo\nok  \tm/c\t0.01s\nFuzzThree\nok  \tm/d\t(cached)\n")
	assert.DeepEqual(t, got, []target{{"m/c", "FuzzOne"}, {"m/c", "FuzzTwo"}, {"m/d", "FuzzThree"}}, cmp.AllowUnexported(target{}))
}
