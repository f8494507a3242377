// Package e2e plays `docker proxy` on real, booted hosts: through the real docker CLI, with a real dockerd, its real manager, a real proxy and a real registry.
//
// It imports nothing of the program: what it knows is what an administrator would see. The hosts come from test/hosts. Run it with `go test -tags hosts
// ./test/e2e`; without the tag there is nothing here. Start reading at TestLayers.
package e2e
