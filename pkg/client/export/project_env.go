package export

import (
	"bytes"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// MentionedVariables returns the proxy variables, of both spellings, that the files of a project speak of, sorted: its Compose files, the files that their services name as env_file
// (taken relative to dir), and .env in dir. An error says that a Compose file cannot be read; of env_files, what cannot be read is left out.
func MentionedVariables(read ReadFile, files []string, dir string) ([]string, error) {
	var texts [][]byte
	for _, f := range files {
		data, err := read(f)
		if err != nil {
			return nil, err
		}
		texts = append(texts, data)
		for _, e := range envFiles(data) {
			if !filepath.IsAbs(e) {
				e = filepath.Join(dir, e)
			}
			if data, err := read(e); err == nil {
				texts = append(texts, data)
			}
		}
	}
	if data, err := read(filepath.Join(dir, ".env")); err == nil {
		texts = append(texts, data)
	}
	var out []string
	for _, name := range Names() {
		if slices.ContainsFunc(texts, func(t []byte) bool { return bytes.Contains(t, []byte(name)) }) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// envFiles returns what the services of a Compose file name as env_file. Aliases and merges are not followed: the file may be anybody's.
func envFiles(data []byte) []string {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	var out []string
	for _, service := range values(valueOf(doc.Content[0], "services")) {
		entry := valueOf(service, "env_file")
		if entry == nil {
			continue
		}
		list := []*yaml.Node{entry}
		if entry.Kind == yaml.SequenceNode {
			list = entry.Content
		}
		for _, e := range list {
			if e.Kind == yaml.MappingNode {
				e = valueOf(e, "path")
			}
			if e != nil && e.Kind == yaml.ScalarNode && e.Value != "" {
				out = append(out, e.Value)
			}
		}
	}
	return out
}

// values returns what stands in a mapping itself.
func values(n *yaml.Node) []*yaml.Node {
	var out []*yaml.Node
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 1; i < len(n.Content); i += 2 {
			out = append(out, n.Content[i])
		}
	}
	return out
}

// valueOf returns a member that stands in a mapping itself, nil when there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
