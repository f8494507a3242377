// Package nssdb reads the certificates in a database of NSS (cert9.db), which Chromium, Firefox and others trust, without a program of NSS.
//
// It is pure over bytes and reads only. Writing is left to NSS' own certutil: what says that a certificate is trusted is sealed with a key of key4.db, which only NSS computes
// (lib/softoken/sftkpwd.c, sftkdb_SignAttribute), and a database that a program holds open must be changed under SQLite's locks. Start at Read.
package nssdb

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the name that NSS gives a certificate, not a proof
	"slices"
	"strings"
)

// File is the name of the database in its directory.
const File = "cert9.db"

// Files are those of a database of the kind "sql:", of which certutil may change each.
func Files() []string { return []string{File, "key4.db", "pkcs11.txt"} }

// Entry is one certificate.
type Entry struct {
	// Nickname is what NSS calls it; foreign text.
	Nickname string
	// DER is the certificate.
	DER []byte
	// Trusted says that it is trusted as an authority for servers ("C" of certutil).
	Trusted bool
}

// Columns are named by the attribute of PKCS#11 (lib/softoken/sdb.c); numbers are big-endian. The trust of a certificate is another object, which has its SHA-1.
const (
	class       = "a0"
	label       = "a3"
	content     = "a11"
	serverAuth  = "ace536358" // CKA_TRUST_SERVER_AUTH
	fingerprint = "ace5363b4" // CKA_CERT_SHA1_HASH

	certificateClass = "\x00\x00\x00\x01" // CKO_CERTIFICATE
	trustClass       = "\xce\x53\x43\x53" // CKO_NSS_TRUST
	delegator        = "\xce\x53\x43\x52" // CKT_NSS_TRUSTED_DELEGATOR
)

// empty is how NSS writes an attribute that is there and has no bytes.
const empty = "\xa5\x00\x5a"

// Read gives the certificates of a database, in its order. An error matches ErrFormat.
func Read(data []byte) ([]Entry, error) {
	t, err := open(data)
	if err != nil {
		return nil, err
	}
	root, columns, err := t.find("nssPublic")
	if err != nil {
		return nil, err
	}
	var out []Entry
	trusted := map[string]bool{}
	err = t.rows(root, func(r row) error {
		get := func(name string) string {
			i := slices.Index(columns, name)
			if i < 0 || i >= len(r) { // a column that was added later
				return ""
			}
			switch v := r[i].(type) {
			case []byte:
				return strings.TrimSuffix(string(v), empty)
			case string:
				return v
			}
			return ""
		}
		switch get(class) {
		case certificateClass:
			out = append(out, Entry{Nickname: get(label), DER: bytes.Clone([]byte(get(content)))})
		case trustClass:
			trusted[get(fingerprint)] = get(serverAuth) == delegator
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		sum := sha1.Sum(out[i].DER) //nolint:gosec // see above
		out[i].Trusted = trusted[string(sum[:])]
	}
	return out, nil
}
