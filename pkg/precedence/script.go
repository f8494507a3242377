package precedence

// ScriptStep is one thing a sourced startup file does to a variable that reaches dockerd, in the order of execution.
type ScriptStep struct {
	Binding Binding
	Unset   bool // the variable is removed (unset NAME); Binding.Source says where
}

// MergeScript returns the environment of a dockerd that an init script starts: what the script inherited, then what the files it sources export. Steps hold
// exported variables only; an assignment that is not exported stays in the shell and is no step.
func MergeScript(inherited []Binding, steps []ScriptStep) Environment {
	var env Environment
	byName := map[string][]Binding{}
	for _, b := range inherited {
		byName[b.Source.Name] = append(byName[b.Source.Name], b)
	}
	for _, st := range steps {
		name := st.Binding.Source.Name
		if !st.Unset {
			byName[name] = append(byName[name], st.Binding)
			continue
		}
		s := env.slot(name)
		for _, b := range byName[name] {
			s.Lost = append([]Lost{{Binding: b, Rule: LaterAssignment}}, s.Lost...)
		}
		byName[name] = nil
	}
	for name, bindings := range byName {
		settle(env.slot(name), bindings, scriptRule)
	}
	return env
}

func scriptRule(winner, loser Binding) Rule {
	if winner.Source.Route == RouteScript && loser.Source.Route != RouteScript {
		return ScriptOverInherited
	}
	return LaterAssignment
}
