package main

import (
	"bytes"
	"encoding/pem"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// seedSystem is the value of --seed that stands for this machine's own bundle.
const seedSystem = "system"

// addSeedFlag adds --seed to a command that may make a bundle where there is none.
func addSeedFlag(cmd *cobra.Command, seed *string) {
	cmd.Flags().StringVar(seed, "seed", "", "Where there is no bundle at all (scratch): make it from the public roots of this PEM `FILE`, or with \"system\" of this machine's")
	_ = cmd.MarkFlagFilename("seed", "pem", "crt") // fails for an unknown flag only
}

// systemBundle is the first of the bundles that Go looks for (go1.26 crypto/x509 root_linux.go), with its name; "" where there is none.
func systemBundle(files *host.FS) (data []byte, name string) {
	for _, name := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"} {
		if data, err := files.ReadFile(name); err == nil && len(data) > 0 {
			return data, name
		}
	}
	return nil, ""
}

// readSeed gives the certificates that --seed names, each once and nothing else of the file, as PEM; nil for an empty value.
func readSeed(files *host.FS, seed string) ([]byte, error) {
	if seed == "" {
		return nil, nil
	}
	data, name := []byte(nil), seed
	if seed == seedSystem {
		if data, name = systemBundle(files); name == "" {
			return nil, fmt.Errorf("--seed system: this machine has no bundle of public roots; name a file with them")
		}
	} else {
		var err error
		if data, err = readNamed(seed); err != nil {
			return nil, fmt.Errorf("reading --seed %s: %w", seed, err)
		}
	}
	var out bytes.Buffer
	held := map[certs.Fingerprint]bool{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if f := certs.FingerprintOf(block.Bytes); block.Type == "CERTIFICATE" && !held[f] {
			held[f] = true
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}))
		}
	}
	if len(held) == 0 {
		return nil, usageErrorf("--seed: %s has no certificate in it", name)
	}
	return out.Bytes(), nil
}
