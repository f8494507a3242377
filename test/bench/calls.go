package main

import (
	"slices"
	"strings"
)

// mutating are the system calls that change a file system by themselves, with those that write only when their flags say so below.
func mutating() []string {
	return []string{
		"creat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat",
		"truncate", "ftruncate", "fallocate", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr",
		"removexattr", "lremovexattr", "fremovexattr", "utime", "utimes", "utimensat", "futimesat", "mount", "umount2", "pivot_root", "fsync", "fdatasync",
	}
}

// opening are the calls that may open a file for writing.
func opening() []string { return []string{"open", "openat", "openat2"} }

// writes returns the calls of a trace by strace -f -y that changed, or tried to change, a file. Sockets are no files; /proc and /dev belong to the kernel.
func writes(trace string) []string {
	var found []string
	for line := range strings.Lines(trace) {
		call := strings.TrimSpace(line)
		if pid, rest, ok := strings.Cut(call, " "); ok && strings.Trim(pid, "0123456789") == "" {
			call = strings.TrimSpace(rest)
		}
		name, args, ok := strings.Cut(call, "(")
		switch {
		case !ok || kernelFile(args):
		case slices.Contains(mutating(), name), slices.Contains(opening(), name) && forWriting(args):
			found = append(found, call)
		}
	}
	return found
}

func forWriting(args string) bool {
	for _, flag := range []string{"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"} {
		if strings.Contains(args, flag) {
			return true
		}
	}
	return false
}

// kernelFile reports whether a call's first path is an absolute one of the kernel's own file systems. A relative one counts as a file.
func kernelFile(args string) bool {
	_, path, ok := strings.Cut(args, `"`)
	return ok && (strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/dev/")) && !strings.Contains(path, "..")
}
