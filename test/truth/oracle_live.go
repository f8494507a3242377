package truth

import (
	"encoding/json"
	"fmt"
	"strings"
)

// liveKeep saves the files of the host that states replace.
const liveKeep = `set -eu
mkdir -p /dpt-keep
for f in /etc/default/docker /etc/conf.d/docker /etc/docker/daemon.json /etc/rc.conf; do
	[ -e "$f" ] && cp -a --parents "$f" /dpt-keep || :
done
: > /dpt-keep-list
`

// liveApply takes the last state away, puts the next one in place, restarts
// dockerd as an administrator would, and reports what the daemon really has.
// Arguments: manager, then the environment of the caller or manager.
const liveApply = `set -u
manager=$1; shift
socket=/var/run/docker.sock
ctl() { systemctl "$@"; }
if [ $manager = user ]; then
	socket=/run/user/1000/docker.sock
	ctl() {
		setpriv --reuid=ann --regid=ann --init-groups env HOME=/home/ann XDG_RUNTIME_DIR=/run/user/1000 \
			DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus systemctl --user "$@"
	}
fi
while read -r f; do rm -f "$f"; done < /dpt-keep-list
cp -a /dpt-keep/. /
rm -rf /dpt-new /dpt-live
mkdir -p /dpt-new /dpt-live
tar -C /dpt-new -xf -
(cd /dpt-new && find . -type f -o -type l) | cut -c2- > /dpt-keep-list
cp -a /dpt-new/. /
case $manager in
systemd | user)
	ctl show-environment | sed -n 's/^\([A-Za-z]*_[A-Za-z]*\)=.*/\1/p' | grep -i _proxy > /dpt-live/names
	while read -r v; do ctl unset-environment "$v"; done < /dpt-live/names
	for e; do ctl set-environment "$e"; done
	ctl daemon-reload
	ctl reset-failed docker.service docker.socket 2>/dev/null
	ctl restart docker.service > /dpt-live/log 2>&1
	;;
sysv)
	# Debian's script cannot restart what is stopped: cat of the missing pid file ends it under set -e.
	verb=restart; pidof dockerd >/dev/null || verb=start
	if [ $# -gt 0 ]; then env -i PATH="$PATH" "$@" /etc/init.d/docker $verb; else service docker $verb; fi > /dpt-live/log 2>&1
	;;
openrc) env -i PATH="$PATH" "$@" rc-service docker restart > /dpt-live/log 2>&1 ;;
manual)
	# The last words are the command line.
	pkill -x dockerd
	while pidof dockerd > /dev/null; do sleep 0.05; done
	setsid env -i PATH="$PATH" "$@" < /dev/null > /dpt-live/log 2>&1 &
	;;
esac
i=0
while [ $i -lt 100 ]; do
	if curl -s -f --unix-socket $socket http://localhost/info > /dpt-live/info 2>/dev/null; then break; fi
	rm -f /dpt-live/info
	case $manager in systemd | user) ctl -q is-failed docker.service && break ;; esac
	i=$((i+1)); sleep 0.1
done
if [ -e /dpt-live/info ]; then
	pid=$(pidof -s dockerd)
	cat /proc/$pid/environ > /dpt-live/environ
	cat /proc/$pid/cmdline > /dpt-live/cmdline
fi
tar -C /dpt-live -cf - .
`

// liveStop stops dockerd, and its socket, so that nothing starts it again.
const liveStop = `case $1 in
systemd) systemctl stop docker.socket docker.service ;;
user) setpriv --reuid=ann --regid=ann --init-groups env XDG_RUNTIME_DIR=/run/user/1000 systemctl --user stop docker.service ;;
sysv) service docker stop ;;
openrc) rc-service docker stop ;;
manual) pkill -x dockerd ;;
esac >/dev/null 2>&1
i=0
while pidof dockerd >/dev/null && [ $i -lt 100 ]; do i=$((i+1)); sleep 0.1; done
! pidof dockerd >/dev/null
`

// liveAnswer reads what liveApply reported.
func liveAnswer(out []byte) (Answer, error) {
	got, err := unpack(out)
	if err != nil {
		return Answer{}, err
	}
	text, ran := got["info"]
	if !ran {
		return Answer{Log: got["log"]}, nil
	}
	a := Answer{Ran: true, Info: &Info{}, Env: proxyVariables(got["environ"]), Args: strings.Split(strings.TrimSuffix(got["cmdline"], "\x00"), "\x00")}
	if err := json.Unmarshal([]byte(text), a.Info); err != nil {
		return a, fmt.Errorf("/info: %w", err)
	}
	return a, nil
}
