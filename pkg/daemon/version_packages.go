package daemon

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// enginePackages are the packages that hold dockerd: Docker's own, Debian's and Ubuntu's, Alpine's, Fedora's, Arch's and Void's.
func enginePackages() []string {
	return []string{"docker-ce", "docker.io", "docker-engine", "moby-engine", "docker"}
}

// packageVersion returns the engine's version out of the package database of dpkg, apk or pacman. rpm's is no text and is not read.
func packageVersion(files *host.FS) (string, VersionSource) {
	for _, read := range []func(*host.FS, string) string{dpkgVersion, apkVersion, pacmanVersion} {
		for _, name := range enginePackages() {
			if v := plainVersion(read(files, name)); v != "" {
				return v, VersionFromPackages
			}
		}
	}
	return "", VersionUnknown
}

// plainVersion cuts epoch and packaging revision off: "5:28.5.2-1~debian.12~bookworm" is 28.5.2, "26.1.5+dfsg1-9+b1" 26.1.5, "27.3.1-r3" 27.3.1.
func plainVersion(v string) string {
	if canonical(v) == "" {
		return ""
	}
	if epoch, rest, ok := strings.Cut(v, ":"); ok && isDigits(epoch) {
		v = rest
	}
	if i := strings.IndexAny(v, "-+~ "); i >= 0 {
		v = v[:i]
	}
	return v
}

// dpkgVersion reads /var/lib/dpkg/status (deb-control(5)), or the one-file-a-package form that distroless images have. The file of a whole system exceeds what a
// configuration file may have, so it is read in pieces.
func dpkgVersion(files *host.FS, name string) string {
	if name == "docker" {
		return "" // there, an applet for window managers
	}
	if v := stanzaVersion(files, "/var/lib/dpkg/status", "Package: "+name, "Version: "); v != "" {
		return v
	}
	return stanzaVersion(files, "/var/lib/dpkg/status.d/"+name, "Package: "+name, "Version: ")
}

// apkVersion reads /lib/apk/db/installed (apk-tools: P is the name, V the version).
func apkVersion(files *host.FS, name string) string {
	for _, db := range []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"} {
		if v := stanzaVersion(files, db, "P:"+name, "V:"); v != "" {
			return v
		}
	}
	return ""
}

// pacmanVersion reads /var/lib/pacman/local, one directory for each package: docker-1:28.5.2-1.
func pacmanVersion(files *host.FS, name string) string {
	for _, dir := range files.Glob("/var/lib/pacman/local/" + name + "-[0-9]*") {
		return strings.TrimPrefix(path.Base(dir), name+"-")
	}
	return ""
}

// stanzaVersion finds the stanza with the line want and returns the value of its line that starts with key. A package that is only remembered (deinstall) does not count.
func stanzaVersion(files *host.FS, db, want, key string) string {
	version, here, gone := "", false, false
	err := eachLine(files, db, func(line string) bool {
		switch {
		case line == "":
			if here && version != "" && !gone {
				return false
			}
			version, here, gone = "", false, false
		case line == want:
			here = true
		case strings.HasPrefix(line, key):
			version = strings.TrimPrefix(line, key)
		case strings.HasPrefix(line, "Status: "):
			gone = !strings.HasSuffix(line, " installed")
		}
		return true
	})
	if err != nil || !here || gone {
		return ""
	}
	return version
}

// findVersion learns the version of a daemon that was not asked: its binary tells, or the package database.
func (l *locator) findVersion(ctx context.Context) {
	if l.Version != "" || l.Flavor == FlavorRemote {
		return
	}
	if bin := l.binary(); bin != "" {
		r, err := tool.Run(ctx, tool.Command{Path: bin, Args: []string{"--version"}, Limit: 5 * time.Second})
		if err == nil && r.Status == 0 {
			// Docker version 26.1.5+dfsg1, build 411e817
			if f := strings.Fields(strings.ReplaceAll(r.Stdout, ",", " ")); len(f) > 2 && canonical(f[2]) != "" {
				l.Version, l.VersionSource = f[2], VersionFromBinary
				return
			}
		}
	}
	if l.Version, l.VersionSource = packageVersion(l.FS); l.Version == "" {
		l.cannotKnow("the engine's version is not known: the daemon was not asked, and no package database has it")
	}
}

// binary returns the dockerd that would be started, when it is safe to run: on the running system, and written by root or the caller only.
func (l *locator) binary() string {
	if !l.FS.Live() {
		return ""
	}
	candidates := []string{"/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"}
	if len(l.Argv) > 0 && path.IsAbs(l.Argv[0]) && path.Base(l.Argv[0]) == "dockerd" {
		candidates = slices.Concat([]string{l.Argv[0]}, candidates)
	}
	for _, c := range candidates {
		st, err := l.FS.Stat(c)
		if err == nil && st.Mode.IsRegular() && st.Mode&0o022 == 0 && st.Mode&0o111 != 0 && (st.UID == 0 || st.UID == l.env.UID) {
			return c
		}
	}
	return ""
}
