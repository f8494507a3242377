package install_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/target"
)

// Add, a second add, remove: the second one writes nothing, and after the removal every byte, mode and time is as before.
func TestAddAndRemove(t *testing.T) {
	c, ca, records := debian(t, "c1"), authority(t, "proxy"), shelf{}
	in := installer(records)
	before := c.dump()
	res := add(t, in, c, ca)
	assert.Assert(t, res.Changed && len(res.Files) >= 3, "%+v", res)
	assert.Equal(t, res.Family, "debian")
	assert.Assert(t, holds(t, c, bundlePath, ca))
	assert.Assert(t, holds(t, c, anchorDir+"/"+ca.Fingerprint.AnchorName(), ca))

	between, writes, kept := c.dump(), c.writes, len(records)
	res = add(t, in, c, ca)
	assert.Assert(t, !res.Changed && len(res.Files) == 0, "%+v", res)
	assert.DeepEqual(t, c.dump(), between)
	assert.Equal(t, c.writes, writes)
	assert.Equal(t, len(records), kept)

	res = remove(t, in, c, ca)
	assert.Assert(t, res.Changed)
	assert.DeepEqual(t, c.dump(), before)
	assert.Equal(t, len(res.Unrestored), 0)
	res = remove(t, in, c, ca)
	assert.Assert(t, !res.Changed && len(res.Files) == 0)
	assert.DeepEqual(t, c.dump(), before)

	assert.NilError(t, install.Prune(records, "daemon", func(string) bool { return true }, fingerprints(ca)))
	assert.Equal(t, len(records), 0, "%v", records)
}

// What the archive API does not keep is said when files that were there are written by it, and not for what is new, nor by the other way.
func TestTellsWhatIsNotKept(t *testing.T) {
	for _, archive := range []bool{true, false} {
		c, tiny, ca, records := debian(t, "c1"), newContainer("c2", map[string]string{"/app": ""}), authority(t, "proxy"), shelf{}
		c.archive, tiny.archive = archive, archive
		said := func(r install.Result) bool {
			for _, n := range r.Notes {
				if strings.Contains(n.Text, "no other extended attributes") {
					return true
				}
			}
			return false
		}
		assert.Equal(t, said(add(t, installer(records), c, ca)), archive)
		assert.Assert(t, !said(add(t, installer(records), c, ca)), "nothing was changed")
		assert.Equal(t, said(remove(t, installer(records), c, ca)), archive)
		assert.Assert(t, !said(add(t, installer(records), tiny, ca)))
	}
}

// Two authorities that come one after the other can go in any order, and the last one to go leaves nothing.
func TestRemoveOneByOne(t *testing.T) {
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		c, records := debian(t, "c1"), shelf{}
		cas := []certs.Authority{authority(t, "one"), authority(t, "two")}
		before := c.dump()
		add(t, installer(records), c, cas[0])
		add(t, installer(records), c, cas[1])
		remove(t, installer(records), c, cas[order[0]])
		assert.Assert(t, !holds(t, c, bundlePath, cas[order[0]]))
		assert.Assert(t, holds(t, c, bundlePath, cas[order[1]]))
		remove(t, installer(records), c, cas[order[1]])
		assert.DeepEqual(t, c.dump(), before)
	}
}

// A store and its directories that had to be made are gone afterwards.
func TestRemoveWhatWasMade(t *testing.T) {
	c, ca, records := newContainer("c1", map[string]string{"/app": "static program"}), authority(t, "proxy"), shelf{}
	before := c.dump()
	res := add(t, installer(records), c, ca)
	assert.Assert(t, res.Changed)
	assert.Assert(t, holds(t, c, bundlePath, ca))
	remove(t, installer(records), c, ca)
	assert.DeepEqual(t, c.dump(), before)
}

