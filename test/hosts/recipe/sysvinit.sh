# The debootstrapped root with sysvinit.
update-rc.d squid disable
update-rc.d docker-registry disable

# Nobody logs in on a console.
sed -i '/getty/d' /etc/inittab

# An fstab line keeps mountkernfs away from the control groups. This script mounts
# them anew over nspawn's mount, which cannot be taken off: so the container's
# own group is the root of what it sees.
echo 'cgroup2 /sys/fs/cgroup cgroup2 noauto 0 0' >>/etc/fstab
cat >/etc/init.d/container-cgroups <<'SCRIPT'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          container-cgroups
# Required-Start:    $local_fs
# Required-Stop:
# Default-Start:     S
# Default-Stop:
# Short-Description: writable control groups inside the test container
### END INIT INFO
case $1 in
start)
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	;;
esac
SCRIPT
chmod 755 /etc/init.d/container-cgroups
update-rc.d container-cgroups defaults

# Limits cannot be raised in a container, and the script runs under set -e.
sed -i '/^[[:space:]]*ulimit /s/$/ || true/' /etc/init.d/docker
