package daemon

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// AutoFacts is what this host's files, its network interfaces and the daemon's /info tell for a NO_PROXY list: names, addresses, mirrors, insecure registries, the
// cloud's metadata service. Docker's networks are asked of the API elsewhere. What cannot be read is left out; under --root there are no interfaces and no cloud.
func (s *Site) AutoFacts() precedence.AutoFacts {
	f := precedence.AutoFacts{Names: s.names(), Mirrors: s.list("registry-mirrors", "registry-mirror"), Insecure: s.list("insecure-registries", "insecure-registry")}
	if s.Info != nil {
		f.Mirrors, f.Insecure = s.Info.Mirrors, s.Info.Insecure
	}
	if s.Live {
		f.Addresses, f.Metadata = ownAddresses(), s.metadata()
	}
	return f
}

// names returns the host's name and the names that hosts(5) gives it.
func (s *Site) names() []string {
	own := firstWord(s, "/etc/hostname")
	if s.Live {
		if n := firstWord(s, "/proc/sys/kernel/hostname"); n != "" {
			own = n
		}
	}
	if own == "" || own == "(none)" || own == "localhost" {
		return nil
	}
	out := []string{own}
	data, err := s.FS.ReadFile("/etc/hosts")
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 || !slices.Contains(words[1:], own) {
			continue
		}
		for _, w := range words[1:] {
			if !slices.Contains(out, w) && !strings.HasPrefix(w, "localhost") && !strings.HasPrefix(w, "ip6-") {
				out = append(out, w)
			}
		}
	}
	return out
}

func firstWord(s *Site, path string) string {
	data, err := s.FS.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line
		}
	}
	return ""
}

// list is a setting of daemon.json or of the command line that dockerd merges from neither: the one or the other (moby daemon/config findConfigurationConflicts).
func (s *Site) list(key, flag string) []string {
	var out []string
	for _, f := range s.Flags {
		if f.Name == flag {
			out = append(out, f.Value.Reveal())
		}
	}
	doc, missing, err := parseConfig(s, s.FS)
	if err != nil || missing {
		return out
	}
	if values, _, err := doc.Strings(key); err == nil {
		out = append(out, values...)
	}
	return out
}

// ownAddresses returns the addresses of this machine, without those of Docker's bridges: they outlive the daemon and are seen by people it does not answer,
// and a list for the daemon does not depend on its networks.
func ownAddresses() []netip.Addr {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil || dockerBridge(i.Name) {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				out = append(out, p.Addr())
			}
		}
	}
	return out
}

// dockerBridge reports whether Docker gives its bridges such a name (moby libnetwork/drivers/bridge, DefaultBridgeName and parseNetworkOptions: "br-" and the first
// twelve digits of the network's ID; docker_gwbridge is Swarm's).
func dockerBridge(name string) bool {
	id, ok := strings.CutPrefix(name, "br-")
	return name == "docker0" || name == "docker_gwbridge" || ok && len(id) == 12 && strings.Trim(id, "0123456789abcdef") == ""
}

// metadata names the metadata service of the cloud whose machine this is, as the firmware tells (the vendors' documentation of their instance metadata).
func (s *Site) metadata() []string {
	const usual = "169.254.169.254"
	var dmi []string
	for _, f := range []string{"sys_vendor", "product_name", "bios_vendor", "chassis_asset_tag", "board_vendor"} {
		dmi = append(dmi, firstWord(s, "/sys/class/dmi/id/"+f))
	}
	text := strings.Join(dmi, "\n")
	for _, cloud := range []struct {
		sign    string
		entries []string
	}{
		{"Amazon EC2", []string{usual, "fd00:ec2::254"}},
		{"Google", []string{usual, "metadata.google.internal"}},
		{"7783-7084-3265-9085-8269-3286-77", []string{usual}}, // Azure's asset tag; its vendor is Hyper-V's, too
		{"Alibaba Cloud", []string{"100.100.100.200"}},
		{"DigitalOcean", []string{usual}},
		{"Hetzner", []string{usual}},
		{"OpenStack", []string{usual}},
		{"OracleCloud.com", []string{usual}},
		{"Scaleway", []string{"169.254.42.42"}},
	} {
		if strings.Contains(text, cloud.sign) {
			return cloud.entries
		}
	}
	return nil
}
