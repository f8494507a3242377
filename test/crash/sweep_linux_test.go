package crash

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The errors that every operation is made to return: a full disk, a broken one, one that was remounted read-only, a missing right, a busy mount point, another file system.
var errnos = []unix.Errno{unix.ENOSPC, unix.EIO, unix.EROFS, unix.EACCES, unix.EBUSY, unix.EXDEV}

// TestSweeps makes every operation of every scenario fail in every way. The number of points of each sweep must not be below the committed one.
func TestSweeps(t *testing.T) {
	program := build(t)
	var total points
	t.Run("at", func(t *testing.T) {
		for _, sc := range scenarios() {
			for _, sweep := range []struct {
				name string
				on   func(scenario) bool
				run  func(*lane, reference, func(kind string))
			}{
				{name: "errors", run: (*lane).sweepErrors},
				{name: "kills", run: (*lane).sweepKills},
				{name: "kills during recovery", on: func(sc scenario) bool { return sc.twice }, run: (*lane).sweepRecovery},
				{name: "kills and errors during undo", on: func(sc scenario) bool { return sc.twice && !sc.back }, run: (*lane).sweepUndo},
			} {
				if sweep.on != nil && !sweep.on(sc) {
					continue
				}
				t.Run(sweep.name+" "+sc.name, func(t *testing.T) {
					t.Parallel()
					l := newLane(t, program, sc.live)
					sweep.run(l, l.prepare(sc), func(kind string) { total.add(kind, sc.name) })
				})
			}
		}
	})
	total.check(t)
}

// fail reports a point at which something was not as it must be.
func (l *lane) fail(err error, format string, args ...any) {
	l.t.Helper()
	if err != nil {
		l.t.Errorf("%s: %v", fmt.Sprintf(format, args...), err)
	}
}

// sweepErrors: every operation returns every error, once; and from there on one of them for good, as a disk does that is full. Every operation is also the moment at which the user
// interrupts the run. What a process cannot put back, the next one does.
func (l *lane) sweepErrors(r reference, point func(string)) {
	try := func(kind string, n int, f fault) {
		point(kind)
		l.restore(r.start)
		a, _ := l.run(0, r.run, f)
		now := l.take()
		where := fmt.Sprintf("%s at %d %v of %d", kind, n, r.ops[n-1], len(r.ops))
		l.fail(r.told(a, now.host(), f.To == forever), "%s", where)
		l.fail(r.torn(now.host()), "%s", where)
		l.fail(now.journalWrong(f.To == forever), "%s", where)
		if f.To == forever || now.unfinished() != "" {
			l.recover(r, 1, now, where)
		}
	}
	for n := range len(r.ops) {
		n++
		once := errnos
		if r.slow {
			once = errnos[(n+1)%len(errnos):][:1]
		}
		for _, errno := range once {
			try(unix.ErrnoName(errno), n, fault{From: n, To: n, Errno: int(errno)})
		}
		lasting := errnos[n%len(errnos)]
		try(unix.ErrnoName(lasting)+" for good", n, fault{From: n, To: forever, Errno: int(lasting)})
		try("interrupt", n, fault{From: n, To: n})
	}
}

// recover runs the scenario's next command in worker which, on what an earlier run left: its result must be the one on the old state or on the new one, whichever the journal says.
func (l *lane) recover(r reference, which int, left tree, where string) {
	l.t.Helper()
	var want tree
	state := left.unfinished()
	switch host := left.host(); {
	case state == "committed", state == "" && host.equal(r.new):
		want = r.nextNew
	case state == "unfinished", state == "" && host.equal(r.old):
		want = r.nextOld
	default:
		l.t.Errorf("%s: the tree is neither old nor new, and nothing says that it is unfinished\n%s", where, differs(host, r.old))
		return
	}
	a, _ := l.run(which, r.next)
	l.recovered(a, 0, want, where+", then another command")
}

func (l *lane) recovered(a answer, status int, want tree, where string) {
	l.t.Helper()
	now := l.take()
	if a.Status != status || !now.host().equal(want) {
		l.t.Errorf("%s: exit status %d\n%s%s%s", where, a.Status, a.Stderr, a.Stdout, differs(now.host(), want))
	}
	l.fail(now.journalWrong(status != 0), "%s", where) // one that was refused tidies nothing up
	if state := now.unfinished(); state != "" {
		l.t.Errorf("%s: the journal is still %s", where, state)
	}
}

// kill runs the scenario and kills it before operation n; it gives what was left.
func (l *lane) kill(r reference, n int) tree {
	l.t.Helper()
	l.restore(r.start)
	if a, killed := l.run(0, r.run, fault{From: n, To: n, Kill: true}); !killed {
		l.t.Fatalf("operation %d of %d was not reached: %v", n, len(r.ops), a)
	}
	return l.take()
}

