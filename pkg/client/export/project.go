package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ReadFile returns the bytes of a file; fs.ErrNotExist when there is none.
type ReadFile func(path string) ([]byte, error)

// Project is what an export has to know of a Compose project: which files it is, and who answers to which name in its networks. The names of the project's other
// services belong into NO_PROXY.
type Project struct {
	Files    []string // in the order of docker compose's -f, as the caller spells them
	Services []string // sorted
	Members  []Member // service names and what else a service answers to, sorted, each once
	Unknown  []string // what could not be followed: remote includes, names with variables in them
}

// Member is a name in the networks of a project.
type Member struct {
	Name string
	What string // service, container_name, hostname, alias
}

// Has reports whether the project has that service.
func (p Project) Has(service string) bool { return slices.Contains(p.Services, service) }

// FindProject returns the files docker compose would read without -f: those of $COMPOSE_FILE, else the first of its four names in dir, with the override file beside it
// (compose-go cli.WithDefaultConfigPath). With up, directories above dir are searched, too. No file: nil.
func FindProject(read ReadFile, dir string, up bool, getenv func(string) string) ([]string, error) {
	if files := composeFileVariable(read, dir, getenv); len(files) > 0 {
		return files, nil
	}
	for at := dir; ; at = filepath.Join(at, "..") {
		files, err := standardFiles(read, at)
		if err != nil || len(files) > 0 {
			return files, err
		}
		abs, err := filepath.Abs(at)
		if err != nil || !up || filepath.Dir(abs) == abs {
			return nil, nil //nolint:nilerr // without a working directory there is no project
		}
	}
}

func standardFiles(read ReadFile, dir string) ([]string, error) {
	first := func(names ...string) (string, error) {
		for _, n := range names {
			switch _, err := read(filepath.Join(dir, n)); {
			case err == nil:
				return filepath.Join(dir, n), nil
			case !errors.Is(err, fs.ErrNotExist):
				return "", fmt.Errorf("looking for the Compose file %s: %w", filepath.Join(dir, n), err)
			}
		}
		return "", nil
	}
	base, err := first("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
	if base == "" || err != nil {
		return nil, err
	}
	override, err := first("compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml")
	if override == "" || err != nil {
		return []string{base}, err
	}
	return []string{base, override}, nil
}

// composeFileVariable returns the files of COMPOSE_FILE, from the environment or else from the project's .env.
func composeFileVariable(read ReadFile, dir string, getenv func(string) string) []string {
	value, separator := getenv("COMPOSE_FILE"), getenv("COMPOSE_PATH_SEPARATOR")
	if data, err := read(filepath.Join(dir, ".env")); err == nil {
		for line := range strings.Lines(string(data)) {
			name, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			v = strings.Trim(v, `'"`)
			switch {
			case name == "COMPOSE_FILE" && getenv(name) == "":
				value = v
			case name == "COMPOSE_PATH_SEPARATOR" && getenv(name) == "":
				separator = v
			}
		}
	}
	if separator == "" {
		separator = string(filepath.ListSeparator)
	}
	var files []string
	for f := range strings.SplitSeq(value, separator) {
		if f != "" && !filepath.IsAbs(f) {
			f = filepath.Join(dir, f)
		}
		if f != "" {
			files = append(files, f)
		}
	}
	return files
}

// ReadProject reads the files of a project and what they include. Only names are read: nothing is checked against Compose's schema and no variable is replaced. Errors name the
// file, and for syntax the line.
func ReadProject(read ReadFile, files []string) (Project, error) {
	r := projectReader{read: read, seen: map[string]bool{}}
	for _, f := range files {
		if err := r.file(f); err != nil {
			return Project{}, err
		}
	}
	p := Project{Files: files, Members: r.members, Unknown: r.unknown}
	slices.SortFunc(p.Members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	p.Members = slices.CompactFunc(p.Members, func(a, b Member) bool { return a.Name == b.Name })
	slices.Sort(r.services)
	p.Services = slices.Compact(r.services)
	slices.Sort(p.Unknown)
	p.Unknown = slices.Compact(p.Unknown)
	return p, nil
}

type projectReader struct {
	read     ReadFile
	seen     map[string]bool
	services []string
	members  []Member
	unknown  []string
}

func (r *projectReader) file(path string) error {
	if r.seen[path] {
		return nil
	}
	r.seen[path] = true
	data, err := r.read(path)
	if err != nil {
		return fmt.Errorf("reading the Compose file %s: %w", path, err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the Compose file %s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		for _, top := range doc.Content {
			if err := r.document(path, top); err != nil {
				return err
			}
		}
	}
}

func (r *projectReader) document(path string, top *yaml.Node) error {
	for _, include := range items(member(top, "include")) {
		paths := include
		if include.Kind == yaml.MappingNode {
			paths = member(include, "path")
		}
		for _, p := range scalars(paths) {
			if strings.Contains(p, "://") || strings.Contains(p, "$") || strings.Contains(p, "@") {
				r.unknown = append(r.unknown, "include "+p)
				continue
			}
			if !filepath.IsAbs(p) {
				p = filepath.Join(filepath.Dir(path), p)
			}
			if err := r.file(p); err != nil {
				return err
			}
		}
	}
	pairs(member(top, "services"), func(name string, service *yaml.Node) {
		r.services = append(r.services, name)
		r.name(name, "service")
		for _, key := range []string{"container_name", "hostname"} {
			for _, n := range scalars(member(service, key)) {
				r.name(n, key)
			}
		}
		pairs(member(service, "networks"), func(_ string, network *yaml.Node) {
			for _, n := range scalars(member(network, "aliases")) {
				r.name(n, "alias")
			}
		})
	})
	return nil
}

func (r *projectReader) name(name, what string) {
	if strings.Contains(name, "$") {
		r.unknown = append(r.unknown, what+" "+name)
		return
	}
	r.members = append(r.members, Member{name, what})
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pairs calls do for each member of a mapping, those of merged mappings (<<) first. Anything but a mapping has none.
func pairs(n *yaml.Node, do func(key string, value *yaml.Node)) {
	n = follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "<<" {
			continue
		}
		merged := follow(n.Content[i+1])
		if merged.Kind == yaml.SequenceNode {
			for _, m := range merged.Content {
				pairs(m, do)
			}
			continue
		}
		pairs(merged, do)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "<<" {
			do(n.Content[i].Value, follow(n.Content[i+1]))
		}
	}
}

// member returns a member of a mapping, nil when there is none.
func member(n *yaml.Node, key string) *yaml.Node {
	var found *yaml.Node
	pairs(n, func(k string, v *yaml.Node) {
		if k == key {
			found = v
		}
	})
	return found
}

// items returns the members of a sequence, or a single value as one.
func items(n *yaml.Node) []*yaml.Node {
	n = follow(n)
	switch {
	case n == nil:
		return nil
	case n.Kind != yaml.SequenceNode:
		return []*yaml.Node{n}
	}
	var out []*yaml.Node
	for _, i := range n.Content {
		out = append(out, follow(i))
	}
	return out
}

// scalars returns the texts of a sequence or of a single value.
func scalars(n *yaml.Node) []string {
	var out []string
	for _, i := range items(n) {
		if i.Kind == yaml.ScalarNode && i.Tag != "!!null" && i.Value != "" {
			out = append(out, i.Value)
		}
	}
	return out
}
