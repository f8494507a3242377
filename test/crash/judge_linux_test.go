package crash

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// reference is what a scenario does when nothing disturbs it, and where its operations stand.
type reference struct {
	scenario
	start, end tree // everything, journal included
	old, new   tree // the host before and after
	ops        []op
	begun      [2]int // the first and the last write of the journal's record of the old bytes
	commit     int    // the write of the commit record: a run that is stopped later leaves the new state
	ended      int    // the write of the end record
	// nextOld and nextNew are the host after scenario.next on the one and on the other.
	nextOld, nextNew tree
	// backStart and backEnd are the hosts after `rollback` on start and on end, and its exit status.
	backStart, backEnd    tree
	backStatus, endStatus int
}

// prepare runs the scenario undisturbed on a lane, which is left with the start.
func (l *lane) prepare(sc scenario) reference {
	t := l.t
	t.Helper()
	r := reference{scenario: sc}
	l.restore(sc.host)
	for _, c := range sc.before {
		l.must(c)
	}
	r.start = l.take()
	a := l.must(sc.run)
	r.end, r.ops = l.take(), a.Ops
	r.old, r.new = r.start.host(), r.end.host()
	assert.Equal(t, filesBetween(r.old, r.new), sc.files, "%s", differs(r.new, r.old))
	r.find(t)
	l.must(sc.next)
	r.nextNew = l.take().host()
	l.restore(r.start)
	l.must(sc.next)
	r.nextOld = l.take().host()
	assert.Assert(t, !r.nextOld.equal(r.nextNew), "%q tells the old state not from the new one", sc.next.args)
	l.restore(r.start)
	r.backStart, r.backStatus = l.back()
	l.restore(r.end)
	r.backEnd, r.endStatus = l.back()
	if !sc.back {
		assert.Equal(t, r.endStatus, 0)
		assert.Assert(t, r.backEnd.equal(r.old), "rollback gives the old state:\n%s", differs(r.backEnd, r.old))
	}
	l.restore(r.start)
	return r
}

func (l *lane) must(c command) answer {
	l.t.Helper()
	a, _ := l.run(0, c)
	assert.Equal(l.t, a.Status, 0, "%q: %s%s", c.args, a.Stdout, a.Stderr)
	return a
}

func (l *lane) back() (tree, int) {
	l.t.Helper()
	a, _ := l.run(0, takeBack)
	return l.take().host(), a.Status
}

// inState reports whether an operation is about the state directory, or makes it.
func (o op) inState() bool {
	return strings.HasPrefix(o[1], stateDir) || strings.HasPrefix(stateDir, o[1]+"/")
}

// find finds the records of the journal among the operations: of the writes to the new entry, those before the first change of the host hold the old bytes, and the first one
// after the last change of the host is the commit record.
func (r *reference) find(t *testing.T) {
	t.Helper()
	entry, last := "", 0
	for i, o := range r.ops {
		inState := o.inState()
		switch {
		case o[0] == "create" && inState && strings.HasSuffix(o[1], ".journal"):
			assert.Equal(t, entry, "", "two entries")
			entry = o[1]
		case !inState:
			assert.Assert(t, r.begun[1] > 0, "%q comes before the journal", o)
			last = i + 1
		case o[0] == "write" && o[1] == entry && last == 0:
			r.begun[1] = i + 1
			if r.begun[0] == 0 {
				r.begun[0] = i + 1
			}
		case o[0] == "write" && o[1] == entry && r.commit == 0:
			r.commit = i + 1
			assert.Assert(t, !slices.ContainsFunc(r.ops[i:], func(o op) bool { return !o.inState() }), "the host is changed after the commit record: %q", r.ops)
		case o[0] == "write" && o[1] == entry && r.ended == 0:
			r.ended = i + 1
		}
	}
	assert.Assert(t, r.ended > 0, "%q", r.ops)
	// Durable in this order: old bytes and the name of the entry, files and their names, commit record.
	assert.DeepEqual(t, r.ops[r.begun[1]:r.begun[1]+2], []op{{"fsync", entry}, {"fsync", stateDir}})
	assert.DeepEqual(t, r.ops[r.commit:r.commit+1], []op{{"fsync", entry}})
	assert.DeepEqual(t, r.ops[r.ended:r.ended+1], []op{{"fsync", entry}})
	assert.Equal(t, r.ops[last-1][0], "fsync")
}

