package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Builder is what docker buildx has stored about a builder (buildx store.NodeGroup, instances/NAME in its directory): everything its create command was given.
type Builder struct {
	Name   string
	Driver string
	Nodes  []Node
}

// Node is one machine of a builder.
type Node struct {
	Name       string
	Endpoint   string // a context, or an address as DOCKER_HOST spells it
	Platforms  []Platform
	DriverOpts map[string]string
	Flags      []string          // of buildkitd
	Files      map[string][]byte // buildkitd.toml, and the certificates it names, below certs/
}

// Platform is one platform a node was told to build for.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
}

// containerDriver is the driver whose buildkitd runs in a container of its own and takes an environment.
const containerDriver = "docker-container"

// ParseBuilder reads a builder as docker buildx has stored it. Errors quote nothing of it: its options may hold passwords.
func ParseBuilder(data []byte) (Builder, error) {
	var b Builder
	if err := json.Unmarshal(data, &b); err != nil {
		return b, fmt.Errorf("reading the builder: it is not what docker buildx stores")
	}
	if b.Name == "" || len(b.Nodes) == 0 {
		return b, fmt.Errorf("reading the builder: it has no name or no node")
	}
	switch b.Driver {
	case containerDriver:
	case "kubernetes":
		return b, fmt.Errorf("builder %s runs in Kubernetes, and its driver takes no environment for BuildKit: docker proxy export kubernetes --service %s/buildkitd patches its Deployment", b.Name, b.Nodes[0].Name)
	case "remote":
		return b, fmt.Errorf("builder %s is remote: buildkitd has its environment from where it was started, %s", b.Name, b.Nodes[0].Endpoint)
	default:
		return b, fmt.Errorf("builder %s has the driver %q, which takes no environment: it pulls with the daemon's proxy, and RUN steps get what config.json says", b.Name, b.Driver)
	}
	return b, nil
}

// HostNetwork reports whether every buildkitd of the builder shares the network of its machine, where a proxy on loopback is reached.
func (b Builder) HostNetwork() bool {
	return !slices.ContainsFunc(b.Nodes, func(n Node) bool { return n.DriverOpts["network"] != "host" })
}

// HasConfig reports whether a node has a configuration of buildkitd, which docker buildx create takes as a file.
func (b Builder) HasConfig() bool {
	return slices.ContainsFunc(b.Nodes, func(n Node) bool { return len(n.Files) > 0 })
}

// storedCerts is where docker buildx lets the stored configuration look for certificates: inside of buildkitd's container.
const storedCerts = "/etc/buildkit/certs/"

// configName is the file of buildkitd's configuration among a node's Files.
const configName = "buildkitd.toml"

// ConfigFiles returns the nodes' configurations as files, each node's in a directory of its name, which are below dir (absolute) when they are used. The certificates in them
// are found there.
func (b Builder) ConfigFiles(dir string) []File {
	var out []File
	for _, n := range b.Nodes {
		for _, name := range slices.Sorted(maps.Keys(n.Files)) {
			f := File{Name: path.Join(n.Name, name), Data: n.Files[name], Secret: true}
			if name == configName {
				f.Data = []byte(Marker + strings.ReplaceAll(string(f.Data), storedCerts, path.Join(dir, n.Name, "certs")+"/"))
			}
			out = append(out, f)
		}
	}
	return out
}

// Recreate returns the shell commands that replace a builder by one that has the same options and the settings as environment of buildkitd; empty settings take a proxy out.
// dir is where the files of ConfigFiles are, as the commands spell it; current says that the builder is the one in use. With --keep-state the volume with the build
// cache outlives the old builder, and the new one of the same name finds it.
func (k *Keyring) Recreate(b Builder, s Settings, dir string, current, reveal bool) string {
	out := shellLines([]string{"docker", "buildx", "rm", "--keep-state", quoted(b.Name)}, nil)
	for i, n := range b.Nodes {
		words := []string{"docker", "buildx", "create", "--name", quoted(b.Name), "--node", quoted(n.Name)}
		switch {
		case i > 0:
			words = append(words, "--append")
		case current:
			words = append(words, "--use")
		}
		out += shellLines(append(words, "--driver", b.Driver), append(n.options(dir, k.variables(s, reveal)), quoted(n.Endpoint)))
	}
	return out
}

// Create returns the shell command that makes a new builder with the settings.
func (k *Keyring) Create(s Settings, reveal bool) string {
	return shellLines([]string{"docker", "buildx", "create", "--driver", containerDriver}, driverOptions(nil, k.variables(s, reveal)))
}

func (n Node) options(dir string, variables []variable) []string {
	var out []string
	if len(n.Platforms) > 0 {
		var all []string
		for _, p := range n.Platforms {
			text := p.OS + "/" + p.Architecture
			if p.Variant != "" {
				text += "/" + p.Variant
			}
			all = append(all, text)
		}
		out = append(out, "--platform "+quoted(strings.Join(all, ",")))
	}
	out = append(out, driverOptions(n.DriverOpts, variables)...)
	if given := n.givenFlags(); len(given) > 0 {
		flags, _ := Words(given) // buildx splits them as a shell does
		out = append(out, "--buildkitd-flags "+quoted(flags))
	}
	if _, ok := n.Files[configName]; ok {
		out = append(out, "--buildkitd-config "+quoted(path.Join(dir, n.Name, configName)))
	}
	return out
}

// givenFlags is buildkitd's flags without the one that docker buildx create itself puts at their end where the network is the machine's: each recreation would add one more.
func (n Node) givenFlags() []string {
	flags := n.Flags
	for n.DriverOpts["network"] == "host" && len(flags) > 0 && flags[len(flags)-1] == "--allow-insecure-entitlement=network.host" {
		flags = flags[:len(flags)-1]
	}
	return flags
}

// driverOptions returns --driver-opt options: those that are there but the proxies, and the new ones.
func driverOptions(have map[string]string, variables []variable) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if name, ok := strings.CutPrefix(key, "env."); ok && slices.Contains(Names(), name) {
			continue
		}
		out = append(out, "--driver-opt "+quoted(csvField(key+"="+have[key])))
	}
	for _, v := range variables {
		v.before = "env." + v.name + "=" + v.before
		whole := csvField(v.whole())
		if v.ref == "" {
			out = append(out, "--driver-opt "+quoted(whole))
			continue
		}
		out = append(out, "--driver-opt "+v.shellWord()) // a URL: nothing in it is special in CSV
	}
	return out
}

// csvField writes one option as buildx reads it: as a line of comma-separated values.
func csvField(text string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write([]string{text}); err != nil {
		return text // a strings.Builder takes everything
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

func quoted(word string) string {
	text, _ := Words([]string{word})
	return text
}

// shellLines joins words to a command and puts each option into a line of its own.
func shellLines(words, options []string) string {
	return strings.Join(append([]string{strings.Join(words, " ")}, options...), " \\\n  ") + "\n"
}
