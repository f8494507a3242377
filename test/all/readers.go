package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// nodeVersion is the Node whose http, https and fetch the models of pkg/precedence/reader follow. Debian's own is too old to know NODE_USE_ENV_PROXY.
const nodeVersion = "24.21.0"

// provideReaders gets what test/readers compares with and a tool's name does not tell: the distribution's Python with requests, and Node, from its npm package.
// Without them the tests say that they are skipped, and the committed minimum is missed.
func provideReaders(ctx context.Context, out io.Writer, apt bool) error {
	if apt && exec.CommandContext(ctx, "/usr/bin/python3", "-c", "import requests").Run() != nil {
		if err := aptGet(ctx, out, "install", "-qy", "--no-install-recommends", "python3", "python3-requests"); err != nil {
			return err
		}
	}
	if os.Getenv("DOCKER_PROXY_NODE") != "" || runtime.GOOS != "linux" {
		return nil
	}
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" {
		return nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "docker-proxy-test", "node-"+nodeVersion)
	pkg := "node-linux-" + arch
	node := filepath.Join(dir, "node_modules", pkg, "bin", "node")
	if exec.CommandContext(ctx, node, "--version").Run() != nil {
		if err := installNode(ctx, out, apt, dir, pkg); err != nil {
			return err
		}
	}
	return os.Setenv("DOCKER_PROXY_NODE", node)
}

// installNode unpacks the npm package that holds nothing but Node's program.
func installNode(ctx context.Context, out io.Writer, apt bool, dir, pkg string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		if !apt {
			loudly(out, "no npm on PATH: Node was NOT ASKED about its proxies")
			return nil
		}
		if err := aptGet(ctx, out, "install", "-qy", "--no-install-recommends", "npm"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // programs for everybody
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", dir, pkg+"@"+nodeVersion) //nolint:gosec // fixed names
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("installing %s: %w: %s", pkg, err, text)
	}
	return nil
}
