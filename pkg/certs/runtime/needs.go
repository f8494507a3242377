package runtime

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/certs"
)

// NeedsOptions say what there is to point at.
type NeedsOptions struct {
	// Authorities are the ones that were added.
	Authorities []certs.Authority
	// Anchor is the directory in the container in which each authority stands alone, by its AnchorName; Combined is the bundle that has them besides the public roots. "" where
	// there is none; the usual Debian names then stand for what has to be mounted.
	Anchor, Combined string
	// Since is when the stores last changed: what was started later has read them. The zero time means just now.
	Since time.Time
}

// RestartCommand is the command of a note that asks for a restart; NAME stands for the container.
const RestartCommand = "docker restart NAME"

// Where an authority and a combined bundle are mounted in a container that has no place for them.
const (
	usualAnchors  = "/usr/local/share/ca-certificates"
	usualCombined = "/etc/ssl/certs/ca-certificates.crt"
)

// program is a runtime that was found by its processes or files.
type program struct {
	row     Row
	running []Process
	name    string // of the program, for people
}

// Needs says what a change of files does not settle: what has to start again, and what has to be made again with which variable.
func (s Survey) Needs(o NeedsOptions) []certs.Note {
	var out []certs.Note
	for _, p := range s.programs {
		switch p.row.Action {
		case Recreate:
			out = append(out, s.recreate(p, o)...)
		case OutScope:
			out = append(out, noteOf(certs.Limit, p.name, "%s bring stores of their own along, which only their own tools change", p.row.Title))
		default:
			if p.row.Once || p.row.Name == "" {
				out = append(out, restart(p, o)...)
			}
		}
	}
	out = append(out, s.nix(o)...)
	return append(out, s.nssNotes(o)...)
}

// restart asks for a restart when one of the processes is older than the change.
func restart(p program, o NeedsOptions) []certs.Note {
	if !slices.ContainsFunc(p.running, func(r Process) bool { return o.Since.IsZero() || r.Start.IsZero() || r.Start.Before(o.Since) }) {
		return nil
	}
	text := "it has read its certificates when it was started; it trusts the new one after a restart"
	if p.row.Name == "" {
		text = "it runs since before; if it reads its certificates only once, as Go programs and most servers do, it trusts the new one after a restart"
	}
	n := noteOf(certs.NeedsRestart, p.name, "%s", text)
	n.Command = RestartCommand
	return []certs.Note{n}
}

// recreate says with which variable a program without a store in a file trusts the authorities; nothing, or a restart, when its environment settles that already.
func (s Survey) recreate(p program, o NeedsOptions) []certs.Note {
	if s.settled(p) {
		return restart(p, o)
	}
	variable := p.row.Variables[0]
	what := "the certificate"
	if len(o.Authorities) > 1 {
		what = "the certificates, in one file,"
	}
	n := noteOf(certs.NeedsRecreate, p.name, "%s has its roots in its binary: a new container with %s=%s and %s mounted there trusts what is in it besides them (docker proxy ca export)",
		p.row.Title, variable, s.alone(o), what)
	n.Env = []string{redact.Terminal(variable + "=" + s.alone(o))}
	return []certs.Note{n}
}

// settled reports whether the program reads a file that is edited: the one its variable names, or the system's store.
func (s Survey) settled(p program) bool {
	variables := []string{p.row.Variables[0]}
	if p.row.Name == "deno" {
		variables = append(variables, "NODE_EXTRA_CA_CERTS")
	}
	for _, v := range variables {
		for _, value := range s.processes.settings(v) {
			if slices.ContainsFunc(s.Stores, func(st Store) bool { return slices.Contains(st.Names, path.Clean(value)) }) || slices.Contains(s.system, path.Clean(value)) {
				return true
			}
		}
	}
	switch p.row.Name {
	case "node":
		words := strings.Fields(strings.Join(s.processes.settings("NODE_OPTIONS"), " "))
		words = append(words, s.processes.Argv...)
		for _, r := range p.running {
			words = append(words, r.Argv...)
		}
		return slices.Contains(words, "--use-system-ca") || slices.Contains(words, "--use-openssl-ca") || slices.Contains(s.processes.settings("NODE_USE_SYSTEM_CA"), "1")
	case "deno":
		return slices.ContainsFunc(s.processes.settings("DENO_TLS_CA_STORE"), func(v string) bool { return slices.Contains(strings.Split(v, ","), "system") })
	}
	return false
}

// alone is the path of a file with the authorities and nothing else: the anchor of one, and of several a file that has them all, since the variable takes one file.
func (s Survey) alone(o NeedsOptions) string {
	dir := o.Anchor
	if dir == "" {
		dir = usualAnchors
	}
	if len(o.Authorities) != 1 {
		return path.Join(dir, certs.AnchorPrefix+"authorities.crt")
	}
	return path.Join(dir, o.Authorities[0].Fingerprint.AnchorName())
}

// nix names the variables that lead into the store of Nix, where nothing is edited.
func (s Survey) nix(o NeedsOptions) []certs.Note {
	combined := o.Combined
	if combined == "" {
		combined = usualCombined
	}
	var out []certs.Note
	for _, v := range Variables() {
		for _, value := range s.processes.settings(v.Name) {
			if v.Effect != Replacing || !slices.ContainsFunc(s.Stores, func(st Store) bool {
				return strings.HasPrefix(st.Real, nixStore) && slices.Contains(st.Names, path.Clean(value))
			}) {
				continue
			}
			n := noteOf(certs.NeedsRecreate, value, "%s leads into the store of Nix: make the container anew with %s=%s, a bundle with the public roots and the new one", v.Name, v.Name, combined)
			n.Env = []string{redact.Terminal(v.Name + "=" + combined)}
			out = append(out, n)
		}
	}
	return out
}

// nixStore is where no file is ever changed.
const nixStore = "/nix/store/"

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
