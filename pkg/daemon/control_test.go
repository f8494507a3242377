package daemon

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-proxy/docker-proxy/internal/proc"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

func TestControlCommand(t *testing.T) {
	ann := &User{Name: "ann", UID: 1000, RuntimeDir: "/run/user/1000"}
	for _, tt := range []struct {
		name string
		site Site
		want string
	}{
		{"systemd", Site{Manager: ManagerSystemd, Unit: "docker.service"}, "systemctl restart docker.service"},
		{"one's own account", Site{Manager: ManagerSystemdUser, Unit: "docker.service", User: ann, CallerUID: 1000}, "systemctl --user restart docker.service"},
		{"somebody's account, by root", Site{Manager: ManagerSystemdUser, Unit: "docker.service", User: ann}, "systemctl --user --machine=ann@ restart docker.service"},
		{"root's own account", Site{Manager: ManagerSystemdUser, Unit: "docker.service", User: &User{Name: "root"}}, "systemctl --user restart docker.service"},
		{"snap", Site{Manager: ManagerSystemd, Unit: snapUnit, Flavor: FlavorSnap}, "snap restart docker.dockerd"},
		{"sysvinit", Site{Manager: ManagerSysV}, "service docker restart"},
		{"OpenRC", Site{Manager: ManagerOpenRC}, "rc-service docker restart"},
		{"runit", Site{Manager: ManagerRunit}, "sv restart docker"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ControlOf(&tt.site, nil)
			assert.NilError(t, err)
			assert.Equal(t, c.Command(), tt.want)
		})
	}
	_, err := ControlOf(&Site{Manager: ManagerNone}, nil)
	assert.ErrorContains(t, err, "nothing on this host")
}

// What a person types for a dockerd somebody started by hand; TestByHand types it on a real host.
func TestManualLines(t *testing.T) {
	planned := func(winners map[precedence.Key]precedence.Binding) *Observation {
		o := &Observation{}
		for _, k := range precedence.Keys() {
			v := precedence.Verdict{Key: k}
			if b, ok := winners[k]; ok {
				v.Winner = &b
			}
			o.Verdicts = append(o.Verdicts, v)
		}
		return o
	}
	inFile := precedence.Source{Layer: precedence.LayerDaemonJSON, Path: "/etc/docker/daemon.json", Line: 4, Route: precedence.RouteConfigFile}
	stop := "kill 7; while kill -0 7 2>/dev/null; do sleep 1; done"
	for _, tt := range []struct {
		name    string
		argv    []string
		env     []string
		planned *Observation
		want    []string
	}{
		{name: "plain", argv: []string{"dockerd"}, env: []string{}, want: []string{stop, "dockerd &"}},
		{name: "quoting", argv: []string{"dockerd", "--label", "a=$b 'c'", ""}, env: []string{}, want: []string{stop, `dockerd --label 'a=$b '\''c'\''' '' &`}},
		{
			name: "a password in the options", argv: []string{"dockerd", "--http-proxy=http://u:secret@p:1"}, env: []string{},
			want: []string{"# what is shown as xxxxx in the options stands in the running one's command line, /proc/7/cmdline; note it before the kill", stop, "dockerd --http-proxy=http://xxxxx:xxxxx@p:1 &"},
		},
		{
			name: "what dockerd reads, and nothing else", argv: []string{"dockerd"}, env: []string{"PATH=/bin", "TMPDIR=/t m", "DOCKER_HOST=x", "DOCKER_RAMDISK=1", "SSL_CERT_FILE=/c"},
			want: []string{stop, "env DOCKER_RAMDISK=1 SSL_CERT_FILE=/c TMPDIR='/t m' dockerd &"},
		},
		{
			name: "proxy variables as they are going to be", argv: []string{"dockerd"}, env: []string{"HTTP_PROXY=http://old:1", "NO_PROXY=old", "https_proxy=http://u:secret@old:1"},
			planned: planned(map[precedence.Key]precedence.Binding{
				precedence.HTTPProxy: {Value: "http://new:1", Source: inFile}, precedence.HTTPSProxy: {Value: "http://u:secret@new:1", Source: inFile},
			}),
			want: []string{"# https_proxy: the value with its password stands in /etc/docker/daemon.json:4, which dockerd reads itself", stop, "env -u NO_PROXY -u https_proxy HTTP_PROXY=http://new:1 dockerd &"},
		},
		{
			name: "a password that only the process has", argv: []string{"dockerd"}, env: []string{"HTTP_PROXY=http://u:secret@old:1"},
			planned: planned(map[precedence.Key]precedence.Binding{precedence.HTTPProxy: {Value: "http://u:secret@old:1", Source: precedence.Source{Layer: precedence.LayerProcess, Route: precedence.RouteInherited}}}),
			want:    []string{"# HTTP_PROXY: the value with its password stands in /proc/7/environ; note it before the kill", stop, "env HTTP_PROXY=http://xxxxx:xxxxx@old:1 dockerd &"},
		},
		{name: "an environment that may not be read", argv: []string{"dockerd"}, want: []string{"# the variables it was started with cannot be read; start it with the same", stop, "dockerd &"}},
		{name: "a command line that may not be read", want: []string{stop, "# and start dockerd as before: its command line cannot be read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := &Site{Manager: ManagerManual, PID: 7, Argv: tt.argv, ArgvKnown: tt.argv != nil, Process: &proc.Process{PID: 7, Environ: tt.env}}
			_, err := ControlOf(site, tt.planned)
			var manual *ManualError
			assert.Assert(t, errors.As(err, &manual))
			assert.DeepEqual(t, manual.Lines, tt.want)
		})
	}
}
