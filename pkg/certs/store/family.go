package store

import "strings"

// Family is a kind of trust store: what proves it, where certificates are put, and what the family's own tool makes of them. It is data; the rules are in the other
// files of this package.
type Family struct {
	// Name is one word ("debian"), Title what people call it.
	Name, Title string
	// Modelled is "" where the tests compare with the family's own tool, and else says what the layout was taken from: it is then not proven to be equal.
	Modelled string

	// proof has groups of names: all names of one group together prove the family. ids are words of ID and ID_LIKE in os-release, asked only when no file proves any
	// family.
	proof [][]string
	ids   []string
	// tool has the places of the program that makes the bundles; managers those of the package manager, which could install it later.
	tool, managers []string

	anchors anchors
	bundles []Bundle
	links   links
	// replaceLinks is a directory into which no write goes: a link to it is replaced by a copy of what it leads to.
	replaceLinks string
}

// anchors says where single certificates are put for the tool to find.
type anchors struct {
	dir       string
	ext       string // what the tool takes; "" is every name
	recursive bool
}

// Bundle is a file with all trusted certificates.
type Bundle struct {
	Path string
	// order says where in the file the tool puts a certificate of the administrator.
	order order
	// create says that the file is made where the family has none of its bundles.
	create bool
}

// order is the place of added certificates in a bundle.
type order int

const (
	atEnd        order = iota // behind everything
	localsByName              // behind the packaged ones, the anchors in the order of their paths
)

// links describes a directory with one link for each certificate and, by OpenSSL's rule, one named by the hash of its subject.
type links struct {
	dir  string
	name func(anchor string) string // the link's name for the base name of an anchor
	hash bool
}

// debianLink is the renaming of update-ca-certificates.
func debianLink(anchor string) string {
	return strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_").Replace(strings.TrimSuffix(anchor, ".crt")) + ".pem"
}

const (
	debianBundle = "/etc/ssl/certs/ca-certificates.crt"
	debianLocal  = "/usr/local/share/ca-certificates"
)

// Families returns the table in the order in which it is asked: what only one family has comes before what several have. The last one is the family of trees that no
// other one knows.
func Families() []Family {
	return []Family{
		{
			Name: "debian", Title: "Debian, Ubuntu and derivatives",
			proof: [][]string{{"/var/lib/dpkg/status", "/etc/debian_version"}, {"/usr/sbin/update-ca-certificates", "/etc/ca-certificates.conf", "/usr/bin/dpkg"}},
			ids:   []string{"debian", "ubuntu"},
			tool:  []string{"/usr/sbin/update-ca-certificates"}, managers: []string{"/usr/bin/dpkg"},
			anchors: anchors{dir: debianLocal, ext: ".crt", recursive: true},
			bundles: []Bundle{{Path: debianBundle, order: localsByName, create: true}, {Path: "/etc/ssl/cert.pem"}},
			links:   links{dir: "/etc/ssl/certs", name: debianLink, hash: true},
		},
		{Name: "unknown", Title: "unknown: the bundles on Go's search list", bundles: generic()},
	}
}

// generic is Go's search list of bundles (crypto/x509, root_linux.go); the first one is made where there is none.
func generic() []Bundle {
	return []Bundle{
		{Path: debianBundle, create: true}, {Path: "/etc/pki/tls/certs/ca-bundle.crt"}, {Path: "/etc/ssl/ca-bundle.pem"}, {Path: "/etc/pki/tls/cacert.pem"},
		{Path: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"}, {Path: "/etc/ssl/cert.pem"},
	}
}
