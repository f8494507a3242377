package txn_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/txn"
)

// password changes a file to hold the nth password, and closes it.
func (s site) password(t *testing.T, name, text string, n int) change.Change {
	t.Helper()
	c := s.to(t, name, fmt.Sprintf(text, n))
	c.To, c.Secret = c.To.Private(), true
	c.CleanFrom = !strings.Contains(string(c.From.Data), "PASSWORD")
	c.Bare = c.CleanFrom && !strings.Contains(string(c.From.Data), "proxy")
	return c
}

// origin is the oldest state that History still knows, or a failure.
func (s site) origin(t *testing.T, name string) txn.Past {
	t.Helper()
	past, err := s.store.History(name, s.to(t, name, "").From)
	assert.NilError(t, err)
	for i := len(past) - 1; i >= 0; i-- {
		if past[i].Known {
			return past[i]
		}
	}
	t.Fatalf("nothing is known about %s any more", name)
	return txn.Past{}
}

const (
	oneFile = "/etc/default/docker"
	newFile = "/etc/systemd/system/docker.service.d/http-proxy.env"
	rare    = "/etc/systemd/system/docker.service.d/http-proxy.conf"
	partial = "/home/.docker/config.json"
)

// However many passwords a file went through, its first state comes back: bytes, mode, absence and the directories that were made; and none of the passwords stays.
func TestOriginSurvivesManyChanges(t *testing.T) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := siteAt(t, memory(t), txn.Options{Now: func() time.Time { return clock }})
	s.put(t, oneFile, "# mine\n", 0o640)
	s.put(t, partial, `{"auths":{"FOREIGN":"FOREIGN"},"z":1}`, 0o644)
	before := tree(t, s.dir)
	for n := range 30 {
		clock = clock.Add(time.Hour)
		plan := []change.Change{s.password(t, oneFile, "# mine\nPASSWORD-%d\n", n), s.password(t, newFile, "PASSWORD-%d\n", n)}
		if n == 0 {
			plan = append(plan, change.Change{Path: rare, To: file("conf", 0o644)})
		}
		c := s.password(t, partial, `{"auths":{"FOREIGN":"FOREIGN"},"proxies":"PASSWORD-%d","z":1}`, n)
		c.Partial = true
		s.run(t, append(plan, c)...)
	}
	list, err := s.store.List()
	assert.NilError(t, err)
	assert.Equal(t, len(list), 20)
	assert.Equal(t, list[19].ID, "11")
	_, _, err = s.store.Rollback("1")
	assert.ErrorContains(t, err, "no recorded change")

	clock = clock.Add(8 * 24 * time.Hour)
	tx, err := s.store.Begin(t.Context(), "x")
	assert.NilError(t, err)
	assert.NilError(t, tx.Close())
	for _, code := range []string{"FOREIGN", "Rk9SRUlHT", "UEFTU1dPUk", "BBU1NXT1JE", "QVNTV09SR", "PASSWORD"} {
		assert.Assert(t, !strings.Contains(s.journal(t), code), code)
	}
	names, err := os.ReadDir(s.path(stateDir))
	assert.NilError(t, err)
	assert.Equal(t, len(names), 20+1+1, "20 changes, the rest of the first, the lock")

	s.unset(t, oneFile, newFile, rare, partial)
	assert.DeepEqual(t, tree(t, s.dir), before)

	// Nothing of ours is left, so nothing needs to be remembered beyond the changes that are listed.
	for range 22 {
		s.run(t, s.to(t, "/etc/other", s.get(t, oneFile)+fmt.Sprint(clock.Nanosecond())))
		clock = clock.Add(time.Nanosecond)
	}
	names, err = os.ReadDir(s.path(stateDir))
	assert.NilError(t, err)
	assert.Equal(t, len(names), 20+1)
}

// unset puts all files back to the oldest state that is known, as the planners do.
func (s site) unset(t *testing.T, names ...string) {
	t.Helper()
	var plan []change.Change
	var dirs []string
	for _, name := range names {
		c := s.to(t, name, "")
		o := s.origin(t, name)
		c.To, c.Secret, c.Partial = o.State, true, name == partial
		plan = append(plan, c)
		if c.To.Kind == change.Absent {
			dirs = append(dirs, o.Dirs...)
		}
	}
	s.run(t, append(plan, s.store.RemoveDirs(dirs)...)...)
}

// Bytes of somebody else begin a chain of their own: what was there before them does not come back.
func TestOriginAfterAForeignEdit(t *testing.T) {
	s := siteAt(t, memory(t), txn.Options{})
	s.put(t, oneFile, "# mine\n", 0o644)
	for n := range 25 {
		s.run(t, s.password(t, oneFile, "# mine\nPASSWORD-%d\n", n))
	}
	s.put(t, oneFile, "# mine\nPASSWORD-24\n# foreign\n", 0o600)
	past, err := s.store.History(oneFile, s.to(t, oneFile, "").From)
	assert.NilError(t, err)
	assert.Equal(t, len(past), 0)
	for n := range 25 {
		s.run(t, s.password(t, oneFile, "# mine\nPASSWORD-%d\n# foreign\n", n))
	}
	past, err = s.store.History(oneFile, s.to(t, oneFile, "").From)
	assert.NilError(t, err)
	for _, p := range past[1:] { // the newest change holds what it replaced
		assert.Assert(t, !p.Known, "%s", p.State.Data)
	}
	// A clean one is remembered instead.
	s.put(t, oneFile, "# theirs\n", 0o604)
	for n := range 25 {
		s.run(t, s.password(t, oneFile, "PASSWORD-%d\n", n))
	}
	o := s.origin(t, oneFile)
	assert.Equal(t, string(o.State.Data)+o.State.Mode.String(), "# theirs\n-rw----r--")
}

