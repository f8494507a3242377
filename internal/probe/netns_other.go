//go:build !linux

package probe

import (
	"context"
	"errors"
	"net"
	"os"
)

// Network is another network namespace; only Linux has them.
type Network struct{ ns *os.File }

// EnterNetwork prepares visits from a namespace.
func EnterNetwork(ns *os.File, _, _ []byte) *Network { return &Network{ns} }

// Dial fails.
func (n *Network) Dial(context.Context, string, string) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// Lookup fails.
func (n *Network) Lookup(context.Context, string) ([]string, error) {
	return nil, errors.ErrUnsupported
}

// Close releases the namespace.
func (n *Network) Close() error { return n.ns.Close() }
