# A layer over trixie: as after an installation from the static binaries there
# is no unit for dockerd at all, somebody starts it by hand.
systemctl disable docker.service docker.socket
rm -f /usr/lib/systemd/system/docker.service /usr/lib/systemd/system/docker.socket /etc/init.d/docker /etc/default/docker
