package target

import (
	"strconv"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/engine"
)

// mountLine is one line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
type mountLine struct {
	id     uint64
	root   string // the directory of the file system that is mounted
	point  string // where, as the process sees it
	fstype string
	source string
	super  string // options of the file system
}

// parseMounts reads /proc/PID/mountinfo. Lines it does not understand are left out.
func parseMounts(text string) []mountLine {
	var out []mountLine
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		const id, root, point = 0, 3, 4
		if !ok || len(left) <= point || len(right) < 3 {
			continue
		}
		n, err := strconv.ParseUint(left[id], 10, 64)
		if err != nil {
			continue
		}
		out = append(out, mountLine{id: n, root: unescape(left[root]), point: unescape(left[point]), fstype: right[0], source: unescape(right[1]), super: right[2]})
	}
	return out
}

// unescape undoes what the kernel does with spaces, tabs, newlines and backslashes: a backslash and three octal digits (mangle_path, fs/seq_file.c).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#").Replace(s)
}

// describe names what is mounted: as Docker knows it when the mount point is one of Docker's, else as the kernel does.
func (m mountLine) describe(known []engine.Mount) string {
	for _, k := range known {
		if k.Destination == m.point {
			return k.Text()
		}
	}
	switch {
	case m.fstype == "tmpfs":
		return "tmpfs"
	case m.root != "/":
		// A directory or file of some file system of the machine.
		return m.root
	}
	return m.fstype + " " + m.source
}

// upperDir is the option of an overlay that says where changes go.
func (m mountLine) upperDir() string {
	for option := range strings.SplitSeq(m.super, ",") {
		if dir, ok := strings.CutPrefix(option, "upperdir="); ok {
			return unescape(dir)
		}
	}
	return ""
}
