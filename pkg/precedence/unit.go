package precedence

// DirectiveKind is one of the four environment directives of a service unit (systemd.exec(5)).
type DirectiveKind int

// The directives.
const (
	SetEnvironment DirectiveKind = iota // Environment=
	PassEnvironment
	EnvironmentFile
	UnsetVariables // UnsetEnvironment=
)

// Directive is one line of a unit file or drop-in, already parsed. Directives come in the order in which systemd reads them: the unit file first, then the
// drop-ins by file name.
type Directive struct {
	Kind  DirectiveKind
	Reset bool // an empty value: what the same directive said before is forgotten
	// Source is the line of a Reset.
	Source Source
	// Bindings are the assignments: the words of Environment=, the lines of the file of EnvironmentFile=, the variables PassEnvironment= finds in the manager's own environment.
	Bindings []Binding
	Unset    []Unset // of UnsetEnvironment=
}

// Unset is one word of UnsetEnvironment=: a variable name, or NAME=VALUE, which removes the variable only if it has that value.
type Unset struct {
	Name   string
	Exact  bool
	Value  Value
	Source Source
}

// UnitView is everything systemd builds a service's environment from.
type UnitView struct {
	Manager    []Binding // the manager's environment block: DefaultEnvironment=, environment.d for user managers, set-environment; later wins
	Directives []Directive
}

// MergeUnit returns the environment systemd starts the service with: manager < PassEnvironment= < Environment= < EnvironmentFile=, then UnsetEnvironment=
// (exec_context build in src/core/exec-invoke.c, strv_env_merge; the same order from v219 to v262).
func MergeUnit(v UnitView) Environment {
	var env Environment
	lists, unsets := v.lists(&env)
	byName := map[string][]Binding{}
	for _, list := range lists {
		for _, b := range list {
			byName[b.Source.Name] = append(byName[b.Source.Name], b)
		}
	}
	for name, bindings := range byName {
		settle(env.slot(name), bindings, unitRule)
	}
	for _, u := range unsets {
		env.unset(u)
	}
	return env
}

// lists applies the resets and returns the bindings of the four blocks, weakest block first, and what UnsetEnvironment= removes.
func (v UnitView) lists(env *Environment) ([][]Binding, []Unset) {
	var blocks [3][]Binding
	var unsets []Unset
	place := map[DirectiveKind]int{PassEnvironment: 0, SetEnvironment: 1, EnvironmentFile: 2}
	for _, d := range v.Directives {
		if d.Kind == UnsetVariables {
			if d.Reset {
				unsets = nil
			}
			unsets = append(unsets, d.Unset...)
			continue
		}
		block := &blocks[place[d.Kind]]
		if d.Reset {
			for _, b := range *block {
				s := env.slot(b.Source.Name)
				s.Lost = append([]Lost{{Binding: b, Rule: Reset, By: d.Source}}, s.Lost...)
			}
			*block = nil
		}
		*block = append(*block, d.Bindings...)
	}
	return [][]Binding{v.Manager, blocks[0], blocks[1], blocks[2]}, unsets
}

// unset removes the winner of a variable. A value that is not known cannot be compared with NAME=VALUE; it stays.
func (e *Environment) unset(u Unset) {
	s := e.slots[u.Name]
	if s == nil || s.Winner == nil || (u.Exact && (s.Winner.Unknown || s.Winner.Value != u.Value)) {
		return
	}
	lost := []Lost{{Binding: *s.Winner, Rule: UnsetEnvironment, By: u.Source}}
	for _, l := range s.Lost {
		if l.Rule != Reset {
			l.Rule, l.By = UnsetEnvironment, u.Source
		}
		lost = append(lost, l)
	}
	s.Winner, s.Lost = nil, lost
}

// unitRule says why winner beats loser inside a unit's environment.
func unitRule(winner, loser Binding) Rule {
	switch {
	case winner.Source.Route == RouteEnvironmentFile && loser.Source.Route != RouteEnvironmentFile:
		return EnvironmentFileOverEnvironment
	case winner.Source.Path == loser.Source.Path:
		return LaterAssignment
	case winner.Source.Route == RouteEnvironmentFile:
		return LaterEnvironmentFile
	case winner.Source.Route == RouteEnvironment && loser.Source.Route == RouteEnvironment:
		return LaterDropIn
	}
	return LaterAssignment
}
