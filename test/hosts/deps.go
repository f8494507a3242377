//go:build linux

package hosts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// needed are the tools this package calls and the packages they come from.
func needed() [][2]string {
	return [][2]string{
		{"debootstrap", "debootstrap"}, {"systemd-nspawn", "systemd-container"},
		{"nsenter", "util-linux"}, {"unshare", "util-linux"}, {"setpriv", "util-linux"}, {"find", "findutils"},
	}
}

// InstallDeps installs with apt-get what is missing on this machine to make
// and boot hosts. It needs root.
func InstallDeps(ctx context.Context, log io.Writer) error {
	packages := []string{}
	for _, tool := range needed() {
		if _, err := exec.LookPath(tool[0]); err != nil {
			packages = append(packages, tool[1])
		}
	}
	if _, err := os.Stat("/usr/share/keyrings/debian-archive-keyring.gpg"); err != nil {
		packages = append(packages, "debian-archive-keyring")
	}
	if len(packages) == 0 {
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("installing " + strings.Join(packages, ", ") + " needs root")
	}
	for _, argv := range [][]string{{"update", "-q"}, append([]string{"install", "-qy", "--no-install-recommends"}, packages...)} {
		cmd := exec.CommandContext(ctx, "apt-get", argv...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", strings.Join(argv, " "), err)
		}
	}
	return nil
}
