package keystore

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // what such files are sealed with
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"hash"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// maxIterations bounds the work a file can ask for: Java writes 10000, and up to 100000 before JDK 16.
const maxIterations = 1_000_000

// seal is macData of RFC 7292: SEQUENCE { SEQUENCE { algorithm, digest }, salt, iterations DEFAULT 1 }.
type seal struct {
	algorithm  value
	digest     []byte
	salt       value
	tail       []byte // salt and iterations as they are in the file
	iterations int
}

func parseSeal(raw []byte) (*seal, error) {
	list, err := sequence(raw, 2)
	if err != nil {
		return nil, err
	}
	info, err := sequence(list[0].raw, 2)
	if err != nil || info[1].tag != tagOctets || list[1].tag != tagOctets {
		return nil, errDER
	}
	s := &seal{algorithm: info[0], digest: info[1].body, salt: list[1], tail: list[1].raw, iterations: 1}
	if len(list) > 2 {
		s.iterations = number(list[2])
		s.tail = append(append([]byte(nil), s.tail...), list[2].raw...)
	}
	if s.modern() {
		s.iterations = 1 // those of the parameters count
	}
	if s.iterations < 1 || s.iterations > maxIterations {
		return nil, errors.New("a PKCS#12 file that asks for an unreasonable number of iterations")
	}
	light := *s
	light.iterations = 1
	if light.mac(nil, "") == nil {
		return nil, errors.New("a PKCS#12 file that is sealed in a way that is not known")
	}
	return s, nil
}

// over is the macData for other content.
func (s *seal) over(content []byte, password string) []byte {
	return der(tagSequence, der(tagSequence, s.algorithm.raw, der(tagOctets, s.mac(content, password))), s.tail)
}

// noPassword stands for the password that some programs write for an empty one: no bytes at all, not even the terminating zero.
const noPassword = "\x00"

// mac seals the content; nil when the algorithm is none of those.
func (s *seal) mac(content []byte, password string) []byte {
	list, err := elements(s.algorithm.body)
	if err != nil || len(list) == 0 {
		return nil
	}
	name := string(list[0].body)
	if s.modern() && len(list) > 1 {
		return pbmac1(list[1].raw, content, password)
	}
	h, block := digestOf(name)
	if h == nil {
		return nil
	}
	key := deriveMACKey(h, block, s.salt.body, password, s.iterations)
	m := hmac.New(h, key)
	m.Write(content)
	return m.Sum(nil)
}

// modern reports PBMAC1 (RFC 9579), which JDK 26 and OpenSSL 3.4 know and which takes all from its own parameters.
func (s *seal) modern() bool {
	list, err := elements(s.algorithm.body)
	return err == nil && len(list) > 0 && string(list[0].body) == "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0e"
}

// digestOf gives the hash for an object identifier, and the length of its blocks in bytes.
func digestOf(oid string) (func() hash.Hash, int) {
	switch oid {
	case "\x2b\x0e\x03\x02\x1a":
		return sha1.New, sha1.BlockSize
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x04":
		return sha256.New224, sha256.BlockSize
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x01":
		return sha256.New, sha256.BlockSize
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x02":
		return sha512.New384, sha512.BlockSize
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x03":
		return sha512.New, sha512.BlockSize
	}
	return nil, 0
}

// deriveMACKey is RFC 7292 appendix B.2 for the purpose 3, a key for a MAC: such a key is as long as one hash, so one round of the general procedure is all of it.
func deriveMACKey(h func() hash.Hash, block int, salt []byte, password string, iterations int) []byte {
	var input []byte
	for range block {
		input = append(input, 3)
	}
	input = fill(input, salt, block)
	if password != noPassword {
		input = fill(input, append(toBMP(password), 0, 0), block)
	}
	sum := h()
	sum.Write(input)
	key := sum.Sum(nil)
	for range iterations - 1 {
		sum.Reset()
		sum.Write(key)
		key = sum.Sum(key[:0])
	}
	return key
}

// fill appends the pattern again and again, up to a whole number of blocks.
func fill(to, pattern []byte, block int) []byte {
	if len(pattern) == 0 {
		return to
	}
	for n := range (len(pattern) + block - 1) / block * block {
		to = append(to, pattern[n%len(pattern)])
	}
	return to
}

