package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tools are the programs some tests compare with, and their Debian packages.
func tools() [][2]string {
	return [][2]string{
		{"systemd-analyze", "systemd"}, {"bash", "bash"}, {"dash", "dash"}, {"busybox", "busybox"}, {"setpriv", "util-linux"}, {"strace", "strace"},
		{"make", "make"}, {"git", "git"}, {"openssl", "openssl"}, {"dbus-daemon", "dbus-daemon"},
		{"update-ca-certificates", "ca-certificates"}, {"trust", "p11-kit"}, {"p11-kit", "p11-kit-modules"},
		{"curl", "curl"}, {"wget", "wget"}, {"javac", "default-jdk-headless"}, {"node", "nodejs"}, {"ip", "iproute2"}, {"certutil", "libnss3-tools"},
	}
}

// prepare gets what the tests call and this machine lacks: as root from Debian packages, otherwise it says what will be missing. Afterwards the plugin
// and, where one could be had, a docker CLI are where the tests find them.
func prepare(ctx context.Context, out io.Writer) error {
	var missing, packages []string
	for _, tool := range tools() {
		if _, err := exec.LookPath(tool[0]); err != nil {
			missing, packages = append(missing, tool[0]), append(packages, tool[1])
		}
	}
	apt := canInstall()
	switch {
	case len(missing) == 0:
	case apt:
		if err := installTools(ctx, out, packages); err != nil {
			return err
		}
	default:
		loudly(out, "not on this machine, and the tests that need them will be skipped: "+strings.Join(missing, ", "))
	}
	if err := provideDockerCLI(ctx, out, apt); err != nil {
		return err
	}
	if err := provideReaders(ctx, out, apt); err != nil {
		return err
	}
	if err := provideSquid(ctx, out, apt); err != nil {
		return err
	}
	plugin, err := filepath.Abs(filepath.Join("bin", "docker-proxy"))
	if err != nil {
		return err
	}
	if _, err := os.Stat(plugin); err != nil {
		return fmt.Errorf("the plugin is not built (make build): %w", err)
	}
	return os.Setenv("DOCKER_PROXY_BIN", plugin)
}

// policy is asked by Debian's packages before they start a service (invoke-rc.d(8)); 101 forbids it.
const policy = "/usr/sbin/policy-rc.d"

// installTools installs packages and starts none of the services that they may bring.
func installTools(ctx context.Context, out io.Writer, packages []string) error {
	f, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // a program for everybody
	switch {
	case errors.Is(err, fs.ErrExist): // this machine has one already, and starts what it likes
	case err != nil:
		return err
	default:
		defer os.Remove(policy)
		_, err := f.WriteString("#!/bin/sh\nexit 101\n")
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return aptGet(ctx, out, append([]string{"install", "-qy", "--no-install-recommends"}, packages...)...)
}

func canInstall() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// provideDockerCLI puts a docker CLI on PATH where none is: taken out of a Debian package without installing it, because installing would start a daemon.
func provideDockerCLI(ctx context.Context, out io.Writer, apt bool) error {
	if _, err := exec.LookPath("docker"); err == nil {
		return os.Setenv("DOCKER_PROXY_REQUIRE_DOCKER_CLI", "1")
	}
	if !apt {
		loudly(out, "no docker CLI on PATH: the plugin was NOT RUN through the real CLI")
		return nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "docker-proxy-test", "docker-cli")
	bin := filepath.Join(dir, "usr", "bin")
	if _, err := os.Stat(filepath.Join(bin, "docker")); err != nil {
		if err := unpackDockerCLI(ctx, out, dir); err != nil {
			return err
		}
	}
	if err := os.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+bin); err != nil {
		return err
	}
	return os.Setenv("DOCKER_PROXY_REQUIRE_DOCKER_CLI", "1")
}

func unpackDockerCLI(ctx context.Context, out io.Writer, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // programs for everybody
		return err
	}
	if err := aptGet(ctx, out); err != nil {
		return err
	}
	var problems []error
	for _, name := range []string{"docker-cli", "docker.io"} { // Debian 13 and later, and before
		script := `cd "$1" && apt-get download "$2" && dpkg-deb -x "$2"_*.deb . && test -x usr/bin/docker`
		cmd := exec.CommandContext(ctx, "sh", "-c", script, "sh", dir, name) //nolint:gosec // a fixed script and fixed names
		text, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		problems = append(problems, fmt.Errorf("unpacking a docker CLI from %s: %w: %s", name, err, text))
	}
	return errors.Join(problems...)
}

// aptGet runs apt-get update and then, when there are arguments, apt-get with them.
func aptGet(ctx context.Context, out io.Writer, args ...string) error {
	for _, argv := range [][]string{{"update", "-q"}, args} {
		if len(argv) == 0 {
			continue
		}
		cmd := exec.CommandContext(ctx, "apt-get", argv...) //nolint:gosec // fixed arguments
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", strings.Join(argv, " "), err)
		}
	}
	return nil
}
