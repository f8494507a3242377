package bundle_test

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"

	"github.com/docker-proxy/docker-proxy/pkg/certs/store/bundle"
)

// The certificates of this machine, as many as a container has.
func BenchmarkScan(b *testing.B) {
	data, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("hash", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			bundle.Scan(data)
		}
	})
	b.Run("x509", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			for rest := data; ; {
				var block *pem.Block
				if block, rest = pem.Decode(rest); block == nil {
					break
				}
				if _, err := x509.ParseCertificate(block.Bytes); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
