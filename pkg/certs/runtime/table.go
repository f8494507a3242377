package runtime

// Effect says what a program makes of a file that a variable names.
type Effect string

// The effects.
const (
	Additive  Effect = "additive"  // the certificates of the file are trusted besides the others: the file has the authority alone
	Replacing Effect = "replacing" // only the certificates of the file are trusted: it has to be a combined bundle
	Directory Effect = "directory" // a list of directories with certificates by hash, which replaces the usual one
	OwnStore  Effect = "own store" // the program has a file of its own, which is edited
	Fixed     Effect = "fixed"     // nothing can be added
)

// Action says what is done about a runtime in a container that is there.
type Action string

// The actions.
const (
	Edited   Action = "edited"       // its file is changed
	System   Action = "system"       // it reads the distribution's store, which package store changes
	Recreate Action = "recreate"     // only a new container with a variable
	Reported Action = "reported"     // the command is given
	Limited  Action = "limit"        // nothing helps, which is said
	OutScope Action = "out of scope" // left to its own tool, which is said
)

// Row is what is known of one runtime.
type Row struct {
	Name  string `json:"name"` // as in Store.Runtime and in notes
	Title string `json:"title"`
	// Programs are the names of its processes; a star stands for any ending.
	Programs []string `json:"programs,omitempty"`
	Found    string   `json:"found"`
	Reads    string   `json:"reads"`
	Effect   Effect   `json:"effect"` // of its own variable or file
	// Variables are those that lead it elsewhere; what each does is in Variables.
	Variables []string `json:"variables,omitempty"`
	Notices   string   `json:"notices"`
	// Once says that a process has read its certificates when it was started, and has to start again.
	Once   bool   `json:"once"`
	Action Action `json:"action"`
	Do     string `json:"do"`
}

const perRun = "each run"

