package txn

import (
	"bytes"
	"context"
	"encoding/json"
	"time"
)

// lockPoll is how often a waiting Begin looks at the lock, lockQuiet how long it waits before it says so: a reader holds the lock for moments only.
const (
	lockPoll  = 50 * time.Millisecond
	lockQuiet = 300 * time.Millisecond
)

// stateOpener finds the state directory.
type stateOpener interface {
	// open opens it, or makes it with mode 0700; *JournalError when it is not ours alone.
	open(create bool) (stateDir, error)
	// activity looks at it from outside.
	activity() Activity
}

// stateDir is the open state directory. Names have no slash. Everything is durable when the method returns.
type stateDir interface {
	names() ([]string, error)
	// read gives a file's bytes; *JournalError when it is not a regular file of ours that nobody else may touch.
	read(name string) ([]byte, error)
	// append cuts the file to size bytes and adds data; the file is made when size is 0.
	append(name string, size int64, data []byte) error
	// replace writes the whole file anew in one step.
	replace(name string, data []byte) error
	// put is replace without making anything durable, extend opens a file that may not be there yet for adding to its end, drop is remove; flush makes durable what was done to
	// these names. A name that is gone is left out.
	put(name string, data []byte) error
	extend(name string) (stateEnd, error)
	drop(name string) error
	flush(names []string) error
	remove(name string) error
	// lock takes the lock, shared or exclusive, without waiting. ok is false when somebody else has it.
	lock(exclusive bool) (unlock func(), ok bool, err error)
	// writing says to those outside, until done is called, that files of the host are being written.
	writing() (done func())
	// await is lock with waiting. A run that ended its ctx may get the lock all the same and has to give it back.
	await(ctx context.Context, exclusive bool) grant
	// sign writes into the lock who has it, holder reads that: zero when nobody has signed who still lives. Neither can fail a run: they serve messages.
	sign(h Holder)
	holder() Holder
	close()
}

// stateEnd is the end of a file of the state directory, to which is added.
type stateEnd interface {
	// add writes all or, with an error, nothing.
	add(data []byte) error
	close()
}

// stateTemp is the name under which replace writes; what is left of it is removed by the next Begin.
const stateTemp = ".journal.tmp"

// parseHolder reads what sign wrote; zero when it is something else.
func parseHolder(data []byte) Holder {
	line, _, whole := bytes.Cut(data, []byte("\n"))
	var h Holder
	if !whole || json.Unmarshal(line, &h) != nil {
		return Holder{}
	}
	return h
}
