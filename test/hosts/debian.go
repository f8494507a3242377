//go:build linux

package hosts

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// BuildxPlace is where docker's plugin buildx lies, in Debian's package and on a host.
const BuildxPlace = "/usr/libexec/docker/cli-plugins/docker-buildx"

// ComposePlace is where Debian's docker-compose (version 2 since Debian 13) puts docker's plugin.
const ComposePlace = "/usr/libexec/docker/cli-plugins/docker-compose"

// Buildx returns the path of Debian's docker-buildx, see [DebianFile].
func Buildx(ctx context.Context, suite string, log io.Writer) (string, error) {
	return DebianFile(ctx, suite, "docker-buildx", BuildxPlace, log)
}

// DebianFile returns the path of one file of a Debian package, downloaded once into the cache of the test hosts. apt works in a directory of its own, with the
// archive this machine is configured for and the host's suite; this machine's packages are neither asked nor changed.
func DebianFile(ctx context.Context, suite, name, place string, log io.Writer) (string, error) {
	final := filepath.Join(CacheDir(), name+"-"+suite)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	fmt.Fprintf(log, "getting %s of Debian %s\n", name, suite)
	dir, err := os.MkdirTemp(CacheDir(), name+"-*.partial")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	const script = `
mkdir -p lists/partial cache/archives/partial tree
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Component: main' | grep -v security | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $1 main" >sources.list
: >status
set -- "$2" -q -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$PWD/lists" -o Dir::State::Status="$PWD/status" -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root
package=$1
shift
apt-get "$@" update
apt-get "$@" download "$package"
dpkg-deb -x "$package"_*.deb tree
`
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script, "sh", suite, name)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("getting Debian's %s: %w\n%s", name, err, strings.TrimSpace(string(output)))
	}
	if err := os.Rename(filepath.Join(dir, "tree", place), final); err != nil {
		return "", err
	}
	return final, nil
}

// InstallDebian puts one file of a Debian package onto a host, at the place it has in the package, executable.
func (h *Host) InstallDebian(t testing.TB, suite, name, place string) {
	t.Helper()
	path, err := DebianFile(t.Context(), suite, name, place, os.Stderr)
	assert.NilError(t, err)
	data, err := os.ReadFile(path)
	assert.NilError(t, err)
	h.WriteFile(t, place, string(data), 0o755)
}
