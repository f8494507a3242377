package export

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// secretName is the name of the Secret, or its beginning where each workload has its own.
const secretName = "docker-proxy"

// Workload is a Deployment whose container gets the variables.
type Workload struct {
	Name      string // of the Deployment
	Container string // in its pods
}

// ParseWorkload reads DEPLOYMENT or DEPLOYMENT/CONTAINER; the container is named as the Deployment otherwise, as it usually is.
func ParseWorkload(service string) (Workload, error) {
	name, container, named := strings.Cut(service, "/")
	if !named {
		container = name
	}
	if !isLabel(name) || !isLabel(container) {
		return Workload{}, fmt.Errorf("%q is not the name of a Deployment, or DEPLOYMENT/CONTAINER: lower-case letters, digits and hyphens", service)
	}
	return Workload{name, container}, nil
}

// isLabel reports whether a name is a DNS label (RFC 1123), as Kubernetes wants them.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !(r == '-' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
}

// Kubernetes is what an export for a cluster consists of.
type Kubernetes struct {
	Secrets []byte   // one Secret, or one for each workload where they differ; whole only when revealed
	Patches [][]byte // in the order of the workloads, see Workload
}

// Kubernetes returns Secrets with the variables, and for each workload a strategic merge patch of its Deployment that takes every variable from its Secret; the patch
// has no value in it. Its env is merged by name with what the container has. Unless revealed, ${NAME} stands for credentials in the Secret; nothing in a cluster replaces it.
// Consumers are cleaned and named as the Deployments; none may be unnamed unless it is the only one, and then there is no patch.
func (k *Keyring) Kubernetes(consumers []Consumer, workloads []Workload, reveal bool) (Kubernetes, error) {
	var out Kubernetes
	var secrets []*yaml.Node
	shared := sameVariables(consumers)
	for i, c := range consumers {
		name := secretName
		if !shared {
			name += "-" + workloads[i].Name
		}
		if i == 0 || !shared {
			secrets = append(secrets, k.secret(name, c.Settings, reveal))
		}
		if i >= len(workloads) {
			continue
		}
		env := list()
		for _, v := range c.Settings.VariableNames() {
			env.Content = append(env.Content, variableFromSecret(v, name))
		}
		patch, err := document(patchOf(workloads[i], env))
		if err != nil {
			return out, err
		}
		out.Patches = append(out.Patches, patch)
	}
	var err error
	out.Secrets, err = document(secrets...)
	return out, err
}

// KubernetesOff returns a strategic merge patch for each workload that takes every proxy variable out of its container.
func KubernetesOff(workloads []Workload) ([][]byte, error) {
	var out [][]byte
	for _, w := range workloads {
		env := list()
		for _, n := range Names() {
			item := mapping()
			put(item, "name", text(n))
			put(item, "$patch", text("delete"))
			env.Content = append(env.Content, item)
		}
		patch, err := document(patchOf(w, env))
		if err != nil {
			return nil, err
		}
		out = append(out, patch)
	}
	return out, nil
}

func sameVariables(consumers []Consumer) bool {
	for _, c := range consumers[1:] {
		a, b := c.Settings.variables(), consumers[0].Settings.variables()
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
	}
	return true
}

func (k *Keyring) secret(name string, s Settings, reveal bool) *yaml.Node {
	metadata := mapping()
	put(metadata, "name", text(name))
	data := mapping()
	for _, v := range k.variables(s, reveal) {
		put(data, v.name, text(v.braced()))
	}
	top := mapping()
	put(top, "apiVersion", text("v1"))
	put(top, "kind", text("Secret"))
	put(top, "metadata", metadata)
	put(top, "type", text("Opaque"))
	put(top, "stringData", data)
	return top
}

func variableFromSecret(name, secret string) *yaml.Node {
	ref := mapping()
	put(ref, "name", text(secret))
	put(ref, "key", text(name))
	from := mapping()
	put(from, "secretKeyRef", ref)
	item := mapping()
	put(item, "name", text(name))
	put(item, "valueFrom", from)
	put(item, "value", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}) // a value that is there already would be one too many
	return item
}

// patchOf is the patch of a Deployment. It has kind and name, so that kubectl apply --server-side and kustomize know what it is for.
func patchOf(w Workload, env *yaml.Node) *yaml.Node {
	container := mapping()
	put(container, "name", text(w.Container))
	put(container, "env", env)
	containers := mapping()
	put(containers, "containers", list(container))
	template := mapping()
	put(template, "spec", containers)
	spec := mapping()
	put(spec, "template", template)
	metadata := mapping()
	put(metadata, "name", text(w.Name))
	top := mapping()
	put(top, "apiVersion", text("apps/v1"))
	put(top, "kind", text("Deployment"))
	put(top, "metadata", metadata)
	put(top, "spec", spec)
	return top
}
