//go:build linux

package daemon

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"pgregory.net/rapid"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// fuzzHosts are the hosts whose files are replaced by random bytes: Debian's unit, docker-ce's, an engine before 23.0, sysvinit.
func fuzzHosts(t testing.TB) []*host.FS {
	t.Helper()
	dpkg := func(version string) map[string]string {
		return map[string]string{"/var/lib/dpkg/status": "Package: docker.io\nStatus: install ok installed\nVersion: " + version + "\n"}
	}
	unit := func(text string) map[string]string {
		return map[string]string{"/usr/lib/systemd/system/docker.service": text}
	}
	return []*host.FS{
		hostTree(t, systemdBase(), dpkg("26.1.5+dfsg1-9"), unit(debianUnit)),
		hostTree(t, systemdBase(), dpkg("28.5.2-1"), unit(ceUnit)),
		hostTree(t, systemdBase(), dpkg("20.10.24+dfsg1-1"), unit(debianUnit)),
		hostTree(t, dpkg("26.1.5+dfsg1-9"), map[string]string{"/sbin/init": "elf", "/etc/init.d/docker": debianInit}),
	}
}

// FuzzPlan: whatever stands in the files, looking at them and planning never panics; a refusal plans nothing; an accepted plan leads to files from which a fresh look gets the
// wanted values.
func FuzzPlan(f *testing.F) {
	const named = "[Service]\nEnvironmentFile=-/etc/systemd/system/docker.service.d/more.env\n"
	for _, seed := range []struct{ json, dropIn, startup, env string }{
		{"", "", "", ""},
		{`{"proxies":{"http-proxy":"http://j:1","no-proxy":""}}`, "[Service]\nEnvironment=HTTP_PROXY=http://u:1 A=b\n", "HTTP_PROXY=http://s:1\nexport HTTP_PROXY\n", "https_proxy=http://e:1\n"},
		{"{\n  \"proxies\": {\"https-proxy\": \"http://a:b@j:1\"},\n  \"proxies\": {}\n}\n", named + "UnsetEnvironment=HTTPS_PROXY http_proxy\n", "export https_proxy='http://s:2'\n", "HTTPS_PROXY='http://e:2'\nNO_PROXY=\"a,\nb\""},
		{"\ufeff{ }", marker + "\n" + named, "unset HTTP_PROXY\nif x; then HTTP_PROXY=y; fi\n", "# \\\nNO_PROXY=a\\\nb\r\n"},
		{"null", "[Service]\nEnvironmentFile=\nPassEnvironment=HTTP_PROXY NO_PROXY\nEnvironment=\n", "DOCKER_OPTS=\"--http-proxy=http://f:1\"\n", "export HTTP_PROXY=x\n"},
		{`{"proxies":null}`, "[Service]\nEnvironment=\"HTTP_PROXY=a\\x20b\" 'NO_PROXY=%%h%H' https_proxy=\\\nc\n;x\n", "HTTP_PROXY=$(cat /x)\n. /etc/other\nreadonly NO_PROXY=z\n", "\xff\xfe"},
		{`{"http-proxy":"x","debug":}`, "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd --no-proxy=a --config-file=/etc/other.json\n", "set -a\nNO_PROXY=${NO_PROXY:+$NO_PROXY,}b\n", "\x00HTTP_PROXY=\n"},
	} {
		for layout := range uint8(4) {
			f.Add([]byte(seed.json), []byte(seed.dropIn), []byte(seed.startup), []byte(seed.env), layout, uint8(0))
		}
	}
	hosts := fuzzHosts(f)
	f.Fuzz(func(t *testing.T, json, dropIn, startup, env []byte, layout, wish uint8) {
		planEverything(t, hosts[int(layout)%len(hosts)], json, dropIn, startup, env, wish)
	})
}

// planEverything plans a set in every layer, an unset and a reconcile on a host with these files. The bits of wish choose what is wanted, and the options.
func planEverything(t *testing.T, files *host.FS, json, dropIn, startup, env []byte, wish uint8) {
	t.Helper()
	files = files.With(map[string]host.Overlay{
		"/etc/docker/daemon.json":                              {Data: json, Mode: 0o644, Absent: wish&1 != 0},
		"/etc/systemd/system/docker.service.d/http-proxy.conf": {Data: dropIn, Mode: 0o644},
		"/etc/systemd/system/docker.service.d/more.env":        {Data: env, Mode: 0o600},
		"/etc/default/docker":                                  {Data: startup, Mode: 0o644},
	})
	site, err := Locate(t.Context(), Env{FS: files})
	assert.NilError(t, err)
	o := Observe(site)
	wanted := []precedence.Settings{
		{precedence.HTTPProxy: "http://new.corp:1", precedence.HTTPSProxy: "http://ann:p%40ss@new.corp:2"},
		{precedence.NoProxy: `a$HOME,b%h,#c;d\e,(f)`},
		{precedence.HTTPSProxy: "http://new.corp:3", precedence.NoProxy: "*"},
	}[int(wish>>1)%3]
	for _, layer := range []string{Auto, "daemon.json", "systemd", "startup", "env"} {
		p, err := PlanSet(o, SetRequest{Wanted: wanted, Layer: layer, Reconcile: wish&8 != 0, KeepShadowed: wish&16 != 0}, nil)
		checkPlan(t, o, p, err, wanted)
	}
	p, err := PlanUnset(o, UnsetRequest{Keys: precedence.Keys(), All: wish&32 != 0}, nil)
	checkPlan(t, o, p, err, precedence.Settings{precedence.HTTPProxy: "", precedence.HTTPSProxy: "", precedence.NoProxy: ""})
	p, err = PlanReconcile(o, ReconcileRequest{ToAll: wish&64 != 0}, nil)
	same := precedence.Settings{}
	for _, v := range o.Verdicts {
		if v.Winner == nil {
			same[v.Key] = ""
		} else if !v.Winner.Unknown {
			same[v.Key] = v.Winner.Value
		}
	}
	checkPlan(t, o, p, err, same)
}

