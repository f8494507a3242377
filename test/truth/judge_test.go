package truth

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// TestJudgeNotices keeps the comparison itself honest: each single lie in an
// otherwise right answer is noticed.
func TestJudgeNotices(t *testing.T) {
	g := newGen(1, "systemd-001", Systemd)
	g.debian()
	g.file(startupFile, "startup", "environment-file").add("HTTPS_PROXY=http://ann:" + secret + "@" + g.mark() + ".corp:3128")
	g.dropIn(unitDirs[0], "10-a.conf").add("Environment=HTTPS_PROXY=http://" + g.mark() + ".corp https_proxy=http://" + g.mark() + ".corp")
	g.st.Rule = "environment-file-over-environment"
	s := g.finish()
	a := Answer{
		Ran:     true,
		Env:     map[string]string{"HTTPS_PROXY": "http://ann:" + secret + "@p01.corp:3128", "https_proxy": "http://p03.corp"},
		Effects: map[string]string{"http-proxy": "direct", "https-proxy": "proxy"},
	}
	const right = `{"settings":[
		{"key":"http-proxy","set":false,"effect":"direct"},
		{"key":"https-proxy","set":true,"effect":"proxy","value":"http://xxxxx:xxxxx@p01.corp:3128","rule":"environment-file-over-environment",
		 "source":{"layer":"startup","path":"/etc/default/docker","line":1,"name":"HTTPS_PROXY","route":"environment-file"},
		 "lower":{"value":"http://p03.corp","source":{"layer":"systemd","path":"/etc/systemd/system/docker.service.d/10-a.conf","line":2,"name":"https_proxy","route":"environment"}}},
		{"key":"no-proxy","set":false}]}`
	assert.DeepEqual(t, judge(s, a, readResult(right, "", 0), false), []string(nil))

	for _, tc := range []struct{ name, old, lie string }{
		{"value", "@p01.corp", "@p02.corp"},
		{"not set", `"set":true`, `"set":false`},
		{"set", `"http-proxy","set":false`, `"http-proxy","set":true,"value":"http://p02.corp"`},
		{"unmasked", "xxxxx:xxxxx", "ann:" + secret},
		{"path", "/etc/default/docker", "/etc/sysconfig/docker"},
		{"line", `"line":1`, `"line":2`},
		{"layer", `"layer":"startup"`, `"layer":"systemd"`},
		{"route", `"route":"environment-file"`, `"route":"environment"`},
		{"rule", `"rule":"environment-file-over-environment"`, `"rule":"only-value"`},
		{"lower value", `"http://p03.corp"`, `"http://p02.corp"`},
		{"lower line", `"line":2`, `"line":1`},
		{"no lower", `"lower":{`, `"other":{`},
		{"effect", `"effect":"proxy"`, `"effect":"invalid"`},
		{"unknown", `"value":"http://xxxxx:xxxxx@p01.corp:3128",`, ""},
		{"order", `"key":"no-proxy"`, `"key":"http-proxy"`},
		{"missing setting", `,
		{"key":"no-proxy","set":false}`, ""},
		{"no JSON", "{", "["},
	} {
		t.Run(tc.name, func(t *testing.T) {
			assert.Assert(t, strings.Contains(right, tc.old))
			lie := strings.Replace(right, tc.old, tc.lie, 1)
			assert.Assert(t, len(judge(s, a, readResult(lie, "", 0), false)) > 0)
		})
	}
	t.Run("password in a message", func(t *testing.T) {
		assert.Assert(t, len(judge(s, a, readResult(right, "cannot use "+secret, 0), false)) > 0)
	})
	t.Run("a daemon that does not start", func(t *testing.T) {
		assert.Assert(t, len(judge(s, Answer{}, readResult(right, "", 0), false)) > 0)
		assert.Assert(t, len(judge(s, Answer{}, readResult(`{"findings":[{"id":"x","severity":"error"}]}`, "", 0), false)) == 0)
	})
}
