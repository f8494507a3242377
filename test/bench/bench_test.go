package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestWrites(t *testing.T) {
	cases := []struct {
		name, call string
		want       bool
	}{
		{"reading", `openat(AT_FDCWD</root>, "/etc/docker/daemon.json", O_RDONLY|O_CLOEXEC) = 3</etc/docker/daemon.json>`, false},
		{"reading below a directory", `openat2(3</>, "/etc/docker", {flags=O_RDONLY|O_NOFOLLOW|O_CLOEXEC|O_PATH, resolve=0}, 24) = 6</etc/docker>`, false},
		{"writing", `openat(AT_FDCWD</root>, "/etc/docker/daemon.json", O_WRONLY|O_CLOEXEC) = 3</etc/docker/daemon.json>`, true},
		{"making", `openat2(6</etc/docker>, ".tmp", {flags=O_RDWR|O_CREAT|O_EXCL, mode=0600, resolve=0}, 24) = 7</etc/docker/.tmp>`, true},
		{"a failed attempt", `mkdir("/var/lib/docker-proxy", 0700) = -1 EROFS (Read-only file system)`, true},
		{"renaming", `renameat2(6</etc/docker>, ".tmp", 6</etc/docker>, "daemon.json", 0) = 0`, true},
		{"through a descriptor", `fchmod(7</etc/docker/.tmp>, 0600) = 0`, true},
		{"unfinished", `openat(AT_FDCWD</root>, "/run/lock", O_RDWR|O_CREAT, 0600 <unfinished ...>`, true},
		{"its end", `<... openat resumed>) = 3</run/lock>`, false},
		{"the kernel's", `openat(AT_FDCWD</root>, "/dev/null", O_RDWR|O_CLOEXEC) = 3</dev/null>`, false},
		{"a way out of it", `openat(AT_FDCWD</root>, "/dev/../etc/passwd", O_RDWR) = 3</etc/passwd>`, true},
		{"a socket", `write(6<socket:[1]>, "l\1\0\1", 4) = 4`, false},
		{"a name in an argument", `execve("/bin/rename", ["rename(", "O_CREAT"], 0x7ffd /* 8 vars */) = 0`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, len(writes("12345 "+c.call+"\n")) == 1, c.want)
		})
	}
}

func TestMedian(t *testing.T) {
	assert.Equal(t, median([]time.Duration{3, 1, 2}), time.Duration(2))
	assert.Equal(t, median([]time.Duration{4, 1, 2, 100}), time.Duration(3))
}

func TestMeasure(t *testing.T) {
	question, err := json.Marshal(order{Runs: 3, Commands: [][]string{{"sleep", "0.01"}, {"true"}}})
	assert.NilError(t, err)
	var out bytes.Buffer
	assert.NilError(t, measure(bytes.NewReader(question), &out))
	var answers []timing
	assert.NilError(t, json.Unmarshal(out.Bytes(), &answers))
	assert.Equal(t, len(answers), 2)
	assert.Assert(t, answers[0].Median >= 10*time.Millisecond && answers[0].Fastest <= answers[0].Median, "%+v", answers)
	assert.Assert(t, answers[0].Peak > 0)

	err = measure(strings.NewReader(`{"Runs":1,"Commands":[["sh","-c","echo why; exit 3"]]}`), &out)
	assert.ErrorContains(t, err, "why")
}

func TestAsk(t *testing.T) {
	daemon := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/there" {
			http.NotFound(w, r)
			return
		}
		time.Sleep(2 * time.Millisecond)
	}))
	socket := filepath.Join(t.TempDir(), "daemon.sock")
	var err error
	daemon.Listener, err = new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	assert.NilError(t, err)
	daemon.Start()
	defer daemon.Close()
	put := func(path string) (string, error) {
		text, err := json.Marshal(questions{Socket: socket, Times: 3, List: []question{{"GET", path}}})
		assert.NilError(t, err)
		var out bytes.Buffer
		err = ask(t.Context(), bytes.NewReader(text), &out)
		return out.String(), err
	}
	text, err := put("/there")
	assert.NilError(t, err)
	var took []time.Duration
	assert.NilError(t, json.Unmarshal([]byte(text), &took))
	assert.Assert(t, len(took) == 1 && took[0] >= 2*time.Millisecond, "%v", took)
	_, err = put("/not-there")
	assert.ErrorContains(t, err, "404")
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	ours, theirs := timing{Median: 5 * time.Millisecond}, timing{Median: 10 * time.Millisecond}
	assert.NilError(t, write(&out, []line{compare("a", ours, theirs, 0.5), compare("b", theirs, ours, 0), memory("c", 39_900_000, 40_000_000), none("d", 0)}))
	assert.Equal(t, strings.Count(out.String(), "pass"), 3)
	assert.Equal(t, strings.Count(out.String(), "measured"), 1)
	for _, missed := range []line{compare("a", theirs, ours, 1), memory("b", 40_000_000, 40_000_000), none("c", 1)} {
		assert.Assert(t, errors.Is(write(&out, []line{missed}), errMissed))
	}
}
