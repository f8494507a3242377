package runtime

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/proc"
)

// Processes is what is known of a container besides its files: its image, its environment, what it runs.
type Processes struct {
	Image      string
	Env        []string // NAME=VALUE, as a new process of the container gets it
	Argv       []string // of its first process, as the image or its owner wants it
	WorkingDir string
	// Running are the container's processes, by pid; empty for one that is stopped, and where they cannot be seen.
	Running []Process
}

// Process is one running process of a container.
type Process struct {
	PID     int      // of the machine it was read on; never shown
	Argv    []string // may hold passwords
	Exe     string   // inside the container, "" when it could not be read
	Environ []string // NAME=VALUE; nil when it could not be read
	Start   time.Time
}

// Name is the name of the program: of its file, or of the command line where that is not known.
func (p Process) Name() string {
	if p.Exe != "" {
		return path.Base(strings.TrimSuffix(p.Exe, " (deleted)"))
	}
	if len(p.Argv) > 0 {
		return path.Base(p.Argv[0])
	}
	return ""
}

// settings are all values of a variable: of the container's environment first, then those that processes were started with, each value once.
func (p Processes) settings(name string) []string {
	var out []string
	add := func(env []string) {
		for _, entry := range env {
			if n, v, ok := strings.Cut(entry, "="); ok && n == name {
				if v != "" && !slices.Contains(out, v) {
					out = append(out, v)
				}
				return // getenv(3) takes the first
			}
		}
	}
	add(p.Env)
	for _, proc := range p.Running {
		add(proc.Environ)
	}
	return out
}

// paths are the directories of every PATH.
func (p Processes) paths() []string {
	var out []string
	for _, list := range p.settings("PATH") {
		for dir := range strings.SplitSeq(list, ":") {
			if strings.HasPrefix(dir, "/") && !slices.Contains(out, path.Clean(dir)) {
				out = append(out, path.Clean(dir))
			}
		}
	}
	return out
}

// executables are the files that run or will, as far as their whole path is known.
func (p Processes) executables() []string {
	var out []string
	add := func(name string) {
		if name = strings.TrimSuffix(name, " (deleted)"); strings.HasPrefix(name, "/") && !slices.Contains(out, path.Clean(name)) {
			out = append(out, path.Clean(name))
		}
	}
	for _, proc := range p.Running {
		add(proc.Exe)
		if len(proc.Argv) > 0 {
			add(proc.Argv[0])
		}
	}
	if len(p.Argv) > 0 {
		add(p.Argv[0])
	}
	return out
}

// Of is what the daemon tells of a container; running are its processes, where they can be seen.
func Of(c engine.Inspected, running []Process) Processes {
	return Processes{Image: c.Image, Env: c.Env, Argv: c.Argv, WorkingDir: c.WorkDir, Running: running}
}

// maxRunning is how many processes of one container are looked at.
const maxRunning = 64

// Running reads the processes of the container whose first process on this machine is pid: those of its control group, or only that one where the group cannot be read.
// What ends in the meantime is left out; on a machine without /proc there is none.
func Running(files *host.FS, pid int) []Process {
	first, err := proc.Read(files, pid)
	if err != nil {
		return nil
	}
	out := []Process{ofProcess(first)}
	for _, id := range group(files, first.Cgroup) {
		if len(out) >= maxRunning {
			break
		}
		if id == pid {
			continue
		}
		if p, err := proc.Read(files, id); err == nil && p.Cgroup == first.Cgroup { // and not a later process with the number
			out = append(out, ofProcess(p))
		}
	}
	return out
}

func ofProcess(p *proc.Process) Process {
	return Process{PID: p.PID, Argv: p.Argv, Exe: p.Exe, Environ: p.Environ, Start: p.Start}
}

// group are the processes of a control group (cgroups(7)), sorted: of the unified hierarchy, or of systemd's named one.
func group(files *host.FS, name string) []int {
	if name == "" || name == "/" || strings.Contains(name, "..") {
		return nil
	}
	for _, top := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"} {
		data, err := files.ReadFile(path.Join(top, name, "cgroup.procs"))
		if err != nil {
			continue
		}
		var out []int
		for word := range strings.FieldsSeq(string(data)) {
			if id, err := strconv.Atoi(word); err == nil && id > 0 {
				out = append(out, id)
			}
		}
		slices.Sort(out)
		return out
	}
	return nil
}
