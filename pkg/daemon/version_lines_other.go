//go:build !linux

package daemon

import (
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
)

// eachLine calls use for every line of a file until it returns false. Package databases are read on Linux only; here files are small.
func eachLine(files *host.FS, name string, use func(line string) bool) error {
	data, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if !use(line) {
			return nil
		}
	}
	return nil
}
