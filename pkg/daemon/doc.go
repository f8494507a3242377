// Package daemon knows one Docker daemon and everything that decides its proxy: which daemon it is (Locate), what every layer holds (Observe), what a wanted change
// comes to (PlanSet, PlanUnset, PlanReconcile), and how a change is activated (Validate, Control, Health).
//
// It reads the host through internal/host and returns changes; it writes no host file (internal/txn does) and decides nothing about precedence
// (pkg/precedence does). One file per layer: daemonjson.go, startup.go, dropin.go with unitview.go, env.go. Start reading at Locate, then Observe.
package daemon
