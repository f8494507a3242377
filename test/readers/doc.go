// Package readers compares the models of pkg/precedence/reader with the real programs: curl and wget in a network namespace of their own, with a proxy that says who
// came, and Python, Java and Node in one process each. It has only tests; start at readers_test.go. DOCKER_PROXY_PAIRS is the number of pairs for curl and wget.
package readers
