package daemon

import (
	"fmt"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// LivePlan is a plan that is carried out under live-restore: each part is one Apply of a transaction, which is committed after the last one. In between the configuration file has one
// key more than before and after.
//
// The way is: On, reload dockerd, During, restart; Off, reload, Last. When the daemon does not come up: Back instead of Off, restart, BackOff, reload, BackLast.
// dockerd keeps what it has in memory when the key is just taken out and it is told to reload (moby daemon.Reload: only a key that is set counts), so Off writes false first.
type LivePlan struct {
	On, During, Off, Last   change.Plan
	Back, BackOff, BackLast change.Plan
}

const (
	causeOn  = "live-restore, so that running containers outlive the restart"
	causeOff = "live-restore as it was"
)

// KeepLiveRestore adds live-restore to a plan for good.
func KeepLiveRestore(s *Site, files *host.FS, plan change.Plan) (change.Plan, error) {
	d, i, err := configChange(s, files, plan)
	if err != nil {
		return nil, err
	}
	if d.To, err = withLiveRestore(s, d.To, true); err != nil {
		return nil, err
	}
	if i >= 0 {
		plan = slices.Clone(plan)
		plan[i] = d
		return plan, nil
	}
	d.Cause = causeOn + " (kept)"
	return append(change.Plan{d}, plan...), nil
}

// NewLivePlan splits a plan, which may be empty, into the parts. It reads the configuration file's present state through files.
func NewLivePlan(s *Site, files *host.FS, plan change.Plan) (*LivePlan, error) {
	d, at, err := configChange(s, files, plan)
	if err != nil {
		return nil, err
	}
	states, err := liveStates(s, d)
	if err != nil {
		return nil, err
	}
	step := func(from, to change.State, cause string) change.Plan {
		c := d
		c.From, c.To, c.Cause, c.CleanFrom = from, to, cause, !holdsCredentials(from.Data)
		c.Secret = holdsCredentials(from.Data) || holdsCredentials(to.Data)
		return change.Plan{c}.Effective()
	}
	p := &LivePlan{
		On: step(d.From, states.on, causeOn), Off: step(states.newOn, states.newOff, causeOff), Last: step(states.newOff, d.To, causeOff),
		BackOff: step(states.on, states.off, causeOff), BackLast: step(states.off, d.From, causeOff),
	}
	if states.newOn.Equal(d.To) { // wanted for good
		p.Off, p.Last = nil, nil
	}
	if states.on.Equal(d.From) {
		p.BackOff, p.BackLast = nil, nil
	}
	for i, c := range plan {
		if c.From.Kind == change.Dir && c.To.Kind == change.Absent {
			p.Last = append(p.Last, c) // what is in it goes last
			continue
		}
		if i == at {
			p.During = append(p.During, step(states.on, states.newOn, c.Cause)...)
			continue
		}
		p.During = append(p.During, c)
	}
	for _, c := range slices.Backward(p.During) {
		c.From, c.To, c.Cause = c.To, c.From, "as it was"
		c.CleanFrom = !holdsCredentials(c.From.Data)
		p.Back = append(p.Back, c)
	}
	return p, nil
}

// OffForOnce gives two plans to be applied one after the other, with a reload of dockerd in between, for a daemon that has live-restore in memory although its file does not say so.
func OffForOnce(s *Site, files *host.FS) (off, last change.Plan, err error) {
	p, err := NewLivePlan(s, files, nil)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range p.BackLast {
		c.From, c.To = c.To, c.From
		off = append(off, c)
	}
	return off, p.BackLast, nil
}

// configChange returns the plan's change of the configuration file and its index, or one that changes nothing and -1.
func configChange(s *Site, files *host.FS, plan change.Plan) (change.Change, int, error) {
	if i := slices.IndexFunc(plan, func(c change.Change) bool { return c.Path == s.ConfigFile }); i >= 0 {
		return plan[i], i, nil
	}
	from, err := change.Observe(files, s.ConfigFile)
	if err != nil {
		return change.Change{}, -1, fmt.Errorf("reading %s: %w", s.ConfigFile, unwrapPath(err))
	}
	return change.Change{Path: s.ConfigFile, From: from, To: from, Layer: string(precedence.LayerDaemonJSON)}, -1, nil
}

// states are the configuration file's on the way: before and after the plan's change, with live-restore true and false.
type states struct{ on, off, newOn, newOff change.State }

func liveStates(s *Site, d change.Change) (out states, err error) {
	for _, x := range []struct {
		into *change.State
		from change.State
		on   bool
	}{{&out.on, d.From, true}, {&out.off, d.From, false}, {&out.newOn, d.To, true}, {&out.newOff, d.To, false}} {
		if *x.into, err = withLiveRestore(s, x.from, x.on); err != nil {
			return out, err
		}
	}
	return out, nil
}

// withLiveRestore is the state of a configuration file in which live-restore has a value; owner and mode stay.
func withLiveRestore(s *Site, st change.State, on bool) (change.State, error) {
	doc, err := jsonedit.Parse(s.ConfigFile, st.Data, jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: s.atLeast("24.0")})
	if err == nil {
		err = doc.SetBool(on, liveRestore)
	}
	if err != nil {
		return change.State{}, err
	}
	return st.WithData(doc.Bytes()), nil
}
