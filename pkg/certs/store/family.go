package store

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
	links   []links
}

// anchors says where single certificates are put for the tool to find.
type anchors struct {
	dir       string
	ext       string // what the tool takes; "" is every name
	recursive bool
	der       bool // it takes certificates in DER encoding, too
}

// Bundle is a file with all trusted certificates.
type Bundle struct {
	Path string
	// Purpose is "" for the bundles that programs read to trust servers, else what else it is for ("email", "code-signing") or in ("trusted", "edk2").
	Purpose string
	order   order
	format  format
	// create says that the file is made where the tree has no bundle.
	create bool
}

// order is the place that the tool gives a certificate of the administrator in a bundle.
type order int

const (
	atEnd       order = iota // behind everything
	afterByName              // behind the packaged ones, the anchors in the order of their paths (update-ca-certificates of Debian)
	spaced                   // at the end, with an empty line behind each (update-ca-certificates of Alpine)
	before                   // before the packaged ones, the anchors in the order of their paths (p11-kit, whose first token is the administrator's)
)

// format is what a bundle is made of.
type format int

const (
	plain   format = iota // PEM
	trusted               // OpenSSL's TRUSTED CERTIFICATE
	edk2                  // signature lists of UEFI
)

// links describes a directory in which OpenSSL looks for certificates by the hash of their subjects.
type links struct {
	dir string
	// name is how the name under which the certificate stands in it is made, to what stands there.
	name naming
	to   content
	// old says that there are links by the MD5 hash of OpenSSL before 1.0.0 too.
	old bool
	// always says that the family's tool keeps the directory; any other one is kept only where a hash link is in it.
	always bool
}

type naming int

const (
	byAnchor     naming = iota // the anchor's name with .pem, as Debian has it
	byAlpine                   // the same with "ca-cert-" in front
	byLabel                    // the certificate's label, as p11-kit has it
	byOwnName                  // docker-proxy-….pem: nobody's tool makes the names
	withoutNames               // only hash links, to the file in the directory of the entry before
)

type content int

const (
	linkToAnchor content = iota
	copyPEM
	copyTrusted
)

const (
	debianBundle = "/etc/ssl/certs/ca-certificates.crt"
	debianLocal  = "/usr/local/share/ca-certificates"
)

// Families returns the table in the order in which it is asked: what only one family has comes before what several have. The last one is the family of trees that no
// other one knows.
func Families() []Family {
	return []Family{
		debian(), alpine(), suse(), arch(), photon(), flatcar(), rhel(), gentoo(), nix(), distroless(),
		{Name: "scratch", Title: "scratch, busybox: no bundle", Modelled: "the bundle that Go, curl and OpenSSL look for first", proof: [][]string{{"/bin/busybox"}}, bundles: generic()},
		{Name: "unknown", Title: "unknown", Modelled: "the bundles on Go's search list", bundles: generic()},
	}
}

