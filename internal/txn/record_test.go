package txn

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io/fs"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/internal/change"
)

func sample() []record {
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	st := step{
		Place: Place{Path: "/etc/docker/daemon.json", Real: "/etc/docker/daemon.json", Dirs: []string{"/etc/docker"}, Xattrs: map[string][]byte{"user.a": {0, 1}}},
		From:  image{Kind: change.Absent}, To: newImage(change.NewFile([]byte("{}"), 0o644)).digest(), Secret: true, Layer: "daemon.json",
	}
	return []record{
		{Do: doBegin, Version: journalVersion, Time: when, Command: "docker proxy set --proxy http://xxxxx:xxxxx@p"},
		{Do: doApply, Time: when, Steps: []step{st}},
		{Do: doCommit, Time: when}, {Do: doNote, Time: when, Key: "restart", Value: "begun"}, {Do: doEnd, Time: when},
	}
}

func encodeAll(t *testing.T, records []record) []byte {
	t.Helper()
	var out []byte
	for _, r := range records {
		line, err := r.encode()
		assert.NilError(t, err)
		out = append(out, line...)
	}
	return out
}

func TestDecode(t *testing.T) {
	text := encodeAll(t, sample())
	records, size, err := decode(text)
	assert.NilError(t, err)
	assert.Equal(t, size, int64(len(text)))
	assert.DeepEqual(t, records, sample())

	lines := bytes.SplitAfter(text, []byte("\n"))
	edit := func(old, neu string) []byte {
		r := sample()
		line, err := r[1].encode()
		assert.NilError(t, err)
		body := strings.Replace(string(line[9:len(line)-1]), old, neu, 1)
		assert.Assert(t, body != string(line[9:len(line)-1]))
		return fmt.Appendf(bytes.Clone(lines[0]), "%08x %s\n", crc32.ChecksumIEEE([]byte(body)), body)
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
		records    int
	}{
		{name: "empty"},
		{name: "torn end", data: text[:len(text)-5], records: 4},
		{name: "end without line break", data: text[:len(text)-1], records: 4},
		{name: "garbage at the end", data: append(bytes.Clone(text), "garbage"...), records: 5},
		{name: "garbage line at the end", data: append(bytes.Clone(text), "garbage\n"...), records: 5},
		{name: "zeros at the end", data: append(bytes.Clone(text), make([]byte, 100)...), records: 5},
		{name: "damage in the middle", data: bytes.Replace(text, []byte("restart"), []byte("restarT"), 1), want: "bad checksum"},
		{name: "no beginning", data: text[len(lines[0]):], want: "out of order"},
		{name: "two beginnings", data: append(bytes.Clone(lines[0]), text...), want: "out of order"},
		{name: "unknown field", data: edit(`"do":`, `"what":1,"do":`), want: "unknown field"},
		{name: "relative path", data: edit(`"real":"/etc`, `"real":"etc`), want: "path"},
		{name: "path with ..", data: edit(`"real":"/etc/docker/daemon.json"`, `"real":"/etc/docker/../../x"`), want: "path"},
		{name: "path with .. behind a backslash", data: edit(`"real":"/etc/docker/daemon.json"`, `"real":"/a\\b/../../x"`), want: "path"},
		{name: "the root itself", data: edit(`"real":"/etc/docker/daemon.json"`, `"real":"/"`), want: "path"},
		{name: "directory that is not above the file", data: edit(`"dirs":["/etc/docker"]`, `"dirs":["/etc/dock"]`), want: "directory"},
		{name: "unknown record", data: edit(`"do":"apply"`, `"do":"burn"`), want: "not known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			records, size, err := decode(tt.data)
			if tt.want != "" {
				assert.ErrorContains(t, err, tt.want)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, len(records), tt.records)
			assert.DeepEqual(t, encodeAll(t, records), append([]byte(nil), tt.data[:size]...))
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range sample() {
		line, err := r.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
		f.Add(line[9:])
	}
	begin, err := sample()[0].encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// With a right checksum the JSON behind it is reached, too.
		body := bytes.ReplaceAll(data, []byte("\n"), nil)
		summed := fmt.Appendf(bytes.Clone(begin), "%08x %s\n", crc32.ChecksumIEEE(body), body)
		for _, text := range [][]byte{data, summed} {
			records, size, err := decode(text)
			if err != nil {
				continue
			}
			assert.Assert(t, size <= int64(len(text)))
			again, _, err := decode(encodeAll(t, records))
			assert.NilError(t, err)
			assert.Equal(t, len(again), len(records))
			for _, s := range newEntry(1, records, size).steps() {
				assert.Assert(t, cleanPath(s.Real) && cleanPath(s.Path))
				assert.Assert(t, !strings.ContainsAny(s.Temp, "/\x00") && strings.HasPrefix(s.Temp, "."))
				s.before(change.State{Kind: change.File, Data: data})
			}
		}
	})
}

