package keystore_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"crypto/x509"
	"gotest.tools/v3/assert"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
)

// seeds are stores made without keytool: an empty JKS and one with an entry, PKCS#12 of every kind the library writes.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	der := authority(t, "seed")
	cert, err := x509.ParseCertificate(der)
	assert.NilError(t, err)
	out := [][]byte{emptyJKS("changeit")}
	store, err := keystore.Open(out[0], "changeit")
	assert.NilError(t, err)
	assert.NilError(t, store.Add("one", der, time.Unix(1, 0)))
	out = append(out, store.Bytes())
	for _, e := range []*pkcs12.Encoder{pkcs12.LegacyRC2, pkcs12.LegacyDES, pkcs12.Modern2023, pkcs12.Modern2026} {
		data, err := e.EncodeTrustStore([]*x509.Certificate{cert}, "changeit")
		assert.NilError(t, err)
		out = append(out, data)
	}
	data, err := pkcs12.Passwordless.EncodeTrustStore([]*x509.Certificate{cert}, "")
	assert.NilError(t, err)
	return append(out, data)
}

// emptyJKS is a store without entries.
func emptyJKS(password string) []byte {
	head := binary.BigEndian.AppendUint32(nil, 0xfeedfeed)
	head = binary.BigEndian.AppendUint32(head, 2)
	head = binary.BigEndian.AppendUint32(head, 0)
	return append(head, keystore.Digest(password, head)...)
}

// Any bytes are read without a panic, and what can be opened and is not locked gives its own bytes back, also after something came and went.
func FuzzOpen(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	ours := authority(f, "ours")
	f.Fuzz(func(t *testing.T, data []byte) {
		store, err := keystore.Open(data, "changeit", "")
		if err != nil {
			return
		}
		if store.Locked() {
			assert.ErrorIs(t, store.Add("x", ours, time.Unix(0, 0)), keystore.ErrLocked)
			return
		}
		assert.Assert(t, bytes.Equal(store.Bytes(), data))
		assert.NilError(t, store.Add("docker-proxy-x", ours, time.Unix(0, 0)))
		again, err := keystore.Open(store.Bytes(), "changeit", "")
		assert.NilError(t, err)
		n, err := again.Remove(func(e keystore.Entry) bool { return bytes.Equal(e.DER, ours) })
		assert.NilError(t, err)
		assert.Equal(t, n, 1)
		assert.Assert(t, bytes.Equal(again.Bytes(), data))
	})
}

// A few bytes cannot make us take much memory: lengths are compared with what is there.
func TestMemoryIsBounded(t *testing.T) {
	var hostile [][]byte
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	jks := func(parts ...[]byte) []byte {
		return bytes.Join(append([][]byte{{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2}}, parts...), nil)
	}
	hostile = append(hostile,
		jks(huge), // entries
		jks([]byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0}, huge),                                 // a key
		jks([]byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, huge),                     // a chain
		jks([]byte{0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'X'}, huge),                      // a certificate
		append([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, 3}, make([]byte, 64)...),                             // a sequence
		append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x30, 0x80}, 1<<16)...),                                       // nested
		append([]byte{0x30, 0x83, 0x02, 0x00, 0x00}, bytes.Repeat([]byte{0x30, 0x84, 0, 0, 0, 1}, 1<<15)[:1<<17]...), // many
	)
	entry := []byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} // the shortest there is
	hostile = append(hostile, jks([]byte{0, 0x0c, 0, 0}, bytes.Repeat(entry, 0x0c0000)))
	many := bytes.Repeat([]byte{5, 0}, 7<<20)
	hostile = append(hostile, append([]byte{0x30, 0x84, 0, 0xe0, 0, 0}, many...))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // reproducible
	for _, seed := range seeds(t) {
		for range 200 {
			data := bytes.Clone(seed)
			for range 1 + random.IntN(4) {
				data[random.IntN(len(data))] = byte(random.IntN(256))
			}
			hostile = append(hostile, data, data[:random.IntN(len(data))])
		}
	}
	for i, data := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = keystore.Open(data, "changeit", "")
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc
		assert.Assert(t, used < 8<<20+4*uint64(len(data)), "%d: %d bytes for %d", i, used, len(data))
	}
}

// A file that asks for a billion iterations is refused before they are made.
func TestIterationsAreBounded(t *testing.T) {
	cert, err := x509.ParseCertificate(authority(t, "seed"))
	assert.NilError(t, err)
	data, err := pkcs12.LegacyDES.WithIterations(2_000_000).EncodeTrustStore([]*x509.Certificate{cert}, "")
	assert.NilError(t, err)
	_, err = keystore.Open(data, "")
	assert.ErrorIs(t, err, keystore.ErrFormat)
	assert.ErrorContains(t, err, "iterations")
}

// What the library of others writes, in every way it can, is read, edited and given back.
func TestOtherWriters(t *testing.T) {
	ours := authority(t, "ours")
	for i, data := range seeds(t) {
		store, err := keystore.Open(data, "no", "changeit")
		assert.NilError(t, err)
		assert.Assert(t, !store.Locked(), i)
		assert.Equal(t, store.Unread(), 0)
		assert.Equal(t, len(store.Trusted()), min(i, 1))
		assert.NilError(t, store.Add("docker-proxy-x", ours, time.Unix(0, 0)))
		again, err := keystore.Open(store.Bytes(), "changeit")
		assert.NilError(t, err)
		assert.Equal(t, len(again.Trusted()), min(i, 1)+1)
		_, err = again.Remove(func(e keystore.Entry) bool { return bytes.Equal(e.DER, ours) })
		assert.NilError(t, err)
		assert.Assert(t, bytes.Equal(again.Bytes(), data), i)
	}
}

// Without the password a store is read as far as it is in the clear, and never written.
func TestLocked(t *testing.T) {
	for i, data := range seeds(t)[:6] {
		store, err := keystore.Open(data, "wrong", "")
		assert.NilError(t, err)
		assert.Assert(t, store.Locked(), i)
		assert.ErrorIs(t, store.Add("x", authority(t, "x"), time.Unix(0, 0)), keystore.ErrLocked)
		_, err = store.Remove(func(keystore.Entry) bool { return true })
		assert.ErrorIs(t, err, keystore.ErrLocked)
	}
	_, err := keystore.Open([]byte("-----BEGIN CERTIFICATE-----\n"))
	assert.ErrorIs(t, err, keystore.ErrFormat)
}

// An alias that is taken gets a number, whatever its case.
func TestAliasTaken(t *testing.T) {
	for _, data := range [][]byte{seeds(t)[0], seeds(t)[6]} {
		store, err := keystore.Open(data, "changeit")
		assert.NilError(t, err)
		for range 3 {
			assert.NilError(t, store.Add("Same", authority(t, "x"), time.Unix(0, 0)))
		}
		var got []string
		for _, e := range store.Trusted() {
			got = append(got, e.Alias)
		}
		assert.DeepEqual(t, got[len(got)-3:], []string{"same", "same-1", "same-2"})
	}
}
