package runtime

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Processes is what is known of a container besides its files: its image, its environment, what it runs.
type Processes struct {
	Image      string
	Env        []string // NAME=VALUE, as a new process of the container gets it
	Entrypoint []string
	Cmd        []string
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

// setting is one variable with its value, and who has it.
type setting struct {
	name, value string
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

// programs are the files that run or will: of the processes, and the first words of entrypoint and command where they are absolute.
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
	for _, argv := range [][]string{p.Entrypoint, p.Cmd} {
		if len(argv) > 0 {
			add(argv[0])
		}
	}
	return out
}
