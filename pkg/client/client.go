// Package client knows the Docker CLI's config.json: which proxy settings it hands to new containers and builds, and how to change them without touching
// anything else in the file.
//
// It reads through internal/host and returns planned changes; it writes nothing and does not know the daemon. Start at Observe and Edit.
package client

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// DefaultHost is the record of proxies that the CLI uses for every daemon without a record of its own (docker/cli configfile.ParseProxyConfig).
const DefaultHost = "default"

// Layer is what the changes planned here count to; it is none of the daemon's.
const Layer = "client"

// Setting is one value of a record.
type Setting struct {
	Key   string           `json:"key"` // httpProxy, httpsProxy, noProxy, ftpProxy, allProxy
	Value precedence.Value `json:"value"`
	Line  int              `json:"line"` // 1-based
}

// File is one person's config.json.
type File struct {
	Path     string    `json:"path"`
	User     string    `json:"user,omitempty"`
	Host     string    `json:"host"`             // the record that Settings come from
	Lookup   string    `json:"lookup,omitempty"` // what the CLI looks up for the daemon in question, see Lookup; "" when Observe was asked for a record
	Settings []Setting `json:"settings"`
	Rule     string    `json:"noProxyRule,omitempty"` // what noProxy is computed from, see RuleHost; "" for a list as it stands
}

// RuleHost is the record of proxies that holds, as its noProxy, the rule from which the noProxy of a host's record is computed: a list with the entry "auto". It looks
// like one more host's record, so that the Docker CLI keeps it when it saves the file, and no daemon is reached by such a host.
func RuleHost(hostKey string) string {
	if hostKey == DefaultHost {
		return "docker-proxy"
	}
	return "docker-proxy " + hostKey
}

// Request is what a host's record of config.json is to hold.
type Request struct {
	Host   string                      // DefaultHost, or the endpoint of a daemon
	Values map[string]precedence.Value // by key (httpProxy …); an empty value takes the key out, a key that is not named stays
	Rule   *string                     // see RuleHost; "" takes it out, nil leaves it
	Cause  string                      // for the plan
}

// Location says whose config.json is meant.
type Location struct {
	Path     string // absolute, as the host spells it
	User     string // login name; "" when unknown
	UID, GID int    // owner of a file that has to be created; -1 means the caller's
}

// Observe reads the settings of the host's record, the effective occurrence of each key only. A missing file is an empty one. Problems are sentences with path
// and line about proxies that the CLI ignores or warns about. Errors: the file cannot be read or parsed; they name path and line and no value.
func Observe(files *host.FS, at Location, hostKey string) (File, []string, error) {
	out := File{Path: at.Path, User: at.User, Host: hostKey, Settings: []Setting{}}
	doc, err := parse(files, at.Path)
	if err != nil {
		return out, nil, err
	}
	rec, found := jsonedit.ClientProxies(doc, hostKey)
	for _, key := range jsonedit.ClientKeys() {
		for _, p := range rec.Proxies {
			if p.Key == key && p.Effective {
				out.Settings = append(out.Settings, Setting{Key: key, Value: precedence.Value(p.Value), Line: p.Line})
			}
		}
	}
	out.Rule = ruleOf(doc, hostKey)
	var problems []string
	for _, p := range found {
		problems = append(problems, fmt.Sprintf("%s:%d: %s", at.Path, p.Line, p.Msg))
	}
	return out, problems, nil
}

// ObserveFor reads the record that the CLI uses for a daemon: the one of exactly the looked-up string, as a whole, or else the default one (docker/cli
// configfile.ParseProxyConfig). The rest is Observe's.
func ObserveFor(files *host.FS, at Location, lookup string) (File, []string, error) {
	record := DefaultHost
	if doc, err := parse(files, at.Path); err == nil && slices.Contains(jsonedit.ClientHosts(doc), lookup) {
		record = lookup
	}
	f, problems, err := Observe(files, at, record)
	f.Lookup = lookup
	return f, problems, err
}

// ruleOf returns the effective rule of a host's record, "" when there is none.
func ruleOf(doc *jsonedit.Document, hostKey string) string {
	rec, _ := jsonedit.ClientProxies(doc, RuleHost(hostKey))
	for _, p := range rec.Proxies {
		if p.Key == "noProxy" && p.Effective {
			return p.Value
		}
	}
	return ""
}

func parse(files *host.FS, path string) (*jsonedit.Document, error) {
	data, err := files.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return jsonedit.Parse(path, data, jsonedit.Options{Dialect: jsonedit.ConfigJSON})
}

// Edit returns the change that makes a host's record what the request says. No change is returned when the file has it already. A file that receives credentials
// loses group and other access.
func Edit(files *host.FS, at Location, want Request) ([]change.Change, error) {
	doc, err := parse(files, at.Path)
	if err != nil {
		return nil, err
	}
	bare, clean := holds(doc)
	from, err := change.Observe(files, at.Path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", at.Path, err)
	}
	secret := false
	for _, key := range jsonedit.ClientKeys() {
		v, named := want.Values[key]
		if !named {
			continue
		}
		secret = secret || v.HasCredentials()
		if err := put(doc, v.Reveal(), "proxies", want.Host, key); err != nil {
			return nil, err
		}
	}
	if want.Rule != nil {
		if err := put(doc, *want.Rule, "proxies", RuleHost(want.Host), "noProxy"); err != nil {
			return nil, err
		}
	}
	if from.Kind == change.Absent && doc.Empty() {
		return nil, nil
	}
	to := from.WithData(doc.Bytes())
	if from.Kind == change.Absent {
		to.Mode, to.UID, to.GID = 0o600, at.UID, at.GID
	}
	if secret {
		to = to.Private()
	}
	// config.json may hold registry logins, so its bytes are secret whatever we write; what the journal keeps of it is the proxies that change.
	c := change.Change{Path: at.Path, From: from, To: to, Cause: want.Cause, Layer: Layer, Secret: true, CleanFrom: clean, Bare: bare, Partial: true}
	return change.Plan{c}.Effective(), nil
}

// holds reports whether a config.json is without any proxy, and whether no proxy in it has credentials.
func holds(doc *jsonedit.Document) (bare, clean bool) {
	bare, clean = true, true
	for _, host := range jsonedit.ClientHosts(doc) {
		rec, _ := jsonedit.ClientProxies(doc, host)
		for _, p := range rec.Proxies {
			bare = false
			clean = clean && !precedence.Value(p.Value).HasCredentials()
		}
	}
	return bare, clean
}

// put sets a member, or takes it out when the value is empty.
func put(doc *jsonedit.Document, value string, path ...string) error {
	if value == "" {
		return doc.Delete(path...)
	}
	return doc.Set(value, path...)
}

// SameSettings reports whether two states of a config.json say the same about the proxies of every host.
func SameSettings(path string, a, b change.State) bool {
	list := func(st change.State) (string, bool) {
		doc, err := jsonedit.Parse(path, st.Data, jsonedit.Options{Dialect: jsonedit.ConfigJSON})
		if err != nil {
			return "", false
		}
		text := ""
		for _, host := range jsonedit.ClientHosts(doc) {
			rec, _ := jsonedit.ClientProxies(doc, host)
			for _, p := range rec.Proxies {
				if p.Effective {
					text += host + "\x00" + p.Key + "\x00" + p.Value + "\n"
				}
			}
		}
		return text, true
	}
	x, okX := list(a)
	y, okY := list(b)
	return okX && okY && x == y
}
