package precedence

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestMendEntry(t *testing.T) {
	cases := []struct {
		entry, want string
		meant       []string // hosts that Go reaches directly with what is returned, and not with the entry
	}{
		{"http://a.corp", "a.corp", []string{"a.corp", "x.a.corp"}},
		{"https://ann:secret@a.corp:5000/v2/", "a.corp:5000", []string{"a.corp:5000"}},
		{`"a.corp"`, "a.corp", []string{"a.corp"}},
		{"'10.0.0.0/8'", "10.0.0.0/8", []string{"10.1.2.3"}},
		{"a.corp.", "a.corp", []string{"a.corp"}},
		{".a.corp.", ".a.corp", []string{"x.a.corp"}},
		{"*a.corp", "a.corp", []string{"a.corp", "x.a.corp"}},
		{"*.*.a.corp", "*.a.corp", []string{"y.x.a.corp"}},
		{"[2001:db8::1]", "2001:db8::1", []string{"[2001:db8::1]"}},
		{"10.0.0.0/8:443", "10.0.0.0/8", []string{"10.1.2.3:443"}},
		{"[2001:db8::]/32", "2001:db8::/32", []string{"[2001:db8::5]"}},
		{"10.0.0.0/255.0.0.0", "10.0.0.0/8", []string{"10.1.2.3"}},
		{"10.*", "10.0.0.0/8", []string{"10.1.2.3"}},
		{"10.", "10.0.0.0/8", []string{"10.1.2.3"}},
		{"192.168.*.*", "192.168.0.0/16", []string{"192.168.7.8"}},
		{"192.168.1.", "192.168.1.0/24", []string{"192.168.1.9"}},
		// Several things can be meant, or nothing.
		{"10.1.2", "", nil},
		{"010.001.002.003", "", nil},
		{"10.0.0.0/255.0.255.0", "", nil},
		{"10.1.2.0-10.1.2.9", "", nil},
		{"foo*", "", nil},
		{"*:443", "", nil},
		{":443", "", nil},
		{"<local>", "", nil},
		{"http://", "", nil},
		{"*.", "", nil},
		{".", "", nil},
		// Nothing to mend.
		{"a.corp", "", nil},
		{"10.0.0.0/8", "", nil},
		{"*.a.corp", "", nil},
	}
	for _, c := range cases {
		t.Run(c.entry, func(t *testing.T) {
			assert.Equal(t, MendEntry(c.entry), c.want)
			for _, h := range c.meant {
				assert.Assert(t, direct(c.want, h), "%s is not direct with %s", h, c.want)
				assert.Assert(t, !direct(c.entry, h), "%s is direct with %s", h, c.entry)
			}
		})
	}
}

func TestMendSeparators(t *testing.T) {
	cases := []struct {
		list  string
		wrong int
		want  string
	}{
		{"localhost 127.0.0.1 .corp", 1, "localhost,127.0.0.1,.corp"},
		{"localhost;127.0.0.1", 1, "localhost,127.0.0.1"},
		{"localhost|127.0.0.1,a.corp b.corp", 2, "localhost,127.0.0.1,a.corp,b.corp"},
		{"localhost, 127.0.0.1 ,\t.corp", 0, "localhost,127.0.0.1,.corp"},
		{"a.corp,\n  b.corp", 0, "a.corp,b.corp"},
		{"a.corp\nb.corp", 1, "a.corp,b.corp"},
		{" a.corp ", 0, "a.corp"},
		{"", 0, ""},
	}
	for _, c := range cases {
		t.Run(c.list, func(t *testing.T) {
			assert.Equal(t, len(WrongSeparators(c.list)), c.wrong)
			assert.Equal(t, MendSeparators(c.list), c.want)
			if c.wrong > 0 {
				assert.Assert(t, !direct(c.list, "127.0.0.1.nip") && !direct(c.list, "b.corp") && !direct(c.list, "a.corp"))
			}
		})
	}
}
