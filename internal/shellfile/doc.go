// Package shellfile reads and edits the startup files that sh sources before it starts dockerd:
// /etc/default/docker, /etc/sysconfig/docker, /etc/conf.d/docker, a runit conf, profile.d, rc.conf.
//
// It answers two questions about the bytes of such a file, without running any of it: what does sourcing
// it do to given variables (Parse, then File.Run, File.Effects or File.Result), and what must the bytes
// become so that given variables are set or gone (Edit). An answer that cannot be had without running
// code is reported as not known, never guessed; "known" means that dash, bash in POSIX mode and busybox
// ash agree on it.
//
// It is not a shell: it reads no file and no environment. Files that are sourced in turn are asked from
// the caller. It does not know who reads a file, nor systemd's EnvironmentFile= syntax beyond the lines
// that Edit has to take out of both readings.
//
// Two things are assumed, because the contrary could never be decided. The shell survives the file: a file
// that makes sh stop (exit, set -e, an error in a special builtin) starts no daemon, so its answer does not
// matter. And a command that the file does not define changes no variable of the shell.
//
// Start reading at Parse (parse.go), Run (run.go) and Edit (edit.go).
package shellfile