// What somebody else changed since keeps that change.
func TestRemoveAfterAForeignChange(t *testing.T) {
	c, ca, other, records := debian(t, "c1"), authority(t, "proxy"), authority(t, "other"), shelf{}
	add(t, installer(records), c, ca)
	data, err := c.ReadFile(bundlePath)
	assert.NilError(t, err)
	c.Write(bundlePath, append(data, other.PEM()...))
	res := remove(t, installer(records), c, ca)
	assert.Assert(t, holds(t, c, bundlePath, other))
	assert.Assert(t, !holds(t, c, bundlePath, ca))
	assert.Assert(t, strings.Contains(notes(res), bundlePath+": was changed by somebody else since"), notes(res))
}

// Without a record a removal goes by fingerprint and says so; what was there before needs --foreign.
func TestRemoveWithoutARecord(t *testing.T) {
	ca := authority(t, "proxy")
	c := debian(t, "c1")
	add(t, installer(nil), c, ca)
	res := remove(t, installer(shelf{}), c, ca)
	assert.Assert(t, res.Changed)
	assert.Assert(t, !holds(t, c, bundlePath, ca))
	assert.Assert(t, strings.Contains(notes(res), "there is no record of this container"), notes(res))

	c = debianWith("c2", string(ca.PEM()))
	before := c.dump()
	res = remove(t, installer(shelf{}), c, ca)
	assert.Assert(t, !res.Changed)
	assert.DeepEqual(t, c.dump(), before)
	res, err := installer(shelf{}).Remove(t.Context(), c, c.inspected(), fingerprints(ca), true)
	assert.NilError(t, err)
	assert.Assert(t, res.Changed)
	assert.Assert(t, !holds(t, c, bundlePath, ca))
}

// Whatever fails on the way is put back, whole, and nothing is recorded.
func TestFailuresArePutBack(t *testing.T) {
	ca := authority(t, "proxy")
	broken := errors.New("no space left on device")
	for _, tc := range []struct {
		name string
		with func(*container, shelf) install.Records
		want string
	}{
		{name: "a write fails", want: "no space left", with: func(c *container, s shelf) install.Records {
			c.fail = map[string]error{bundlePath: broken}
			return s
		}},
		{name: "a file reads back as something else", want: "is not what was written to it", with: func(c *container, s shelf) install.Records {
			c.corrupt = map[string][]byte{bundlePath: []byte("nothing\n")}
			return s
		}},
		{name: "the record cannot be written", want: "disk full", with: func(_ *container, s shelf) install.Records { return full{s} }},
		{name: "a mount", want: "--through-mounts", with: func(c *container, s shelf) install.Records {
			c.fail = map[string]error{bundlePath: &target.MountError{Path: bundlePath, Source: "/srv/bundle"}}
			return s
		}},
		{name: "read-only", want: "created anew", with: func(c *container, s shelf) install.Records {
			c.fail = map[string]error{bundlePath: &target.ReadOnlyError{Path: bundlePath}}
			return s
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, records := debian(t, "c1"), shelf{}
			before := c.dump()
			in := installer(tc.with(c, records))
			res, err := in.Add(t.Context(), c, c.inspected(), []certs.Authority{ca})
			assert.ErrorContains(t, err, tc.want)
			assert.Assert(t, !res.Changed && len(res.Files) == 0, "%+v", res)
			assert.DeepEqual(t, c.dump(), before)
			_, err = records.Read("container-c1")
			assert.Assert(t, err != nil)
		})
	}
}

// full is records that take no container.
type full struct{ shelf }

func (f full) Append(name string, data []byte) error {
	if strings.HasPrefix(name, "container-") {
		return errors.New("disk full")
	}
	return f.shelf.Append(name, data)
}

