package target

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// ReadFile implements tree.Tree.
func (t *rootTarget) ReadFile(name string) ([]byte, error) {
	return within(t, name, func() ([]byte, error) {
		handle, err := t.open(name, unix.O_PATH)
		if err != nil {
			return nil, err
		}
		defer handle.Close()
		data, _, err := t.readHandle(handle, name)
		return data, err
	})
}

// Holds implements Target.
func (t *rootTarget) Holds(name string, want []byte) (bool, error) {
	return within(t, name, func() (bool, error) {
		handle, err := t.open(name, unix.O_PATH)
		if err != nil {
			return false, err
		}
		defer handle.Close()
		return t.holds(handle, name, want)
	})
}

// compared is how many bytes are compared at once.
const compared = 64 << 10

// holds compares the file that an O_PATH descriptor stands for with bytes, without keeping it: most files of a fleet are what they were expected to be.
func (t *rootTarget) holds(handle *os.File, name string, want []byte) (bool, error) {
	f, st, err := t.openHandle(handle, name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if st.Size != uint64(len(want)) {
		return false, nil
	}
	if t.buffer == nil {
		t.buffer = make([]byte, compared)
	}
	for {
		n, err := f.Read(t.buffer)
		if n > len(want) || !bytes.Equal(t.buffer[:n], want[:n]) {
			return false, nil
		}
		want = want[n:]
		if errors.Is(err, io.EOF) {
			return len(want) == 0, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// openHandle opens the file that an O_PATH descriptor stands for, for reading: the type is known before anything is opened that could act or block, and what is opened is
// what was looked at.
func (t *rootTarget) openHandle(handle *os.File, name string) (*os.File, *unix.Statx_t, error) {
	st, err := statx(handle, "", name)
	if err != nil {
		return nil, nil, err
	}
	if mode := fileMode(st.Mode); !mode.IsRegular() {
		return nil, nil, &tree.NotRegularError{Path: name, Mode: mode}
	}
	if st.Size > tree.MaxFile {
		return nil, nil, &tree.TooLargeError{Path: name, Size: int64(st.Size)} //nolint:gosec // sizes are off_t
	}
	if st.Mnt_id != t.mount {
		// Reading a file of the kernel can do things: kmsg takes lines away from others, some never end.
		if _, kernel, err := mountFlags(handle); err != nil || kernel {
			return nil, nil, errors.Join(err, &tree.NotRegularError{Path: name, Mode: fileMode(st.Mode)})
		}
	}
	f, err := reopen(handle, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	return f, st, err
}

// readHandle reads the file that an O_PATH descriptor stands for.
func (t *rootTarget) readHandle(handle *os.File, name string) ([]byte, *unix.Statx_t, error) {
	f, st, err := t.openHandle(handle, name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	// One more than the size, so that the end is seen without growing.
	data := make([]byte, 0, min(int(st.Size), tree.MaxFile)+1) //nolint:gosec // at most MaxFile
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, st, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if len(data) > tree.MaxFile {
			return nil, nil, &tree.TooLargeError{Path: name, Size: int64(len(data))}
		}
		if len(data) == cap(data) { // it grows while it is read
			data = slices.Grow(data, min(cap(data)+4096, tree.MaxFile+1-len(data)))
		}
	}
}
