// Package doctor holds the test of `docker proxy doctor`: host states as people really make them, right and wrong, each with exactly the findings it has to
// have; mutations of every one of them; and witnesses, which say what systemd, sh and dockerd really do with such a state.
//
// Nothing here is used by the program. What a state has to show was written by hand from what Docker and systemd do, never taken from the program's output.
//
// Start reading at state (what a state is, and the files of testdata), then corpus_test.go (the program against the corpus), witness (what really happens) and
// mutate (other code that keeps or removes the cause of a finding). Files with the build tag hosts ask booted machines.
package doctor
