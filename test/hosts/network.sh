# Run by sh -e as root inside a host: the corporate network. Its machines live in a
# network namespace of their own, so that the host reaches them over a wire and
# the daemon's requests show which way they came.
umask 022
cd /srv/corp
mkdir -p log registry

ip netns add corp
ip link add corp0 type bridge
ip link add corp1 type veth peer name eth0 netns corp
ip link set corp1 master corp0
ip addr add 10.200.0.1/24 dev corp0
ip link set corp0 up
ip link set corp1 up
for address in 10.200.0.10 10.200.0.20 10.200.0.21; do ip -n corp addr add "$address/24" dev eth0; done
ip -n corp link set lo up
ip -n corp link set eth0 up

# forwarded_for: the registry would log the client squid names instead of squid.
# dns_timeout: no name server answers here, so that a name of the Internet is unknown after that time; by default after 30 seconds, longer than
# docker proxy waits for a proxy's answer.
cat >squid.conf <<CONF
http_port 10.200.0.10:3128
http_port 10.200.0.10:3129
https_port 10.200.0.10:3130 tls-cert=/srv/corp/server.crt tls-key=/srv/corp/server.key
http_port 10.200.0.10:3131 ssl-bump tls-cert=/srv/corp/inspection.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program $(ls /usr/lib/squid/security_file_certgen) -s /srv/corp/certificates -M 4MB
sslcrtd_children 2 startup=1 idle=1
ssl_bump bump all
tls_outgoing_options cafile=/srv/corp/ca.crt
tcp_outgoing_address 10.200.0.10
forwarded_for delete
auth_param basic program /usr/lib/squid/basic_ncsa_auth /srv/corp/users
auth_param basic children 2 startup=1 idle=1
auth_param basic realm corp
auth_param basic credentialsttl 1 second
acl asks localport 3129
acl known proxy_auth REQUIRED
http_access deny asks !known
http_access allow all
cache deny all
hosts_file /etc/hosts
dns_nameservers 127.0.0.1
dns_timeout 300 milliseconds
dns_retransmit_interval 100 milliseconds
logformat corp %lp %rm %ru %>Hs %un
access_log stdio:/srv/corp/log/access.log corp
cache_log /srv/corp/log/squid.log
pid_filename /srv/corp/squid.pid
max_filedescriptors 4096
visible_hostname proxy.corp
shutdown_lifetime 0 seconds
CONF
printf 'user:%s\n' "$(openssl passwd -apr1 -stdin </srv/corp/password)" >users
: >log/access.log
: >log/squid.log
chown proxy: log log/*
[ -d certificates ] || /usr/lib/squid/security_file_certgen -c -s /srv/corp/certificates -M 4MB >/dev/null
chown -R proxy: certificates

cat >registry.yml <<'CONF'
version: 0.1
log:
  level: info
  formatter: json
  accesslog: {disabled: true}
storage:
  filesystem: {rootdirectory: /srv/corp/registry}
  delete: {enabled: true}
http:
  addr: 0.0.0.0:5000
  tls: {certificate: /srv/corp/server.crt, key: /srv/corp/server.key}
CONF

setsid ip netns exec corp squid -N -f /srv/corp/squid.conf </dev/null >log/squid.out 2>&1 &
setsid ip netns exec corp docker-registry serve /srv/corp/registry.yml </dev/null >log/registry.log 2>&1 &

tries=0
until curl -sf --max-time 5 --cacert ca.crt --proxy http://proxy.corp:3128 -o /dev/null https://registry.corp:5000/v2/; do
	tries=$((tries + 1))
	if [ "$tries" -gt 150 ]; then
		tail -n 20 log/* >&2
		exit 1
	fi
	sleep 0.1
done
