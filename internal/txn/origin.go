package txn

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// A chain of changes of one file is followed by digests: each step's old state is the new state of the step before. The bytes in between leave the journal (old credentials,
// more than keepEntries changes), so every step carries along what is needed to go back to the beginning of its chain:
//
//   - Origins: the newest state that held none of our settings, and the state in which somebody else left the file before our first change, as far as they hold no
//     credentials: they are kept as differences to the step's new state, and for that it is enough that the difference holds none.
//   - Made: the directories above the file that were made for it or for another file.

// trace fills in what the steps of an Apply inherit from earlier changes. own is the entry that is being written.
func trace(all []Entry, own Entry, todo []prepared) {
	stands := func(e Entry) bool { return e.stands() || e.number == own.number }
	for i := range todo {
		p := &todo[i]
		if p.from.Kind == change.Dir || p.to.Kind == change.Dir {
			continue
		}
		p.step.Made = madeAbove(all, p.step.Real, stands)
		for _, o := range p.origins(all, own, stands) {
			i := newImage(o.state)
			i.Hot = o.hot
			if p.to.Kind == change.File {
				i = i.partOf(p.to.Data)
			}
			if i.Kind != change.File || i.Part && !(i.Hot && i.mayHoldCredentials()) || !i.Part && !i.Hot && !p.step.Range {
				p.step.Origins = append(p.step.Origins, i)
			}
		}
	}
}

// origin is a state at the beginning of a chain; hot says that credentials of others stand somewhere in its bytes.
type origin struct {
	state change.State
	hot   bool
}

// mayHoldCredentials looks for the sign that stands in every URL with a user (RFC 3986, 3.2.1). The state itself holds no setting of ours, so that a difference to it is
// what we took away again, and this is a second look.
func (i image) mayHoldCredentials() bool {
	return slices.ContainsFunc(i.Edits, func(e edit) bool { return bytes.ContainsAny(e.Data, `@\`) })
}

// origins are the states that are inherited. It also corrects what the caller could not know about the old state: that an earlier change found it bare or clean.
func (p *prepared) origins(all []Entry, own Entry, stands func(Entry) bool) []origin {
	var inherited []origin
	found, passing := false, false
	for _, e := range all {
		for _, st := range slices.Backward(e.steps()) {
			if st.Real != p.step.Real || !stands(e) {
				continue
			}
			if st.From.same(p.step.From) {
				p.step.Bare = p.step.Bare || st.Bare
				p.step.Secret = p.step.Secret && st.Secret
			}
			if found || !st.To.same(p.step.From) {
				continue
			}
			found, passing = true, e.number == own.number // a state that this command itself wrote for a while is none to go back to
			for _, o := range st.Origins {
				if s, ok := o.state(p.from.Data); ok {
					inherited = append(inherited, origin{s, o.Hot})
				}
			}
		}
	}
	here := origin{p.from, p.step.Secret}
	if i := slices.IndexFunc(inherited, func(o origin) bool { return o.state.Equal(p.from) }); i >= 0 {
		here = inherited[i] // back at the beginning
	} else if passing || !p.step.Bare && (p.step.Secret || found) {
		return inherited
	}
	out := []origin{here}
	if n := len(inherited); n > 0 && !inherited[n-1].state.Equal(p.from) {
		out = append(out, inherited[n-1])
	}
	return out
}

// madeAbove returns the directories above name that were made for this file or for another one and not taken away since, outermost first.
func madeAbove(all []Entry, name string, stands func(Entry) bool) []string {
	var made []string
	decided := map[string]bool{}
	for _, e := range all {
		if !stands(e) {
			continue
		}
		for _, st := range slices.Backward(e.steps()) {
			if st.removesDir() {
				decided[st.Real] = true
			}
			for _, d := range slices.Concat(st.Dirs, st.Made) {
				if strings.HasPrefix(name, d+"/") && !decided[d] {
					decided[d] = true
					made = append(made, d)
				}
			}
		}
	}
	slices.SortFunc(made, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	return made
}

func (st step) removesDir() bool {
	return st.From.Kind == change.Dir && st.To.Kind == change.Absent && !st.Stays
}
