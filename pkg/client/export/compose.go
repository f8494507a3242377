package export

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// missingCredentials is what Compose says when a name that stands for credentials is not defined.
const missingCredentials = "USER:PASSWORD of the proxy, from an --env-file"

// Compose returns an override file for Docker Compose that sets the variables of each service. In the override they win over the other files' environment and over
// env_file, and over what config.json would add (compose pkg/compose create.go: ParseProxyConfig, then OverrideBy the service's environment). A dollar sign is doubled; where a
// name stands for credentials Compose takes it from --env-file or its own environment, and stops when it is not set.
func (k *Keyring) Compose(consumers []Consumer, reveal bool) ([]byte, error) {
	services := map[string][]variable{}
	var names []string
	for _, c := range consumers {
		names = append(names, c.Name)
		services[c.Name] = k.variables(c.Settings, reveal)
	}
	return composeFile(names, func(name string) []variable { return services[name] })
}

// ComposeOff returns an override file that empties every proxy variable of the services, so that nothing of config.json gets there either.
func ComposeOff(services []string) ([]byte, error) {
	var empty []variable
	for _, n := range Names() {
		empty = append(empty, variable{name: n})
	}
	return composeFile(services, func(string) []variable { return empty })
}

func composeFile(names []string, of func(string) []variable) ([]byte, error) {
	services := mapping()
	for _, name := range names {
		environment := mapping()
		for _, v := range of(name) {
			put(environment, v.name, text(v.composed()))
		}
		service := mapping()
		put(service, "environment", environment)
		put(services, name, service)
	}
	top := mapping()
	put(top, "services", services)
	return document(top)
}

// composed is the value with Compose's own notation in it.
func (v variable) composed() string {
	literal := func(s string) string { return strings.ReplaceAll(s, "$", "$$") }
	if v.ref == "" {
		return literal(v.whole())
	}
	return literal(v.before) + "${" + v.ref + ":?" + missingCredentials + "}" + literal(v.after)
}

// mapping, text and put build YAML in the order in which it is written.
func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

func list(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Content: items}
}

func text(s string) *yaml.Node {
	var n yaml.Node
	n.SetString(s)
	return &n
}

func put(m *yaml.Node, key string, value *yaml.Node) { m.Content = append(m.Content, text(key), value) }

// document returns YAML documents behind the marker.
func document(nodes ...*yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(Marker)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	for _, n := range nodes {
		if err := enc.Encode(n); err != nil {
			return nil, fmt.Errorf("writing YAML: %w", err)
		}
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return b.Bytes(), nil
}