var tempName = regexp.MustCompile(`^\..+\.docker-proxy-[0-9]+-[0-9]+\.tmp$`)

// torn says what is wrong with a host at a moment at which a run was stopped: each file is the old or the new one, except those that are rewritten in place; new files under
// construction have names that no reader accepts; directories may be on their way; and nobody else may read the secret.
func (r *reference) torn(now tree) error {
	all := tree{}
	for _, t := range []tree{r.old, r.new, now} {
		for name, n := range t {
			all[name] = n
		}
	}
	for name := range all {
		n, isThere := now[name]
		o, wasThere := r.old[name]
		w, willBe := r.new[name]
		switch {
		case isThere && r.secret != "" && n.mode&0o077 != 0 && n.kind() == unix.S_IFREG && strings.Contains(n.text, r.secret):
			return fmt.Errorf("%s shows the secret: %v", name, n)
		case isThere && (wasThere && n.equal(o) || willBe && n.equal(w)), !isThere && (!wasThere || !willBe):
		case isThere && !wasThere && !willBe && tempName.MatchString(path.Base(name)):
		case isThere && n.kind() == unix.S_IFDIR && n.mode&0o777 == 0o700 && !wasThere:
		case isThere && o.same != "" && n.same == o.same:
		default:
			return fmt.Errorf("%s is neither old nor new: %v, there=%v, old %v, new %v", name, n, isThere, o, w)
		}
	}
	return nil
}

// told says what is wrong with an exit status, given what the command left: 0 is the new state, 1 and 130 are the old one, 4 the new one with something left to do; 6 says that it
// is not fully back, which nothing but a failure that goes on, or a second one, excuses.
func (r *reference) told(a answer, now tree, again bool) error {
	var want tree
	switch a.Status {
	case 0, 4:
		want = r.new
	case 1, 130:
		want = r.old
	case 6:
		if again {
			return nil
		}
		return fmt.Errorf("a single failure is not undone: %s", a.Stderr)
	default:
		return fmt.Errorf("exit status %d: %s", a.Status, a.Stderr)
	}
	if !now.equal(want) {
		return fmt.Errorf("exit status %d (%s), but the tree is another:\n%s", a.Status, strings.TrimSpace(a.Stderr), differs(now, want))
	}
	return nil
}

// listed is what `rollback --list` prints.
type listed struct{ ID, State string }

// list asks for the recorded changes, in worker which, and checks that they are the entries of the journal.
func (l *lane) list(which int, now tree) error {
	a, _ := l.run(which, docker("rollback", "--list", "--format", "json"))
	var got []listed
	if err := json.Unmarshal([]byte(a.Stdout), &got); err != nil || a.Status != 0 {
		return fmt.Errorf("rollback --list: status %d, %w: %s", a.Status, err, a.Stderr)
	}
	var want []entry
	for _, e := range slices.Backward(now.journal()) {
		if e.state() != "none" {
			want = append(want, e)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("rollback --list shows %v, the journal holds %v", got, want)
	}
	for i, e := range want {
		state := e.state()
		if got[i].ID != strings.TrimLeft(e.number, "0") || (state == "ended") != (got[i].State == "done" || got[i].State == "undone") {
			return fmt.Errorf("rollback --list shows %v, the journal holds %v", got, want)
		}
	}
	return nil
}

// show asks for the findings and checks that an interrupted change is told, and only such a one.
func (l *lane) show(which int, now tree) error {
	a, _ := l.run(which, docker("show", "--format", "json"))
	var got struct{ Findings []struct{ ID string } }
	if err := json.Unmarshal([]byte(a.Stdout), &got); err != nil || a.Status != 0 {
		return fmt.Errorf("show: status %d, %w: %s", a.Status, err, a.Stderr)
	}
	told := slices.ContainsFunc(got.Findings, func(f struct{ ID string }) bool { return f.ID == "unfinished-change" })
	if told != (now.unfinished() != "") {
		return fmt.Errorf("show says unfinished-change: %v, the journal holds %v", told, now.journal())
	}
	return nil
}
