//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptHosts are the trees that `host DIR KIND` makes: just enough files for the command to know which daemon this is. They are modelled on the packages
// named; that these daemons read what the trees say is shown on booted hosts, not here.
func scriptHosts() map[string]map[string]string {
	unit := "[Unit]\nDescription=Docker\n\n[Service]\nEnvironmentFile=-/etc/default/docker\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n"
	dpkg := func(version string) map[string]string {
		return map[string]string{
			"usr/sbin/dockerd":                 "",
			"var/lib/dpkg/status":              "Package: docker.io\nStatus: install ok installed\nVersion: " + version + "\n",
			"var/lib/dpkg/info/docker.io.list": "/usr/sbin/dockerd\n",
			"usr/lib/os-release":               "ID=debian\n",
			"etc/default/":                     "",
		}
	}
	with := func(files map[string]string, more ...string) map[string]string {
		for i := 0; i < len(more); i += 2 {
			files[more[i]] = more[i+1]
		}
		return files
	}
	const drop, unitFile = "etc/docker/", "usr/lib/systemd/system/docker.service"
	return map[string]map[string]string{
		"trixie":   with(dpkg("26.1.5+dfsg1-9+b9"), unitFile, unit, drop, ""),
		"bookworm": with(dpkg("20.10.24+dfsg1-1+deb12u1"), unitFile, unit, drop, ""),
		// docker-ce's unit names no EnvironmentFile.
		"docker-ce": with(dpkg("28.5.2-1~debian.13~trixie"), unitFile, "[Service]\nExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\n", drop, ""),
		"flag":      with(dpkg("26.1.5+dfsg1-9+b9"), unitFile, "[Service]\nExecStart=/usr/sbin/dockerd -H fd:// --http-proxy http://flag.corp:3128\n", drop, ""),
		"sysvinit": with(dpkg("26.1.5+dfsg1-9+b9"), "sbin/init", "", drop, "", "etc/init.d/docker",
			"#!/bin/sh\nBASE=docker\nDOCKER_OPTS=\nif [ -f /etc/default/$BASE ]; then\n\t. /etc/default/$BASE\nfi\nstart-stop-daemon --start --exec /usr/sbin/dockerd -- $DOCKER_OPTS\n"),
		"openrc": {
			"sbin/init": "", "etc/docker/": "", "etc/conf.d/docker": "# options\nDOCKER_OPTS=\"\"\n", "lib/apk/db/installed": "P:docker-engine\nV:27.3.1-r3\n\n", "var/lib/": "",
			"etc/init.d/docker": "#!/sbin/openrc-run\ncommand=/usr/bin/dockerd\ncommand_args=\"${DOCKER_OPTS}\"\n",
		},
		// An rpm system: its package database is no text, so the engine's version is not known. SUSE's unit needs the file it names.
		"suse": {
			unitFile:               "[Service]\nEnvironmentFile=/etc/sysconfig/docker\nExecStart=/usr/bin/dockerd --add-runtime oci=/usr/sbin/runc $DOCKER_OPTS\n",
			"etc/sysconfig/docker": "## Path           : System/Management\n## Type           : string(0)\nDOCKER_OPTS=\"\"\n", "etc/docker/": "", "var/lib/": "",
		},
		"none": {"etc/": ""},
	}
}

// cmdHost makes the tree of a host.
func cmdHost(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, len(args) == 2, "host DIR KIND")
	files, ok := scriptHosts()[args[1]]
	if !ok {
		ts.Fatalf("no host %q", args[1])
	}
	top := ts.MkAbs(args[0])
	for name, text := range files {
		path := filepath.Join(top, name)
		if strings.HasSuffix(name, "/") {
			ts.Check(makeDir(path))
			continue
		}
		ts.Check(makeDir(filepath.Dir(path)))
		ts.Check(os.WriteFile(path, []byte(text), 0o644)) //nolint:gosec // a test file
		mode := os.FileMode(0o644)
		if filepath.Base(path) == "dockerd" || strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		ts.Check(os.Chmod(path, mode))
	}
}

// makeDir makes a directory with the modes a host has, whatever the umask is.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // a test directory
		return fmt.Errorf("making the tree of a host: %w", err)
	}
	return os.Chmod(dir, 0o755)
}
