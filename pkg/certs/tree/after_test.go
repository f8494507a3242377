package tree_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree/treetest"
)

// everything describes all names of a tree that are reached from the top, with what is at the end of links.
func everything(t *testing.T, of tree.Tree, dir string, out map[string]string) map[string]string {
	t.Helper()
	list, err := of.ReadDir(dir)
	assert.NilError(t, err, dir)
	for _, e := range list {
		name := path.Join(dir, path.Base(e.Path))
		again, err := of.Lstat(name)
		assert.NilError(t, err)
		assert.Equal(t, again.Mode, e.Mode, name)
		data, err := of.ReadFile(name)
		out[name] = fmt.Sprintf("%s %q %q %t", e.Mode, e.Target, data, err == nil)
		if e.Mode.IsDir() {
			everything(t, of, name, out)
		}
	}
	return out
}

func small() *treetest.Mem {
	m := treetest.New(map[string]string{"/etc/a/one": "1", "/etc/a/two": "2", "/etc/b/three": "3", "/usr/x": "x"})
	m.Link("/etc/link", "a")
	m.Link("/etc/to", "a/one")
	return m
}

// What a plan leaves is the same whether it is carried out or only thought of; a second plan, made from that, and the first are one plan with the same end.
func TestAfter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		m, start := small(), small()
		first := randomPlan(t, random, m)
		thought := tree.After(start, first)
		assert.DeepEqual(t, everything(t, thought, "/", map[string]string{}), everything(t, m, "/", map[string]string{}))
		second := randomPlan(t, random, m)
		both := tree.Joined(first, second)
		assert.DeepEqual(t, everything(t, tree.After(thought, second), "/", map[string]string{}), everything(t, m, "/", map[string]string{}))
		for _, c := range both {
			assert.Assert(t, start.State(c.Path).Equal(c.From), "%d: %s", i, c)
			assert.Assert(t, m.State(c.Path).Equal(c.To), "%d: %s", i, c)
		}
		assert.NilError(t, start.Apply(both), "%v\n%v\n%v", first, second, both)
		assert.DeepEqual(t, start.Dump(), m.Dump())
	}
}

// randomPlan changes m and gives the changes: files made, written, removed, links led elsewhere, directories made and taken away.
func randomPlan(t *testing.T, random *rand.Rand, m *treetest.Mem) change.Plan {
	t.Helper()
	var plan change.Plan
	do := func(name string, to change.State) {
		c := change.Change{Path: name, From: m.State(name), To: to, Cause: "test"}
		if c.NoOp() {
			return
		}
		for _, p := range plan {
			if p.Path == name {
				return // a plan has each name once
			}
		}
		if m.Apply(change.Plan{c}) == nil {
			plan = append(plan, c)
		}
	}
	if random.IntN(2) == 0 {
		do("/etc/new", change.State{Kind: change.Dir, Mode: 0o755})
	}
	for range 1 + random.IntN(4) {
		name := []string{"/etc/a/one", "/etc/a/two", "/etc/b/three", "/etc/new/four", "/etc/b/five"}[random.IntN(5)]
		if _, err := m.Lstat(path.Dir(name)); err != nil {
			continue
		}
		switch random.IntN(4) {
		case 0:
			do(name, change.State{})
		case 1:
			do(name, change.NewLink("../b/three"))
		default:
			do(name, change.State{Kind: change.File, Mode: 0o644, Data: []byte(fmt.Sprint(random.IntN(3)))})
		}
	}
	for _, dir := range []string{"/etc/b", "/etc/new"} {
		if list, err := m.ReadDir(dir); err == nil && len(list) == 0 {
			do(dir, change.State{})
		}
	}
	return plan
}

// Names lead through links of the plan, and what is gone is gone by every name.
func TestAfterLinks(t *testing.T) {
	after := tree.After(small(), change.Plan{
		{Path: "/etc/link", From: change.NewLink("a"), To: change.NewLink("b")},
		{Path: "/etc/a/one", To: change.State{}},
		{Path: "/etc/b/three", To: change.State{Kind: change.File, Mode: 0o600, Data: []byte("new")}},
	})
	data, err := after.ReadFile("/etc/link/three")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "new")
	_, err = after.ReadFile("/etc/to")
	assert.Assert(t, errors.Is(err, fs.ErrNotExist))
	e, err := after.Lstat("/etc/link/three")
	assert.NilError(t, err)
	assert.Equal(t, e.Path, "/etc/link/three")
	assert.Equal(t, e.Mode.Perm(), fs.FileMode(0o600))
}
