//go:build !linux

package txn

// RunChild answers calls that this package makes of its own program; it makes none on this system.
func RunChild([]string) (status int, child bool) { return 0, false }
