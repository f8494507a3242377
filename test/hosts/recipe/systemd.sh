# The debootstrapped roots with systemd. The corporate network starts its own
# squid and registry; a container has no kernel modules to load.
systemctl disable squid.service docker-registry.service
systemctl mask systemd-modules-load.service
