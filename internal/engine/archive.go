package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// PathStat is what the archive API says about a name in a container: HEAD /containers/ID/archive.
type PathStat struct {
	Mode    fs.FileMode // with type bits
	Size    int64
	ModTime time.Time // with nanoseconds
	Target  string    // of a link: where it leads, all links of it resolved by the daemon
}

// maxOutput is how much of what a program in a container says is kept, in bytes.
const maxOutput = 64 << 10

// StatPath describes a name in a container. Links in the directories above it are followed inside the container, the last element is not. The error matches
// errdefs.ErrNotFound when there is nothing, or no such container.
func (a api) StatPath(ctx context.Context, id, name string) (PathStat, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	st, err := a.client.ContainerStatPath(ctx, id, name)
	return PathStat{Mode: st.Mode, Size: st.Size, ModTime: st.Mtime, Target: st.LinkTarget}, err
}

// GetArchive gives a name in a container as a tar stream: one entry for a file or link, all that is in it for a directory, times to the second, and with it what
// StatPath says. The daemon keeps the container locked until the stream is closed, so the caller reads it soon, bounded, and closes it. The caller's context ends it.
func (a api) GetArchive(ctx context.Context, id, name string) (io.ReadCloser, PathStat, error) {
	r, st, err := a.client.CopyFromContainer(ctx, id, name)
	return r, PathStat{Mode: st.Mode, Size: st.Size, ModTime: st.Mtime, Target: st.LinkTarget}, err
}

// PutArchive unpacks a tar stream in a directory of a container. A file does not take the place of a directory, or the other way round; owners are those of the
// tar, as the container sees them.
func (a api) PutArchive(ctx context.Context, id, dir string, tar io.Reader) error {
	return a.client.CopyToContainer(ctx, id, dir, tar, container.CopyToContainerOptions{AllowOverwriteDirWithFile: false})
}

// ReplaceArchive is PutArchive where what is unpacked takes the place of anything, a directory with all that is in it, too.
func (a api) ReplaceArchive(ctx context.Context, id, dir string, tar io.Reader) error {
	return a.client.CopyToContainer(ctx, id, dir, tar, container.CopyToContainerOptions{AllowOverwriteDirWithFile: true})
}

// Exec runs a program in a container as its root, without a shell or a terminal, and waits for it. It gives the exit status and what it said, at most 64 KiB.
func (a api) Exec(ctx context.Context, id string, argv ...string) (status int, output string, err error) {
	made, err := a.client.ContainerExecCreate(ctx, id, container.ExecOptions{User: "0:0", Cmd: argv, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return 0, "", err
	}
	stream, err := a.client.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return 0, "", err
	}
	defer stream.Close()
	// The connection knows nothing of the context.
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	text := &bounded{left: maxOutput}
	if _, err := stdcopy.StdCopy(text, text, stream.Reader); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, text.String(), fmt.Errorf("running %s: %w", argv[0], err)
	}
	state, err := a.client.ContainerExecInspect(ctx, made.ID)
	return state.ExitCode, text.String(), err
}

// bounded keeps the first bytes written to it and takes the rest.
type bounded struct {
	bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left -= n
	b.Buffer.Write(p[:n])
	return len(p), nil
}
