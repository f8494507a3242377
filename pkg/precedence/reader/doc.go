// Package reader models how programs read the proxy variables: which variable they take, how they cut NO_PROXY, what an entry matches, and so whether a request
// goes through the proxy or direct, and by which entry.
//
// A reader is a program or library: Go's net/http, curl, GNU wget, Python's requests and urllib, Java's default proxy selector, Node's fetch and its http and https
// modules. Each model is of the versions that its Title names, follows their source, and is compared with the real program in test/readers. For Go nothing is
// modelled: golang.org/x/net/http/httpproxy decides itself, and only the entry that decided is looked for.
//
// The package is pure: it gets variables and a target and returns an answer. It resolves no name, opens no connection and reads no environment. Start reading
// at Reader; target.go and env.go are what it is asked with, answer.go what it says, one file per program how.
package reader
