// Package hosts makes and boots real test hosts: root file systems made from
// Debian packages, each booted by systemd-nspawn with its own init as PID 1
// and its own dockerd, network, PID and cgroup namespace. Suites boot a host
// with [Boot] and run the plugin, docker and everything else inside.
//
// It is not a simulation (nothing here imitates an init system or a daemon)
// and it is not part of the product. It needs root, Linux and a Debian-like
// machine; only files with the build tag "hosts" boot anything, so a plain
// `go test ./...` does not.
//
// Start reading at recipe.go (which hosts there are), then build.go (how a
// root file system gets into the cache), machine.go and machine.sh (how a
// copy of it is booted and always taken down), host.go (what suites use) and
// network.go (the corporate network inside a host). By hand:
//
//	go run ./test/hosts/cmd/hosts deps
//	go run ./test/hosts/cmd/hosts build trixie
//	go run ./test/hosts/cmd/hosts boot trixie
package hosts
