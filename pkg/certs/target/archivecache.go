package target

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// node is what is known of one name.
type node struct {
	entry tree.Entry
	exact bool   // the time has nanoseconds
	light bool   // a directory of which the owners are not known
	read  bool   // data is there
	data  []byte // never changed once it is here
	// xattrs are the attributes that the daemon tells: security.capability only (moby go-archive, ReadSecurityXattrToTarHeader). In the form of a tar header.
	xattrs map[string]string
}

// maxKept is how many bytes of files are kept, of all of a container.
const maxKept = 32 << 20

// cache is what was read of a container, by names without links.
type cache struct {
	nodes   map[string]*node
	below   map[string][]string // names in a directory, as far as they are known
	whole   map[string]bool     // everything below it is known
	missing map[string]bool
	stale   map[string]bool // was known, and has to be asked for again whatever covers it
	kept    int
	begun   time.Time
}

func newCache() *cache {
	return &cache{nodes: map[string]*node{}, below: map[string][]string{}, whole: map[string]bool{}, missing: map[string]bool{}, stale: map[string]bool{}, begun: time.Now()}
}

// find gives what is known of a name; nil and true when it is known that nothing is there.
func (c *cache) find(real string) (n *node, known bool) {
	if c.stale[real] {
		return nil, false
	}
	if n, ok := c.nodes[real]; ok {
		return n, true
	}
	if c.missing[real] || c.covered(path.Dir(real)) {
		return nil, true
	}
	for dir := path.Dir(real); dir != path.Dir(dir); dir = path.Dir(dir) {
		if n, ok := c.nodes[dir]; c.missing[dir] || ok && !n.entry.Mode.IsDir() {
			return nil, true
		}
	}
	return nil, false
}

// covered reports whether everything in a directory is known.
func (c *cache) covered(dir string) bool {
	for {
		if c.whole[dir] {
			return true
		}
		if dir == path.Dir(dir) {
			return false
		}
		dir = path.Dir(dir)
	}
}

// names are the names in a directory, sorted.
func (c *cache) names(dir string) []string {
	out := slices.Clone(c.below[dir])
	slices.Sort(out)
	return slices.Compact(out)
}

// put keeps a node. Bytes beyond what may be kept are read again when they are needed.
func (c *cache) put(real string, n *node) {
	if old, ok := c.nodes[real]; ok {
		c.kept -= len(old.data)
	} else if real != "/" {
		c.below[path.Dir(real)] = append(c.below[path.Dir(real)], path.Base(real))
	}
	delete(c.missing, real)
	delete(c.stale, real)
	c.nodes[real] = n
	c.kept += len(n.data)
	if c.kept > maxKept {
		c.kept -= len(n.data)
		stripped := *n
		stripped.data, stripped.read = nil, false
		c.nodes[real] = &stripped
	}
}

// forget takes a name and all below it out: it is known to be missing now.
func (c *cache) forget(real string) {
	for name, n := range c.nodes {
		if name == real || strings.HasPrefix(name, real+"/") {
			c.kept -= len(n.data)
			delete(c.nodes, name)
			delete(c.below, name)
		}
	}
	dir := path.Dir(real)
	c.below[dir] = slices.DeleteFunc(c.below[dir], func(s string) bool { return s == path.Base(real) })
	c.missing[real] = true
}

// outdate makes a name one that has to be asked for again.
func (c *cache) outdate(real string) {
	if n, ok := c.nodes[real]; ok {
		c.kept -= len(n.data)
		delete(c.nodes, real)
	}
	delete(c.missing, real)
	c.stale[real] = true
}

// touched is outdate for a directory in which something was changed: it is still one, and what else is in it stays known.
func (c *cache) touched(dir string) {
	if n, ok := c.nodes[dir]; ok {
		again := *n
		again.exact, again.light = false, true
		c.nodes[dir] = &again
	}
}
