package runtime

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/nssdb"
)

// Database is one of NSS, which only NSS' own tool changes (see package nssdb).
type Database struct {
	// Dir is its directory, by the name it was found by.
	Dir string
	// Legacy says that it is of the kind before 2018 (cert8.db), which is not read here.
	Legacy bool

	trusted []certs.Fingerprint
	names   []string // of the entries of trusted, foreign text
	problem string   // why its certificates are not known
}

// Trusts reports whether the database holds the certificate as an authority for servers.
func (d Database) Trusts(f certs.Fingerprint) bool { return slices.Contains(d.trusted, f) }

// Nickname is the name of our entry of a certificate.
func Nickname(f certs.Fingerprint) string { return strings.TrimSuffix(f.AnchorName(), ".crt") }

// Databases are those of NSS that were found.
func (s Survey) Databases() []Database { return s.databases }

// method is the directory as certutil takes it, with the kind of the database.
func (d Database) method() string {
	if d.Legacy {
		return "dbm:" + d.Dir
	}
	return "sql:" + d.Dir
}

// AddWords are the arguments of certutil that add a certificate, of which file holds nothing else, as an authority for servers.
func (d Database) AddWords(f certs.Fingerprint, file string) []string {
	return []string{"-A", "-d", d.method(), "-t", "C,,", "-n", Nickname(f), "-i", file}
}

// RemoveWords are the arguments of certutil that take out a certificate that AddWords added, and with foreign one that somebody else did; nil where there is nothing to do.
func (d Database) RemoveWords(f certs.Fingerprint, foreign bool) []string {
	i := slices.Index(d.trusted, f)
	if i < 0 || d.names[i] != Nickname(f) && !foreign {
		return nil
	}
	return []string{"-D", "-d", d.method(), "-n", d.names[i]}
}

// ListWords are the arguments of certutil that show the certificate; it fails when there is none.
func (d Database) ListWords(f certs.Fingerprint) []string {
	return []string{"-L", "-d", d.method(), "-n", Nickname(f)}
}

// Command is what to type for arguments of certutil; NAME stands for the container.
func (d Database) Command(words []string) string {
	out := "docker exec NAME certutil"
	for _, w := range words {
		out += " " + quote(w)
	}
	return redact.Terminal(out)
}

// nss finds the databases of NSS: the users' own, those of Firefox profiles, the system's. always looks in root's and the system's place by name.
func (f *finder) nss(always bool) {
	patterns := []string{
		"/root/.pki/nssdb", "/etc/pki/nssdb", "/root/.local/share/pki/nssdb", "/home/*/.pki/nssdb", "/home/*/.local/share/pki/nssdb", "/root/.mozilla/firefox/*", "/home/*/.mozilla/firefox/*",
		"/root/snap/firefox/common/.mozilla/firefox/*",
	}
	if f.noListing {
		if !always {
			return
		}
		patterns = patterns[:2]
	}
	for _, pattern := range patterns {
		for _, dir := range f.glob(pattern) {
			switch {
			case f.isFile(path.Join(dir, nssdb.File)):
				f.survey.databases = append(f.survey.databases, f.database(dir))
			case f.isFile(path.Join(dir, "cert8.db")):
				f.survey.databases = append(f.survey.databases, Database{Dir: dir, Legacy: true})
			}
		}
	}
}

// database reads one.
func (f *finder) database(dir string) Database {
	d := Database{Dir: dir}
	data, err := f.tree.ReadFile(path.Join(dir, nssdb.File))
	var list []nssdb.Entry
	if err == nil {
		list, err = nssdb.Read(data)
	}
	if err != nil {
		d.problem = err.Error()
	}
	for _, e := range list {
		if e.Trusted {
			d.trusted, d.names = append(d.trusted, certs.FingerprintOf(e.DER)), append(d.names, e.Nickname)
		}
	}
	return d
}

// nssNotes gives the command for each database of NSS that does not trust an authority yet.
func (s Survey) nssNotes(o NeedsOptions) []certs.Note {
	var out []certs.Note
	for _, d := range s.databases {
		for _, a := range o.Authorities {
			if d.Trusts(a.Fingerprint) {
				continue
			}
			text := "a database of NSS (Chromium, Firefox), left alone: certutil, of libnss3-tools or nss-tools, adds to it; where it is in the container, --refresh tool runs it"
			switch {
			case d.Legacy:
				text = "a database of NSS of the old kind (cert8.db), left alone: certutil adds to it where it still knows that kind"
			case d.problem != "":
				text += fmt.Sprintf(" (what it trusts is not known: %s)", d.problem)
			}
			n := noteOf(certs.Skipped, d.Dir, "%s", text)
			n.Command = d.Command(d.AddWords(a.Fingerprint, path.Join(cmpOr(o.Anchor, usualAnchors), a.Fingerprint.AnchorName())))
			out = append(out, n)
		}
	}
	return out
}

// nssKept says what Remove does not take out of databases, and how that is done.
func (s Survey) nssKept(list []certs.Fingerprint, foreign bool) []certs.Note {
	var out []certs.Note
	for _, d := range s.databases {
		for _, f := range list {
			words := d.RemoveWords(f, foreign)
			switch {
			case words != nil:
				n := noteOf(certs.Unrestored, d.Dir, "%s is still trusted: a database of NSS is changed by certutil alone (--refresh tool runs it where it is in the container)", f.Short())
				n.Command = d.Command(words)
				out = append(out, n)
			case d.Trusts(f):
				out = append(out, keptNote(d.Dir, f))
			}
		}
	}
	return out
}
