package crash

import (
	"testing"

	"gotest.tools/v3/assert"
)

// TestDurable: the judge of the order finds what is missing.
func TestDurable(t *testing.T) {
	const journal, temp = stateDir + "/000001.journal", "/etc/docker/.daemon.json.docker-proxy-1-0.tmp"
	right := []traced{
		{op: "create", name: journal},
		{op: "write", name: journal},
		{op: "fsync", name: journal},
		{op: "fsync", name: stateDir},
		{op: "create", name: temp},
		{op: "write", name: temp},
		{op: "chmod", name: temp},
		{op: "fsync", name: temp},
		{op: "rename", name: "/etc/docker/daemon.json", from: temp},
		{op: "fsync", name: "/etc/docker"},
		{op: "write", name: journal},
		{op: "fsync", name: journal},
		{op: "write", name: journal},
		{op: "fsync", name: journal},
	}
	assert.NilError(t, durable(right))
	for i, want := range map[int]string{
		2:  journal + " is not durable before {create " + temp + " }",
		3:  stateDir + " is not durable before {create " + temp + " }",
		7:  temp + " is not durable before {rename /etc/docker/daemon.json " + temp + "}",
		9:  "/etc/docker is not durable before {write " + journal + " }",
		11: journal + " is not durable before {write " + journal + " }",
	} {
		wrong := append(append([]traced{}, right[:i]...), right[i+1:]...)
		assert.Error(t, durable(wrong), want)
	}
	late := append(append([]traced{}, right[:7]...), right[8], right[7])
	assert.ErrorContains(t, durable(late), "before {rename")
}

func TestParseCall(t *testing.T) {
	const root = "/dev/shm/r"
	for _, tt := range []struct {
		name, line string
		want       traced
		err        string
	}{
		{name: "elsewhere", line: `7 write(1<pipe:[3]>, "/dev/shm/other", 3) = 3`},
		{name: "only reading", line: `7 openat(3</dev/shm/r>, "etc", O_RDONLY|O_CLOEXEC) = 5</dev/shm/r/etc>`},
		{name: "created", line: `7 openat(5</dev/shm/r/etc>, "x", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 6</dev/shm/r/etc/x>`, want: traced{op: "create", name: "/etc/x", from: "/etc/x"}},
		{name: "not made anew", line: `7 openat(5</dev/shm/r/etc>, "x", O_WRONLY|O_CREAT, 0600) = 6</dev/shm/r/etc/x>`, err: "may be somebody else's"},
		{name: "cut", line: `7 openat(5</dev/shm/r/etc>, "x", O_WRONLY|O_TRUNC) = 6</dev/shm/r/etc/x>`, err: "may be somebody else's"},
		{name: "written", line: `7 pwrite64(6</dev/shm/r/etc/x>, "a", 1, 0) = 1`, want: traced{op: "write", name: "/etc/x"}},
		{name: "written otherwise", line: `7 write(6</dev/shm/r/etc/x>, "a", 1 <unfinished ...>`, err: "does not know"},
		{name: "by a path", line: `7 unlink("/dev/shm/r/etc/x") = 0`, err: "does not know"},
		{name: "the root itself", line: `7 fsync(3</dev/shm/r>) = 0`, want: traced{op: "fsync", name: "/"}},
		{
			name: "put aside", line: `7 renameat2(5</dev/shm/r/etc>, "x", 5</dev/shm/r/etc>, ".x.docker-proxy-1-0.tmp", RENAME_NOREPLACE) = 0`,
			want: traced{op: "rename", name: "/etc/x", from: "/etc/x"},
		},
		{
			name: "moved in", line: `7 renameat2(5</dev/shm/r/etc>, ".x.docker-proxy-1-0.tmp", 5</dev/shm/r/etc>, "x", RENAME_NOREPLACE <unfinished ...>`,
			want: traced{op: "rename", name: "/etc/x", from: "/etc/.x.docker-proxy-1-0.tmp"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, err := parseCall(tt.line+"\n", root)
			if tt.err != "" {
				assert.ErrorContains(t, err, tt.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, ok, tt.want != traced{})
			if ok {
				assert.Equal(t, got, tt.want)
			}
		})
	}
}
