// Package truth holds the truth test: hundreds of host states, written as raw
// text by a grammar, and for each the answer of something that is not this
// project: systemd itself, a real shell, a real dockerd, Go's own net/http.
// `docker-proxy show --effective` has to give the same answer.
//
// The package imports nothing of the project (a test checks that): what it
// expects never comes from code it tests. It is not a library for other
// packages.
//
// Start reading in state.go (what a state is), then grammar_*.go (how states
// are written: one function per construct of systemd.exec(5), systemd.unit(5),
// sh and daemon.json), oracle_*.go (who answers), corpus.go (recorded answers in
// testdata/), compare.go and place.go (what the project is asked and how its values
// and places are judged) and *_live.go (the same for restarts of real dockerds).
//
// The recorded corpus is compared by plain `go test`. With the build tag
// `hosts` the answers are asked again of booted hosts and must equal the
// recorded ones; `go test -tags hosts -update` records them anew.
package truth