// Matrix is every runtime this program knows. What stands there is documented by their makers: the JSSE Reference Guide, Node.js cli.md, Deno's environment variables,
// SSL_CTX_set_default_verify_paths(3), golang.org/src/crypto/x509/root_unix.go, curl's SSLCERTS.md, requests' and pip's documentation, .NET's cross-platform
// cryptography, Chromium's docs/linux/cert_management.md.
func Matrix() []Row {
	return []Row{
		{
			Name: "openssl", Title: "OpenSSL programs, Python ssl, Ruby, PHP, Perl", Found: "always", Reads: "cert.pem and the directory certs of OPENSSLDIR", Effect: Replacing,
			Variables: []string{"SSL_CERT_FILE", "SSL_CERT_DIR"}, Notices: "new contexts", Action: System, Do: "the distribution's bundle and its hash links are changed",
		},
		{
			Name: "go", Title: "Go", Found: "cannot be told from outside", Reads: "the first of the distributions' bundles", Effect: Replacing, Variables: []string{"SSL_CERT_FILE", "SSL_CERT_DIR"},
			Notices: "when it starts", Once: true, Action: System, Do: "the bundle is changed; docker restart",
		},
		{
			Name: "curl", Title: "curl, libcurl", Programs: []string{"curl"}, Found: "always", Reads: "the distribution's bundle, compiled in", Effect: Replacing,
			Variables: []string{"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}, Notices: perRun, Action: System, Do: "the bundle is changed; a file named by a variable or .curlrc is edited",
		},
		{
			Name: "wget", Title: "wget", Programs: []string{"wget"}, Found: "always", Reads: "the distribution's store", Effect: Replacing, Variables: []string{"SSL_CERT_FILE"}, Notices: perRun,
			Action: System, Do: "the bundle is changed; a file named by ca_certificate in wgetrc is edited",
		},
		{
			Name: "git", Title: "git", Programs: []string{"git", "git-remote-*"}, Found: "always", Reads: "as libcurl; builds with GnuTLS (Debian, Ubuntu) do not read SSL_CERT_FILE", Effect: Replacing,
			Variables: []string{"GIT_SSL_CAINFO", "GIT_SSL_CAPATH"}, Notices: perRun, Action: System, Do: "the bundle is changed; a file named by the variable or http.sslCAInfo is edited",
		},
		{
			Name: "java", Title: "Java", Programs: []string{"java", "jsvc", "javaw"}, Found: "JAVA_HOME, java in PATH and of processes, the usual directories, javax.net.ssl.trustStore",
			Reads: "lib/security/jssecacerts, else cacerts: JKS or PKCS#12 by their first bytes", Effect: OwnStore, Variables: []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_HOME"},
			Notices: "when it starts", Once: true, Action: Edited, Do: "the store is edited; docker restart",
		},
		{
			Name: "certifi", Title: "Python requests, httpx, urllib3 with certifi", Programs: []string{"python*", "gunicorn", "uvicorn"}, Found: "certifi/cacert.pem in every directory of packages",
			Reads: "REQUESTS_CA_BUNDLE, else CURL_CA_BUNDLE, else its own bundle", Effect: OwnStore, Variables: []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"},
			Notices: "new sessions", Action: Edited, Do: "a marked block at the end of the bundle; an upgrade of certifi loses it",
		},
		{
			Name: "pip", Title: "pip", Programs: []string{"pip*"}, Found: "pip/_vendor/certifi", Reads: "from 24.2 the system's store and its own bundle, before that its own", Effect: OwnStore,
			Variables: []string{"PIP_CERT"}, Notices: perRun, Action: Edited, Do: "a marked block at the end of the bundle; a file named by pip.conf is edited",
		},
		{
			Name: "botocore", Title: "AWS CLI and SDK for Python", Programs: []string{"aws"}, Found: "botocore/cacert.pem", Reads: "AWS_CA_BUNDLE, else its own bundle", Effect: OwnStore,
			Variables: []string{"AWS_CA_BUNDLE"}, Notices: "new sessions", Action: Edited, Do: "a marked block at the end of the bundle",
		},
		{
			Name: "grpc", Title: "gRPC for Python", Found: "grpc/_cython/_credentials/roots.pem", Reads: "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH, else its own bundle", Effect: OwnStore,
			Variables: []string{"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"}, Notices: "when it starts", Once: true, Action: Edited, Do: "a marked block at the end of the bundle; docker restart",
		},
		{
			Name: "conda", Title: "conda, mamba", Programs: []string{"conda", "mamba", "micromamba"}, Found: "ssl/cacert.pem below /conda, /opt/conda, miniconda3, miniforge3 and so on, their envs and pkgs; CONDA_PREFIX; --bundle",
			Reads: "ssl_verify of .condarc, REQUESTS_CA_BUNDLE, else certifi; OpenSSL of the prefix reads ssl/cacert.pem", Effect: OwnStore, Variables: []string{"REQUESTS_CA_BUNDLE", "CONDA_SSL_VERIFY", "SSL_CERT_FILE"},
			Notices: perRun, Action: Edited, Do: "a marked block at the end of each bundle",
		},
		{
			Name: "bundle", Title: "An application's own bundle", Found: "--bundle PATH", Reads: "that file", Effect: OwnStore, Notices: "as the application does", Action: Edited,
			Do: "a marked block at the end; a file that is not there is named and not made",
		},
		{
			Name: "node", Title: "Node.js", Programs: []string{"node", "nodejs", "npm", "npx", "yarn", "pnpm"}, Found: "its processes, NODE_VERSION, node in PATH",
			Reads: "roots in its binary; with --use-system-ca (from 22.15 and 23.9), NODE_USE_SYSTEM_CA=1 (from 22.19 and 24.6) or --use-openssl-ca the system's store too", Effect: Additive,
			Variables: []string{"NODE_EXTRA_CA_CERTS"}, Notices: "when it starts", Once: true, Action: Recreate, Do: "a new container with NODE_EXTRA_CA_CERTS; where the variable is set, its file is edited, and docker restart",
		},
		{
			Name: "npm", Title: "npm, yarn", Found: "cafile in npmrc, NPM_CONFIG_CAFILE", Reads: "as Node.js, or the file instead", Effect: Replacing,
			Variables: []string{"NPM_CONFIG_CAFILE", "npm_config_cafile", "YARN_HTTPS_CA_FILE_PATH"}, Notices: perRun, Action: Edited, Do: "the named file is edited",
		},
		{
			Name: "deno", Title: "Deno", Programs: []string{"deno"}, Found: "its processes, DENO_VERSION, deno in PATH", Reads: "roots in its binary; with DENO_TLS_CA_STORE=system the system's store", Effect: Additive,
			Variables: []string{"DENO_CERT"}, Notices: "when it starts", Once: true, Action: Recreate, Do: "a new container with DENO_CERT (from 2.8 NODE_EXTRA_CA_CERTS works, too)",
		},
		{
			Name: "bun", Title: "Bun", Programs: []string{"bun", "bunx"}, Found: "its processes, BUN_INSTALL, bun in PATH", Reads: "roots in its binary", Effect: Additive,
			Variables: []string{"NODE_EXTRA_CA_CERTS"}, Notices: "when it starts", Once: true, Action: Recreate, Do: "a new container with NODE_EXTRA_CA_CERTS",
		},
		{
			Name: "ruby", Title: "Ruby gems, bundler", Programs: []string{"ruby*", "bundle", "puma*"}, Found: "always", Reads: "as OpenSSL; ssl_ca_cert of .gemrc", Effect: Replacing,
			Variables: []string{"BUNDLE_SSL_CA_CERT", "SSL_CERT_FILE"}, Notices: "new contexts", Action: System, Do: "the distribution's bundle is changed",
		},
		{
			Name: "php", Title: "PHP", Programs: []string{"php*", "php-fpm*"}, Found: "openssl.cafile and curl.cainfo in php.ini", Reads: "as OpenSSL and libcurl", Effect: Replacing,
			Variables: []string{"SSL_CERT_FILE", "COMPOSER_CAFILE"}, Notices: "new contexts", Action: System, Do: "the distribution's bundle is changed; a file named by php.ini is edited",
		},
		{
			Name: "dotnet", Title: ".NET", Programs: []string{"dotnet"}, Found: "its processes", Reads: "as OpenSSL, the directory by hash too", Effect: Replacing, Variables: []string{"SSL_CERT_FILE", "SSL_CERT_DIR"},
			Notices: "when it starts", Once: true, Action: System, Do: "the distribution's bundle and hash links are changed; docker restart",
		},
		{
			Name: "proxies", Title: "nginx, Apache, HAProxy, Envoy, Traefik, Caddy", Programs: []string{"nginx*", "httpd*", "apache2*", "haproxy", "envoy", "traefik", "caddy"}, Found: "their processes",
			Reads: "the files their configuration names, or the system's store", Effect: Replacing, Notices: "when they start", Once: true, Action: System, Do: "docker restart; a file of their configuration by --bundle",
		},
		{
			Name: "rust", Title: "Rust with rustls", Found: "cannot be told from outside", Reads: "roots in its binary (webpki-roots), or with rustls-native-certs the system's store", Effect: Fixed,
			Variables: []string{"SSL_CERT_FILE"}, Notices: "when it starts", Once: true, Action: Limited, Do: "with webpki-roots nothing helps; else docker restart",
		},
		{
			Name: "cargo", Title: "cargo", Programs: []string{"cargo"}, Found: "http.cainfo, CARGO_HTTP_CAINFO", Reads: "as libcurl, or the file instead", Effect: Replacing, Variables: []string{"CARGO_HTTP_CAINFO"},
			Notices: perRun, Action: Edited, Do: "the named file is edited",
		},
		{
			Name: "nss", Title: "Chromium, Firefox and other users of NSS", Programs: []string{"chrome", "chromium*", "google-chrome*", "firefox*", "headless_shell", "chrome-headless-shell"},
			Found: "cert9.db below .pki/nssdb, .local/share/pki/nssdb, Firefox profiles and /etc/pki/nssdb", Reads: "the database", Effect: Additive, Notices: "when it starts", Once: true, Action: Reported,
			Do: "the certutil command for each database; --refresh tool runs it where it is in the container",
		},
		{
			Name: "nix", Title: "Programs of Nix", Found: "NIX_SSL_CERT_FILE", Reads: "the file, in the store of Nix", Effect: Replacing, Variables: []string{"NIX_SSL_CERT_FILE", "SSL_CERT_FILE"}, Notices: perRun,
			Action: Recreate, Do: "files below /nix/store are never changed: a new container with the variable",
		},
		{
			Name: "snap", Title: "Snaps and Flatpaks inside a container", Found: "/snap, /var/lib/flatpak", Reads: "the store of their own base", Effect: Fixed, Notices: "-", Action: OutScope, Do: "their own tools",
		},
	}
}

// Variable is an environment variable that leads a runtime to its certificates.
type Variable struct {
	Name    string `json:"name"`
	Runtime string `json:"runtime"`
	Effect  Effect `json:"effect"`
}

// Variables are those whose files are edited when a container has them set.
func Variables() []Variable {
	return []Variable{
		{"SSL_CERT_FILE", "openssl", Replacing}, {"SSL_CERT_DIR", "openssl", Directory}, {"REQUESTS_CA_BUNDLE", "certifi", Replacing}, {"CURL_CA_BUNDLE", "curl", Replacing},
		{"AWS_CA_BUNDLE", "botocore", Replacing}, {"PIP_CERT", "pip", Replacing}, {"GIT_SSL_CAINFO", "git", Replacing}, {"GIT_SSL_CAPATH", "git", Directory},
		{"NIX_SSL_CERT_FILE", "nix", Replacing}, {"NODE_EXTRA_CA_CERTS", "node", Additive}, {"DENO_CERT", "deno", Additive}, {"NPM_CONFIG_CAFILE", "npm", Replacing},
		{"npm_config_cafile", "npm", Replacing}, {"YARN_HTTPS_CA_FILE_PATH", "npm", Replacing}, {"CARGO_HTTP_CAINFO", "cargo", Replacing}, {"BUNDLE_SSL_CA_CERT", "ruby", Replacing},
		{"CONDA_SSL_VERIFY", "conda", Replacing}, {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "grpc", Replacing}, {"HTTPLIB2_CA_CERTS", "certifi", Replacing},
		{"CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "botocore", Replacing}, {"PERL_LWP_SSL_CA_FILE", "openssl", Replacing}, {"COMPOSER_CAFILE", "php", Replacing}, {"HEX_CACERTS_PATH", "openssl", Replacing},
	}
}

// configuration is a file in which a setting names a bundle.
type configuration struct {
	runtime string
	key     string // in lower case
	files   []string
}

// configurationFiles are looked through for settings that name a bundle, one setting a line.
func configurationFiles() []configuration {
	return []configuration{
		{"npm", "cafile", []string{"/root/.npmrc", "/home/*/.npmrc", "/usr/local/etc/npmrc", "/usr/etc/npmrc", "/etc/npmrc"}},
		{"pip", "cert", []string{"/etc/pip.conf", "/root/.pip/pip.conf", "/root/.config/pip/pip.conf", "/home/*/.config/pip/pip.conf"}},
		{"conda", "ssl_verify", []string{"/root/.condarc", "/home/*/.condarc", "/opt/conda/.condarc", "/conda/.condarc", "/etc/conda/.condarc"}},
		{"git", "sslcainfo", []string{"/etc/gitconfig", "/root/.gitconfig", "/home/*/.gitconfig"}},
		{"curl", "cacert", []string{"/root/.curlrc", "/home/*/.curlrc"}},
		{"wget", "ca_certificate", []string{"/etc/wgetrc", "/root/.wgetrc", "/home/*/.wgetrc"}},
		{"php", "openssl.cafile", []string{"/usr/local/etc/php/php.ini", "/etc/php/*/*/php.ini", "/etc/php.ini"}},
		{"php", "curl.cainfo", []string{"/usr/local/etc/php/php.ini", "/etc/php/*/*/php.ini", "/etc/php.ini"}},
		{"botocore", "ca_bundle", []string{"/root/.aws/config", "/home/*/.aws/config"}},
		{"cargo", "cainfo", []string{"/root/.cargo/config.toml", "/usr/local/cargo/config.toml"}},
	}
}

// inert are programs that keep no connections with certificates of their own, so that a note about them would say nothing.
func inert() []string {
	return []string{
		"sh", "bash", "dash", "ash", "zsh", "busybox", "sleep", "tail", "cat", "tini", "tini-static", "dumb-init", "docker-init", "catatonit", "pause", "s6-svscan", "s6-supervise", "su", "sudo", "gosu",
		"init", "systemd", "cron", "crond", "sshd", "getty", "agetty", "postgres", "redis-server", "memcached", "sed", "grep", "awk", "more", "less", "vi", "top", "ps", "watch", "read", "env",
	}
}
