package export

import (
	"bytes"
	"encoding/csv"
	"encoding/pem"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// Names of the files with authorities that an export writes.
const (
	AuthoritiesFile = "ca.pem"          // the authorities alone
	BundleFile      = "ca-bundle.pem"   // the roots there were, and the authorities
	ComposeCAFile   = "compose.ca.yaml" // see ComposeCA
	JavaFile        = "cacerts"         // see Java
)

// TrustDir is where new containers get the files.
const TrustDir = "/etc/docker-proxy-ca"

// CAVariable is an environment variable by which programs find authorities.
type CAVariable struct {
	Name string
	// Replaces says that the file is read in the place of the program's own roots, so it has to hold these, too; else it is read besides them.
	Replaces bool
	Of       string // who reads it
}

// CAVariables are the variables an export sets, those that add first. A variable that adds gets the authorities alone: with all roots in it nothing more would be trusted,
// and a program that checks its size or counts its certificates would stumble.
func CAVariables() []CAVariable {
	return []CAVariable{
		{"NODE_EXTRA_CA_CERTS", false, "Node, Bun, npm, yarn"},
		{"DENO_CERT", false, "Deno"},
		{"SSL_CERT_FILE", true, "OpenSSL, Go, Ruby, .NET, rustls with native roots"},
		{"REQUESTS_CA_BUNDLE", true, "Python requests, conda"},
		{"CURL_CA_BUNDLE", true, "curl"},
		{"GIT_SSL_CAINFO", true, "git"},
		{"AWS_CA_BUNDLE", true, "the AWS CLI and boto3"},
		{"PIP_CERT", true, "pip"},
		{"CARGO_HTTP_CAINFO", true, "cargo"},
	}
}

// replaces reports whether a variable is known to take the place of a program's roots.
func replaces(name string) bool {
	for _, v := range CAVariables() {
		if v.Name == name {
			return v.Replaces
		}
	}
	return false
}

// TrustOptions say how new containers get authorities.
type TrustOptions struct {
	Dir string // absolute: where the files are, on the machine of the daemon
	// At are absolute paths in the container; none means TrustDir. With At only Names are set.
	At []string
	// Names are variables to set instead of CAVariables.
	Names []string
	// Combined puts the bundle at every path of At, also for variables that are not known to replace anything.
	Combined bool
	// Java is what Java gets; nil for nothing.
	Java *Java
}

// Trust is what makes a new container trust authorities: files of the host that it sees, and variables that name them.
type Trust struct {
	Mounts    []Mount
	Variables []Variable
}

// Mount is a file of the host that a container sees, read-only.
type Mount struct{ Source, Target string }

// Variable is an environment variable with its value.
type Variable struct{ Name, Value string }

// NewTrust decides what is mounted where; Java's store is at TrustDir always. A path of At holds the bundle when one of Names replaces a program's roots, or when there are no Names: then the path is that of a
// bundle in the image, over which it is mounted. Otherwise it holds the authorities alone.
func NewTrust(o TrustOptions) Trust {
	t := variables(o)
	if o.Java != nil {
		t.Mounts = append(t.Mounts, Mount{o.Dir + "/" + JavaFile, TrustDir + "/" + JavaFile})
		t.Variables = append(t.Variables, o.Java.Variable(TrustDir))
	}
	return t
}

// variables is NewTrust for what reads PEM.
func variables(o TrustOptions) Trust {
	var t Trust
	alone, bundle := o.Dir+"/"+AuthoritiesFile, o.Dir+"/"+BundleFile
	if len(o.At) > 0 {
		combined := o.Combined || len(o.Names) == 0
		for _, n := range o.Names {
			combined = combined || replaces(n)
		}
		for _, at := range o.At {
			source := alone
			if combined {
				source = bundle
			}
			t.Mounts = append(t.Mounts, Mount{source, at})
		}
		for _, n := range o.Names {
			t.Variables = append(t.Variables, Variable{n, o.At[0]})
		}
		return t
	}
	names := o.Names
	if len(names) == 0 {
		for _, v := range CAVariables() {
			names = append(names, v.Name)
		}
	}
	var adds, replacing bool
	for _, n := range names {
		file := AuthoritiesFile
		if o.Combined && len(o.Names) > 0 || replaces(n) {
			file, replacing = BundleFile, true
		} else {
			adds = true
		}
		t.Variables = append(t.Variables, Variable{n, TrustDir + "/" + file})
	}
	if adds {
		t.Mounts = append(t.Mounts, Mount{alone, TrustDir + "/" + AuthoritiesFile})
	}
	if replacing {
		t.Mounts = append(t.Mounts, Mount{bundle, TrustDir + "/" + BundleFile})
	}
	return t
}

// NeedsBundle reports whether a container sees the bundle.
func (t Trust) NeedsBundle() bool {
	for _, m := range t.Mounts {
		if strings.HasSuffix(m.Source, "/"+BundleFile) {
			return true
		}
	}
	return false
}

// Authorities returns AuthoritiesFile: each authority as PEM behind the marker.
func Authorities(list []certs.Authority) []byte {
	b := bytes.NewBufferString(Marker)
	for _, a := range list {
		b.Write(a.PEM())
	}
	return b.Bytes()
}

// Bundle returns BundleFile: roots, a PEM bundle, as it is, and behind it those authorities that it does not hold yet. count is how many certificates roots has.
func Bundle(roots []byte, list []certs.Authority) (data []byte, count int) {
	held := map[certs.Fingerprint]bool{}
	for rest := roots; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			held[certs.FingerprintOf(block.Bytes)] = true
		}
	}
	b := bytes.NewBufferString(Marker)
	b.Write(roots)
	if len(roots) > 0 && roots[len(roots)-1] != '\n' {
		b.WriteByte('\n')
	}
	count = len(held)
	for _, a := range list {
		if !held[a.Fingerprint] {
			held[a.Fingerprint] = true
			b.Write(a.PEM())
		}
	}
	return b.Bytes(), count
}