// Whatever part of a file is kept, the old bytes come back from the new ones, and it is not more than what differs.
func TestPartOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "b", "ab", "FIRST-COMMON-PART", "SECOND-COMMON-PART", "THIRD-COMMON-PART"})
		draw := func(name string) string { return strings.Join(rapid.SliceOfN(word, 0, 9).Draw(t, name), "") }
		from, to := draw("from"), draw("to")
		i := newImage(change.NewFile([]byte(from), 0o644)).partOf([]byte(to))
		s, ok := i.state([]byte(to))
		assert.Assert(t, ok)
		assert.Equal(t, string(s.Data), from)
		kept := 0
		for _, e := range i.Edits {
			kept += len(e.Data)
		}
		assert.Assert(t, kept <= len(from))
		s, ok = i.state([]byte(to + "x"))
		assert.Assert(t, !ok || string(s.Data) == from)
	})
}

// What stands between two places that were changed is not kept.
func TestPartOfInSeveralPlaces(t *testing.T) {
	const foreign = `,"auths":{"r.corp":{"auth":"Zm9yZWlnbg=="}},`
	from := `{"proxies":{"a":1,"b":"OLD-ONE"}` + foreign + `"proxies":{"b":"OLD-TWO"},"z":"FOREIGN"}`
	to := `{"proxies":{"a":1}` + foreign + `"proxies":{"b":"NEW"},"z":"FOREIGN"}`
	i := newImage(change.NewFile([]byte(from), 0o644)).partOf([]byte(to))
	s, ok := i.state([]byte(to))
	assert.Assert(t, ok)
	assert.Equal(t, string(s.Data), from)
	var kept string
	for _, e := range i.Edits {
		kept += string(e.Data)
	}
	assert.Assert(t, !strings.Contains(kept, "auth") && !strings.Contains(kept, "FOREIGN"), kept)
	assert.Assert(t, strings.Contains(kept, "OLD-ONE") && strings.Contains(kept, "OLD-TWO"), kept)
	for _, bad := range [][]edit{{{At: -1}}, {{At: 5, Len: 2}, {At: 4}}, {{At: 1, Len: len(to)}}, {{At: len(to) + 1}}, {{Len: -1}}} {
		_, ok := apply([]byte(to), bad)
		assert.Assert(t, !ok)
	}
}

func TestTorn(t *testing.T) {
	from, to := change.State{Kind: change.File, Data: []byte("aaaa"), Mode: 0o644}, change.State{Kind: change.File, Data: []byte("bbbbbb"), Mode: 0o640}
	s := step{Place: Place{InPlace: HardLinks}, From: newImage(from), To: newImage(to)}
	for _, tt := range []struct {
		data string
		mode uint32
		want bool
	}{
		{data: "aaaa", mode: 0o640, want: true}, {data: "bbaa", mode: 0o640, want: true}, {data: "bbbb", mode: 0o644, want: true}, {data: "bbbbb", mode: 0o640, want: true},
		{data: "baab\x00b", mode: 0o640, want: true}, {data: "bbxa", mode: 0o640}, {data: "bbb", mode: 0o640}, {data: "bbbbbbb", mode: 0o640}, {data: "bbaa", mode: 0o777},
		{data: "b\x00aa", mode: 0o640},
	} {
		present := change.State{Kind: change.File, Data: []byte(tt.data)}.WithMode(fs.FileMode(tt.mode))
		_, ok := s.before(present)
		assert.Equal(t, ok, tt.want, "%q %o", tt.data, tt.mode)
	}
}

func TestTempName(t *testing.T) {
	long := "/etc/" + strings.Repeat("x", 255)
	for _, real := range []string{"/etc/docker/daemon.json", "/etc/systemd/system/docker.service.d/a.conf", `/etc/back\slash`, long} {
		name := tempName(real, 3, 1)
		assert.Assert(t, len(name) <= 255 && strings.HasPrefix(name, ".") && strings.HasSuffix(name, "3-1.tmp") && !strings.Contains(name, "/"), name)
	}
}
