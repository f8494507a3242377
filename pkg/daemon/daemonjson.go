package daemon

import (
	"errors"
	"fmt"
	"io/fs"
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
	doc, err := jsonedit.Parse(site.ConfigFile, data, jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: site.atLeast("24.0")})
	return doc, missing, err
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
		out.find("daemon-json-invalid", at, "", "%s: dockerd does not start with this file", syntax.Msg)
		return
	case errors.Is(err, host.ErrNotRegular):
		out.fail(at, unwrapPath(err))
		out.find("daemon-json-invalid", at, "", "not a regular file: dockerd does not start with it")
		return
	case err != nil:
		out.unreadable(at, err)
		if site.ReadsProxies() != No {
			out.Inputs.Config = unknownConfig(at)
		}
		return
	case missing:
		if site.ConfigExplicit {
			out.find("daemon-json-invalid", at, "", "dockerd is told to read %s, which does not exist; it will not start", site.ConfigFile)
		}
		return
	}
	proxies, problems := jsonedit.DaemonProxies(doc)
	inert := configProblems(at, site, proxies, problems, out)
	flagConflicts(at, site, doc, out)
	for _, p := range proxies {
		b := precedence.Binding{Key: precedence.Key(p.Key), Value: precedence.Value(p.Value), Inert: inert, Source: *at}
		b.Source.Line, b.Source.Name = p.Line, p.Name
		out.Bindings = append(out.Bindings, b)
		if inert == "" {
			out.Inputs.Config = append(out.Inputs.Config, b)
		}
	}
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

// configProblems turns what dockerd refuses or ignores into findings; the result says why no binding of the file reaches dockerd, or "".
func configProblems(at *precedence.Source, site *Site, proxies []jsonedit.Proxy, problems []jsonedit.Problem, out *Observation) string {
	inert := ""
	for _, p := range problems {
		s := *at
		s.Line, s.Name = p.Line, p.Name
		if p.Effect == jsonedit.EffectIgnored {
			out.find("daemon-json-ignored-key", &s, "docker proxy set --layer daemon.json --proxy URL", "%s", p.Msg)
			continue
		}
		inert = "dockerd does not start with this file"
		out.fail(&s, errors.New(p.Msg))
		out.find("daemon-json-invalid", &s, "", "%s", p.Msg)
	}
	if len(proxies) > 0 && site.ReadsProxies() == No {
		s := *at
		s.Line, s.Name = proxies[0].Line, proxies[0].Name
		inert = "engine " + site.Version + " does not know it and will not start"
		out.failMendable(&s, unsetConfig, fmt.Errorf("docker engine %s refuses to start with proxies in this file; it reads them since 23.0", site.Version))
		out.find("daemon-json-engine-too-old", &s, unsetConfig, "docker engine %s refuses to start with proxies in %s; it reads them since 23.0", site.Version, site.ConfigFile)
	}
	return inert
}

// unsetConfig takes every proxy out of daemon.json.
const unsetConfig = "docker proxy unset --layer daemon.json"

// flagConflicts finds settings that stand in the file and on the command line: dockerd refuses to start with both, even when they are equal, and also where the one in the file is
// misplaced (moby daemon/config.findConfigurationConflicts).
func flagConflicts(at *precedence.Source, site *Site, doc *jsonedit.Document, out *Observation) {
	for _, b := range site.ProxyFlags() {
		for _, m := range jsonedit.DaemonDirectives(doc, string(b.Key)) {
			s := *at
			s.Line, s.Name = m.Line, m.Name()
			out.failMendable(&s, unsetConfig, fmt.Errorf("%s is also given as the flag %s (%s)", b.Key, b.Key.Flag(), b.Source))
			out.find("daemon-json-flag-conflict", &s, "docker proxy unset --"+string(b.Key)+" --layer daemon.json", "%s stands here and as the flag %s (%s): dockerd does not start with both", b.Key, b.Key.Flag(), b.Source)
			break
		}
	}
}

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
	if _, problems := jsonedit.DaemonProxies(doc); len(wanted) > 0 {
		for _, p := range problems {
			if p.Effect == jsonedit.EffectRefused && wanted.HasValue() {
				return nil, fmt.Errorf("%s:%d: %s", site.ConfigFile, p.Line, p.Msg)
			}
		}
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