// pbmac1 is RFC 9579: a key by PBKDF2 with parameters of its own, for an HMAC.
func pbmac1(parameters, content []byte, password string) []byte {
	list, err := sequence(parameters, 2)
	if err != nil {
		return nil
	}
	kdf, err := sequence(list[0].raw, 2)
	if err != nil || string(kdf[0].body) != "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c" {
		return nil
	}
	p, err := sequence(kdf[1].raw, 3) // salt, iterations, length of the key, PRF
	if err != nil || p[0].tag != tagOctets {
		return nil
	}
	iterations, length := number(p[1]), number(p[2])
	if iterations < 1 || iterations > maxIterations || length < 20 || length > 64 {
		return nil
	}
	prf := sha1.New
	if len(p) > 3 {
		prf = hmacOf(p[3].body)
	}
	h := hmacOf(list[1].body)
	if prf == nil || h == nil {
		return nil
	}
	if password == noPassword {
		password = ""
	}
	key, err := pbkdf2.Key(prf, password, p[0].body, iterations, length)
	if err != nil {
		return nil
	}
	m := hmac.New(h, key)
	m.Write(content)
	return m.Sum(nil)
}

// hmacOf gives the hash of an algorithm identifier that names an HMAC (RFC 8018 appendix B.1).
func hmacOf(body []byte) func() hash.Hash {
	list, err := elements(body)
	if err != nil || len(list) == 0 {
		return nil
	}
	switch string(list[0].body) {
	case "\x2a\x86\x48\x86\xf7\x0d\x02\x07":
		return sha1.New
	case "\x2a\x86\x48\x86\xf7\x0d\x02\x09":
		return sha256.New
	case "\x2a\x86\x48\x86\xf7\x0d\x02\x0a":
		return sha512.New384
	case "\x2a\x86\x48\x86\xf7\x0d\x02\x0b":
		return sha512.New
	}
	return nil
}

// unlock finds the password of the file; a file without a seal needs none.
func (p *pfx) unlock(content []byte, passwords []string) bool {
	if p.mac == nil {
		return true
	}
	for _, password := range passwords {
		for _, form := range forms(password) {
			if mac := p.mac.mac(content, form); mac != nil && subtle.ConstantTimeCompare(mac, p.mac.digest) == 1 {
				p.password = form
				return true
			}
		}
	}
	return false
}

// forms are the ways in which programs write a password down.
func forms(password string) []string {
	if password == "" {
		return []string{"", noPassword}
	}
	return []string{password}
}

// decrypt reads the encrypted parts, to know what is in them; nothing of that is written again. A part with keys, or with a cipher that is not known, stays hidden.
func (p *pfx) decrypt(passwords []string) {
	for i, s := range p.parts {
		if s.clear {
			continue
		}
		p.parts[i].hidden = true
		if !reasonable(s.raw) {
			continue
		}
		for _, password := range passwords {
			if list, ok := decryptPart(s.raw, strings.TrimSuffix(password, noPassword)); ok {
				p.parts[i].hidden, p.parts[i].fixed = false, list
				break
			}
		}
	}
}

// decryptPart reads one encrypted part. The library wants a whole file: one with this part only, sealed with the same password.
func decryptPart(raw []byte, password string) ([]Entry, bool) {
	content := der(tagSequence, raw)
	file := der(tagSequence, []byte{tagInteger, 1, 3}, dataContent(content), lightSeal().over(content, password))
	certificates, err := pkcs12.DecodeTrustStore(file, password)
	var out []Entry
	for _, c := range certificates {
		out = append(out, Entry{DER: c.Raw, Fixed: true})
	}
	return out, err == nil
}

// lightSeal is a seal that costs nothing: HMAC-SHA-256 and one iteration.
func lightSeal() *seal {
	salt := der(tagOctets, []byte("docker-proxy"))
	return &seal{
		algorithm:  value{body: []byte("\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"), raw: []byte("\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00")},
		salt:       value{body: []byte("docker-proxy")},
		tail:       salt,
		iterations: 1,
	}
}

// reasonable reports whether an encrypted part, EncryptedData of RFC 5652, asks for a bearable number of iterations.
func reasonable(raw []byte) bool {
	list, err := sequence(raw, 2)
	if err != nil || string(list[0].raw) != oidEncrypted {
		return false
	}
	data, err := sequence(list[1].body, 2)
	if err != nil {
		return false
	}
	info, err := sequence(data[1].raw, 2)
	if err != nil {
		return false
	}
	algorithm, err := sequence(info[1].raw, 2)
	if err != nil {
		return false
	}
	parameters, err := sequence(algorithm[1].raw, 2)
	if err != nil {
		return false
	}
	if parameters[0].tag == tagOctets { // PKCS#12's own: salt, iterations
		return bearable(number(parameters[1]))
	}
	kdf, err := sequence(parameters[0].raw, 2) // PBES2: the KDF, its salt and iterations
	if err != nil {
		return false
	}
	p, err := sequence(kdf[1].raw, 2)
	return err == nil && bearable(number(p[1]))
}

func bearable(iterations int) bool { return iterations >= 1 && iterations <= maxIterations }
