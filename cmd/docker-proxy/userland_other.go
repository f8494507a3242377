//go:build !linux

package main

// tellDockerd does nothing: only Linux daemons have a userland proxy.
func tellDockerd(string) {}
