package precedence

import "slices"

// Inputs are the places dockerd itself looks at, each already reduced to what reaches it.
type Inputs struct {
	Flags  []Binding   // dockerd's command line
	Config []Binding   // daemon.json, in the order of the file; of several bindings of a key the last one is the effective one
	Env    Environment // dockerd's environment at start
}

// Verdict is the answer for one key.
type Verdict struct {
	Key      Key
	Winner   *Binding // nil: not set
	Rule     Rule     // why the winner beats the strongest of Shadowed; only-value when there is none; "" when not set
	Shadowed []Lost   // strongest first, with the rule by which each lost against the winner
	Effect   Effect   // "" for no-proxy and where the winner's value is unknown
	// Lower is the lower-case variable where it ends up set to something else than the winner: git and curl, started by dockerd, read that one.
	Lower *Binding
}

// Set reports whether dockerd gets any value.
func (v Verdict) Set() bool { return v.Winner != nil }

// Resolve returns the verdict for each key, in the order of Keys.
//
// Per key and independently: a flag, else daemon.json, else the upper-case variable, else the lower-case one; an empty value is passed over at every step
// (moby configureProxyEnv, v23.0.0 to v29; httpproxy.FromEnvironment). A flag and a daemon.json member of the same key stop dockerd; that is the
// caller's finding, here the flag stands first.
func Resolve(in Inputs) []Verdict {
	var out []Verdict
	for _, k := range Keys() {
		out = append(out, resolveKey(k, in))
	}
	no := ""
	if w := out[len(out)-1].Winner; w != nil && !w.Unknown {
		no = w.Value.Reveal()
	}
	for i := range out {
		switch {
		case out[i].Winner == nil:
			out[i].Effect = EffectOf(out[i].Key, "", no)
		case !out[i].Winner.Unknown:
			out[i].Effect = EffectOf(out[i].Key, out[i].Winner.Value.Reveal(), no)
		}
	}
	return out
}

// candidate is one place in dockerd's order: a binding, with the bindings that lost before dockerd looked.
type candidate struct {
	winner *Binding
	lost   []Lost
}

func resolveKey(k Key, in Inputs) Verdict {
	upper, lower := in.Env.Slot(k.Upper()), in.Env.Slot(k.Lower())
	order := []candidate{lastOf(k, in.Flags), lastOf(k, in.Config), {upper.Winner, upper.Lost}, {lower.Winner, lower.Lost}}
	v := Verdict{Key: k}
	for _, c := range order {
		switch {
		case c.winner == nil:
		case v.Winner == nil && (c.winner.Unknown || c.winner.Value != ""):
			v.Winner = c.winner
		case v.Winner == nil:
			v.Shadowed = append(v.Shadowed, Lost{Binding: *c.winner, Rule: EmptyCountsAsUnset})
		case !sameLine(*v.Winner, *c.winner):
			v.Shadowed = append(v.Shadowed, Lost{Binding: *c.winner, Rule: acrossRule(*v.Winner, *c.winner)})
		}
		for _, l := range c.lost {
			v.Shadowed = append(v.Shadowed, retell(v.Winner, l))
		}
	}
	v.Shadowed = dropPairs(v.Shadowed)
	if v.Winner == nil {
		return v
	}
	v.Rule = OnlyValue
	if len(v.Shadowed) > 0 {
		v.Rule = v.Shadowed[0].Rule
	}
	if l := lower.Winner; l != nil && environmentRoute(v.Winner.Source.Route) && l.Source.Name != v.Winner.Source.Name && l.Value != "" && l.Value != v.Winner.Value {
		v.Lower = l
	}
	return v
}

// lastOf returns the effective one of several bindings of a key in one place, and the others as lost.
func lastOf(k Key, bindings []Binding) candidate {
	mine := slices.DeleteFunc(slices.Clone(bindings), func(b Binding) bool { return b.Key != k })
	if len(mine) == 0 {
		return candidate{}
	}
	var s Slot
	settle(&s, mine, func(Binding, Binding) Rule { return LaterAssignment })
	return candidate{s.Winner, s.Lost}
}

// retell keeps a loser's rule where it lost inside its own place against the final winner, and where it never had a chance (reset, unset); a loser
// whose own conqueror is not the final winner is told the rule against the final winner.
func retell(winner *Binding, l Lost) Lost {
	if winner == nil || l.Rule == Reset || l.Rule == UnsetEnvironment {
		return l
	}
	if r := acrossRule(*winner, l.Binding); r != "" {
		l.Rule = r
	}
	return l
}

// acrossRule says why winner beats loser where they stand at different steps of dockerd's order; "" when they stand at the same one.
func acrossRule(winner, loser Binding) Rule {
	switch winner.Source.Route {
	case RouteFlag:
		if loser.Source.Route != RouteFlag {
			return FlagOverEnvironment
		}
		return ""
	case RouteConfigFile:
		if loser.Source.Route != RouteConfigFile {
			return ConfigOverEnvironment
		}
		return ""
	case RouteEnvironmentFile, RouteEnvironment, RoutePassEnvironment, RouteManager, RouteScript, RouteInherited:
	}
	if winner.Source.Name != loser.Source.Name && environmentRoute(loser.Source.Route) {
		return UpperOverLower
	}
	return ""
}

func environmentRoute(r Route) bool { return r != RouteFlag && r != RouteConfigFile }

// sameLine reports whether two bindings are the two spellings of one setting written together: same file, same value. Naming the second one as shadowed
// would tell nobody anything.
func sameLine(a, b Binding) bool {
	return !a.Unknown && !b.Unknown && a.Value == b.Value && a.Source.Path == b.Source.Path && a.Source.Route == b.Source.Route && a.Source.Name != b.Source.Name
}

// dropPairs leaves out the second spelling of a setting where both spellings lost: the stronger one tells enough.
func dropPairs(lost []Lost) []Lost {
	var out []Lost
	for _, l := range lost {
		if !slices.ContainsFunc(out, func(o Lost) bool { return sameLine(o.Binding, l.Binding) }) {
			out = append(out, l)
		}
	}
	return out
}
