# A layer over the sysvinit root. Debian ships no OpenRC script for docker: this
# one runs it the way OpenRC's own service script guide says. /etc/default/docker
# stays behind, and nobody reads it here.
cat >/etc/init.d/docker <<'SCRIPT'
#!/sbin/openrc-run
description="Docker daemon"
command="/usr/sbin/dockerd"
command_args="${DOCKER_OPTS}"
command_background="yes"
pidfile="/run/docker-openrc.pid"
output_log="/var/log/docker.log"
error_log="/var/log/docker.log"
retry="TERM/60/KILL/10"

depend() {
	need container-cgroups
	after bootmisc
}
SCRIPT
cat >/etc/init.d/container-cgroups <<'SCRIPT'
#!/sbin/openrc-run
description="Writable control groups inside the test container"
start() {
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
}
SCRIPT
printf '# Settings of /etc/init.d/docker.\nDOCKER_OPTS=""\n' >/etc/conf.d/docker
for level in /etc/runlevels/*; do
	rm -f "$level/docker" "$level/container-cgroups" "$level/squid" "$level/docker-registry"
done
rc-update add container-cgroups boot
rc-update add docker default
