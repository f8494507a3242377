// Package arch holds the rules about this repository that a compiler does not know: who may change files, start programs and open connections, what may import
// what, and how files look. It has only tests, one per rule. Start at rules_test.go; source_test.go reads the sources.
package arch
