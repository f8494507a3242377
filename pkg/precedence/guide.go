package precedence

// GuideAnswer returns the binding that the widespread order "environment > startup script > daemon.json" would name for a key, or nil. Within a step the
// last one counts. Bindings that do not reach dockerd count as well: the guides do not know that either.
func GuideAnswer(k Key, bindings []Binding) *Binding {
	step := func(l Layer) int {
		switch l {
		case LayerSystemd, LayerEnv:
			return 3
		case LayerStartup:
			return 2
		case LayerDaemonJSON:
			return 1
		case LayerFlag, LayerProcess, LayerUnknown:
		}
		return 0
	}
	var best *Binding
	for i, b := range bindings {
		if b.Key != k || b.Value == "" && !b.Unknown || step(b.Source.Layer) == 0 || b.Inert != "" && b.Source.Layer != LayerStartup {
			continue
		}
		if best == nil || step(b.Source.Layer) > step(best.Source.Layer) || step(b.Source.Layer) == step(best.Source.Layer) && !(best.Source.Name == k.Upper() && b.Source.Name == k.Lower()) {
			best = &bindings[i]
		}
	}
	return best
}
