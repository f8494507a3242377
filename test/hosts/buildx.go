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
)

const (
	buildxPackage = "docker-buildx"
	// BuildxPlace is where the plugin lies, in the package and on a host.
	BuildxPlace = "/usr/libexec/docker/cli-plugins/docker-buildx" // in Debian's package and on the host
)

// Buildx returns the path of Debian's docker-buildx, downloaded once into the cache of the test hosts. apt works in a directory of its own, with the
// archive this machine is configured for and the host's suite; this machine's packages are neither asked nor changed.
func Buildx(ctx context.Context, suite string, log io.Writer) (string, error) {
	final := filepath.Join(CacheDir(), buildxPackage+"-"+suite)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	fmt.Fprintf(log, "getting %s of Debian %s\n", buildxPackage, suite)
	dir, err := os.MkdirTemp(CacheDir(), buildxPackage+"-*.partial")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	const script = `
mkdir -p lists/partial cache/archives/partial tree
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Component: main' | grep -v security | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $1 main" >sources.list
set -- "$2" -q -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root
package=$1
shift
apt-get "$@" update
apt-get "$@" download "$package"
dpkg-deb -x "$package"_*.deb tree
`
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script, "sh", suite, buildxPackage)
	cmd.Dir = dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("getting Debian's %s: %w\n%s", buildxPackage, err, strings.TrimSpace(string(output)))
	}
	if err := os.Rename(filepath.Join(dir, "tree", BuildxPlace), final); err != nil {
		return "", err
	}
	return final, nil
}
