package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// configSurface is daemon.json, or the file that --config-file names.
type configSurface struct{}

func (configSurface) layer() precedence.Layer { return precedence.LayerDaemonJSON }

// parseConfig reads the configuration file the way this dockerd does. A missing default file is an empty document; the second result says that it is missing.
func parseConfig(site *Site, files *host.FS) (*jsonedit.Document, bool, error) {
	data, err := files.ReadFile(site.ConfigFile)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, false, err
	}
	doc, err := jsonedit.Parse(site.ConfigFile, data, configOptions(site))
	return doc, missing, err
}

// configOptions say how this engine decodes the file. Of one that is not known a byte order mark is no fault.
func configOptions(site *Site) jsonedit.Options {
	return jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: site.ReadsProxies() == Unknown || site.atLeast("24.0")}
}

func (configSurface) observe(site *Site, files *host.FS, out *Observation) {
	if site.ConfigFile == "" {
		return
	}
	at := &precedence.Source{Layer: precedence.LayerDaemonJSON, Path: site.ConfigFile, Route: precedence.RouteConfigFile}
	doc, missing, err := parseConfig(site, files)
	var syntax *jsonedit.ParseError
	switch {
	case errors.As(err, &syntax):
		at.Line = syntax.Line
		out.fail(at, syntax)
		configMistake(at, files, syntax, out)
		return
	case errors.Is(err, host.ErrNotRegular):
		out.fail(at, unwrapPath(err))
		out.stops("daemon-json-invalid", at, "", "not a regular file: dockerd does not start with it")
		return
	case err != nil:
		out.unreadable(at, err)
		if site.ReadsProxies() != No {
			out.Inputs.Config = unknownConfig(at)
		}
		return
	case missing:
		missingConfig(at, site, files, out)
		return
	}
	proxies, problems := jsonedit.DaemonProxies(doc)
	inert := configProblems(at, site, doc, problems, out)
	flagConflicts(at, site, doc, out)
	duplicateKeys(at, doc, out)
	for _, p := range proxies {
		b := precedence.Binding{Key: precedence.Key(p.Key), Value: precedence.Value(p.Value), Inert: inert, Source: *at}
		b.Source.Line, b.Source.Name = p.Line, p.Name
		out.Bindings = append(out.Bindings, b)
		if inert == "" {
			out.Inputs.Config = append(out.Inputs.Config, b)
		}
	}
	for _, s := range jsonedit.DaemonStrays(doc) {
		b := precedence.Binding{Key: precedence.Key(s.Key), Value: precedence.Value(s.Value), Inert: "dockerd reads it only as a member of proxies", Source: *at}
		b.Source.Line, b.Source.Name = s.Line, strings.Join(s.Path, ".")
		out.Bindings = append(out.Bindings, b)
	}
	out.config = doc
}

// unknownConfig says of a file that cannot be read that it may set anything.
func unknownConfig(at *precedence.Source) []precedence.Binding {
	var out []precedence.Binding
	for _, k := range precedence.Keys() {
		b := precedence.Binding{Key: k, Unknown: true, Source: *at}
		b.Source.Name = "proxies." + string(k)
		out = append(out, b)
	}
	return out
}

// unsetConfig takes every proxy out of daemon.json, those too that dockerd does not read or does not start with.
const unsetConfig = "docker proxy unset --layer daemon.json"

func (configSurface) refuse(site *Site) error {
	switch {
	case site.ReadsProxies() == No:
		return fmt.Errorf("docker engine %s does not read proxies from %s and would not start with them (it does since 23.0): use --layer %s", site.Version, site.ConfigFile, site.otherLayer(precedence.LayerDaemonJSON))
	case site.ConfigFile == "":
		return fmt.Errorf("this dockerd reads no configuration file (--config-file is empty): use --layer %s", site.otherLayer(precedence.LayerDaemonJSON))
	}
	return nil
}

func (configSurface) edit(site *Site, files *host.FS, wanted precedence.Settings) ([]change.Change, error) {
	if site.ConfigFile == "" {
		return nil, nil
	}
	from, err := change.Observe(files, site.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", site.ConfigFile, unwrapPath(err))
	}
	doc, _, err := parseConfig(site, files)
	if err != nil {
		return nil, err
	}
	_, before := jsonedit.DaemonProxies(doc)
	for _, k := range wanted.Keys() {
		if err := dropStrays(doc, k); err != nil {
			return nil, err
		}
	}
	if p := refusedStill(doc, before); p != nil && wanted.HasValue() {
		return nil, fmt.Errorf("%s:%d: %s", site.ConfigFile, p.Line, p.Msg)
	}
	secret := false
	for _, k := range wanted.Keys() {
		v := wanted[k]
		secret = secret || v.HasCredentials()
		if f := flagOf(site, k); f != nil && v != "" {
			return nil, fmt.Errorf("%s: %s is given to dockerd as a flag; the same setting in %s would stop it", f.Source, k.Flag(), site.ConfigFile)
		}
		if v == "" {
			err = doc.Delete("proxies", string(k))
		} else {
			err = doc.Set(v.Reveal(), "proxies", string(k))
		}
		if err != nil {
			return nil, err
		}
	}
	if len(wanted) == len(precedence.Keys()) && !wanted.HasValue() {
		if err := dropRefused(doc); err != nil {
			return nil, err
		}
	}
	if from.Kind == change.Absent && doc.Empty() {
		return nil, nil
	}
	to := from.WithData(doc.Bytes())
	if secret {
		to = to.Private()
	}
	c := change.Change{Path: site.ConfigFile, From: from, To: to, Layer: string(precedence.LayerDaemonJSON), Secret: secret || holdsCredentials(from.Data), CleanFrom: !holdsCredentials(from.Data), Needs: change.Needs{Restart: true}, Validate: change.ValidateDaemonJSON}
	return only(c), nil
}

// refusedStill returns the first of the problems for which dockerd would not start and which an edit has left in the document, with the line it had before; nil for none.
func refusedStill(doc *jsonedit.Document, before []jsonedit.Problem) *jsonedit.Problem {
	_, now := jsonedit.DaemonProxies(doc)
	for _, p := range before {
		if p.Effect == jsonedit.EffectRefused && slices.ContainsFunc(now, func(q jsonedit.Problem) bool { return q.Name == p.Name }) {
			return &p
		}
	}
	return nil
}

// dropStrays takes out what is named like the setting and stands where dockerd does not read it, old passwords above all.
func dropStrays(doc *jsonedit.Document, k precedence.Key) error {
	for _, s := range jsonedit.DaemonStrays(doc) {
		if s.Key != string(k) {
			continue
		}
		if err := doc.Delete(s.Path...); err != nil {
			return err
		}
	}
	return nil
}

// dropRefused takes out what is about proxies and keeps dockerd from starting: what is left then sets no proxy.
func dropRefused(doc *jsonedit.Document) error {
	_, problems := jsonedit.DaemonProxies(doc)
	for _, p := range problems {
		if p.Effect != jsonedit.EffectRefused {
			continue
		}
		if err := doc.Delete(p.Path...); err != nil {
			return err
		}
	}
	return nil
}

// holdsCredentials guesses generously whether a file's bytes may hold credentials: anything like user@host in a URL.
func holdsCredentials(data []byte) bool {
	text := string(data)
	for {
		i := strings.Index(text, "://")
		if i < 0 {
			return false
		}
		text = text[i+3:]
		word := text[:len(text)-len(strings.TrimLeftFunc(text, func(r rune) bool { return r != ' ' && r != '"' && r != '\'' && r != '\n' }))]
		if strings.Contains(word, "@") {
			return true
		}
	}
}