// generic is Go's search list of bundles (crypto/x509, root_linux.go); the first one is made where there is none.
func generic() []Bundle {
	return []Bundle{
		{Path: debianBundle, create: true}, {Path: "/etc/pki/tls/certs/ca-bundle.crt"}, {Path: "/etc/ssl/ca-bundle.pem"}, {Path: "/etc/pki/tls/cacert.pem"},
		{Path: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"}, {Path: "/etc/ssl/cert.pem"},
	}
}

func debian() Family {
	return Family{
		Name: "debian", Title: "Debian, Ubuntu and derivatives",
		proof: [][]string{{"/var/lib/dpkg/status", "/etc/debian_version"}, {"/usr/sbin/update-ca-certificates", "/etc/ca-certificates.conf", "/usr/bin/dpkg"}},
		ids:   []string{"debian", "ubuntu"},
		tool:  []string{"/usr/sbin/update-ca-certificates"}, managers: []string{"/usr/bin/dpkg"},
		anchors: anchors{dir: debianLocal, ext: ".crt", recursive: true},
		bundles: []Bundle{{Path: debianBundle, order: afterByName, create: true}, {Path: "/etc/ssl/cert.pem"}},
		links:   []links{{dir: "/etc/ssl/certs", name: byAnchor, to: linkToAnchor, always: true}},
	}
}

func gentoo() Family {
	f := debian()
	f.Name, f.Title = "gentoo", "Gentoo"
	f.Modelled = "Debian's update-ca-certificates, which app-misc/ca-certificates packages"
	f.proof, f.ids, f.managers = [][]string{{"/etc/gentoo-release"}}, []string{"gentoo"}, []string{"/usr/bin/emerge"}
	return f
}

func alpine() Family {
	return Family{
		Name: "alpine", Title: "Alpine, Wolfi, Chainguard",
		Modelled: "update-ca.c and c_rehash.c of Alpine's ca-certificates",
		proof:    [][]string{{"/etc/alpine-release"}, {"/lib/apk/db/installed"}, {"/usr/lib/apk/db/installed"}},
		ids:      []string{"alpine", "wolfi", "chainguard"},
		tool:     []string{"/usr/sbin/update-ca-certificates", "/usr/bin/update-ca-certificates"}, managers: []string{"/sbin/apk", "/usr/bin/apk"},
		anchors: anchors{dir: debianLocal},
		bundles: []Bundle{{Path: debianBundle, order: spaced, create: true}, {Path: "/etc/ssl/cert.pem"}, {Path: "/etc/ssl1.1/cert.pem"}},
		links:   []links{{dir: "/etc/ssl/certs", name: byAlpine, to: linkToAnchor, always: true}},
	}
}

func rhel() Family {
	const out, pem = "/etc/pki/ca-trust/extracted/", "/etc/pki/ca-trust/extracted/pem/"
	return Family{
		Name: "rhel", Title: "RHEL, Fedora, CentOS, UBI, Rocky, Alma, Oracle, Amazon, Azure Linux",
		proof: [][]string{
			{"/etc/redhat-release"}, {"/etc/system-release"}, {"/etc/azurelinux-release"}, {"/etc/mariner-release"}, {"/etc/openEuler-release"},
			{pem + "tls-ca-bundle.pem"}, {"/etc/pki/ca-trust/source/anchors", "/usr/bin/update-ca-trust"},
		},
		ids:  []string{"rhel", "fedora", "centos", "amzn", "azurelinux", "mariner", "openEuler", "anolis"},
		tool: []string{"/usr/bin/update-ca-trust"}, managers: []string{"/usr/bin/rpm", "/usr/bin/dnf", "/usr/bin/microdnf", "/usr/bin/tdnf"},
		anchors: anchors{dir: "/etc/pki/ca-trust/source/anchors", der: true},
		bundles: []Bundle{
			{Path: pem + "tls-ca-bundle.pem", order: before},
			{Path: "/etc/pki/tls/certs/ca-bundle.crt", order: before, create: true},
			{Path: "/etc/pki/tls/cert.pem", order: before}, {Path: "/etc/ssl/cert.pem", order: before}, {Path: debianBundle, order: before},
			{Path: pem + "email-ca-bundle.pem", Purpose: "email", order: before},
			{Path: pem + "objsign-ca-bundle.pem", Purpose: "code-signing", order: before},
			{Path: out + "openssl/ca-bundle.trust.crt", Purpose: "trusted", order: before, format: trusted},
			{Path: out + "edk2/cacerts.bin", Purpose: "edk2", order: before, format: edk2},
		},
		links: []links{
			{dir: pem + "directory-hash", name: byLabel, to: copyPEM, old: true, always: true},
			{dir: "/etc/pki/tls/certs", name: withoutNames, old: true},
		},
	}
}

func suse() Family {
	const state = "/var/lib/ca-certificates/"
	return Family{
		Name: "suse", Title: "SLES, openSUSE Leap and Tumbleweed, BCI",
		proof: [][]string{{"/etc/SUSE-brand"}, {"/etc/pki/trust/anchors", "/var/lib/ca-certificates"}, {"/usr/share/pki/trust/anchors"}},
		ids:   []string{"suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed"},
		tool:  []string{"/usr/sbin/update-ca-certificates"}, managers: []string{"/usr/bin/rpm", "/usr/bin/zypper"},
		anchors: anchors{dir: "/etc/pki/trust/anchors", der: true},
		bundles: []Bundle{{Path: state + "ca-bundle.pem", order: before}, {Path: "/etc/ssl/ca-bundle.pem", order: before, create: true}, {Path: "/etc/ssl/cert.pem", order: before}},
		links: []links{
			{dir: state + "pem", name: byLabel, to: copyPEM, old: true, always: true},
			{dir: state + "openssl", name: byLabel, to: copyTrusted, old: true, always: true},
		},
	}
}

func arch() Family {
	const out = "/etc/ca-certificates/extracted/"
	return Family{
		Name: "arch", Title: "Arch, Manjaro",
		Modelled: "update-ca-trust of ca-certificates-utils; its bundles and directories are those of `trust extract`",
		proof:    [][]string{{"/etc/arch-release"}, {"/etc/ca-certificates/trust-source/anchors", "/etc/ca-certificates/extracted"}},
		ids:      []string{"arch", "manjaro", "archarm"},
		tool:     []string{"/usr/bin/update-ca-trust"}, managers: []string{"/usr/bin/pacman"},
		anchors: anchors{dir: "/etc/ca-certificates/trust-source/anchors", der: true},
		bundles: []Bundle{
			{Path: out + "tls-ca-bundle.pem", order: before},
			{Path: debianBundle, order: before, create: true}, {Path: "/etc/ssl/cert.pem", order: before},
			{Path: out + "email-ca-bundle.pem", Purpose: "email", order: before},
			{Path: out + "objsign-ca-bundle.pem", Purpose: "code-signing", order: before},
			{Path: out + "ca-bundle.trust.crt", Purpose: "trusted", order: before, format: trusted},
			{Path: out + "edk2-cacerts.bin", Purpose: "edk2", order: before, format: edk2},
		},
		links: []links{{dir: out + "cadir", name: byLabel, to: copyPEM, old: true, always: true}, {dir: "/etc/ssl/certs", name: withoutNames, old: true}},
	}
}

func photon() Family {
	return Family{
		Name: "photon", Title: "Photon", Modelled: "the layout of Photon's ca-certificates: single files, hash links and one concatenation",
		proof: [][]string{{"/etc/photon-release"}}, ids: []string{"photon"},
		bundles: []Bundle{{Path: "/etc/pki/tls/certs/ca-bundle.crt", create: true}, {Path: debianBundle}, {Path: "/etc/ssl/cert.pem"}},
		links:   []links{{dir: "/etc/ssl/certs", name: byOwnName, to: copyPEM}},
	}
}

func flatcar() Family {
	return Family{
		Name: "flatcar", Title: "Flatcar, CoreOS", Modelled: "the layout of Flatcar's update-ca-certificates: single .pem files, hash links and one concatenation",
		proof: [][]string{{"/usr/share/flatcar"}, {"/usr/share/coreos"}}, ids: []string{"flatcar", "coreos"},
		tool:    []string{"/usr/sbin/update-ca-certificates"},
		bundles: []Bundle{{Path: debianBundle, create: true}},
		links:   []links{{dir: "/etc/ssl/certs", name: byOwnName, to: copyPEM}},
	}
}

func nix() Family {
	return Family{
		Name: "nix", Title: "NixOS and images made with Nix", Modelled: "links into the store are replaced by copies; security.pki is what makes it last",
		proof: [][]string{{"/etc/NIXOS"}, {"/nix/store"}}, ids: []string{"nixos"},
		bundles: append(generic(), Bundle{Path: "/etc/ssl/certs/ca-bundle.crt"}),
	}
}

func distroless() Family {
	return Family{
		Name: "distroless", Title: "distroless, chiselled Ubuntu", Modelled: "the bundle alone: there is no tool that would make it anew",
		proof:   [][]string{{"/var/lib/dpkg/status.d"}, {"/var/lib/chisel"}},
		bundles: generic(), links: []links{{dir: "/etc/ssl/certs", name: byOwnName, to: copyPEM}},
	}
}
