// Package serial judges what concurrent commands did: whether every answer is one that some order of them, one after the other, could have given, and whether nothing that was
// written is lost.
//
// It knows no command: a test tells it before and after each one. An operation counts as possible from the moment it is begun and as certain from the moment it has
// ended; a read may see everything that was certain before it began, and nothing that was not begun before it ended. It is for operations on one key by one writer
// (Register), and for entries that many writers add to one list (Set), which is what linearizability comes down to for them (Herlihy and Wing, 1990).
package serial

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Register is one key that one writer gives one value after the other. It is safe for concurrent use.
type Register struct {
	mu     sync.Mutex
	values []string
	done   int // the index of the newest value that is certain
}

// NewRegister gives a register with its value at the beginning.
func NewRegister(initial string) *Register { return &Register{values: []string{initial}} }

// Begin notes that value is about to be written; the result is called when it is.
func (r *Register) Begin(value string) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values = append(r.values, value)
	n := len(r.values) - 1
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done = n
	}
}

// Value is the newest value that is certain.
func (r *Register) Value() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[r.done]
}

// Read notes that a read is about to begin; the result is called with what it gave, and says why no order allows it, or nil.
func (r *Register) Read() (check func(got string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.done
	return func(got string) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if allowed := r.values[from:]; !slices.Contains(allowed, got) {
			return fmt.Errorf("read %q, and possible are %q", got, allowed)
		}
		return nil
	}
}

// Ever reports whether a value was ever begun, for what lags behind.
func (r *Register) Ever(value string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.values, value)
}

// Set is a list to which many writers add. It is safe for concurrent use.
type Set struct {
	mu      sync.Mutex
	begun   map[string]bool
	certain map[string]bool
}

// NewSet gives a set with its entries at the beginning.
func NewSet(initial ...string) *Set {
	s := &Set{begun: map[string]bool{}, certain: map[string]bool{}}
	for _, e := range initial {
		s.begun[e], s.certain[e] = true, true
	}
	return s
}

// Begin notes that an entry is about to be added; the result is called when it is.
func (s *Set) Begin(entry string) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun[entry] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.certain[entry] = true
	}
}

// Size is how many entries are certain.
func (s *Set) Size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.certain)
}

// Read is Register.Read: the answer has every entry that was certain before, and none that was not begun.
func (s *Set) Read() (check func(got []string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var must []string
	for e := range s.certain {
		must = append(must, e)
	}
	return func(got []string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		var lost, invented []string
		for _, e := range must {
			if !slices.Contains(got, e) {
				lost = append(lost, e)
			}
		}
		for i, e := range got {
			if !s.begun[e] || slices.Contains(got[:i], e) {
				invented = append(invented, e)
			}
		}
		slices.Sort(lost)
		if len(lost)+len(invented) > 0 {
			return fmt.Errorf("lost are [%s], nobody or somebody twice wrote [%s]", strings.Join(lost, " "), strings.Join(invented, " "))
		}
		return nil
	}
}
