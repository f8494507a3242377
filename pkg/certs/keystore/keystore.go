// Package keystore reads and edits the key stores of Java, JKS and PKCS#12, without touching a byte of what it does not add or take out.
//
// It works on bytes and knows neither files nor containers. Entries keep their order, aliases, dates and attributes, private keys stay as encrypted as they were, and
// what was added can be taken out again to the same bytes. General libraries decode a store and encode it anew, which loses the order, attributes they do not know and
// with them the bytes; and they take lengths from the file before they look whether it is that long, which a hostile container could use. Start at Open.
package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Format is the way a store is written down.
type Format string

// The formats. Java has read both, whatever the type it was told, since JDK 8u60 (keystore.type.compat in java.security).
const (
	JKS     Format = "JKS"
	JCEKS   Format = "JCEKS"
	PKCS12  Format = "PKCS12"
	Unknown Format = ""
)

// Sniff tells the format from the first bytes; the name of a store says nothing. Unknown for anything else.
func Sniff(data []byte) Format {
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return JKS
	case bytes.HasPrefix(data, []byte{0xce, 0xce, 0xce, 0xce}):
		return JCEKS
	case len(data) > 1 && data[0] == 0x30:
		return PKCS12
	}
	return Unknown
}

// ErrFormat is matched by every error about bytes that are no store, or not one that can be edited.
var ErrFormat = errors.New("no key store that can be edited")

// ErrLocked says that none of the given passwords is the store's: it can be read as far as it is not encrypted, but whoever checks it would refuse an edited one.
var ErrLocked = errors.New("the password of the store is not known")

// Entry is one certificate of a store.
type Entry struct {
	// Alias is the name of the entry as it is in the store, "" where it could not be read; foreign text.
	Alias string
	// DER is the certificate.
	DER []byte
	// Created is the date the entry carries, the zero time without one (PKCS#12).
	Created time.Time
	// Fixed says that it cannot be taken out: it is in an encrypted part.
	Fixed bool
}

// Store is an open store.
type Store struct {
	format Format
	part   part
	locked bool
}

// part is the store without its seal.
type part interface {
	// trusted are the entries that are trusted certificates.
	trusted() []Entry
	add(alias string, der []byte, at time.Time)
	// remove takes out every trusted entry for which it is asked, and returns how many that were.
	remove(out func(Entry) bool) int
	has(alias string) bool
	unread() int
	// bytes are those of the whole store, sealed anew.
	bytes() []byte
}

// Open reads a store; of the passwords the first that fits is used, and where none does the store is Locked. An error matches ErrFormat, and names no password.
func Open(data []byte, passwords ...string) (*Store, error) {
	s := &Store{format: Sniff(data)}
	var err error
	switch s.format {
	case JKS, JCEKS:
		s.part, s.locked, err = openJKS(data, passwords)
	case PKCS12:
		s.part, s.locked, err = openPKCS12(data, passwords)
	case Unknown:
		err = errors.New("neither JKS nor PKCS#12")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return s, nil
}

// Format is what the store is written in.
func (s *Store) Format() Format { return s.format }

// Locked says that Add and Remove will fail with ErrLocked.
func (s *Store) Locked() bool { return s.locked }

// Unread is the number of encrypted parts of the store that could not be read; they are kept as they are.
func (s *Store) Unread() int { return s.part.unread() }

// Trusted are the trusted certificates of the store in its order. Those that only belong to a private key are not among them.
func (s *Store) Trusted() []Entry { return s.part.trusted() }

// Add puts in a certificate that is trusted for everything; nothing happens when the store has it already under any alias. An alias that is taken, by an entry of
// any kind, gets a number. Aliases are lower-cased, as Java does with those of both formats.
func (s *Store) Add(alias string, der []byte, at time.Time) error {
	if s.locked {
		return ErrLocked
	}
	for _, e := range s.part.trusted() {
		if bytes.Equal(e.DER, der) {
			return nil
		}
	}
	alias = strings.ToLower(alias)
	free := alias
	for n := 1; s.part.has(free); n++ {
		free = fmt.Sprintf("%s-%d", alias, n)
	}
	s.part.add(free, der, at)
	return nil
}

// Remove takes out every trusted certificate for which out says so and that is not Fixed; it returns how many that were.
func (s *Store) Remove(out func(Entry) bool) (int, error) {
	if s.locked {
		return 0, ErrLocked
	}
	return s.part.remove(out), nil
}

// Bytes is the store as a file, sealed with the password it was opened with.
func (s *Store) Bytes() []byte { return s.part.bytes() }
