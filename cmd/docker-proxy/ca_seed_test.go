package main

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/probe"
)

// Of the file of --seed only its certificates are taken, each once: no key, no comment gets into a container.
func TestReadSeed(t *testing.T) {
	dir := t.TempDir()
	one, rest := pem.Decode(probe.PublicPEM())
	two, _ := pem.Decode(rest)
	text := func(blocks ...*pem.Block) string {
		var b strings.Builder
		for _, block := range blocks {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
		return b.String()
	}
	bundle := text(one, two)
	assert.NilError(t, os.MkdirAll(filepath.Join(dir, "etc/pki/tls/certs"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "etc/pki/tls/certs/ca-bundle.crt"), []byte("# roots\n"+bundle), 0o600))
	mixed := filepath.Join(dir, "mixed.pem")
	assert.NilError(t, os.WriteFile(mixed, []byte("junk\n"+text(one, &pem.Block{Type: "PRIVATE KEY", Bytes: []byte("key")}, one, two)+"junk"), 0o600))
	keys := filepath.Join(dir, "keys.pem")
	assert.NilError(t, os.WriteFile(keys, []byte(text(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("key")})), 0o600))
	empty := t.TempDir()
	tests := []struct{ name, root, seed, want, err string }{
		{"none", dir, "", "", ""},
		{"this machine's", dir, "system", bundle, ""},
		{"a machine without a bundle", empty, "system", "", "has no bundle of public roots"},
		{"a file", dir, mixed, bundle, ""},
		{"no certificate", dir, keys, "", "keys.pem has no certificate in it"},
		{"no file", dir, filepath.Join(dir, "none"), "", "none: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := host.Open(tt.root)
			assert.NilError(t, err)
			defer f.Close()
			got, err := readSeed(f, tt.seed)
			if tt.err != "" {
				assert.ErrorContains(t, err, tt.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, string(got), tt.want)
		})
	}
}
