# Run by sh -e in every debootstrapped root.
export DEBIAN_FRONTEND=noninteractive

# No package starts a service while this is a chroot.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

# Two people without docker rights of their own: dev may use sudo, guest may not.
useradd --create-home --uid 1500 --shell /bin/bash dev
useradd --create-home --uid 1501 --shell /bin/bash guest
echo 'dev ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/dev
chmod 440 /etc/sudoers.d/dev

# The corporation: one authority for its servers, one for the proxy that
# terminates TLS. Fixed per root so that a host can trust them before dockerd starts.
mkdir -p /srv/corp
cd /srv/corp
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
		-subj "/O=Example Corp/CN=$2" -keyout "$1.key" -out "$1.crt" \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
}
authority ca 'Example Corp Root CA'
authority inspection-ca 'Example Corp TLS Inspection CA'
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=registry.corp \
	-keyout server.key -out server.csr 2>/dev/null
printf '%s\n' 'subjectAltName=DNS:registry.corp,DNS:direct.corp,DNS:proxy.corp,DNS:*.corp,IP:10.200.0.10,IP:10.200.0.20,IP:10.200.0.21' \
	'basicConstraints=critical,CA:FALSE' 'extendedKeyUsage=serverAuth' >server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3600 -extfile server.ext -out server.crt 2>/dev/null
rm server.csr server.ext
cat inspection-ca.crt inspection-ca.key >inspection.pem
chmod 644 ./*.key inspection.pem # squid drops its privileges; nothing here is a secret
cd /
apt-get clean
