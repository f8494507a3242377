package install_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// killed is a container in which a run ends as if killed: the call panics, and nothing that would clean up is done.
type killed struct {
	*container
	at     string                                          // when this file is about to be changed
	leave  func(c *change.Change, write func(data []byte)) // what the call leaves of it
	pieces bool
}

type death struct{}

func (k killed) Can() target.Capabilities {
	can := k.container.Can()
	can.Atomic = !k.pieces
	return can
}

func (k killed) Apply(ctx context.Context, plan change.Plan, o target.Options) ([]target.Done, error) {
	before := o.Before
	o.Before = func(d target.Done) error {
		if err := before(d); err != nil {
			return err
		}
		if d.Real == k.at {
			if k.leave != nil {
				k.leave(&d.Change, func(data []byte) { k.Write(d.Real, data) })
			}
			panic(death{})
		}
		return nil
	}
	return k.container.Apply(ctx, plan, o)
}

func dies(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		_, ok := recover().(death)
		assert.Assert(t, ok)
	}()
	f()
}

// What a killed run leaves of a file, on a way that does not replace files in one step (the archive API, and what is mounted): the next run knows it and brings back what was.
func TestHalfWritten(t *testing.T) {
	ca := authority(t, "proxy")
	for _, tt := range []struct {
		name   string
		pieces bool
		leave  func(c *change.Change, write func([]byte))
		gone   bool // the file is not there
		theirs bool // it counts as somebody else's
	}{
		{name: "nothing yet", leave: func(*change.Change, func([]byte)) {}},
		{name: "whole", leave: func(c *change.Change, write func([]byte)) { write(c.To.Data) }},
		{name: "the beginning", pieces: true, leave: func(c *change.Change, write func([]byte)) { write(c.To.Data[:100]) }},
		{name: "empty", pieces: true, leave: func(_ *change.Change, write func([]byte)) { write(nil) }},
		{name: "over the old bytes", pieces: true, leave: func(c *change.Change, write func([]byte)) {
			half := append([]byte(nil), c.To.Data[:len(c.From.Data)-10]...)
			write(append(half, c.From.Data[len(half):]...))
		}},
		{name: "removed", pieces: true, gone: true},
		{name: "somebody else's", pieces: true, theirs: true, leave: func(c *change.Change, write func([]byte)) { write([]byte("# mine\n" + string(c.From.Data))) }},
		{name: "half, where files are replaced whole", theirs: true, leave: func(c *change.Change, write func([]byte)) { write(c.To.Data[:100]) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, records := debian(t, "c1"), shelf{}
			before := c.dump()
			k := killed{container: c, at: bundlePath, pieces: tt.pieces, leave: tt.leave}
			if tt.gone {
				k.leave = func(ch *change.Change, _ func([]byte)) {
					assert.NilError(t, c.Mem.Apply(change.Plan{{Path: ch.Path, From: ch.From}}))
				}
			}
			dies(t, func() { _, _ = installer(records).Add(t.Context(), k, c.inspected(), []certs.Authority{ca}) })
			list, err := install.List(records)
			assert.NilError(t, err)
			assert.Assert(t, len(list) == 1 && list[0].Interrupted)
			k.at = ""
			if tt.theirs {
				theirs, err := c.ReadFile(bundlePath)
				assert.NilError(t, err)
				res, err := installer(records).Remove(t.Context(), k, c.inspected(), fingerprints(ca), false)
				assert.NilError(t, err)
				assert.Assert(t, strings.Contains(notes(res), bundlePath+": was changed by somebody else since"), notes(res))
				now, err := c.ReadFile(bundlePath)
				assert.NilError(t, err)
				assert.Equal(t, string(now), string(theirs))
				_, err = c.Lstat(anchorDir + "/" + ca.Fingerprint.AnchorName())
				assert.Assert(t, err != nil)
				return
			}
			looked, err := installer(records).Look(k, c.inspected(), nil)
			assert.NilError(t, err)
			assert.Assert(t, strings.Contains(notes(looked), "interrupted in the middle"), notes(looked))
			planned := installer(records)
			planned.PlanOnly = true
			between := c.dump()
			res, err := planned.Add(t.Context(), k, c.inspected(), []certs.Authority{ca})
			assert.NilError(t, err)
			assert.Assert(t, res.Pending)
			assert.DeepEqual(t, c.dump(), between)
			res, err = installer(records).Remove(t.Context(), k, c.inspected(), fingerprints(ca), false)
			assert.NilError(t, err)
			assert.Assert(t, res.Changed)
			assert.DeepEqual(t, c.dump(), before)
			_, err = records.Read("container-c1")
			assert.Assert(t, err != nil)
		})
	}
}

// What cannot be put back now is tried again by the next run.
func TestPutBackLater(t *testing.T) {
	c, ca, records := debian(t, "c1"), authority(t, "proxy"), shelf{}
	before := c.dump()
	anchor := anchorDir + "/" + ca.Fingerprint.AnchorName()
	c.fail = map[string]error{bundlePath: errors.New("broken")}
	c.stuck = map[string]string{anchor: "the disk is full"}
	res, err := installer(records).Add(t.Context(), c, c.inspected(), []certs.Authority{ca})
	assert.ErrorContains(t, err, "could not be put back")
	assert.Assert(t, res.Broken && !res.Restored)
	c.stuck, c.fail = nil, nil
	remove(t, installer(records), c, ca)
	assert.DeepEqual(t, c.dump(), before)

	c.fail = map[string]error{bundlePath: errors.New("broken")}
	res, err = installer(records).Add(t.Context(), c, c.inspected(), []certs.Authority{ca})
	assert.ErrorContains(t, err, "broken")
	assert.Assert(t, res.Restored && !res.Broken && !res.Changed)
	c.fail = map[string]error{anchor: errors.New("broken")}
	res, err = installer(records).Add(t.Context(), c, c.inspected(), []certs.Authority{ca})
	assert.ErrorContains(t, err, "broken")
	assert.Assert(t, !res.Restored && !res.Broken, "nothing had been changed yet")
	assert.DeepEqual(t, c.dump(), before)
}

// A bundle that held the certificate before it was added elsewhere keeps it: although this program changed the bundle later for another one, and also when somebody else
// changed it since.
func TestHeldBefore(t *testing.T) {
	const certifi = "/usr/lib/python3/dist-packages/certifi/cacert.pem"
	for _, theirs := range []bool{false, true} {
		ca, other, records := authority(t, "proxy"), authority(t, "other"), shelf{}
		c := debianWith("c1", string(ca.PEM()))
		c.Write(certifi, authority(t, "public").PEM())
		c.Write("/usr/lib/python3/dist-packages/certifi/__init__.py", nil)
		add(t, installer(records), c, ca)
		assert.Assert(t, holds(t, c, certifi, ca))
		add(t, installer(records), c, other)
		gone := []certs.Authority{ca}
		if theirs {
			data, err := c.ReadFile(bundlePath)
			assert.NilError(t, err)
			c.Write(bundlePath, append(data, "# a remark\n"...))
			gone = append(gone, other)
		}
		res := remove(t, installer(records), c, gone...)
		assert.Assert(t, holds(t, c, bundlePath, ca), "%v: it was trusted before", theirs)
		assert.Assert(t, !holds(t, c, certifi, ca))
		assert.Assert(t, strings.Contains(notes(res), "held "+ca.Fingerprint.Short()+" before it was added here"), notes(res))
		assert.Equal(t, holds(t, c, bundlePath, other), !theirs)
	}
}
