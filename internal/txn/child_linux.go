package txn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// childName is argv[0], and all of argv, of a child that does an errand for somebody else than root. What it is to do comes over a pipe.
const childName = "docker-proxy: errand"

// childLimit ends a child that does not answer: its user can stop it (kill(2)), or have a file system there that never answers.
const childLimit = time.Minute

// childDir is the descriptor on which a child gets its directory, which the parent has found and judged. The next one is the lock: it is not free before the child has ended,
// even if the parent dies first. Its pipes are 0 and 1.
const childDir = 3

// asOwner does an errand by a child process that has the ids of the user in whose hands the directory is, no capabilities, and no groups but those that the file and the
// directory have. The kernel then judges every system call as it would judge that user; setting only the fsuid of a thread would leave capabilities such as CAP_SYS_RESOURCE
// (quotas) and CAP_SYS_ADMIN (attributes). The child is this program again: see RunChild.
func (t *hostTarget) asOwner(dir *folder, e errand) (result, error) {
	fail := func(err error) (result, error) {
		return result{}, fmt.Errorf("changing %s as user %d: %w", e.Place.Real, dir.trust.uid, err)
	}
	if os.Args[0] == childName {
		return fail(errors.New("this program does not answer as a child"))
	}
	e.Temp, e.Child = e.Place.Temp, t.identity(dir, e.To)
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Env, cmd.Dir = []string{childName}, []string{}, "/"
	cmd.ExtraFiles = []*os.File{dir.File}
	if t.lock != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, t.lock)
	}
	e.Child.Files = childDir + len(cmd.ExtraFiles)
	// A session of its own: no terminal to be typed into by the child's user, and no signals of the terminal in the middle of an errand.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return fail(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fail(err)
	}
	// The signal comes when the thread ends that started the child (prctl(2), PR_SET_PDEATHSIG).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	limit := time.AfterFunc(childLimit, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	r, err := t.converse(e, in, out)
	_ = in.Close()
	if werr := cmd.Wait(); errors.Is(err, errNoAnswer) {
		return fail(fmt.Errorf("%w: %w", err, werr))
	}
	return r, err
}

// identity is what a child becomes: the owner of the directory; its group is the file's, so that the file can keep it.
func (t *hostTarget) identity(dir *folder, to change.State) identity {
	id := identity{UID: dir.trust.uid, GID: int(dir.stat.Gid), DirGID: int(dir.stat.Gid), Parent: os.Getpid(), Asks: t.calls.fault != nil}
	if to.Kind != change.Absent && to.GID >= 0 {
		id.GID = to.GID
	}
	return id
}

// errNoAnswer says that a child ended without a word.
var errNoAnswer = errors.New("the child process gave no answer")

// converse hands the errand over, answers the child's questions and returns what it says in the end.
func (t *hostTarget) converse(e errand, in io.Writer, out io.Reader) (result, error) {
	enc, dec := json.NewEncoder(in), json.NewDecoder(out)
	if enc.Encode(e) != nil {
		return result{}, errNoAnswer
	}
	var refused error
	for {
		var r report
		if dec.Decode(&r) != nil {
			return result{}, errNoAnswer
		}
		if r.Ask == nil {
			r.Result.Place.Temp = e.Temp
			return r.Result, r.Err.decode(refused)
		}
		var v verdict
		if t.calls.fault != nil {
			if err := t.calls.fault(r.Ask.Op, r.Ask.Name); err != nil {
				refused, v.Refused = err, !errors.As(err, &v.Errno)
			}
		}
		if enc.Encode(v) != nil {
			return result{}, errNoAnswer
		}
	}
}

// RunChild answers a call that this package made of its own program, and says in child whether argv is such a call. The main function of every program that changes files by this
// package calls it first of all, before it reads arguments, environment or files; status is then its exit status.
func RunChild(argv []string) (status int, child bool) {
	if len(argv) != 1 || argv[0] != childName {
		return 0, false
	}
	enc, dec := json.NewEncoder(os.Stdout), json.NewDecoder(os.Stdin)
	var e errand
	if err := dec.Decode(&e); err != nil {
		return 1, true
	}
	r, err := runErrand(e, enc, dec)
	if enc.Encode(report{Result: r, Err: encodeError(err)}) != nil {
		return 1, true
	}
	return 0, true
}

func runErrand(e errand, enc *json.Encoder, dec *json.Decoder) (result, error) {
	if err := e.Child.become(); err != nil {
		return result{}, fmt.Errorf("becoming user %d: %w", e.Child.UID, err)
	}
	dir, err := inherited(childDir, e.nearest(), e.Child)
	if err != nil {
		return result{}, err
	}
	e.Place.Temp = e.Temp
	t := &hostTarget{}
	if e.Child.Asks {
		t.calls.fault = func(op, name string) error {
			var v verdict
			if err := errors.Join(enc.Encode(report{Ask: &question{op, name}}), dec.Decode(&v)); err != nil {
				return err
			}
			switch {
			case v.Refused:
				return errRefused
			case v.Errno != 0:
				return v.Errno
			}
			return nil
		}
	}
	return t.perform(dir, e)
}

// become gives up every right but the user's, for all threads, and checks that. It happens here and not before execve(2) so that the user cannot trace this process at any
// moment: the kernel makes a process untraceable when its ids change (ptrace(2), prctl(2) PR_SET_DUMPABLE), and traceable when it starts a program. So nobody gains the
// file's group by it either. And the program need not be readable for the user.
func (id identity) become() error {
	if err := closeStrays(id.Files); err != nil {
		return err
	}
	groups := []int{}
	if id.DirGID != id.GID {
		groups = append(groups, id.DirGID)
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setresgid(id.GID, id.GID, id.GID), syscall.Setresuid(id.UID, id.UID, id.UID)); err != nil {
		return err
	}
	r, e, s := unix.Getresuid()
	header, sets := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	if r != id.UID || e != id.UID || s != id.UID || id.UID == 0 || sets[0].Effective|sets[1].Effective|sets[0].Permitted|sets[1].Permitted != 0 {
		return errors.New("rights are left over")
	}
	for _, option := range [][2]uintptr{{unix.PR_SET_DUMPABLE, 0}, {unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL)}} {
		if err := unix.Prctl(int(option[0]), option[1], 0, 0, 0); err != nil {
			return err
		}
	}
	if os.Getppid() != id.Parent {
		return errors.New("the parent process is gone")
	}
	return nil
}

// closeStrays closes descriptors that whoever started this program left open for all its children; those of this process itself are not (O_CLOEXEC).
func closeStrays(from int) error {
	fds, err := os.ReadDir("/proc/self/fd")
	for _, f := range fds {
		fd, err := strconv.Atoi(f.Name())
		if err != nil || fd < from {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
	return err
}
