// Package state reads and lays out the host states of the test of `docker proxy doctor`.
//
// A state is one text file: a description, lines of expectation, then files in the notation of txtar. It is not a library for other tests. Start at
// state.go; base.go knows the machines that states are laid over.
package state
