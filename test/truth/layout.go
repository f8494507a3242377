package truth

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// projectNames puts the names of a real host in place of the placeholders.
func projectNames() *strings.Replacer {
	return strings.NewReplacer(unitName, "docker", treeRoot, "", execPath, "/usr/sbin/dockerd", unitType, "notify")
}

// oracleUnit names a state's unit on the oracle's host. There is no dash in it,
// as there is none in "docker", so that %p, %j and prefix directories mean the same.
func oracleUnit(s State) string {
	return "dpt" + s.Name[strings.LastIndexByte(s.Name, '-')+1:]
}

// recorder is what units on the oracle's host execute.
const recorder = "/dpt/recorder"

func oracleNames(s State) *strings.Replacer {
	u := oracleUnit(s)
	return strings.NewReplacer(unitName, u, treeRoot, "/dpt/"+u, execPath, recorder, unitType, "exec")
}

// answerNames turns names of the oracle's host in an answer into the project's.
func answerNames(s State, host Facts) *strings.Replacer {
	u := oracleUnit(s)
	pairs := []string{"/dpt/" + u, "", u, "docker", recorder, "/usr/sbin/dockerd"}
	if host.Hostname != "" {
		pairs = append(pairs, "/"+host.Hostname, "/"+treeHostname)
	}
	if host.MachineID != "" {
		pairs = append(pairs, host.MachineID, treeMachineID)
	}
	return strings.NewReplacer(pairs...)
}

// Every tree has the same host name and machine id, whatever the oracle's host has.
const (
	treeHostname  = "truth"
	treeMachineID = "0123456789abcdef0123456789abcdef"
)

// Facts are what a tree tells about its machine besides Docker's own files.
type Facts struct {
	Systemd   string `json:"systemd"`   // major version: 257
	Dockerd   string `json:"dockerd"`   // engine version: 26.1.5
	OSRelease string `json:"osRelease"` // the host's /etc/os-release
	Hostname  string `json:"-"`
	MachineID string `json:"-"`
}

// writeTree lays a state out below dir as the project finds it with --root.
func writeTree(dir string, s State, facts Facts, twin bool) error {
	names := projectNames()
	files := append(machineFiles(s.Kind, facts), s.Files...)
	for _, f := range files {
		path := filepath.Join(dir, names.Replace(f.Path))
		text := names.Replace(f.Text)
		if twin {
			text = equalized(text)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a tree of public files
			return err
		}
		var err error
		switch {
		case f.Link != "":
			err = os.Symlink(names.Replace(f.Link), path)
		case f.Dir:
			err = os.MkdirAll(path, 0o755) //nolint:gosec // as above
		default:
			err = os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // as above
		}
		if err != nil {
			return fmt.Errorf("laying out %s: %w", s.Name, err)
		}
	}
	return nil
}

// machineFiles are traces every real machine of that kind has.
func machineFiles(kind Kind, facts Facts) []File {
	files := []File{
		{Path: "/usr/sbin/dockerd"},
		{Path: "/etc/os-release", Text: facts.OSRelease},
		{Path: "/etc/hostname", Text: treeHostname + "\n"},
		{Path: "/etc/machine-id", Text: treeMachineID + "\n"},
	}
	status := "Package: docker.io\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + facts.Dockerd + "+dfsg1-1\n\n"
	if kind == Systemd || kind == Dockerd {
		files = append(files,
			File{Path: "/usr/lib/systemd/systemd"},
			File{Path: "/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-" + facts.Systemd + ".so"},
			File{Path: "/usr/sbin/init", Link: "../lib/systemd/systemd"})
		status += "Package: systemd\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + facts.Systemd + "-1\n\n"
	} else {
		files = append(files, File{Path: "/sbin/init"})
	}
	return append(files, File{Path: "/var/lib/dpkg/status", Text: status})
}

// archive packs files for the oracle's host.
func archive(files []File) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: strings.TrimPrefix(f.Path, "/"), Mode: 0o644, Size: int64(len(f.Text)), Format: tar.FormatGNU}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.Link, 0
		case f.Dir:
			h.Typeflag, h.Mode, h.Size = tar.TypeDir, 0o755, 0
		case strings.HasPrefix(f.Text, "#!"):
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(f.Text)); err != nil {
				return nil, err
			}
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
