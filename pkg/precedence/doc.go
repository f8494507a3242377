// Package precedence decides which of several proxy settings a Docker daemon uses, and explains why.
//
// It is pure: it gets bindings (one value of one setting at one place, with file and line) and returns verdicts; it reads no file, asks no process and knows
// neither Docker's API nor this machine. The order it implements is dockerd's own (configureProxyEnv in cmd/dockerd/daemon.go, first in v23.0.0, and
// golang.org/x/net/http/httpproxy.FromEnvironment), on top of systemd's (strv_env_merge in src/core/exec-invoke.c, systemd.exec(5)) or the shell's.
//
// Start reading at Resolve; MergeUnit and MergeScript make the environment that it takes.
package precedence
