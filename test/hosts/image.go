//go:build linux

package hosts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"gotest.tools/v3/assert"
)

// uploadScript puts what is on its standard input into the registry as a blob
// ($2 its digest) or, with $3, as the manifest of a tag.
const uploadScript = `
cat >/srv/corp/upload
if [ -n "$3" ]; then
	curl -sSf --cacert /srv/corp/ca.crt -X PUT -H "Content-Type: $3" --data-binary @/srv/corp/upload "https://registry.corp:5000/v2/$1/manifests/latest"
	exit
fi
location=$(curl -sSf --cacert /srv/corp/ca.crt -o /dev/null -D - -X POST "https://registry.corp:5000/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
curl -sSf --cacert /srv/corp/ca.crt -X PUT -H 'Content-Type: application/octet-stream' --data-binary @/srv/corp/upload "$location&digest=$2"
`

const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

type descriptor struct {
	MediaType string `json:"mediaType"`
	Size      int    `json:"size"`
	Digest    string `json:"digest"`
}

// push puts an image of the host's own static busybox into the registry by the
// registry's API, so that no daemon has to trust it or reach it.
func (n *Network) push(t testing.TB, name string) {
	t.Helper()
	layer := n.busyboxLayer(t)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(layer)
	assert.NilError(t, err)
	assert.NilError(t, zip.Close())

	config := mustJSON(t, map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Cmd": []string{"/bin/sh"}, "Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digest(layer)}},
	})
	manifest := mustJSON(t, map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": descriptor{"application/vnd.docker.container.image.v1+json", len(config), digest(config)},
		"layers": []descriptor{{"application/vnd.docker.image.rootfs.diff.tar.gzip", packed.Len(), digest(packed.Bytes())}},
	})
	n.upload(t, name, packed.Bytes(), "")
	n.upload(t, name, config, "")
	n.upload(t, name, manifest, manifestType)
}

func (n *Network) upload(t testing.TB, name string, data []byte, manifest string) {
	t.Helper()
	result := n.host.Do(t, Cmd{Argv: []string{"sh", "-e", "-c", uploadScript, "upload", name, digest(data), manifest}, Stdin: string(data)})
	assert.Equal(t, result.Code, 0, "pushing %s: %s", name, result)
}

// busyboxLayer is the tar of a root with busybox as its shell and some tools.
func (n *Network) busyboxLayer(t testing.TB) []byte {
	t.Helper()
	busybox := n.host.ReadFile(t, "/usr/bin/busybox")
	var layer bytes.Buffer
	archive := tar.NewWriter(&layer)
	add := func(header tar.Header, data string) {
		header.Size = int64(len(data))
		assert.NilError(t, archive.WriteHeader(&header))
		_, err := archive.Write([]byte(data))
		assert.NilError(t, err)
	}
	add(tar.Header{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755}, "")
	add(tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755}, busybox)
	for _, applet := range []string{"sh", "cat", "echo", "env", "sleep", "wget", "ls"} {
		add(tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}, "")
	}
	assert.NilError(t, archive.Close())
	return layer.Bytes()
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func mustJSON(t testing.TB, value map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	assert.NilError(t, err, fmt.Sprint(value))
	return data
}
