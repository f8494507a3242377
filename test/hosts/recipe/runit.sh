# A layer over the sysvinit root: runit is init and runs dockerd, by a script like
# Void Linux's, which sources the file conf beside it. Debian has none for docker.
mkdir -p /etc/sv/docker/log /var/log/docker
cat >/etc/sv/docker/run <<'SCRIPT'
#!/bin/sh
exec 2>&1
[ -r ./conf ] && . ./conf
exec dockerd $OPTS
SCRIPT
cat >/etc/sv/docker/log/run <<'SCRIPT'
#!/bin/sh
exec svlogd -tt /var/log/docker
SCRIPT
printf '# Settings of this service.\nOPTS=""\n' >/etc/sv/docker/conf
ln -s /run/runit/supervise.docker /etc/sv/docker/supervise
ln -s /run/runit/supervise.docker.log /etc/sv/docker/log/supervise
chmod 755 /etc/sv/docker/run /etc/sv/docker/log/run
rm -f /etc/init.d/docker /etc/default/docker
update-rc.d docker remove
rm -rf /etc/service/*
ln -s /etc/sv/docker /etc/service/docker

# Nothing but dockerd: no console, no scripts of the root below.
cat >/etc/runit/1 <<'SCRIPT'
#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs tmpfs /run
mkdir -p /run/runit /run/lock /run/dbus
mount -t cgroup2 cgroup2 /sys/fs/cgroup
hostname "$(cat /etc/hostname)"
ip link set lo up
touch /run/runit/stopit
chmod 0 /run/runit/stopit
exit 0
SCRIPT
cat >/etc/runit/2 <<'SCRIPT'
#!/bin/sh
exec env - PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin runsvdir -P /etc/service
SCRIPT
chmod 755 /etc/runit/1 /etc/runit/2
