package target

import (
	"fmt"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

// overflowID is what a user namespace shows of an owner that it does not know (/proc/sys/kernel/overflowuid; user_namespaces(7)).
const overflowID = 65534

// idRange is one line of /proc/PID/uid_map: count ids from inside on, as the container has them, are those from outside on of this process.
type idRange struct{ inside, outside, count int }

// idMap translates owners between a container and this machine. An empty one changes nothing.
type idMap []idRange

// parseIDMap reads /proc/PID/uid_map or gid_map (user_namespaces(7)).
func parseIDMap(text string) (idMap, error) {
	var m idMap
	for line := range strings.Lines(text) {
		var r idRange
		if _, err := fmt.Sscan(line, &r.inside, &r.outside, &r.count); err != nil {
			return nil, fmt.Errorf("reading line %q of an id map: %w", strings.TrimSpace(line), err)
		}
		m = append(m, r)
	}
	if len(m) == 1 && m[0].inside == 0 && m[0].outside == 0 && m[0].count >= 1<<32-1 {
		return nil, nil
	}
	return m, nil
}

// in is the container's view of an owner of this machine.
func (m idMap) in(id int) int {
	if len(m) == 0 {
		return id
	}
	for _, r := range m {
		if id >= r.outside && id-r.outside < r.count {
			return r.inside + id - r.outside
		}
	}
	return overflowID
}

// out is this machine's view of an owner of the container; change.Keep stays. False where the container has no such id.
func (m idMap) out(id int) (int, bool) {
	if len(m) == 0 || id == change.Keep {
		return id, true
	}
	for _, r := range m {
		if id >= r.inside && id-r.inside < r.count {
			return r.outside + id - r.inside, true
		}
	}
	return 0, false
}
