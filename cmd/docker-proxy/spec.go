package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/docker-proxy/docker-proxy/pkg/certs"
	"github.com/docker-proxy/docker-proxy/pkg/certs/input"
	"github.com/docker-proxy/docker-proxy/pkg/daemon"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// specSchema is the version of the settings file.
const specSchema = 1

// maxSpec is the largest settings file, in bytes.
const maxSpec = 1 << 20

// spec is the settings file of -f: YAML or JSON without secrets, to be kept in git and handed out by configuration management.
type spec struct {
	Schema       int      `yaml:"schema"`
	HTTPProxy    string   `yaml:"httpProxy"`
	HTTPSProxy   string   `yaml:"httpsProxy"`
	NoProxy      string   `yaml:"noProxy"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"passwordFile"`
	Layer        string   `yaml:"layer"`
	Users        []string `yaml:"users"`
	CA           string   `yaml:"ca"`
	// Services are what `export` reads; the other commands accept and ignore them.
	Services map[string]serviceSpec `yaml:"services"`

	path  string
	lines map[string]int // of the keys, 1-based: httpProxy, services.web.proxy
}

// serviceSpec is the part of one Compose service.
type serviceSpec struct {
	Proxy        string `yaml:"proxy"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"passwordFile"`
	NoProxy      string `yaml:"noProxy"`
}

// readSpec reads and checks a settings file. Errors name the file, and for syntax and unknown keys the line.
func readSpec(path string) (*spec, error) {
	f, err := os.Open(path) //nolint:forbidigo // named by the caller, read with the caller's rights
	if err != nil {
		return nil, withStatus(exitFailed, fmt.Errorf("reading the settings file: %w", err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSpec+1))
	if err != nil {
		return nil, withStatus(exitFailed, fmt.Errorf("reading the settings file: %w", err))
	}
	if len(data) > maxSpec {
		return nil, usageErrorf("%s: larger than 1 MiB", path)
	}
	s := &spec{path: path}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(s); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, usageErrorf("%s: the file is empty", path)
		}
		return nil, specError(path, err)
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return nil, usageErrorf("%s: more than one document", path)
	}
	s.lines = keyLines(data)
	return s, s.check()
}

// keyLines returns the lines of the keys of a YAML or JSON document that has been read before without an error; a key below another one is PARENT.KEY.
func keyLines(data []byte) map[string]int {
	lines := map[string]int{}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) == 0 {
		return lines
	}
	var walk func(prefix string, n *yaml.Node)
	walk = func(prefix string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			lines[prefix+n.Content[i].Value] = n.Content[i].Line
			walk(prefix+n.Content[i].Value+".", n.Content[i+1])
		}
	}
	walk("", doc.Content[0])
	return lines
}

// at is the file and the line of a key, for messages.
func (s *spec) at(key string) string {
	if n := s.lines[key]; n > 0 {
		return fmt.Sprintf("%s:%d", s.path, n)
	}
	return s.path
}

func (s *spec) check() error {
	switch {
	case s.Schema != specSchema:
		return usageErrorf("%s: schema is %d, this program reads schema %d", s.at("schema"), s.Schema, specSchema)
	case s.PasswordFile != "" && s.Username == "":
		return usageErrorf("%s: passwordFile needs username", s.at("passwordFile"))
	}
	for _, u := range [][2]string{{"httpProxy", s.HTTPProxy}, {"httpsProxy", s.HTTPSProxy}} {
		if err := s.checkURL(u[0], u[1]); err != nil {
			return err
		}
	}
	if s.Layer != "" && s.Layer != daemon.Auto {
		if _, err := daemon.ParseLayers(s.Layer); err != nil {
			return usageErrorf("%s: %w", s.at("layer"), err)
		}
	}
	if _, err := checkList(s.at("noProxy"), s.NoProxy); err != nil {
		return err
	}
	return s.checkServices()
}

