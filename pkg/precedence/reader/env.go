package reader

import "github.com/docker-proxy/docker-proxy/pkg/precedence"

// Variable is one environment variable as a program gets it, with the place its value comes from. Values are masked in every output but Reveal.
type Variable struct {
	Name   string
	Value  precedence.Value
	Source precedence.Source
}

// Env is a program's environment, in the order of the process; every name stands once. Only the proxy variables matter.
type Env []Variable

// get returns the variable of that exact name. found is also true for an empty value.
func (e Env) get(name string) (v Variable, found bool) {
	for _, v := range e {
		if v.Name == name {
			return v, true
		}
	}
	return Variable{}, false
}

// firstFilled returns the first of the named variables that is not empty.
func (e Env) firstFilled(names ...string) (Variable, bool) {
	for _, n := range names {
		if v, ok := e.get(n); ok && v.Value != "" {
			return v, true
		}
	}
	return Variable{}, false
}

// firstSet returns the first of the named variables that is set, even to nothing.
func (e Env) firstSet(names ...string) (Variable, bool) {
	for _, n := range names {
		if v, ok := e.get(n); ok {
			return v, true
		}
	}
	return Variable{}, false
}
