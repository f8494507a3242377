// Package crash holds the exhaustive test of the promise that nothing is lost: the real commands (set, unset, reconcile, rollback) are made to fail, or are killed, at
// every single system call that changes the host, and afterwards the tree must be the old one or the new one.
//
// The commands run in the test binary of cmd/docker-proxy, which stands for the plugin and asks a fault before every such call (see crashworker_test.go there); that no
// call goes round that seam is shown by strace on the real binary. This package looks at the files with its own eyes only: it imports nothing of the project. It is
// not about what the commands write, and not about restarts.
//
// Start reading in scenario_linux_test.go (hosts and commands), then sweep_linux_test.go (what goes wrong where), judge_linux_test.go (what must be true then), and
// seam_linux_test.go (strace). testdata/points.txt holds the least number of points per sweep.
package crash
