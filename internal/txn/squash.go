package txn

import (
	"fmt"
	"slices"
)

// squash makes one step per file of an entry whose applies changed a file more than once, as a temporary setting does: from the state before the first to the state after the last. Past
// the commit only these two count: Rollback and History go back to what was there before the command, never to a state in between. A crash before the new entry stands
// undoes the steps one by one, after it all at once.
func (tx *Tx) squash() error {
	net, repeated := squashed(tx.entry.steps())
	if !repeated {
		return nil
	}
	var records []record
	var data []byte
	for _, r := range tx.entry.records {
		if r.Do == doApply {
			if net == nil {
				continue
			}
			r.Steps, net = net, nil
		}
		line, err := r.encode()
		if err != nil {
			return fmt.Errorf("writing the journal: %w", err)
		}
		records, data = append(records, r), append(data, line...)
	}
	if err := tx.dir.replace(entryFile(tx.entry.number), data); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	tx.entry = newEntry(tx.entry.number, records, int64(len(data)))
	return nil
}

// squashed joins the steps of each file, at the place of its first; repeated is false when there is nothing to join.
func squashed(steps []step) (net []step, repeated bool) {
	for _, st := range steps {
		i := slices.IndexFunc(net, func(n step) bool { return n.Real == st.Real })
		switch {
		case i < 0:
			net = append(net, st)
		case net[i].From.Part: // its bytes are known only together with those of its own next state
			return nil, false
		default:
			net[i].To, net[i].Secret, repeated = st.To, net[i].Secret || st.Secret, true
			net[i].After, net[i].Origins, net[i].Made = net[i].After || st.After, st.Origins, st.Made
		}
	}
	return net, repeated
}

// unchanged reports whether every file of the entry is as it was before.
func (e Entry) unchanged() bool {
	return !slices.ContainsFunc(e.steps(), func(st step) bool { return !st.From.same(st.To) })
}
