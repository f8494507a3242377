package install

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/runtime"
	"github.com/docker-proxy/docker-proxy/pkg/certs/store"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

// Many containers of one run come from the same image, and planning reads hundreds of certificates out of each one's bundles. So a plan is kept together with every question
// that was put to the file system while it was made, and with the answers: a container that gives the same answers to the same questions gets the same plan. What is
// kept is bounded; nothing depends on what a file looks like from outside, its bytes are compared.

// maxPlans is how many plans are kept.
const maxPlans = 8

// planned is a plan with what it was made of.
type planned struct {
	about  string // the processes' side of the container
	image  string // its image, with what is mounted in it; see imageOf
	asked  []question
	plan   change.Plan
	notes  []certs.Note
	needs  []certs.Note // after the change
	family string
	must   []string
	left   error
	right  atomic.Bool // what it leaves was found to be right
}

// plans are the plans of one run.
type plans struct {
	mu   sync.Mutex
	kept []*planned
	made map[string]chan struct{} // what is being planned, by what it is about; closed when it is
	sums map[*byte]string         // of the bytes in kept plans
}

// question is one look at the file system and its answer.
type question struct {
	what    byte // l: Lstat, d: ReadDir, f: ReadFile
	name    string
	entry   tree.Entry
	entries []tree.Entry
	data    []byte
	err     error
	tells   bool // see store.Tells
}

// recorder notes every question, and answers one that is put again without asking.
type recorder struct {
	target.Target
	asked []question
	known map[asking]int
}

type asking struct {
	what byte
	name string
}

func recording(t target.Target) *recorder { return &recorder{Target: t, known: map[asking]int{}} }

// ask answers from what is known, or by get.
func (r *recorder) ask(what byte, name string, get func(*question) error) question {
	if i, ok := r.known[asking{what, name}]; ok {
		return r.asked[i]
	}
	q := question{what: what, name: name, tells: store.Tells(name)}
	q.err = get(&q)
	r.known[asking{what, name}] = len(r.asked)
	r.asked = append(r.asked, q)
	return q
}

// Lstat implements tree.Tree.
func (r *recorder) Lstat(name string) (tree.Entry, error) {
	q := r.ask('l', name, func(q *question) error { return q.lstat(r.Target) })
	return q.entry, q.err
}

// ReadDir implements tree.Tree.
func (r *recorder) ReadDir(name string) ([]tree.Entry, error) {
	q := r.ask('d', name, func(q *question) error { return q.readDir(r.Target) })
	return q.entries, q.err
}

// ReadFile implements tree.Tree.
func (r *recorder) ReadFile(name string) ([]byte, error) {
	q := r.ask('f', name, func(q *question) error { return q.readFile(r.Target) })
	return q.data, q.err
}

func (q *question) lstat(t tree.Tree) (err error) {
	q.entry, err = t.Lstat(q.name)
	return err
}

func (q *question) readDir(t tree.Tree) (err error) {
	q.entries, err = t.ReadDir(q.name)
	return err
}

func (q *question) readFile(t tree.Tree) (err error) {
	q.data, err = t.ReadFile(q.name)
	return err
}

// same puts the question to another tree and compares. An error other than that nothing is there is never the same.
func (q question) same(t target.Target) bool {
	got := question{what: q.what, name: q.name}
	if q.what == 'f' && q.err == nil {
		same, err := t.Holds(q.name, q.data)
		return same && err == nil
	}
	switch q.what {
	case 'l':
		got.err = got.lstat(t)
	case 'd':
		got.err = got.readDir(t)
	default:
		got.err = got.readFile(t)
	}
	if q.err != nil || got.err != nil {
		return missing(q.err) && missing(got.err)
	}
	return alike(got.entry, q.entry) && slices.EqualFunc(got.entries, q.entries, alike)
}

// alike compares entries without times: no plan depends on them. The size of a directory says nothing.
func alike(a, b tree.Entry) bool {
	a.ModTime = b.ModTime
	if a.Mode.IsDir() && b.Mode.IsDir() {
		a.Size = b.Size
	}
	if a.UID == change.Keep || b.UID == change.Keep { // not told; who writes looks again
		a.UID, a.GID = b.UID, b.GID
	}
	return a == b
}