// sweepKills kills the process before every operation. A new one then shows what happened, and recovers: by another changing command, and by rollback.
func (l *lane) sweepKills(r reference, point func(string)) {
	for n := range len(r.ops) {
		n++
		point("SIGKILL")
		left := l.kill(r, n)
		where := fmt.Sprintf("killed before %d %v of %d", n, r.ops[n-1], len(r.ops))
		l.fail(r.torn(left.host()), "%s", where)
		l.fail(left.journalWrong(true), "%s", where)
		l.fail(r.stands(n, left), "%s", where)
		l.fail(l.show(0, left), "%s", where)
		l.fail(l.list(0, left), "%s", where)
		if now := l.take(); !now.equal(left) {
			l.t.Errorf("%s: show and rollback --list changed something\n%s", where, differs(now, left))
		}
		l.recover(r, 0, left, where)
		l.fail(l.list(0, l.take()), "%s, then another command", where)
		l.restore(left)
		want, status := r.rolledBack(left)
		a, _ := l.run(0, takeBack)
		l.recovered(a, status, want, where+", then rollback")
	}
}

// stands says what is wrong with the journal of a run that was killed before operation n.
func (r *reference) stands(n int, left tree) error {
	state, want := left.unfinished(), ""
	switch {
	case n > r.begun[0] && n <= r.begun[1]:
		return nil // the record is being written: how far its lines are whole is not looked at
	case n > r.begun[1] && n <= r.commit:
		want = "unfinished"
	case n > r.commit && n <= r.ended:
		want = "committed"
	}
	if state != want {
		return fmt.Errorf("the journal is %q, want %q", state, want)
	}
	return nil
}

// rolledBack is the host after `rollback` on what an interrupted run left, and the exit status: what the interrupted change would have replaced is back, or where the run was
// itself a rollback, it is done. Where nothing was begun or all had ended, it is as without the interruption.
func (r *reference) rolledBack(left tree) (tree, int) {
	switch {
	case left.unfinished() != "" && r.back:
		return r.new, 0
	case left.unfinished() != "":
		return r.old, 0
	case left.host().equal(r.new):
		return r.backEnd, r.endStatus
	}
	return r.backStart, r.backStatus
}

// sweepRecovery kills the scenario before every operation, and then the process that recovers before every operation of the recovery; a third one ends it.
func (l *lane) sweepRecovery(r reference, point func(string)) {
	for n := range len(r.ops) {
		n++
		left := l.kill(r, n)
		if left.unfinished() == "" {
			continue
		}
		for m := range l.recoveryOps(r, left) {
			m++
			point("SIGKILL, and again during recovery")
			l.restore(left)
			where := fmt.Sprintf("killed before %d %v of %d and before %d of the recovery", n, r.ops[n-1], len(r.ops), m)
			if a, killed := l.run(0, r.next, fault{From: m, To: m, Kill: true}); !killed {
				l.t.Fatalf("%s: not reached: %v", where, a)
			}
			second := l.take()
			l.fail(r.torn(second.host()), "%s", where)
			l.fail(second.journalWrong(true), "%s", where)
			l.recover(r, 0, second, where)
		}
	}
}

// recoveryOps counts the operations of the recovery: those before the next command begins an entry of its own.
func (l *lane) recoveryOps(r reference, left tree) int {
	l.t.Helper()
	l.restore(left)
	a := l.must(r.next)
	for i, o := range a.Ops {
		if o[0] == "create" && strings.HasPrefix(o[1], stateDir) && strings.HasSuffix(o[1], ".journal") {
			return i
		}
	}
	l.t.Fatalf("no entry: %q", a.Ops)
	return 0
}

// sweepUndo makes every operation fail, and while the process puts everything back, kills it before every operation, or makes another one fail.
func (l *lane) sweepUndo(r reference, point func(string)) {
	for n := range r.commit + 1 {
		n++
		first := fault{From: n, To: n, Errno: int(unix.ENOSPC)}
		l.restore(r.start)
		a, _ := l.run(0, r.run, first)
		for m := n + 1; m <= a.Count; m++ {
			second := fault{From: m, To: m, Kill: true}
			l.undo(r, first, second, 0, point)
			if (n+m)%2 == 0 { // one half of these: they take as long
				second.Errno, second.Kill = int(unix.EIO), false
				l.undo(r, first, second, 1, point)
			}
		}
	}
}

// undo lets two operations fail, and worker which recover.
func (l *lane) undo(r reference, first, second fault, which int, point func(string)) {
	l.t.Helper()
	kind := "ENOSPC, and EIO during undo"
	if second.Kill {
		kind = "ENOSPC, and SIGKILL during undo"
	}
	point(kind)
	where := fmt.Sprintf("%s: %d %v of %d, and %d", kind, first.From, r.ops[first.From-1], len(r.ops), second.From)
	l.restore(r.start)
	a, killed := l.run(0, r.run, first, second)
	left := l.take()
	if killed != second.Kill {
		l.t.Fatalf("%s: not reached: %v", where, a)
	}
	if !killed {
		l.fail(r.told(a, left.host(), true), "%s", where)
	}
	l.fail(r.torn(left.host()), "%s", where)
	l.fail(left.journalWrong(true), "%s", where)
	l.recover(r, which, left, where)
}
