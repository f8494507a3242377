// Package redact keeps the secrets of one run out of everything that is printed.
//
// It knows secrets in two ways: those it was told (passwords from a prompt, a file or an observed value, in raw, decoded and percent-encoded form), and the shape
// of credentials in URLs. It is the last filter before stdout and stderr; types that mask themselves (precedence.Value) come first. Start at Redactor.
package redact

import (
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// shortest is the length below which a known secret is not searched for by itself: replacing every "ab" would make the output unreadable and
// would tell the secret by what is missing. Such a secret is still masked inside a URL.
const shortest = 4

// Redactor filters text. The zero value knows no secret but masks URL credentials. It is safe for concurrent use.
type Redactor struct {
	mu      sync.Mutex
	secrets []string
}

// Add makes a secret known, in its raw, percent-decoded and percent-encoded forms.
func (r *Redactor) Add(secret string) {
	forms := []string{secret, precedence.EncodeUserinfo(secret), url.QueryEscape(secret)}
	if plain, err := url.PathUnescape(secret); err == nil {
		forms = append(forms, plain)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range forms {
		if len(f) >= shortest && f != "xxxxx" && !slices.Contains(r.secrets, f) {
			r.secrets = append(r.secrets, f)
		}
	}
	// Longest first: a secret that contains another one is replaced whole.
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
}

// AddValue makes the password of a proxy URL known, and the whole userinfo with it. Values without credentials add nothing.
func (r *Redactor) AddValue(v precedence.Value) {
	for entry := range strings.SplitSeq(v.Reveal(), ",") {
		at := strings.LastIndex(entry, "@")
		if at < 0 {
			continue
		}
		userinfo := entry[:at]
		if i := strings.Index(userinfo, "://"); i >= 0 && !strings.ContainsAny(userinfo[:i], "@:") {
			userinfo = userinfo[i+3:]
		}
		r.Add(userinfo)
		if _, password, ok := strings.Cut(userinfo, ":"); ok {
			r.Add(password)
		}
	}
}

// Text returns s with every known secret and the credentials of every URL masked.
func (r *Redactor) Text(s string) string {
	if r != nil {
		r.mu.Lock()
		for _, secret := range r.secrets {
			s = strings.ReplaceAll(s, secret, "xxxxx")
		}
		r.mu.Unlock()
	}
	return maskURLs(s)
}

// maskURLs masks what stands between "://" and the last @ of the same word.
func maskURLs(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "://")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i+3])
		s = s[i+3:]
		end := strings.IndexAny(s, " \t\r\n\"'`<>")
		if end < 0 {
			end = len(s)
		}
		word := s[:end]
		if at := strings.LastIndex(word, "@"); at >= 0 {
			word = "xxxxx:xxxxx" + word[at:]
		}
		b.WriteString(word)
		s = s[end:]
	}
}

// Writer returns a writer that passes whole lines to w after Text. Close flushes an unfinished last line.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser { return &writer{r: r, w: w} }

type writer struct {
	r   *Redactor
	w   io.Writer
	buf []byte
}

func (w *writer) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	for {
		i := slices.Index(w.buf, '\n')
		if i < 0 {
			return len(p), nil
		}
		if _, err := io.WriteString(w.w, w.r.Text(string(w.buf[:i+1]))); err != nil {
			return 0, err
		}
		w.buf = w.buf[i+1:]
	}
}

// Close writes an unfinished last line.
func (w *writer) Close() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := io.WriteString(w.w, w.r.Text(string(w.buf)))
	w.buf = nil
	return err
}

// Terminal escapes control and bidirectional formatting characters of foreign text (names, log lines, subjects), so that it cannot steer the terminal. Newlines
// and tabs stay.
func Terminal(s string) string {
	clean := func(c rune) bool {
		return c == '\n' || c == '\t' || c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && !(c >= 0x200e && c <= 0x200f) &&
			!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0x061c && c != 0xfffd
	}
	if !strings.ContainsFunc(s, func(c rune) bool { return !clean(c) }) {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		if clean(c) {
			b.WriteRune(c)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(c), "'"))
	}
	return b.String()
}