// ComposeCA returns an override file for Docker Compose that makes the services trust the authorities when they are created again. A dollar sign is doubled. A file that
// is not there is an error: Docker would make a directory of that name.
func ComposeCA(services []string, t Trust) ([]byte, error) {
	literal := func(s string) string { return strings.ReplaceAll(s, "$", "$$") }
	all := mapping()
	for _, name := range services {
		service := mapping()
		if len(t.Variables) > 0 {
			environment := mapping()
			for _, v := range t.Variables {
				put(environment, v.Name, text(literal(v.Value)))
			}
			put(service, "environment", environment)
		}
		volumes := list()
		for _, m := range t.Mounts {
			volume, bind := mapping(), mapping()
			put(volume, "type", text("bind"))
			put(volume, "source", text(literal(m.Source)))
			put(volume, "target", text(literal(m.Target)))
			put(volume, "read_only", boolean(true))
			put(bind, "create_host_path", boolean(false))
			put(volume, "bind", bind)
			volumes.Content = append(volumes.Content, volume)
		}
		put(service, "volumes", volumes)
		put(all, name, service)
	}
	top := mapping()
	put(top, "services", all)
	return document(top)
}

// RunCA returns the options of docker run and docker create that make a container trust the authorities: --mount and -e words.
func RunCA(t Trust) ([]string, error) {
	var words []string
	for _, m := range t.Mounts {
		var b bytes.Buffer
		w := csv.NewWriter(&b) // as docker/cli opts.MountOpt reads it
		if err := w.Write([]string{"type=bind", "source=" + m.Source, "target=" + m.Target, "readonly"}); err != nil {
			return nil, fmt.Errorf("writing a mount: %w", err)
		}
		w.Flush()
		words = append(words, "--mount", strings.TrimSuffix(b.String(), "\n"))
	}
	for _, v := range t.Variables {
		words = append(words, "-e", v.Name+"="+v.Value)
	}
	return words, nil
}

func boolean(b bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(b)}
}
