package txn

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// asOwner runs f with the file system rights of the user in whose hands a place is, when this process is root and the place is not root's. The kernel then judges every system call
// of f as it would judge that user (credentials(7), setfsuid(2): the capabilities that override permissions are dropped, too), and new files belong to that user.
// Linux keeps these rights per thread, so f runs on a thread of its own, which is thrown away afterwards; it needs no helper process, through which bytes would have
// to travel and which that user could trace (ptrace(2)). The group is the one of the user's own directory; supplementary groups are dropped.
func (t trust) asOwner(f func() error) error {
	if t.uid < 0 {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the runtime ends a thread whose goroutine ends while locked to it, and the rights go with it.
		runtime.LockOSThread()
		err := becomeOwner(t.uid, t.gid)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

func becomeOwner(uid, gid int) error {
	// The wrappers of x/sys make plain system calls for this thread only, unlike those of package syscall.
	if err := unix.Setgroups(nil); err != nil {
		return fmt.Errorf("becoming user %d: %w", uid, err)
	}
	for _, set := range []struct {
		to int
		f  func(int) (int, error)
	}{{gid, unix.SetfsgidRetGid}, {uid, unix.SetfsuidRetUid}} {
		// Neither call reports an error: the second one gives back what the first one achieved (setfsuid(2)).
		if _, err := set.f(set.to); err != nil {
			return fmt.Errorf("becoming user %d: %w", uid, err)
		}
		if now, err := set.f(set.to); err != nil || now != set.to {
			return fmt.Errorf("becoming user %d: not permitted", uid)
		}
	}
	return nil
}