func (s *spec) checkURL(key, raw string) error {
	if raw == "" {
		return nil
	}
	if precedence.Value(raw).HasCredentials() {
		return usageErrorf("%s: credentials belong into username and passwordFile, not into a URL", s.at(key))
	}
	if _, err := precedence.ParseProxyURL(raw, false); err != nil {
		return usageErrorf("%s: %w", s.at(key), err)
	}
	return nil
}

// password reads the password file, relative to the settings file.
func (s *spec) password() (string, error) {
	if s.PasswordFile == "" {
		return "", nil
	}
	return passwordFromFile(s.passwordPath())
}

func (s *spec) passwordPath() string { return s.beside(s.PasswordFile) }

// specAuthorities reads the certificates that the key ca of a settings file names, and the argument it stands for; none for no file, or a file without it.
func (a *app) specAuthorities(file string) ([]certs.Authority, string, error) {
	if file == "" {
		return nil, "", nil
	}
	s, err := readSpec(file)
	if err != nil || s.CA == "" {
		return nil, "", err
	}
	list, err := a.readAuthority(s.caArgument(), false)
	return list, s.caArgument(), err
}

// caArgument is the CERT argument that the key ca stands for: a file, relative to the settings file, or a fingerprint.
func (s *spec) caArgument() string {
	file := s.beside(s.CA)
	if _, fingerprint := input.Prefix(s.CA); fingerprint {
		if _, err := os.Stat(file); err != nil { //nolint:forbidigo // named by the caller, read with the caller's rights
			return s.CA
		}
	}
	return file
}

// beside is a path of the settings file, relative to where that file is.
func (s *spec) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(s.path), path)
}

// settings are the daemon's settings the file asks for; for `reconcile`, where what is missing is to be unset.
func (s *spec) settings(a *app) (precedence.Settings, error) {
	password, err := s.password()
	if err != nil {
		return nil, err
	}
	if password != "" {
		a.redactor.Add(password)
	}
	out := precedence.Settings{}
	for key, raw := range map[precedence.Key]string{precedence.HTTPProxy: s.HTTPProxy, precedence.HTTPSProxy: s.HTTPSProxy} {
		if raw == "" {
			continue
		}
		p, err := precedence.ParseProxyURL(raw, false)
		if err != nil {
			return nil, usageErrorf("%s: %w", s.path, err)
		}
		out[key] = p.Value
		if s.Username != "" {
			out[key] = precedence.WithCredentials(p.Value, s.Username, password)
		}
	}
	if s.NoProxy != "" {
		list, err := checkList(s.path, s.NoProxy)
		if err != nil {
			return nil, err
		}
		out[precedence.NoProxy] = precedence.Value(list)
	}
	return out, nil
}

// takeFile takes from the settings file what the command line does not say.
func (o *setOptions) takeFile() error {
	s, err := readSpec(o.file)
	if err != nil {
		return err
	}
	flags := o.changed
	given := map[string]bool{}
	take := func(name string, into *string, value string) {
		if value != "" && !flags(name) {
			*into, given[name] = value, true
		}
	}
	if !flags("proxy") {
		take("http-proxy", &o.flags.httpProxy, s.HTTPProxy)
		take("https-proxy", &o.flags.httpsProxy, s.HTTPSProxy)
	}
	take("no-proxy", &o.flags.noProxy, s.NoProxy)
	take("username", &o.flags.username, s.Username)
	if s.PasswordFile != "" && !o.flags.passwordStdin && !flags("password-file") {
		o.flags.passwordFile = s.passwordPath()
	}
	if s.CA != "" && !flags("ca") && o.scope.daemon() {
		o.ca = []string{s.caArgument()}
	}
	if o.scope.daemon() {
		take("layer", &o.scope.layer, s.Layer) // the client has no layers, and the same file is for both
	}
	if len(s.Users) > 0 && !flags("user") {
		o.scope.users = s.Users
	}
	o.changed = func(name string) bool { return flags(name) || given[name] }
	return nil
}
