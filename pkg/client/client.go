// Package client knows the Docker CLI's config.json: which proxy settings it hands to new containers and builds, and how to change them without touching
// anything else in the file.
//
// It reads through internal/host and returns planned changes; it writes nothing and does not know the daemon. Start at Observe and Edit.
package client

import (
	"errors"
	"fmt"
	"io/fs"

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
	Host     string    `json:"host"` // the record that Settings come from
	Settings []Setting `json:"settings"`
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
	var problems []string
	for _, p := range found {
		problems = append(problems, fmt.Sprintf("%s:%d: %s", at.Path, p.Line, p.Msg))
	}
	return out, problems, nil
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

// Edit returns the change that gives the keys (httpProxy …) of the host's record the wanted values; an empty value takes a key out. No change is returned
// when the file has them already. A file that receives credentials loses group and other access.
func Edit(files *host.FS, at Location, hostKey string, wanted map[string]precedence.Value, cause string) ([]change.Change, error) {
	doc, err := parse(files, at.Path)
	if err != nil {
		return nil, err
	}
	from, err := change.Observe(files, at.Path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", at.Path, err)
	}
	secret := false
	for _, key := range jsonedit.ClientKeys() {
		v, named := wanted[key]
		if !named {
			continue
		}
		secret = secret || v.HasCredentials()
		if v == "" {
			err = doc.Delete("proxies", hostKey, key)
		} else {
			err = doc.Set(v.Reveal(), "proxies", hostKey, key)
		}
		if err != nil {
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
	// config.json may hold registry logins, so its bytes are secret whatever we write.
	c := change.Change{Path: at.Path, From: from, To: to, Cause: cause, Layer: Layer, Secret: true, Partial: true}
	return change.Plan{c}.Effective(), nil
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
