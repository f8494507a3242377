package truth

import "strings"

// recordSystemd asks a host's PID 1 about every Systemd state: the bulk after
// one daemon-reload, then one more for each batch that needs files of the whole
// machine.
func recordSystemd(m machine, states []State) (Recording, error) {
	rec := Recording{Answers: map[string]Answer{}}
	var batches []string
	byBatch := map[string][]State{}
	for _, s := range states {
		if byBatch[s.Batch] == nil {
			batches = append(batches, s.Batch)
		}
		byBatch[s.Batch] = append(byBatch[s.Batch], s)
	}
	for _, b := range batches {
		answers, facts, err := askSystemd(m, byBatch[b])
		if err != nil {
			return rec, err
		}
		rec.Facts = facts
		for name, a := range answers {
			rec.Answers[name] = a
		}
	}
	return rec, addEffects(states, rec)
}

// recordDockerd asks a real dockerd about every Dockerd state.
func recordDockerd(m machine, states []State) (Recording, error) {
	answers, facts, err := askDockerd(m, states)
	rec := Recording{Facts: facts, Answers: answers}
	if err != nil {
		return rec, err
	}
	return rec, addEffects(states, rec)
}

// addEffects asks Go what it does with the winners. dockerd's /info masks
// credentials; there the grammar's own note of the winner is taken, or nothing.
func addEffects(states []State, rec Recording) error {
	asked := map[[3]string]map[string]string{}
	for _, s := range states {
		a := rec.Answers[s.Name]
		if !a.Ran {
			continue
		}
		winners := map[string]string{}
		for _, f := range families {
			winners[f.key] = expect(f, a).value
			if own, ok := s.Winners[f.key]; ok {
				winners[f.key] = own
			} else if strings.Contains(winners[f.key], "xxxxx@") {
				winners[f.key] = strings.Replace(winners[f.key], "xxxxx:xxxxx@", "", 1)
			}
		}
		key := [3]string{winners["http-proxy"], winners["https-proxy"], winners["no-proxy"]}
		if asked[key] == nil {
			effects, err := askGo(winners)
			if err != nil {
				return err
			}
			asked[key] = effects
		}
		a.Effects = asked[key]
		rec.Answers[s.Name] = a
	}
	return nil
}
