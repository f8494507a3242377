package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// entry is one file of the journal, as far as this package has to know it: read by itself, not by the code under test.
type entry struct {
	number string
	did    []string // what its whole lines say, in order: begin, apply, commit, undo, undone, end
}

// state is how far the change came: none (nothing usable was written), unfinished, committed, or ended.
func (e entry) state() string {
	switch {
	case len(e.did) == 0:
		return "none"
	case slices.Contains(e.did, "end"), slices.Contains(e.did, "undone"):
		return "ended"
	case slices.Contains(e.did, "undo"):
		return "unfinished"
	case slices.Contains(e.did, "commit"):
		return "committed"
	}
	return "unfinished"
}

// journal reads the entries of a tree, oldest first.
func (t tree) journal() []entry {
	var out []entry
	for _, name := range t.names() {
		number, ok := strings.CutSuffix(path.Base(name), ".journal")
		if !ok || path.Dir(name) != stateDir {
			continue
		}
		e := entry{number: number}
		for line := range strings.Lines(t[name].text) {
			var r struct{ Do string }
			_, text, _ := strings.Cut(line, " ")
			if strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(text), &r) == nil {
				e.did = append(e.did, r.Do)
			}
		}
		out = append(out, e)
	}
	return out
}

// unfinished is the state of the change that has not ended: unfinished, committed, or "" when there is none.
func (t tree) unfinished() string {
	for _, e := range slices.Backward(t.journal()) {
		if s := e.state(); s == "unfinished" || s == "committed" {
			return s
		}
	}
	return ""
}

// journalWrong says what is wrong with the state directory: nobody else may look into it, and nothing but the lock and the journal may be left in it. At a moment at which
// a run was stopped, the file that was to replace an entry may lie there.
func (t tree) journalWrong(stopped bool) error {
	for name, n := range t {
		if name != stateDir && path.Dir(name) != stateDir {
			continue
		}
		base := path.Base(name)
		switch {
		case n.uid != os.Getuid() || n.gid != os.Getgid() || n.mode&0o077 != 0:
			return fmt.Errorf("%s is open to others: %v", name, n)
		case name == stateDir && n.mode != unix.S_IFDIR|0o700:
			return fmt.Errorf("%s is %v", name, n)
		case name == stateDir, stopped && base == ".journal.tmp":
		case n.mode != unix.S_IFREG|0o600:
			return fmt.Errorf("%s is %v", name, n)
		case base != "lock" && !strings.HasSuffix(base, ".journal"):
			return fmt.Errorf("%s was left over", name)
		}
	}
	return nil
}