// What cannot be put back is named, and the container counts as changed.
func TestUnrestored(t *testing.T) {
	c, ca := debian(t, "c1"), authority(t, "proxy")
	anchor := anchorDir + "/" + ca.Fingerprint.AnchorName()
	c.fail = map[string]error{bundlePath: errors.New("broken")}
	c.stuck = map[string]string{anchor: "the container stopped"}
	res, err := installer(shelf{}).Add(t.Context(), c, c.inspected(), []certs.Authority{ca})
	assert.ErrorContains(t, err, "1 of its files could not be put back")
	assert.Assert(t, res.Changed)
	assert.DeepEqual(t, res.Unrestored, []string{anchor + ": the container stopped"})
}

// An end of the context in the middle is undone, too.
func TestInterrupted(t *testing.T) {
	c, ca := debian(t, "c1"), authority(t, "proxy")
	before := c.dump()
	ctx, cancel := context.WithCancelCause(t.Context())
	c.after = func() { cancel(errors.New("interrupted")) }
	_, err := installer(shelf{}).Add(ctx, c, c.inspected(), []certs.Authority{ca})
	assert.ErrorContains(t, err, "interrupted")
	assert.DeepEqual(t, c.dump(), before)
}

func TestPlanOnly(t *testing.T) {
	c, ca, records := debian(t, "c1"), authority(t, "proxy"), shelf{}
	in := installer(records)
	in.PlanOnly = true
	before := c.dump()
	res := add(t, in, c, ca)
	assert.Assert(t, res.Pending && !res.Changed && len(res.Files) > 0)
	assert.DeepEqual(t, c.dump(), before)
	assert.Equal(t, len(records), 0)

	add(t, installer(records), c, ca)
	between := c.dump()
	res = remove(t, in, c, ca)
	assert.Assert(t, res.Pending && !res.Changed && len(res.Files) > 0)
	assert.DeepEqual(t, c.dump(), between)
	assert.Assert(t, !add(t, in, c, ca).Pending)
}

// Containers that are alike share a plan; one that differs in a byte, a mode or a link gets its own.
func TestAlike(t *testing.T) {
	root := string(authority(t, "public root").PEM())
	in, ca := installer(shelf{}), authority(t, "proxy")
	first, second := debianWith("c1", root), debianWith("c2", root)
	add(t, in, first, ca)
	reads := first.Reads
	add(t, in, second, ca)
	assert.DeepEqual(t, second.Dump(), first.Dump())
	assert.Assert(t, second.Reads < reads, "%d, %d", second.Reads, reads)

	other := authority(t, "their own")
	third := debianWith("c3", root+string(other.PEM()))
	add(t, in, third, ca)
	assert.Assert(t, holds(t, third, bundlePath, other))
	assert.Assert(t, holds(t, third, bundlePath, ca))
	for _, c := range []*container{first, second, third} {
		res, err := in.Verify(t.Context(), c, c.inspected(), fingerprints(ca), nil)
		assert.NilError(t, err)
		assert.DeepEqual(t, res.Trusts, []string{ca.Fingerprint.String()})
	}
}

// A bundle that is no file that can be read is named, and is no success.
func TestNothingToTrust(t *testing.T) {
	c, ca := debian(t, "c1"), authority(t, "proxy")
	c.Special(bundlePath, 0o644|1<<25) // a FIFO
	res, err := installer(shelf{}).Add(t.Context(), c, c.inspected(), []certs.Authority{ca})
	assert.Assert(t, err != nil)
	assert.Assert(t, !res.Changed)
}

func TestVerify(t *testing.T) {
	c, ca, never, records := debian(t, "c1"), authority(t, "proxy"), authority(t, "never added"), shelf{}
	in := installer(records)
	add(t, in, c, ca)
	_, err := in.Verify(t.Context(), c, c.inspected(), fingerprints(never), nil)
	assert.ErrorContains(t, err, "does not hold "+never.Fingerprint.Short())
	res, err := in.Verify(t.Context(), c, c.inspected(), nil, nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, res.Trusts, []string{ca.Fingerprint.String()})
	assert.Assert(t, res.Authorities[0].Recorded && res.Authorities[0].Trusted())

	c.Write(bundlePath, never.PEM()) // somebody ran the tool without our anchor
	_, err = in.Verify(t.Context(), c, c.inspected(), nil, nil)
	assert.ErrorContains(t, err, bundlePath+" does not hold "+ca.Fingerprint.Short())
}

