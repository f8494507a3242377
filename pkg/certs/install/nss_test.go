package install_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/engine"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/install"
	"github.com/docker-proxy/docker-proxy/pkg/certs/nssdb"
	"github.com/docker-proxy/docker-proxy/pkg/certs/tree"
)

const nssDir = "/root/.pki/nssdb"

// withDatabase puts an empty database of NSS' own making, and certutil, into a container.
func withDatabase(t *testing.T, c *container) {
	t.Helper()
	if _, err := exec.LookPath("certutil"); err != nil {
		t.Skip("no certutil on this machine; make test installs it as root on Debian")
	}
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "certutil", "-N", "-d", "sql:"+dir, "--empty-password").CombinedOutput()
	assert.NilError(t, err, "%s", out)
	for _, name := range nssdb.Files() {
		data, err := os.ReadFile(filepath.Join(dir, name))
		assert.NilError(t, err)
		c.Write(path.Join(nssDir, name), data)
	}
	c.Write("/usr/bin/certutil", []byte("program"))
	c.Set("/usr/bin/certutil", func(e *tree.Entry) { e.Mode = 0o755 })
	c.settle()
}

// settle gives everything one time.
func (c *container) settle() {
	for _, name := range c.Names() {
		c.touch(name, c.clock)
	}
}

// certutil is the machine's own, run on a copy of the container's database, as a program in the container would be on the database.
func (c *container) certutil(t *testing.T) func(context.Context, engine.Inspected, []string) error {
	return func(ctx context.Context, _ engine.Inspected, argv []string) error {
		if argv[0] != "/usr/bin/certutil" {
			return fmt.Errorf("%s: not found", argv[0])
		}
		dir := t.TempDir()
		words := append([]string{}, argv[1:]...)
		for i, w := range words {
			switch {
			case w == "sql:"+nssDir:
				words[i] = "sql:" + dir
			case i > 0 && words[i-1] == "-i":
				data, err := c.ReadFile(w)
				if err != nil {
					return err
				}
				words[i] = filepath.Join(dir, "ca.crt")
				assert.NilError(t, os.WriteFile(words[i], data, 0o600))
			}
		}
		for _, name := range nssdb.Files() {
			data, err := c.ReadFile(path.Join(nssDir, name))
			assert.NilError(t, err)
			assert.NilError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
		}
		if out, err := exec.CommandContext(ctx, "certutil", words...).CombinedOutput(); err != nil {
			return fmt.Errorf("certutil: %s", out)
		}
		for _, name := range nssdb.Files() {
			data, err := os.ReadFile(filepath.Join(dir, name))
			assert.NilError(t, err)
			c.Write(path.Join(nssDir, name), data)
			c.touch(path.Join(nssDir, name), c.tick())
		}
		return nil
	}
}

func running(c *container) engine.Inspected {
	i := c.inspected()
	i.State, i.PID = "running", 1
	return i
}

// commands are those of certutil that a report says.
func commands(r install.Result) string {
	var out []string
	for _, n := range r.Notes {
		if strings.Contains(n.Command, "certutil") {
			out = append(out, n.Command)
		}
	}
	return strings.Join(out, "\n")
}

// The default leaves the database alone and says the command; the tool edits it, a second run does nothing, and the removal puts every byte and time back without the tool.
func TestDatabase(t *testing.T) {
	c, ca, records := debian(t, "c1"), authority(t, "proxy"), shelf{}
	withDatabase(t, c)
	before := c.dump()
	in := installer(records)
	r, err := in.Add(t.Context(), c, running(c), []certs.Authority{ca})
	assert.NilError(t, err)
	nick := "docker-proxy-" + ca.Fingerprint.Short()
	assert.Equal(t, commands(r), "docker exec c1 certutil -A -d sql:"+nssDir+" -t C,, -n "+nick+" -i "+anchorDir+"/"+nick+".crt")
	_, err = in.Verify(t.Context(), c, running(c), nil, nil)
	assert.NilError(t, err)

	in = installer(records)
	in.Tool = c.certutil(t)
	in.PlanOnly = true
	r, err = in.Add(t.Context(), c, running(c), []certs.Authority{ca})
	assert.NilError(t, err)
	assert.Assert(t, r.Pending)
	in.PlanOnly = false
	r, err = in.Add(t.Context(), c, running(c), []certs.Authority{ca})
	assert.NilError(t, err)
	assert.Assert(t, r.Changed)
	assert.Equal(t, commands(r), "")
	between := c.dump()
	r, err = in.Add(t.Context(), c, running(c), []certs.Authority{ca})
	assert.NilError(t, err)
	assert.Assert(t, !r.Changed && len(r.Files) == 0, "%+v", r)
	assert.DeepEqual(t, c.dump(), between)
	r, err = in.Look(c, running(c), nil)
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(strings.Join(r.Authorities[0].Files, " "), nssDir+"/cert9.db"), "%+v", r.Authorities)

	_, err = installer(records).Remove(t.Context(), c, running(c), fingerprints(ca), false)
	assert.NilError(t, err)
	assert.DeepEqual(t, c.dump(), before)

	// Somebody takes it out, which verify misses; somebody adds to it, which a removal does not take back.
	_, err = in.Add(t.Context(), c, running(c), []certs.Authority{ca})
	assert.NilError(t, err)
	anchor := anchorDir + "/" + nick + ".crt"
	tool := func(words ...string) {
		t.Helper()
		assert.NilError(t, in.Tool(t.Context(), engine.Inspected{}, append([]string{"/usr/bin/certutil", words[0], "-d", "sql:" + nssDir}, words[1:]...)))
	}
	tool("-D", "-n", nick)
	_, err = in.Verify(t.Context(), c, running(c), nil, nil)
	assert.ErrorContains(t, err, nssDir+"/cert9.db")
	tool("-A", "-n", nick, "-t", "C,,", "-i", anchor)
	r, err = installer(records).Remove(t.Context(), c, running(c), fingerprints(ca), false)
	assert.NilError(t, err)
	assert.Equal(t, commands(r), "docker exec c1 certutil -D -d sql:"+nssDir+" -n "+nick)
	r, err = in.Remove(t.Context(), c, running(c), fingerprints(ca), false)
	assert.NilError(t, err)
	assert.Equal(t, commands(r), "")
	list, err := nssdb.Read(c.State(nssDir + "/cert9.db").Data)
	assert.NilError(t, err)
	assert.Equal(t, len(list), 0)
}

// A certutil that fails, or does nothing, leaves everything as it was, and the command in the notes.
func TestDatabaseTakenBack(t *testing.T) {
	for _, fails := range []bool{true, false} {
		c, ca, records := debian(t, "c1"), authority(t, "proxy"), shelf{}
		withDatabase(t, c)
		_, err := installer(records).Add(t.Context(), c, running(c), []certs.Authority{ca})
		assert.NilError(t, err)
		before := c.dump()
		in := installer(records)
		in.Tool = func(ctx context.Context, i engine.Inspected, argv []string) error {
			if !fails {
				return nil
			}
			if err := c.certutil(t)(ctx, i, argv); err != nil {
				return err
			}
			return errors.New("and then it broke")
		}
		r, err := in.Add(t.Context(), c, running(c), []certs.Authority{ca})
		assert.NilError(t, err)
		assert.DeepEqual(t, c.dump(), before)
		assert.Assert(t, strings.Contains(fmt.Sprint(r.Notes), "certutil was run and taken back"), "%v", r.Notes)
		assert.Assert(t, strings.HasPrefix(commands(r), "docker exec c1 certutil -A "), commands(r))
	}
}
