package client

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestFindStale(t *testing.T) {
	fresh := File{Settings: []Setting{{Key: "httpsProxy", Value: "http://ann:new@p.corp:1"}, {Key: "noProxy", Value: "a.corp"}}}.ForContainers()
	current := []string{"HTTPS_PROXY=http://ann:new@p.corp:1", "https_proxy=http://ann:new@p.corp:1", "NO_PROXY=a.corp", "no_proxy=a.corp", "PATH=/bin"}
	cases := []struct {
		name        string
		env         []string
		fresh       []Variable
		differences []Difference
		other       bool
		credentials []string
	}{
		{"as new ones", current, fresh, []Difference{}, false, []string{"HTTPS_PROXY", "https_proxy"}},
		{"an old list", append([]string{}, "HTTPS_PROXY=http://ann:new@p.corp:1", "https_proxy=http://ann:new@p.corp:1", "NO_PROXY=b.corp", "no_proxy=a.corp"), fresh,
			[]Difference{{"NO_PROXY", "b.corp", "a.corp"}}, false, []string{"HTTPS_PROXY", "https_proxy"}},
		{"an old user name, masked", []string{"HTTPS_PROXY=http://bob:old@p.corp:1"}, fresh[:1], []Difference{{"HTTPS_PROXY", "http://xxxxx:xxxxx@p.corp:1", "http://xxxxx:xxxxx@p.corp:1"}}, true, []string{"HTTPS_PROXY"}},
		{"created before", []string{"PATH=/bin"}, fresh[2:], []Difference{{"NO_PROXY", "", "a.corp"}, {"no_proxy", "", "a.corp"}}, false, []string{}},
		{"kept after unset", []string{"HTTP_PROXY=http://p:1", "http_proxy=http://p:1", "no_proxy=a"}, nil, []Difference{{"HTTP_PROXY", "http://p:1", ""}, {"http_proxy", "http://p:1", ""}}, false, []string{}},
		{"given on purpose, and nothing is injected", []string{"HTTP_PROXY=http://own:1"}, fresh, nil, false, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "given on purpose, and nothing is injected" {
				assert.Equal(t, len(FindStale([]Created{{Name: "c", Env: c.env}}, nil)), 0)
				return
			}
			got := FindStale([]Created{{Name: "c", Env: c.env}}, c.fresh)
			assert.Equal(t, len(got), 1)
			assert.DeepEqual(t, got[0].Differences, c.differences)
			assert.Equal(t, got[0].OtherUser, c.other)
			assert.DeepEqual(t, got[0].Credentials, c.credentials)
		})
	}
}

func TestRecreate(t *testing.T) {
	cases := []struct {
		name   string
		labels map[string]string
		want   string
	}{
		{"plain", nil, "docker rm -f c, and run it again as it was run"},
		{"compose", map[string]string{composeProject: "shop", composeService: "db", composeFiles: "/srv/shop/a.yaml,/srv/shop/b c.yaml", composeDir: "/srv/shop"},
			"docker compose -p shop --project-directory /srv/shop -f /srv/shop/a.yaml -f '/srv/shop/b c.yaml' up -d --force-recreate --no-deps db"},
		{"compose's env file", map[string]string{composeProject: "shop", composeService: "db", composeEnv: "/srv/.env"}, "docker compose -p shop --env-file /srv/.env up -d --force-recreate --no-deps db"},
		{"swarm", map[string]string{swarmService: "web"}, "docker service update --force web (Swarm hands out no settings of config.json: give them with --env-add)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, recreate(Created{Name: "c", Labels: c.labels}), c.want)
		})
	}
}
