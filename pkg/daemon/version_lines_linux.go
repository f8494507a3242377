package daemon

import (
	"bufio"

	"golang.org/x/sys/unix"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// eachLine calls use for every line of a file of any size until it returns false. Lines over 1 MiB end it with an error.
func eachLine(files *host.FS, name string, use func(line string) bool) error {
	f, err := files.OpenAt(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, host.MaxFileSize)
	for lines.Scan() {
		if !use(lines.Text()) {
			return nil
		}
	}
	return lines.Err()
}
