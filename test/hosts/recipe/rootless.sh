# A layer over trixie: ann runs her own dockerd, the system's is off.
systemctl disable docker.service docker.socket containerd.service
useradd --create-home --uid 1000 --shell /bin/bash ann
mkdir -p /var/lib/systemd/linger
touch /var/lib/systemd/linger/ann
# Beside docker, where the setup tool looks for it and Docker's own packages have them.
install -m 755 /usr/share/docker.io/contrib/dockerd-rootless.sh /usr/share/docker.io/contrib/dockerd-rootless-setuptool.sh /usr/bin/
install -d -o ann -g ann /home/ann/.local /home/ann/.local/share /home/ann/.config
install -d -o ann -g ann -m 710 /home/ann/.local/share/docker
