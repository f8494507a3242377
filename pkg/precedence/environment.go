package precedence

import "slices"

// Lost is a binding that does not take effect, and the rule by which it lost.
type Lost struct {
	Binding Binding
	Rule    Rule
	// By is the line that took the binding away where no other binding did: the empty assignment of Reset, the word of UnsetEnvironment. Else zero.
	By Source
}

// Slot is what became of one environment variable: the binding that sets it in dockerd's environment at start, if any, and those that lost, strongest first.
type Slot struct {
	Winner *Binding
	Lost   []Lost
}

// Environment is the environment dockerd is started with, by variable name, with the history of each variable. The zero value is empty.
type Environment struct {
	slots map[string]*Slot
}

// Slot returns what became of the variable name; the zero Slot when nothing mentions it.
func (e Environment) Slot(name string) Slot {
	if s := e.slots[name]; s != nil {
		return *s
	}
	return Slot{}
}

// Names returns the variables that anything mentions, sorted.
func (e Environment) Names() []string {
	var names []string
	for n := range e.slots {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (e *Environment) slot(name string) *Slot {
	if e.slots == nil {
		e.slots = map[string]*Slot{}
	}
	if e.slots[name] == nil {
		e.slots[name] = &Slot{}
	}
	return e.slots[name]
}

// settle turns all bindings of one variable, weakest first, into a slot. The rule of each loser is told against the final winner, because that is the
// question people ask: why does this line do nothing?
func settle(s *Slot, bindings []Binding, rule func(winner, loser Binding) Rule) {
	if len(bindings) == 0 {
		return
	}
	winner := bindings[len(bindings)-1]
	s.Winner = &winner
	var lost []Lost
	for _, b := range slices.Backward(bindings[:len(bindings)-1]) {
		lost = append(lost, Lost{Binding: b, Rule: rule(winner, b)})
	}
	s.Lost = append(lost, s.Lost...)
}
