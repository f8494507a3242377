// Package certs knows certificates of authorities: how they come in, what is wrong with them, and by what name they go.
//
// The packages below it know the rest: tree reads a file system, store has the trust stores of the distributions, runtime those of programs that bring their
// own, target changes containers, fleet does it for many of them. None of them knows the daemon's settings. Start at Authority.
package certs

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
)

// Fingerprint is the SHA-256 of a certificate's DER encoding. It is the identity of a certificate everywhere.
type Fingerprint [sha256.Size]byte

// FingerprintOf hashes one certificate in DER encoding; nothing is parsed.
func FingerprintOf(der []byte) Fingerprint { return sha256.Sum256(der) }

// String is 64 lower-case hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// ParseFingerprint reads 64 hexadecimal digits, as String writes them.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	n, err := hex.Decode(f[:], []byte(s))
	if err != nil || n != len(f) || len(s) != 2*len(f) {
		return Fingerprint{}, fmt.Errorf("%q is no SHA-256 fingerprint", s)
	}
	return f, nil
}

// Short is the first 12 digits: enough to name a certificate in file names and for people.
func (f Fingerprint) Short() string { return f.String()[:12] }

// AnchorName is the name of the anchor file this program makes for the certificate, "docker-proxy-<12 digits>.crt".
func (f Fingerprint) AnchorName() string { return AnchorPrefix + f.Short() + ".crt" }

// AnchorPrefix begins the name of every anchor file this program makes.
const AnchorPrefix = "docker-proxy-"

// Authority is one certificate that others are to trust.
type Authority struct {
	Fingerprint Fingerprint
	Cert        *x509.Certificate
	// Warnings say what strict readers will not like about it, one sentence each, escaped for terminals.
	Warnings []string
}

// DER is the certificate in DER encoding.
func (a Authority) DER() []byte { return a.Cert.Raw }

// PEM is the certificate as one PEM block with lines of 64 characters and a final newline, as OpenSSL writes it.
func (a Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Cert.Raw})
}

// Note is something about a store or a runtime that a change of files does not settle: what must restart, what has to be recreated with which variable, what could
// not be restored.
type Note struct {
	Kind NoteKind `json:"kind"`
	// Path is the file or the program it is about, "" for the whole container.
	Path string `json:"path,omitempty"`
	// Text is one sentence for people, escaped for terminals.
	Text string `json:"text"`
	// Env are the variables, as NAME=VALUE, with which a container has to be created to trust the authority.
	Env []string `json:"env,omitempty"`
	// Command is what to type, "" when there is nothing.
	Command string `json:"command,omitempty"`
}

// NoteKind is a word for what a note asks for.
type NoteKind string

// The kinds of notes.
const (
	NeedsRestart  NoteKind = "restart"  // a process has read the store once and has to start again
	NeedsRecreate NoteKind = "recreate" // only a new container with another environment or mount can trust it
	Limit         NoteKind = "limit"    // this program cannot be made to trust it
	Skipped       NoteKind = "skipped"  // a store was left alone, and why
	Unrestored    NoteKind = "unrestored"
	Remark        NoteKind = "remark"
)

// String is the note as one line.
func (n Note) String() string {
	if n.Path == "" {
		return n.Text
	}
	return fmt.Sprintf("%s: %s", n.Path, n.Text)
}