// TestPlanGenerated is FuzzPlan with files that are put together from what people write: random bytes seldom mean anything.
func TestPlanGenerated(t *testing.T) {
	hosts := fuzzHosts(t)
	rapid.Check(t, func(r *rapid.T) {
		lines := func(name string, pool ...string) []byte {
			return []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pool), 0, 6).Draw(r, name), ""))
		}
		members := rapid.SliceOfN(rapid.SampledFrom([]string{
			`"debug": true`, `"proxies": {}`, `"proxies": {"http-proxy": "http://j:1"}`, `"proxies": {"https-proxy": "", "no-proxy": "j.corp"}`, `"proxies": {"http-proxy": "http://a:b@j:2", "http-proxy": ""}`,
			`"Proxies": {"no-proxy": "x"}`, `"no-proxy": "misplaced"`, `"proxies": {"https-proxy": "http://j:3"}`, `"dns": ["1.1.1.1"]`,
		}), 0, 4).Draw(r, "members")
		json := "{" + strings.Join(members, ",\n ") + "}"
		dropIn := lines("drop-in", "[Service]\n", "[Service]\n", "Environment=HTTP_PROXY=http://u:1\n", "Environment=\"HTTPS_PROXY=http://u:2\" A=b https_proxy=http://u:3\n", "Environment=\n", "EnvironmentFile=\n",
			"EnvironmentFile=-/etc/systemd/system/docker.service.d/more.env\n", "EnvironmentFile=-/etc/systemd/system/docker.service.d/*.env\n", "UnsetEnvironment=HTTP_PROXY no_proxy\n", "UnsetEnvironment=HTTPS_PROXY=http://u:2\n", "UnsetEnvironment=\n",
			"PassEnvironment=NO_PROXY\n", "# comment\n", "Environment=NO_PROXY=%H http_proxy=http://u:4 \\\n  # inside\n  no_proxy=u.corp\n", "[Unit]\n", marker+"\n")
		startup := lines("startup", "HTTP_PROXY=http://s:1\n", "export HTTP_PROXY\n", "export https_proxy='http://s:2' NO_PROXY=s.corp\n", "unset https_proxy HTTP_PROXY\n", "NO_PROXY=$NO_PROXY,more\n", "DOCKER_OPTS=-D\n", "# x\n",
			"HTTPS_PROXY=$(cat /x)\n", "if [ -n \"$A\" ]; then export http_proxy=http://s:3; fi\n", "set -a\n", "readonly no_proxy=r\n", "DOCKER_OPTS=\"--https-proxy=http://f:1\"\n", ": ${HTTPS_PROXY:=http://s:4}\n")
		env := lines("env", "HTTP_PROXY=http://e:1\n", "HTTPS_PROXY='http://e:2'\n", "export NO_PROXY=x\n", "no_proxy=\"e,\\\nf\"\n", "https_proxy=\n", "; c\n", "A=b")
		planEverything(t, hosts[rapid.IntRange(0, len(hosts)-1).Draw(r, "host")], []byte(json), dropIn, startup, env, rapid.Uint8().Draw(r, "wish"))
		if t.Failed() {
			r.Fatalf("daemon.json:\n%s\ndrop-in:\n%s\nstartup:\n%s\nenv:\n%s", json, dropIn, startup, env)
		}
	})
}

// checkPlan compares what a fresh look at the planned files finds with what the plan was for; an empty value is one that is not set.
func checkPlan(t *testing.T, before *Observation, p *Plan, err error, wanted precedence.Settings) {
	t.Helper()
	if err != nil {
		assert.Assert(t, p == nil, "a refusal came with a plan: %v", err)
		return
	}
	assert.Assert(t, slices.IndexFunc(p.Changes, func(c change.Change) bool { return c.NoOp() }) < 0)
	if len(p.Changes) > 0 {
		fresh, err := Locate(t.Context(), Env{FS: before.Planned(p.Changes).Files})
		assert.NilError(t, err)
		before = Observe(fresh)
	}
	for _, f := range before.Faults {
		t.Errorf("the plan leaves or makes a fault: %v\n%s", f, p.Changes)
	}
	for _, v := range before.Verdicts {
		want, named := wanted[v.Key]
		switch {
		case !named:
		case v.Winner == nil && want != "":
			t.Errorf("%s is not set, want %s\n%s", v.Key, want, p.Changes)
		case v.Winner != nil && (v.Winner.Unknown || v.Winner.Value != want):
			t.Errorf("%s is %q from %s, want %q\n%s", v.Key, v.Winner.Value.Reveal(), v.Winner.Source, want.Reveal(), p.Changes)
		}
	}
}
