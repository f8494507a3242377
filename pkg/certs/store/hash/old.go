package hash

import (
	"crypto/md5" //nolint:gosec // the format's own hash, not a signature
	"encoding/binary"
)

// Old takes the DER encoding of a distinguished name and returns what `openssl x509 -subject_hash_old` prints: the first four bytes, the lowest first, of its MD5
// (X509_NAME_hash_old; OpenSSL before 1.0.0).
func Old(name []byte) uint32 {
	sum := md5.Sum(name) //nolint:gosec // see the import
	return binary.LittleEndian.Uint32(sum[:])
}