// Two states are remembered: the one without our settings that an unset goes back to, and what others had there in the beginning.
func TestOriginIsTheLatestBareState(t *testing.T) {
	s := siteAt(t, memory(t), txn.Options{})
	s.put(t, oneFile, "proxy of theirs\n", 0o644)
	many := func() {
		for n := range 25 {
			s.run(t, s.password(t, oneFile, "# bare\nPASSWORD-%d\n", n))
		}
	}
	known := func() string {
		past, err := s.store.History(oneFile, s.to(t, oneFile, "").From)
		assert.NilError(t, err)
		var out []string
		for _, p := range past {
			if p.Known {
				out = append(out, strings.TrimSpace(string(p.State.Data)))
			}
		}
		return strings.Join(out, ", ")
	}
	many()
	assert.Equal(t, known(), "# bare\nPASSWORD-23, proxy of theirs")
	s.run(t, s.to(t, oneFile, "# bare\n"))
	many()
	assert.Equal(t, known(), "# bare\nPASSWORD-23, # bare, proxy of theirs")
	// Taking changes back and making them again loses nothing.
	for range 3 {
		takeBack(t, s)
		assert.Assert(t, strings.HasSuffix(known(), "# bare, proxy of theirs"), known())
		many()
	}
	assert.Equal(t, known(), "# bare\nPASSWORD-23, # bare, proxy of theirs")
}

// A directory that somebody removed since, or that we took away ourselves, is not ours when it is there again.
func TestMadeDirectoriesAreForgotten(t *testing.T) {
	s := siteAt(t, memory(t), txn.Options{})
	s.run(t, change.Change{Path: newFile, To: file("x", 0o600)}, change.Change{Path: oneFile, To: file("x", 0o600)})
	s.unset(t, newFile)
	for n := range 25 {
		s.run(t, s.to(t, "/etc/other", fmt.Sprint(n)))
	}
	assert.NilError(t, os.MkdirAll(s.path("/etc/systemd/system/docker.service.d"), 0o755))
	s.run(t, change.Change{Path: newFile, To: file("x", 0o600)})
	for n := range 25 {
		s.run(t, s.to(t, "/etc/other", fmt.Sprint(n)))
	}
	assert.DeepEqual(t, s.origin(t, newFile).Dirs, []string{"/etc"})
	assert.DeepEqual(t, s.origin(t, oneFile).Dirs, []string{"/etc", "/etc/default"})
}

// Forgetting a change forgets the bytes it replaced, wherever they are remembered.
func TestForgetTakesTheOriginAway(t *testing.T) {
	s := siteAt(t, memory(t), txn.Options{})
	s.put(t, oneFile, "REMEMBERED", 0o644)
	const encoded = "UkVNRU1CRVJFR"
	for n := range 3 {
		s.run(t, s.password(t, oneFile, "PASSWORD-%d\n", n))
	}
	assert.Equal(t, strings.Count(s.journal(t), encoded), 1+3)
	assert.NilError(t, s.store.Forget(t.Context(), "2"))
	assert.Equal(t, string(s.origin(t, oneFile).State.Data), "REMEMBERED")
	assert.NilError(t, s.store.Forget(t.Context(), "1"))
	assert.Equal(t, strings.Count(s.journal(t), encoded), 0)
}

// Bytes with credentials of others may be the state without our settings; they are remembered only as far as we took nothing of them away.
func TestOriginWithCredentialsOfOthers(t *testing.T) {
	s := siteAt(t, memory(t), txn.Options{})
	const mirror = "mirror=http://FOREIGN:FOREIGN@mirror\n"
	secret := func(name, data string, bare bool) {
		c := s.to(t, name, data)
		c.Secret, c.Bare = true, bare
		s.run(t, c)
	}
	s.put(t, "/etc/a", mirror, 0o644)
	s.put(t, "/etc/b", mirror, 0o644)
	for n := range 25 {
		secret("/etc/a", mirror+fmt.Sprintf("PASSWORD-%d\n", n), n == 0)
		secret("/etc/b", fmt.Sprintf("PASSWORD-%d\n", n), n == 0) // an editor that takes away what is not ours
	}
	assert.Equal(t, string(s.origin(t, "/etc/a").State.Data), mirror)
	past, err := s.store.History("/etc/b", s.to(t, "/etc/b", "").From)
	assert.NilError(t, err)
	assert.Assert(t, !past[len(past)-1].Known)
	assert.Assert(t, !strings.Contains(s.journal(t), "Rk9SRUlHTjpGT1JFSUdO"))
}
