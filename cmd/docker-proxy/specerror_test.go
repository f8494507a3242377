package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestSpecErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "schema: 1\nhttpProxi: x\n", "f.yaml:2: unknown key httpProxi"},
		{"unknown key of a service", "schema: 1\nservices:\n  web:\n    proxi: x\n", "f.yaml:4: unknown key proxi"},
		{"wrong kind", "schema: 1\nhttpProxy: [http://user:s3cret@h]\n", "f.yaml:2: a value of the wrong kind"},
		{"a secret in the wrong place", "schema: s3cret\n", "f.yaml:1: a value of the wrong kind"},
		{"not YAML", "schema: 1\n\thttpProxy: x\n", "f.yaml:2: found a tab character that violates indentation"},
		{"JSON cut short", "{\"schema\": 1,\n\"httpProxy\": ", "f.yaml:2: did not find expected node content"},
		{"duplicate key", "schema: 1\nschema: 1\n", `f.yaml:2: mapping key "schema" already defined at line 1`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.yaml")
			assert.NilError(t, os.WriteFile(path, []byte(tc.text), 0o600))
			_, err := readSpec(path)
			assert.Assert(t, err != nil)
			assert.Equal(t, strings.TrimPrefix(err.Error(), filepath.Dir(path)+"/"), tc.want)
			assert.Equal(t, failure{err: err}.status(t.Context()), exitUsage)
		})
	}
}
