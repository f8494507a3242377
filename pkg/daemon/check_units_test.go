//go:build linux

package daemon

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// unitFindings writes the findings of the groups systemd and startup files: id file:line, with the variable.
func unitFindings(o *Observation) string {
	var out []string
	for _, f := range o.Findings {
		if c, _ := precedence.CheckOf(f.ID); c.Group != precedence.GroupSystemd && c.Group != precedence.GroupStartup {
			continue
		}
		text := f.ID
		if f.Source != nil && f.Source.Path != "" {
			text += fmt.Sprintf(" %s:%d %s", path.Base(f.Source.Path), f.Source.Line, f.Source.Name)
		}
		out = append(out, strings.TrimSpace(text))
	}
	slices.Sort(out)
	return strings.Join(out, " | ")
}

// TestUnitLines: what systemd makes of the lines of a drop-in. The name of each case says what a person believes to have written.
func TestUnitLines(t *testing.T) {
	const u = "http://p:1"
	cases := []struct{ name, text, want string }{
		{"nothing wrong", service(`Environment="HTTP_PROXY=http://p:1" "NO_PROXY=localhost,%H"`), ""},
		{"other variables", service(`Environment=A=%40 "B=1 C=2`, `Environment=D\user E # x`), ""},
		{"doubled percent", service(`Environment=HTTP_PROXY=http://u:a%%40b%%C3@p:1`), "systemd-credentials-world-readable a.conf:2 HTTP_PROXY"},
		{"percent", service(`Environment=HTTP_PROXY=http://u:a%40b@p:1`), "systemd-credentials-world-readable a.conf:2 HTTP_PROXY | systemd-unescaped-percent a.conf:2 HTTP_PROXY"},
		{"percent before a letter of a directory", service(`Environment=HTTP_PROXY=http://p:1/%C3%A9`), "systemd-unescaped-percent a.conf:2 HTTP_PROXY"},
		{"percent in a password", service(`Environment=HTTP_PROXY=http://u:a%nb@p:1`), "systemd-credentials-world-readable a.conf:2 HTTP_PROXY | systemd-unescaped-percent a.conf:2 HTTP_PROXY"},
		{"the account's name", service(`Environment=HTTP_PROXY=http://%u@p:1`), "systemd-credentials-world-readable a.conf:2 HTTP_PROXY"},
		{"percent on a continued line", service("Environment=A=1 \\", "  https_proxy=http://u:%40@p:1"), "systemd-credentials-world-readable a.conf:3 https_proxy | systemd-unescaped-percent a.conf:3 https_proxy"},
		{"domain and user", service(`Environment=HTTP_PROXY=http://CORP\user:x@p:1`), "systemd-bad-escape a.conf:2 HTTP_PROXY | systemd-credentials-world-readable a.conf:2 HTTP_PROXY"},
		{"domain and tom", service(`Environment=HTTP_PROXY=http://CORP\tom@p:1`), "systemd-bad-escape a.conf:2 HTTP_PROXY | systemd-credentials-world-readable a.conf:2 HTTP_PROXY"},
		{"escaped backslash", service(`Environment=HTTP_PROXY=http://CORP\\tom@p:1`), "systemd-credentials-world-readable a.conf:2 HTTP_PROXY"},
		{"an escaped quote", service(`Environment="HTTP_PROXY=http://p:1/\x41\""`), ""},
		{"open quote", service(`Environment="HTTP_PROXY=http://p:1`), "systemd-unbalanced-quote a.conf:2 HTTP_PROXY"},
		{"an apostrophe in the password", service(`Environment=HTTP_PROXY=http://u:it's@p:1`), "systemd-credentials-world-readable a.conf:2 HTTP_PROXY | systemd-unbalanced-quote a.conf:2 HTTP_PROXY"},
		{"open quote behind it", service(`Environment=HTTP_PROXY=http://p:1 "A=1`), ""},
		{"open quote before it", service(`Environment="A=1 HTTP_PROXY=http://p:1`), "systemd-unbalanced-quote a.conf:2 HTTP_PROXY"},
		{"two in one pair of quotes", service(`Environment="HTTP_PROXY=http://p:1 HTTPS_PROXY=http://p:1"`), "systemd-one-variable-in-two a.conf:2 HTTPS_PROXY"},
		{"two with a comma", service(`Environment=HTTP_PROXY=http://p:1,HTTPS_PROXY=http://p:1`), "systemd-one-variable-in-two a.conf:2 HTTPS_PROXY"},
		{"behind another variable", service(`Environment="A=1 NO_PROXY=x"`), "systemd-one-variable-in-two a.conf:2 NO_PROXY"},
		{"a name in a value", service(`Environment=A=HTTP_PROXY=x`), ""},
		{"a list with blanks", service(`Environment=NO_PROXY=localhost, 127.0.0.1, .corp`), "systemd-one-variable-in-two a.conf:2 NO_PROXY"},
		{"a list with blanks, quoted", service(`Environment="NO_PROXY=localhost, 127.0.0.1, .corp"`), ""},
		{"blanks around the equals sign", service(`Environment=HTTP_PROXY = http://p:1`), "systemd-one-variable-in-two a.conf:2 HTTP_PROXY"},
		{"a blank behind the equals sign", service(`Environment=HTTP_PROXY= http://p:1`), "systemd-one-variable-in-two a.conf:2 HTTP_PROXY"},
		{"a blank before the equals sign", service(`Environment=HTTP_PROXY =http://p:1`), "systemd-one-variable-in-two a.conf:2 HTTP_PROXY"},
		{"export", service(`Environment=export HTTP_PROXY=http://p:1`), ""},
		{"a comment", service(`Environment=HTTP_PROXY=http://p:1 # corp`), "systemd-trailing-comment a.conf:2 HTTP_PROXY"},
		{"a comment with an apostrophe", service(`Environment=HTTP_PROXY=http://p:1 # don't`), "systemd-trailing-comment a.conf:2 HTTP_PROXY"},
		{"a comment that assigns", service(`Environment=HTTP_PROXY=http://p:1 # was HTTP_PROXY=http://q:1`), "systemd-trailing-comment a.conf:2 HTTP_PROXY"},
		{"commented out, and yet set", service(`Environment=# HTTP_PROXY=http://p:1`), "systemd-trailing-comment a.conf:2 HTTP_PROXY"},
		{"commented out", service(`#Environment=HTTP_PROXY=%40`, `Environment=#HTTP_PROXY=http://p:1`), ""},
		{"a comment elsewhere", service(`Environment=A=1 # x`), ""},
		{"a fragment", service(`Environment=HTTP_PROXY=http://p:1/#x`), ""},
		{"a backslash at the end", service(`Environment=HTTP_PROXY=http://p:1 \`, `Environment=HTTPS_PROXY=http://p:1`), "systemd-ignored-assignment a.conf:3 HTTPS_PROXY"},
		{"no value", service(`Environment=HTTP_PROXY`), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"$HOST", service(`Environment=HTTP_PROXY=http://$HOST:1`), "startup-shell-expansion-not-done a.conf:2 HTTP_PROXY"},
		{"$no_proxy", service(`Environment="no_proxy=$no_proxy,x"`), "startup-shell-expansion-not-done a.conf:2 no_proxy"},
		{"a dollar sign in the password", service(`Environment=HTTP_PROXY=http://u:pa$$wo$rd@p:1`), "systemd-credentials-world-readable a.conf:2 HTTP_PROXY"},
		{"[Unit]", "[Unit]\nEnvironment=HTTP_PROXY=" + u + "\n", "systemd-wrong-section-or-directory a.conf:2 HTTP_PROXY"},
		{"[Install]", "[Install]\nEnvironmentFile=/etc/proxy.env\n", "systemd-wrong-section-or-directory a.conf:2"},
		{"[service]", "[service]\nEnvironment=HTTP_PROXY=" + u + "\n", "systemd-wrong-section-or-directory a.conf:2 HTTP_PROXY"},
		{"[X-Off]", "[X-Off]\nEnvironment=HTTP_PROXY=" + u + "\n", ""},
		{"no section", "Environment=HTTP_PROXY=" + u + "\n", "systemd-wrong-section-or-directory a.conf:1 HTTP_PROXY"},
		{"half a section header", "[Service\nEnvironment=HTTP_PROXY=" + u + "\n", "systemd-ignored-assignment a.conf:1"},
		{"half a section header, and nothing more", service("Environment=HTTP_PROXY="+u) + "[X\n", ""},
		{"Environment is left out", service("HTTP_PROXY=" + u), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"as in a shell", service("export HTTP_PROXY=" + u), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"misspelt", service("Enviroment=HTTP_PROXY=" + u), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"lower case", service("environment=HTTP_PROXY=" + u), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"the manager's", service("DefaultEnvironment=HTTP_PROXY=" + u), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"a colon", service("Environment: HTTP_PROXY " + u), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"a command that mentions it", service("ExecStartPre=/bin/sh -c 'echo $HTTP_PROXY'"), ""},
		{"an open quote for UnsetEnvironment", service(`UnsetEnvironment="HTTP_PROXY`), "systemd-unbalanced-quote a.conf:2 HTTP_PROXY"},
		{"with a comma", service(`UnsetEnvironment=HTTP_PROXY,HTTPS_PROXY`), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
		{"passed on with a dollar sign", service(`PassEnvironment=$HTTP_PROXY`), "systemd-ignored-assignment a.conf:2 HTTP_PROXY"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, unitFindings(observed(t, debianHost("26.1.5"), map[string]string{adminDir + "a.conf": c.text})), c.want)
		})
	}
	old := debianHost("26.1.5")
	delete(old, "/lib/systemd/libsystemd-shared-257.so")
	old["/lib/systemd/libsystemd-shared-219.so"] = "elf"
	o := observed(t, old, map[string]string{adminDir + "a.conf": service("Environment=HTTP_PROXY=http://a%40b:1")})
	assert.Equal(t, o.Site.SystemdVersion, 219)
	assert.Equal(t, unitFindings(o), "", "before 236 an unknown specifier stays as it is")
	shared := observed(t, debianHost("26.1.5"), map[string]string{"/etc/systemd/system.conf.d/p.conf": "[Manager]\nDefaultEnvironment=HTTP_PROXY=http://a%40:1\nDefaultEnvironment=\"NO_PROXY=x\n[Service]\nDefaultEnvironment=https_proxy=x\n"})
	assert.Equal(t, unitFindings(shared), "systemd-unbalanced-quote p.conf:3 NO_PROXY | systemd-unescaped-percent p.conf:2 HTTP_PROXY | systemd-wrong-section-or-directory p.conf:5 https_proxy")
}

// TestEnvironmentFileLines: what systemd makes of the lines of an EnvironmentFile=.
func TestEnvironmentFileLines(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"nothing wrong", "# note\nHTTP_PROXY='http://p:1'\nexport HTTP_PROXY\nNO_PROXY=\"a,b # c\"\n", ""},
		{"percent", "HTTP_PROXY=http://a%40b:1\n", ""},
		{"export", "export HTTP_PROXY=http://p:1\n", "startup-export-in-environment-file docker:1 HTTP_PROXY"},
		{"export beside the same", "HTTP_PROXY=x\nexport HTTP_PROXY=x\n", ""},
		{"export beside another", "HTTP_PROXY=x\nexport HTTP_PROXY=y\n", "startup-export-in-environment-file docker:2 HTTP_PROXY"},
		{"export of others", "export A=1\n", ""},
		{"declare", "declare -x HTTP_PROXY=x\n", "systemd-ignored-assignment docker:1 HTTP_PROXY"},
		{"Latin-1", "A=1\n# \xe9\nB=\xe9\nHTTP_PROXY=x\n", "startup-invalid-utf8 docker:3"},
		{"Latin-1 in a comment", "# \xe9\nHTTP_PROXY=x\n", ""},
		{"Latin-1 without proxies", "A=\xe9\n", ""},
		{"a comment", "HTTP_PROXY=http://p:1 # corp\n", "startup-inline-comment docker:1 HTTP_PROXY"},
		{"a comment behind quotes", "NO_PROXY=\"a,b\" # corp\n", "startup-inline-comment docker:1 NO_PROXY"},
		{"a comment, later overwritten", "HTTP_PROXY=http://p:1 # corp\nHTTP_PROXY=http://p:1\n", ""},
		{"a comment elsewhere", "A=1 # b\n", ""},
		{"$HTTP_PROXY", "HTTP_PROXY=http://p:1\nHTTPS_PROXY=$HTTP_PROXY\n", "startup-shell-expansion-not-done docker:2 HTTPS_PROXY"},
		{"a command", "NO_PROXY=localhost,$(hostname)\n", "startup-shell-expansion-not-done docker:1 NO_PROXY"},
		{"in single quotes", "NO_PROXY='localhost,$X'\n", ""},
		{"a password with a dollar sign", "HTTP_PROXY=http://u:a$b@p:1\n", "systemd-credentials-world-readable docker:1 HTTP_PROXY"},
		{"a variable for the password", "B=1\nHTTP_PROXY=http://u:a$B@p:1\n", "startup-shell-expansion-not-done docker:2 HTTP_PROXY | systemd-credentials-world-readable docker:2 HTTP_PROXY"},
		{"open quote", "HTTP_PROXY=\"http://p:1\nHTTPS_PROXY=\"http://p:1\"\n", "systemd-unbalanced-quote docker:1 HTTP_PROXY"},
		{"open quote before", "DOCKER_OPTS=\"-D\nHTTPS_PROXY=http://p:1\n", "systemd-unbalanced-quote docker:1 HTTPS_PROXY"},
		{"two on a line", "HTTP_PROXY=http://p:1 HTTPS_PROXY=http://p:1\n", "systemd-one-variable-in-two docker:1 HTTP_PROXY"},
		{"as in a unit", "Environment=HTTP_PROXY=http://p:1\n", "systemd-ignored-assignment docker:1 HTTP_PROXY"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, unitFindings(observed(t, debianHost("26.1.5"), map[string]string{startupPath: c.text})), c.want)
		})
	}
	t.Run("without a dash the unit does not start", func(t *testing.T) {
		o := observed(t, debianHost("26.1.5"), map[string]string{adminDir + "a.conf": service("EnvironmentFile=/etc/x.env"), "/etc/x.env": "A=\xe9\n"})
		assert.Equal(t, unitFindings(o), "startup-invalid-utf8 x.env:1")
		assert.Equal(t, len(o.Faults), 1)
		assert.Assert(t, o.Faults[0].Stops)
	})
	for _, c := range []struct{ name, line, want string }{
		{"missing", "EnvironmentFile=/etc/y.env", "systemd-environment-file-missing a.conf:2"},
		{"missing, with a dash", "EnvironmentFile=-/etc/y.env", ""},
		{"a comment behind the name", "EnvironmentFile=-/etc/x.env # corp", "systemd-environment-file-missing a.conf:2"},
		{"two names", "EnvironmentFile=-/etc/x.env -/etc/z.env", "systemd-environment-file-missing a.conf:2"},
		{"quoted", `EnvironmentFile="/etc/x.env"`, "systemd-ignored-assignment a.conf:2"},
		{"quoted, about something else", `EnvironmentFile="/etc/z.env"`, ""},
		{"percent", `EnvironmentFile=/etc/proxy%20.env`, "systemd-unescaped-percent a.conf:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, debianHost("26.1.5"), map[string]string{adminDir + "a.conf": service(c.line), "/etc/x.env": "HTTP_PROXY=x\n", "/etc/z.env": "A=1\n"})
			assert.Equal(t, unitFindings(o), c.want)
		})
	}
}
