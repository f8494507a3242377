package runtime

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/keystore"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// passwords are the ones to try on Java stores: given, then what the container's Java is told, what Debian's hook is told, and the usual ones.
func (s Survey) passwords(t tree.Tree, given []string) []string {
	out := slices.Clone(given)
	add := func(list ...string) {
		for _, p := range list {
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	add(s.processes.property("javax.net.ssl.trustStorePassword")...)
	if slices.ContainsFunc(s.Stores, func(st Store) bool { return st.naming == debianName }) {
		if data, err := t.ReadFile("/etc/default/cacerts"); err == nil { // of ca-certificates-java
			for line := range strings.SplitSeq(string(data), "\n") {
				if value, ok := strings.CutPrefix(strings.TrimSpace(line), "storepass="); ok {
					add(strings.Trim(value, `"'`))
				}
			}
		}
	}
	add("changeit", "", "changeme") // of Java, of stores without one, of macOS and many guides
	return out
}

// alias is the name of the authority's entry in the store.
func (s Store) alias(a certs.Authority) string {
	name := strings.TrimSuffix(a.Fingerprint.AnchorName(), ".crt")
	switch s.naming {
	case debianName: // the base name of the link in /etc/ssl/certs, behind a prefix (UpdateCertificates of ca-certificates-java)
		return "debian:" + name + ".pem"
	case p11Name:
		if alias := p11Alias(a.Cert); alias != "" {
			return alias
		}
	case ownName:
	}
	return name
}

func addJava(st Store, data []byte, list []certs.Authority, passwords []string, now time.Time) ([]byte, []certs.Note) {
	store, err := keystore.Open(data, passwords...)
	if err != nil {
		return data, []certs.Note{noteOf(certs.Skipped, st.Path, "left alone: %v", err)}
	}
	var notes []certs.Note
	for _, a := range list {
		at := now
		if at.IsZero() {
			at = a.Cert.NotBefore
		}
		if err := store.Add(st.alias(a), a.DER(), at); err != nil {
			note := noteOf(certs.Skipped, st.Path, "left alone: %v", err)
			note.Command = redact.Terminal(fmt.Sprintf("keytool -importcert -noprompt -trustcacerts -alias %s -file %s -keystore %s",
				quote(st.alias(a)), a.Fingerprint.AnchorName(), quote(st.Real)))
			return data, append(notes, note)
		}
	}
	return store.Bytes(), notes
}

func removeJava(t tree.Tree, st Store, data []byte, list []certs.Fingerprint, passwords []string, o RemoveOptions) ([]byte, []certs.Note) {
	store, err := keystore.Open(data, passwords...)
	if err != nil {
		return data, []certs.Note{noteOf(certs.Skipped, st.Path, "left alone: %v", err)}
	}
	var notes []certs.Note
	for _, f := range list {
		there := slices.ContainsFunc(store.Trusted(), func(e keystore.Entry) bool { return certs.FingerprintOf(e.DER) == f })
		if !there {
			continue
		}
		if _, err := store.Remove(func(e keystore.Entry) bool {
			return certs.FingerprintOf(e.DER) == f && (o.Foreign || o.Recorded[f] && st.naming == p11Name || st.ours(t, e.Alias, f))
		}); err != nil {
			note := noteOf(certs.Unrestored, st.Path, "%s is still trusted: %v", f.Short(), err)
			return data, append(notes, note)
		}
		for _, e := range store.Trusted() {
			switch {
			case certs.FingerprintOf(e.DER) != f:
			case e.Fixed:
				note := noteOf(certs.Unrestored, st.Path, "%s is still trusted: it is in an encrypted part of the store, which keytool can change", f.Short())
				note.Command = redact.Terminal(fmt.Sprintf("docker exec NAME keytool -delete -alias %s -keystore %s", strings.TrimSuffix(f.AnchorName(), ".crt"), quote(st.Real)))
				notes = append(notes, note)
			default:
				notes = append(notes, keptNote(st.Path, f))
			}
		}
	}
	return store.Bytes(), notes
}

// ours reports whether this program made the entry: by its alias, and in a store that p11-kit derives by the anchor of ours that it is derived from.
func (s Store) ours(t tree.Tree, alias string, f certs.Fingerprint) bool {
	own := strings.TrimSuffix(f.AnchorName(), ".crt")
	alias = strings.TrimSuffix(strings.TrimPrefix(alias, "debian:"), ".pem")
	if alias == own || strings.HasPrefix(alias, own+"-") {
		return true
	}
	if s.naming != p11Name {
		return false
	}
	for _, dir := range []string{"/etc/pki/ca-trust/source/anchors", "/etc/pki/trust/anchors", "/etc/ca-certificates/trust-source/anchors", "/usr/local/share/ca-certificates"} {
		if _, err := t.Lstat(dir + "/" + f.AnchorName()); err == nil {
			return true
		}
	}
	return false
}

// quote writes a word for a shell.
func quote(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("/._-+:=@%,", c))
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
