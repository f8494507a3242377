package precedence

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// mask is what stands for user and password, as in `docker info` (moby daemon/config.MaskCredentials).
const mask = "xxxxx:xxxxx"

// Value is the raw value of a setting. It may hold a password, so every way of printing it shows the masked form; Reveal gives the raw text.
type Value string

// Reveal returns the raw text, password included.
func (v Value) Reveal() string { return string(v) }

// String returns the masked text.
func (v Value) String() string { return Mask(string(v)) }

// GoString returns the masked text, so that %#v and test failures do not show passwords.
func (v Value) GoString() string { return fmt.Sprintf("%q", v.String()) }

// Format prints the masked text for every verb.
func (v Value) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		fmt.Fprintf(f, "%q", v.String())
		return
	}
	fmt.Fprint(f, v.String())
}

// MarshalJSON encodes the masked text.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// HasCredentials reports whether the value holds a user or a password.
func (v Value) HasCredentials() bool { return strings.Contains(string(v), "@") }

// Mask replaces user and password of a proxy URL by xxxxx:xxxxx, as `docker info` does. Unlike Docker's function it also masks what url.Parse rejects or
// reads otherwise: everything before the last @ (after the scheme) is taken as credentials. Lists (NO_PROXY) are masked entry by entry.
func Mask(raw string) string {
	if !strings.Contains(raw, "@") {
		return raw
	}
	if u, err := url.Parse(raw); err == nil && u.User != nil && u.Host != "" && !strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
		u.User = url.UserPassword("xxxxx", "xxxxx")
		return u.String()
	}
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		scheme, rest = "", raw
	}
	if strings.Contains(scheme, "@") { // a password that holds "://"
		scheme, rest, found = "", raw, false
	}
	rest = mask + rest[strings.LastIndex(rest, "@"):]
	if found {
		return scheme + "://" + rest
	}
	return rest
}

// MaskList masks each entry of a comma-separated list.
func MaskList(raw string) string {
	if !strings.Contains(raw, "@") {
		return raw
	}
	entries := strings.Split(raw, ",")
	for i := range entries {
		entries[i] = Mask(entries[i])
	}
	return strings.Join(entries, ",")
}

// Username returns the user name in the value's URL as it stands there, percent-encoded; "" without one. It is not masked.
func (v Value) Username() string {
	_, rest, ok := strings.Cut(string(v), "://")
	if !ok {
		rest = string(v)
	}
	rest, _, _ = strings.Cut(rest, "/")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return ""
	}
	name, _, _ := strings.Cut(rest[:at], ":")
	return name
}