// about describes what a plan depends on besides files: the environment and the programs. The host name is another one in each container and decides nothing.
func about(c engine.Inspected, running []runtime.Process) string {
	var b strings.Builder
	list := func(words []string) {
		for _, w := range words {
			if !strings.HasPrefix(w, "HOSTNAME=") {
				b.WriteString(w + "\x00")
			}
		}
		b.WriteString("\x01")
	}
	list([]string{c.Image, c.WorkDir})
	list(c.Argv)
	list(c.Env)
	for _, p := range running {
		list([]string{p.Exe})
		list(p.Argv)
		list(p.Environ)
	}
	return b.String()
}

// imageOf names the image of a container together with the places where something is mounted over it; "" where no image is known.
func imageOf(c engine.Inspected) string {
	if c.ImageID == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(c.ImageID)
	for _, m := range c.Mounts {
		b.WriteString("\x00" + m.Type + "\x00" + m.Destination)
	}
	return b.String()
}

// find gives a kept plan that fits. Where each question is a request to the daemon, all bytes that the plan read are asked for first, and what tells the
// distribution is not asked in a container of the same image, see asks.
func (p *plans) find(ctx context.Context, t target.Target, c engine.Inspected, about string) *planned {
	p.mu.Lock()
	kept := slices.Clone(p.kept)
	p.mu.Unlock()
	requests := !t.Can().Atomic
	for _, k := range kept {
		if k.about != about {
			continue
		}
		asked := k.asked
		if requests && k.image != "" && k.image == imageOf(c) {
			asked = k.asks()
		}
		if requests {
			t.Prefetch(ctx, bytesOf(asked)...)
		}
		if !slices.ContainsFunc(asked, func(q question) bool { return !q.same(t) }) {
			return k
		}
	}
	return nil
}

// asks are the questions for one more container of the same image: all but what only tells the distribution. What is there is read in every container, and what was missing is
// looked for: somebody may have installed Java in this one alone.
func (k *planned) asks() []question {
	return slices.DeleteFunc(slices.Clone(k.asked), func(q question) bool { return q.tells })
}

// bytesOf are the names of the files and directories that were read.
func bytesOf(asked []question) []string {
	var out []string
	for _, q := range asked {
		if q.what != 'l' && q.err == nil {
			out = append(out, q.name)
		}
	}
	return out
}

// turn lets the first of several containers that seem alike make the plan alone, and has the others wait for it, not long: it may be one that does not answer. It
// reports whether there was something to wait for; the first one calls done at the end.
func (p *plans) turn(ctx context.Context, about string) (waited bool, done func()) {
	p.mu.Lock()
	running := p.made[about]
	if running == nil {
		if p.made == nil {
			p.made = map[string]chan struct{}{}
		}
		mine := make(chan struct{})
		p.made[about] = mine
		p.mu.Unlock()
		return false, func() { close(mine) }
	}
	p.mu.Unlock()
	select {
	case <-running:
	case <-ctx.Done():
	case <-time.After(patience):
	}
	return true, func() {}
}

// patience is how long one container waits for the plan of another one, which takes some hundredths of a second where nothing is wrong.
const patience = time.Second

// put keeps a plan, and the sums of its bytes.
func (p *plans) put(k *planned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.kept) >= maxPlans {
		return
	}
	p.kept = append(p.kept, k)
	if p.sums == nil {
		p.sums = map[*byte]string{}
	}
	for _, c := range k.plan {
		for _, data := range [][]byte{c.From.Data, c.To.Data} {
			if len(data) > 0 {
				p.sums[&data[0]] = sum(data)
			}
		}
	}
}

// sum is the SHA-256 of bytes; of those in a kept plan it is known.
func (p *plans) sum(data []byte) string {
	if len(data) > 0 {
		p.mu.Lock()
		known, ok := p.sums[&data[0]]
		p.mu.Unlock()
		if ok {
			return known
		}
	}
	return sum(data)
}
