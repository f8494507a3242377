package txn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// Records are named files in a directory of their own in the state directory: what a surface has to remember about changes that are not made by a transaction, such as those
// inside containers. They have a lock of their own, so that a run over many containers keeps no change of the host waiting. Like the journal they are private to their
// user, and what somebody else planted there is refused (*JournalError). Safe for concurrent use.
type Records struct {
	mu     sync.Mutex
	path   string
	dir    stateDir // nil: there is nothing yet, and nothing may be made
	unlock func()   // nil: for reading only
	dirty  map[string]bool
	loose  bool // names came or went that are not durable yet
	ends   []end
}

// end is a record that is open for adding to it; the last one was used last.
type end struct {
	name string
	stateEnd
}

// maxEnds is how many are kept open: to each record of a run is added several times in a row, by one of a few workers.
const maxEnds = 16

// OpenRecords opens the directory called name in the state directory (see Open), which is made when it is missing, and holds its lock until Close: it waits for another run
// that has it as Begin does, and has its errors. command is the command line for those who wait, masked.
func OpenRecords(ctx context.Context, f *host.FS, stateDir, name, command string, opt Options) (*Records, error) {
	above, err := Open(f, stateDir, opt)
	if err != nil {
		return nil, err
	}
	d, err := above.state.open(true) // the directory above has to be a private one, too
	if err != nil {
		return nil, err
	}
	d.close()
	s, err := recordStore(f, stateDir, name, opt)
	if err != nil {
		return nil, err
	}
	tx, err := s.acquire(ctx, command)
	if err != nil {
		return nil, err
	}
	return &Records{path: s.path, dir: tx.dir, unlock: tx.unlock, dirty: map[string]bool{}}, nil
}

// ReadRecords opens the same directory for reading, without a lock: each file is as one run left it. Nothing is made; where there is no directory there are no records.
func ReadRecords(f *host.FS, stateDir, name string, opt Options) (*Records, error) {
	s, err := recordStore(f, stateDir, name, opt)
	if err != nil {
		return nil, err
	}
	d, err := s.read()
	if err != nil {
		return nil, err
	}
	return &Records{path: s.path, dir: d}, nil
}

func recordStore(f *host.FS, stateDir, name string, opt Options) (*Store, error) {
	if err := checkRecordName(name); err != nil {
		return nil, err
	}
	return Open(f, path.Join(stateDir, name), opt)
}

// checkRecordName takes letters, digits, dot, dash and underscore, and refuses the names that the directory uses itself.
func checkRecordName(name string) error {
	odd := strings.ContainsFunc(name, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune(".-_", r)
	})
	if odd || name == "" || len(name) > 200 || strings.HasPrefix(name, ".") || reserved(name) {
		return fmt.Errorf("%q is no name of a record", name)
	}
	return nil
}

func reserved(name string) bool {
	return name == lockFile || strings.HasPrefix(name, lockFile+".") || strings.HasSuffix(name, journalSuffix)
}

// Names are the names of all records that begin with prefix, sorted.
func (r *Records) Names(prefix string) ([]string, error) {
	if r.dir == nil {
		return nil, nil
	}
	names, err := r.dir.names()
	if err != nil {
		return nil, fmt.Errorf("listing records: %w", err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) || checkRecordName(n) != nil }), nil
}

// Read gives a record's bytes. Errors: fs.ErrNotExist without one, *JournalError for what this program did not make.
func (r *Records) Read(name string) ([]byte, error) {
	if err := checkRecordName(name); err != nil {
		return nil, err
	}
	if r.dir == nil {
		return nil, &fs.PathError{Op: "open", Path: path.Join(r.path, name), Err: fs.ErrNotExist}
	}
	return r.dir.read(name)
}

// Write makes or replaces a record in one step. It survives the end of this process at once, and that of the machine after Sync: what is recorded here belongs to files that
// nobody makes durable either.
func (r *Records) Write(name string, data []byte) error {
	if err := r.writable(name); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut(name)
	if err := r.dir.put(name, data); err != nil {
		return fmt.Errorf("writing the record %s: %w", name, err)
	}
	r.dirty[name] = true
	return nil
}

// Append adds to the end of a record, which is made when it is not there. It survives the end of this process as soon as it returns; of a run that is killed within it the
// record may have a part of the data only, and the reader has to see that.
//
// It waits for the disk neither now nor at Sync: notes about hundreds of containers, before and after each is changed, would wait longer than all the work takes (fsync(2): a
// millisecond or so for each). That is as good as what they are about: nobody makes a container's files durable either, so that after a crash of the machine they are the old
// ones, or what the kernel had written back by then, as it does with these notes, half a minute later at most (proc_sys_vm(5), dirty_expire_centisecs). No order of writes of
// ours would say which. Where a note is lost and the change is not, a removal goes by fingerprint, and says so.
func (r *Records) Append(name string, data []byte) error {
	if err := r.writable(name); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := r.end(name)
	if err == nil {
		err = e.add(data)
	}
	if err != nil {
		return fmt.Errorf("adding to the record %s: %w", name, err)
	}
	return nil
}

// end opens a record for adding to it, or gives the one that is open.
func (r *Records) end(name string) (end, error) {
	if i := slices.IndexFunc(r.ends, func(e end) bool { return e.name == name }); i >= 0 {
		e := r.ends[i]
		r.ends = append(slices.Delete(r.ends, i, i+1), e)
		return e, nil
	}
	opened, err := r.dir.extend(name)
	if err != nil {
		return end{}, err
	}
	r.loose = true
	if len(r.ends) == maxEnds {
		r.ends[0].close()
		r.ends = slices.Delete(r.ends, 0, 1)
	}
	e := end{name: name, stateEnd: opened}
	r.ends = append(r.ends, e)
	return e, nil
}

// shut closes what is open of a record, or of all where name is "".
func (r *Records) shut(name string) {
	r.ends = slices.DeleteFunc(r.ends, func(e end) bool {
		if name != "" && e.name != name {
			return false
		}
		e.close()
		return true
	})
}

// Remove removes a record; one that is not there is no error. As with Write, only Sync makes that outlast the machine.
func (r *Records) Remove(name string) error {
	if err := r.writable(name); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut(name)
	if err := r.dir.drop(name); err != nil {
		if isNotExist(err) {
			return nil
		}
		return fmt.Errorf("removing the record %s: %w", name, err)
	}
	delete(r.dirty, name)
	r.loose = true
	return nil
}

// errReadOnly says that records were opened for reading.
var errReadOnly = errors.New("the records are open for reading only")

func (r *Records) writable(name string) error {
	if r.unlock == nil {
		return errReadOnly
	}
	return checkRecordName(name)
}

// Sync makes durable what was written so far, but for what was added by Append.
func (r *Records) Sync() error {
	if r.unlock == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.dirty))
	for n := range r.dirty {
		names = append(names, n)
	}
	slices.Sort(names)
	if len(names) == 0 && !r.loose {
		return nil
	}
	clear(r.dirty)
	r.loose = false
	return r.dir.flush(names)
}

// Close is Sync, and gives the lock back.
func (r *Records) Close() error {
	err := r.Sync()
	r.shut("")
	if r.unlock != nil {
		r.unlock()
	}
	if r.dir != nil {
		r.dir.close()
	}
	return err
}