// The tool is judged by what it leaves: when it loses what was trusted before, its work is taken back and the files are written.
func TestTool(t *testing.T) {
	ca, ran := authority(t, "proxy"), 0
	for _, tc := range []struct {
		name   string
		loses  bool
		status error
		note   bool
	}{
		{name: "well"},
		{name: "well, with a status that says otherwise", status: errors.New("status 1")},
		{name: "loses an authority", loses: true, note: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, records := debian(t, "c1"), shelf{}
			before := c.dump()
			in := installer(records)
			in.Tool = func(_ context.Context, _ engine.Inspected, argv []string) error {
				ran++
				assert.DeepEqual(t, argv, []string{"/usr/sbin/update-ca-certificates"})
				assert.Assert(t, holds(t, c, anchorDir+"/"+ca.Fingerprint.AnchorName(), ca))
				data, err := c.ReadFile(bundlePath)
				assert.NilError(t, err)
				if tc.loses {
					data = nil
				}
				c.Write(bundlePath, append(data, ca.PEM()...))
				return tc.status
			}
			res := add(t, in, c, ca)
			assert.Assert(t, res.Changed)
			assert.Equal(t, strings.Contains(notes(res), "taken back"), tc.note, notes(res))
			assert.Assert(t, holds(t, c, bundlePath, ca))
			remove(t, installer(records), c, ca)
			assert.DeepEqual(t, c.dump(), before)
		})
	}
	assert.Equal(t, ran, 3)
}

func TestListAndPrune(t *testing.T) {
	ca, records := authority(t, "proxy"), shelf{}
	for _, id := range []string{"c2", "c1"} {
		add(t, installer(records), debian(t, id), ca)
	}
	list, err := install.List(records)
	assert.NilError(t, err)
	assert.Equal(t, len(list), 2)
	assert.Equal(t, list[0].Name, "c1")
	assert.DeepEqual(t, list[0].Added, []string{ca.Fingerprint.String()})
	held, err := install.HeldPEM(records)
	assert.NilError(t, err)
	assert.Equal(t, string(held[ca.Fingerprint.String()]), string(ca.PEM()))

	gone := func(string) bool { return false }
	assert.NilError(t, install.Prune(records, "another daemon", gone, nil))
	list, err = install.List(records)
	assert.NilError(t, err)
	assert.Equal(t, len(list), 2)
	assert.NilError(t, install.Prune(records, "daemon", gone, nil))
	names, err := records.Names("")
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"cert-" + ca.Fingerprint.String()}) // it may be added to other containers
	records["container-c9"] = []byte("{\n")
	_, err = install.List(records)
	assert.ErrorContains(t, err, "container-c9")
}

func notes(r install.Result) string {
	var out []string
	for _, n := range r.Notes {
		out = append(out, n.String())
	}
	return strings.Join(out, "\n")
}

// A file on a mount goes back only with the consent with which it was changed.
func TestMountsNeedConsentAgain(t *testing.T) {
	c, ca, records := debian(t, "c1"), authority(t, "proxy"), shelf{}
	c.inPlace = map[string]string{bundlePath: "/srv/bundle"}
	before := c.dump()
	in := installer(records)
	in.ThroughMounts = true
	add(t, in, c, ca)
	between := c.dump()
	_, err := installer(records).Remove(t.Context(), c, c.inspected(), fingerprints(ca), false)
	assert.ErrorContains(t, err, "--through-mounts")
	assert.DeepEqual(t, c.dump(), between)
	remove(t, in, c, ca)
	assert.DeepEqual(t, c.dump(), before)
}
