package witness

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/test/doctor/state"
)

// A Machine runs a shell script as root on a booted host.
type Machine interface {
	// Run gives the script its standard input and returns its standard output.
	Run(script string, stdin []byte) ([]byte, error)
}

// Hundreds of states stand on one host at a time: each has a unit of its own name, and a directory of its own for what the unit names.
const top = "/dpt"

// recorder is what the units start in place of dockerd.
const recorder = top + "/recorder"

func unitOf(n int) string { return fmt.Sprintf("dpt%04d", n) }

// place moves the machine of a state to where unit number n finds it.
func place(files []state.File, n int) []state.File {
	u := unitOf(n)
	text := strings.NewReplacer(
		"/docker.service.d/", "/"+u+".service.d/", "/usr/sbin/dockerd", recorder, "/usr/bin/dockerd", recorder,
		"Type=notify", "Type=exec", "Requires=docker.socket\n", "", "Restart=always\n", "",
		"/etc/default/", top+"/"+u+"/etc/default/", "/etc/sysconfig/", top+"/"+u+"/etc/sysconfig/",
		"/etc/docker/", top+"/"+u+"/etc/docker/", "/opt/", top+"/"+u+"/opt/", "/srv/", top+"/"+u+"/srv/")
	var out []state.File
	for _, f := range files {
		switch {
		case isUnit(f.Path):
			f.Path = strings.NewReplacer("/docker.service", "/"+u+".service", "/docker.d/", "/"+u+".d/", "/docker.socket", "/"+u+".socket").Replace(f.Path)
			f.Data = text.Replace(f.Data)
		case strings.HasPrefix(f.Path, "/etc/") || strings.HasPrefix(f.Path, "/opt/") || strings.HasPrefix(f.Path, "/srv/"):
			f.Path = path.Join(top, u, f.Path)
		default:
			continue // the host has these
		}
		if f.Link != "" && f.Link != "/dev/null" && path.IsAbs(f.Link) {
			f.Link = path.Join(top, u, f.Link)
		}
		out = append(out, f)
	}
	return out
}

// isUnit reports whether a file is docker's unit, or is meant to be one of its drop-ins.
func isUnit(p string) bool {
	return strings.Contains(p, "/systemd/") && (strings.Contains(p, "/docker.service") || strings.Contains(p, "/docker.d/") || strings.Contains(p, "/docker.socket"))
}

// pack makes a tar of files.
func pack(files []state.File) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: strings.TrimPrefix(f.Path, "/"), Mode: int64(f.Mode.Perm()), Size: int64(len(f.Data)), Format: tar.FormatGNU}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.Link, 0
		case f.Dir:
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(f.Data)); err != nil {
				return nil, err
			}
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

// unpack reads a tar of small files.
func unpack(data []byte) (map[string]string, error) {
	files := map[string]string{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the answers: %w", err)
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, r); err != nil { //nolint:gosec // our own scripts wrote it
			return nil, err
		}
		files[strings.TrimPrefix(h.Name, "./")] = b.String()
	}
}
