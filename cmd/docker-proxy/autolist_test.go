package main

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/client"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

func autoOf(entries ...string) func() precedence.AutoList {
	var l precedence.AutoList
	for _, e := range entries {
		l.Entries = append(l.Entries, precedence.AutoEntry{Entry: e, Reason: "because"})
	}
	return func() precedence.AutoList { return l }
}

func TestListRules(t *testing.T) {
	auto := autoOf("127.0.0.0/8", "172.18.0.0/16", "a.corp", "localhost")
	cases := []struct {
		name, base  string
		add, remove []string
		rule, list  string
		err         string
	}{
		{name: "a plain list", base: "a,b", add: []string{"c", "A"}, remove: []string{"B"}, rule: "a,c", list: "a,c"},
		{name: "computed", base: "auto", rule: "auto", list: "127.0.0.0/8,172.18.0.0/16,a.corp,localhost"},
		{name: "computed and more", base: "auto,x.org", add: []string{"y.org"}, rule: "auto,x.org,y.org", list: "127.0.0.0/8,172.18.0.0/16,a.corp,localhost,x.org,y.org"},
		{name: "an own entry covers computed ones", base: "AUTO,corp,172.16.0.0/12", rule: "AUTO,corp,172.16.0.0/12", list: "127.0.0.0/8,localhost,corp,172.16.0.0/12"},
		{name: "a computed entry taken out", base: "auto", remove: []string{"a.corp"}, rule: "auto,-a.corp", list: "127.0.0.0/8,172.18.0.0/16,localhost"},
		{name: "and another one", base: "auto,-a.corp", remove: []string{"localhost"}, rule: "auto,-a.corp,-localhost", list: "127.0.0.0/8,172.18.0.0/16"},
		{name: "what is not there", base: "auto", remove: []string{"b.corp"}, err: "not in the list"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rule, err := combineRule(c.base, c.add, c.remove, auto)
			if c.err != "" {
				assert.ErrorContains(t, err, c.err)
				return
			}
			assert.NilError(t, err)
			assert.Equal(t, rule, c.rule)
			assert.Equal(t, expandRule(rule, auto), c.list)
		})
	}
}

func TestClientList(t *testing.T) {
	url := map[precedence.Key]precedence.Value{precedence.HTTPProxy: "http://p.corp:1"}
	given := func(s string) *string { return &s }
	present := []client.Setting{{Key: "noProxy", Value: "old"}}
	cases := []struct {
		name string
		file client.File
		want wanted
		list precedence.Value
		rule *string // nil: untouched
	}{
		{"a proxy comes with a list", client.File{}, wanted{urls: url}, "10.0.0.1,localhost", given("auto")},
		{"a list that is there stays", client.File{Settings: present}, wanted{urls: url}, "", nil},
		{"a list that is given", client.File{Settings: present, Rule: "auto"}, wanted{noProxy: given("new")}, "new", given("")},
		{"one more entry of a computed list", client.File{Settings: present, Rule: "auto,x"}, wanted{add: []string{"y"}}, "10.0.0.1,localhost,x,y", given("auto,x,y")},
		{"one entry less", client.File{Settings: present, Rule: "auto"}, wanted{remove: []string{"10.0.0.1"}}, "localhost", given("auto,-10.0.0.1")},
		{"its own list", client.File{}, wanted{urls: url, noProxy: given("d"), clientNo: given("c,auto")}, "10.0.0.1,localhost,c", given("c,auto")},
		{"without a proxy none is needed", client.File{}, wanted{client: map[string]precedence.Value{}}, "", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, _, err := c.want.clientSettings(c.file, false, autoOf("10.0.0.1", "localhost"))
			assert.NilError(t, err)
			assert.Equal(t, r.Values["noProxy"], c.list)
			assert.DeepEqual(t, r.Rule, c.rule)
		})
	}
}

func TestPublicSuffixes(t *testing.T) {
	for name, want := range map[string]bool{"com": true, "co.uk": true, "app": true, "db": false, "web": false, "build7.corp": false, "github.io": true} {
		assert.Equal(t, isPublicSuffix(name), want, name)
	}
}
