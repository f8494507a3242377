package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// squidPlace is where a squid is unpacked: it runs as an account of its own, which cannot enter root's home directory.
const squidPlace = "/var/cache/docker-proxy-test/squid"

// provideSquid gets the squid that internal/probe is compared with where none is installed: taken out of Debian packages, with the libraries that this machine lacks, because
// installing it would start a proxy.
func provideSquid(ctx context.Context, out io.Writer, apt bool) error {
	if _, err := os.Stat("/usr/sbin/squid"); err == nil {
		return nil
	}
	if !apt {
		loudly(out, "no squid on this machine: the answers of a real proxy were NOT COMPARED on the loopback (on hosts they are)")
		return nil
	}
	if _, err := os.Stat(filepath.Join(squidPlace, "usr", "sbin", "squid")); err != nil {
		if err := unpackSquid(ctx, out, squidPlace); err != nil {
			return err
		}
	}
	return os.Setenv("DOCKER_PROXY_SQUID", squidPlace)
}

// unpackSquid downloads squid and what it needs beside the installed packages, and unpacks all of it into a directory. options are for apt-get.
func unpackSquid(ctx context.Context, out io.Writer, dir string, options ...string) error {
	debs, err := os.MkdirTemp("", "docker-proxy-squid-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(debs)
	if err := os.Mkdir(filepath.Join(debs, "partial"), 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // programs for everybody
		return err
	}
	args := append([]string{"install", "-qy", "--no-install-recommends", "--download-only", "-o", "Dir::Cache::archives=" + debs}, options...)
	if err := aptGet(ctx, out, append(args, "squid")...); err != nil {
		return err
	}
	const script = `for deb in "$1"/*.deb; do dpkg-deb -x "$deb" "$2" || exit; done; chmod 755 "$2"; test -x "$2/usr/sbin/squid"`
	if text, err := exec.CommandContext(ctx, "sh", "-c", script, "sh", debs, dir).CombinedOutput(); err != nil { //nolint:gosec // a fixed script
		return fmt.Errorf("unpacking squid: %w: %s", err, text)
	}
	return nil
}
