package jsonedit

import (
	"strings"

	"github.com/tailscale/hujson"
)

// flatOptions are the top-level keys whose objects dockerd does not look into
// when it collects the directives of a file (flatOptions in moby
// daemon/config/config.go, v23 to v29).
const flatOptions = " builder cluster-store-opts default-network-opts default-ulimits features log-opts runtimes "

// knownOptions are the names dockerd accepts as a directive anywhere outside
// flatOptions' objects: its flags, their names in the file (NamedOption), and
// skipValidateOptions (moby cmd/dockerd and daemon/config, v23 to v29, Linux).
// It is needed only to tell a setting that slipped into the proxies object,
// which is ignored, from a name that keeps dockerd from starting.
const knownOptions = ` add-runtime allow-direct-routing allow-nondistributable-artifacts api-cors-header
 authorization-plugin authorization-plugins bip bip6 bridge bridge-accept-fwmark builder cdi-spec-dir cdi-spec-dirs
 cgroup-parent config-file containerd containerd-namespace containerd-plugins-namespace cpu-rt-period cpu-rt-runtime
 cri-containerd data-root debug default-address-pool default-address-pools default-cgroupns-mode default-gateway
 default-gateway-v6 default-ipc-mode default-network-opt default-network-opts default-runtime default-shm-size
 default-ulimit default-ulimits deprecated-key-path dns dns-opt dns-opts dns-search exec-opt exec-opts exec-root
 experimental feature features firewall-backend fixed-cidr fixed-cidr-v6 group help host host-gateway-ip
 host-gateway-ips hosts http-proxy https-proxy icc init init-path insecure-registries insecure-registry ip ip-forward
 ip-forward-no-drop ip-masq ip6tables iptables ipv6 label labels live-restore log-driver log-format log-level log-opt
 log-opts max-concurrent-downloads max-concurrent-uploads max-download-attempts metrics-addr mtu
 network-control-plane-mtu network-diagnostic-port no-new-privileges no-proxy node-generic-resource
 node-generic-resources pidfile raw-logs registry-mirror registry-mirrors restart rootless runtimes seccomp-profile
 selinux-enabled shutdown-timeout storage-driver storage-opt storage-opts swarm-default-advertise-addr tls tlscacert
 tlscert tlskey tlsverify userland-proxy userland-proxy-path userns-remap validate version `

func isFlatOption(name string) bool { return inList(flatOptions, name) }

func isKnownOption(name string) bool { return inList(knownOptions, name) }

// inList looks a name up in one of the lists above, without taking them apart
// for each of the thousands of members a file may have.
func inList(list, name string) bool {
	return !strings.ContainsAny(name, " \n") &&
		(strings.Contains(list, " "+name+" ") || strings.Contains(list, " "+name+"\n"))
}

// DaemonDirectives returns the members that dockerd takes for the directive
// name when it checks the file against its flags: top-level members and those
// of any top-level object, whatever that object's name is, so flat or misplaced
// keys count although they have no effect. Names are compared byte by byte and
// of duplicates only the last is seen (configValuesSet in moby
// daemon/config/config.go). If the flag of this name is given as well, dockerd
// does not start, even when the values are equal or empty; it crashes when the
// value is not a string.
func DaemonDirectives(d *Document, name string) []Member {
	path := []string{"proxies", name}
	chains := d.match(path)
	effective := d.effective(path, chains)
	var out []Member
	for _, c := range d.directives() {
		if nameOf(c.leaf()) == name {
			m := d.member(c)
			m.Effective = effective >= 0 && chains[effective].leaf() == c.leaf()
			out = append(out, m)
		}
	}
	return out
}

// directives returns everything dockerd's check flattens out of the file.
func (d *Document) directives() []chain {
	if d.root == nil {
		return nil
	}
	var out []chain
	for _, m := range lastOfEachName(d.object()) {
		inner, ok := m.Value.Value.(*hujson.Object)
		if !ok || isFlatOption(nameOf(m)) {
			out = append(out, chain{m})
			continue
		}
		for _, im := range lastOfEachName(inner) {
			out = append(out, chain{m, im})
		}
	}
	return out
}

// lastOfEachName returns an object's members as a decoder into a map sees
// them: of several with the same name the last one.
func lastOfEachName(obj *hujson.Object) []*hujson.ObjectMember {
	last := make(map[string]int, len(obj.Members))
	for i := range obj.Members {
		last[nameOf(&obj.Members[i])] = i
	}
	var out []*hujson.ObjectMember
	for i := range obj.Members {
		if last[nameOf(&obj.Members[i])] == i {
			out = append(out, &obj.Members[i])
		}
	}
	return out
}
