package probe

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Network is another network namespace, such as a container's, from which visits are made.
type Network struct {
	ns      *os.File
	servers []string          // HOST:PORT of name servers, as the container's resolv.conf has them
	search  []string          // domains
	hosts   map[string]string // its hosts file
}

// EnterNetwork prepares visits from the network namespace of a process. resolv and hosts are its /etc/resolv.conf and /etc/hosts (resolv.conf(5), hosts(5)). The
// caller closes it. Entering needs root (setns(2): CAP_SYS_ADMIN).
func EnterNetwork(ns *os.File, resolv, hosts []byte) *Network {
	n := &Network{ns: ns, hosts: map[string]string{}}
	for line := range strings.Lines(string(resolv)) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 2 && f[0] == "nameserver":
			n.servers = append(n.servers, net.JoinHostPort(f[1], "53"))
		case len(f) >= 2 && f[0] == "search":
			n.search = f[1:]
		}
	}
	for line := range strings.Lines(string(hosts)) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		for _, name := range f[min(1, len(f)):] {
			if _, there := n.hosts[strings.ToLower(name)]; !there {
				n.hosts[strings.ToLower(name)] = f[0]
			}
		}
	}
	return n
}

// Dial connects from the namespace. The socket belongs to the namespace in which it is made, so only that happens there: on a thread of its own, which is thrown away.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	type dialed struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialed, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if err := unix.Setns(int(n.ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- dialed{nil, fmt.Errorf("entering the container's network: %w", err)}
			return
		}
		// One address, no name: the dialer then makes the socket in this very goroutine.
		conn, err := (&net.Dialer{FallbackDelay: -1}).DialContext(ctx, network, address)
		done <- dialed{conn, err}
	}()
	d := <-done
	return d.conn, d.err
}

// Lookup resolves a name as a program in the container does: its hosts file, then its name servers.
func (n *Network) Lookup(ctx context.Context, name string) ([]string, error) {
	if a, ok := n.hosts[strings.ToLower(name)]; ok {
		return []string{a}, nil
	}
	if len(n.servers) == 0 {
		return nil, &net.DNSError{Err: "the container has no name server", Name: name, IsNotFound: true}
	}
	names := []string{name + "."}
	if !strings.Contains(name, ".") {
		for _, d := range n.search {
			names = append(names, name+"."+d+".")
		}
	}
	var last error
	for _, full := range names {
		addresses, err := n.ask(ctx, full)
		if err == nil {
			return addresses, nil
		}
		last = err
	}
	return nil, last
}

// Close releases the namespace.
func (n *Network) Close() error { return n.ns.Close() }
