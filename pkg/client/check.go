package client

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/host"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// Circumstances is what the checks of a config.json have to know beside the file.
type Circumstances struct {
	Lookup string // what the CLI looks up for the selected daemon, see Lookup; "" when it is not known
	// UID is whose config.json it is, by number; -1 when that is not known.
	UID int
	// Group is the group that the owner's files have, by number.
	Group int
	// Elsewhere says that commands of the caller work on another file: those that mend this one have to name its directory.
	Elsewhere bool
	// Builders is the directory of docker buildx; "" is the one beside config.json.
	Builders string
	// DaemonProxy says that dockerd has a proxy for https.
	DaemonProxy bool
}

// Check judges one person's config.json and what stands beside it: proxies that the Docker CLI does not read, never uses or hands to nobody, the values themselves, files that
// the person cannot use, and builders without a proxy. It never fails: a file that cannot be read is a finding. Messages hold no credentials.
func Check(files *host.FS, at Location, c Circumstances) []precedence.Finding {
	k := &checker{files: files, at: at, Circumstances: c}
	k.owner()
	data, err := files.ReadFile(at.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		k.unreadable(err)
	default:
		k.content(data)
	}
	k.builders()
	return precedence.SortFindings(k.found)
}

// checker gathers the findings about one config.json.
type checker struct {
	files *host.FS
	at    Location
	Circumstances
	found   []precedence.Finding
	proxied bool // the record in use has a proxy for https
}

// find adds a finding at a line and a member of the file; 0 and "" when it is about the file.
func (k *checker) find(id string, line int, name, fix, format string, args ...any) {
	at := &precedence.Source{Layer: Layer, Path: k.at.Path, Line: line, Name: name}
	k.found = append(k.found, precedence.NewFinding(id, at, fix, format, args...))
}

// command is a command of this program that works on this file.
func (k *checker) command(args string) string { return command(k.dir(), k.Elsewhere, args) }

// command is a command of this program that works on the config.json of a directory.
func command(dir string, elsewhere bool, args string) string {
	if elsewhere {
		return "DOCKER_CONFIG=" + quote(dir) + " docker proxy " + args
	}
	return "docker proxy " + args
}

func (k *checker) unreadable(err error) {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	for _, f := range k.found {
		if f.ID == "client-config-root-owned" {
			return // that is why
		}
	}
	k.find("client-unparsable-config", 0, "", "", "it cannot be read (%v): the Docker CLI warns and goes on without it, so that new containers and builds get no proxy from it", err)
}

func (k *checker) content(data []byte) {
	doc, err := jsonedit.Parse(k.at.Path, data, jsonedit.Options{Dialect: jsonedit.ConfigJSON})
	if err != nil {
		k.unparsable(err, data)
		return
	}
	if bytes.Contains(bytes.ToLower(data), []byte("proxy")) {
		k.sealed(doc)
	}
	k.problems(doc)
	k.keys(doc)
	for _, host := range jsonedit.ClientHosts(doc) {
		k.record(doc, host)
	}
}

// unparsable tells of a file of which the CLI reads nothing (docker/cli configfile.LoadFromReader: encoding/json checks the whole value before it decodes any of it).
func (k *checker) unparsable(err error, data []byte) {
	line, msg := 0, err.Error()
	var pe *jsonedit.ParseError
	if errors.As(err, &pe) {
		line, msg = pe.Line, pe.Msg
	}
	fix := ""
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		fix = `sed -i '1s/^\xEF\xBB\xBF//' ` + quote(k.at.Path)
	}
	k.find("client-unparsable-config", line, "", fix, "%s: the Docker CLI warns and goes on as if the file were empty, so that new containers and builds get no proxy from it", msg)
}

// sealed tells of text behind the JSON value.
func (k *checker) sealed(doc *jsonedit.Document) {
	var pe *jsonedit.ParseError
	if err := doc.Editable(); errors.As(err, &pe) && strings.Contains(pe.Msg, "after the end") {
		k.find("client-unparsable-config", pe.Line, "", "", "there is text behind the end of the JSON value: the Docker CLI ignores it, and loses it when it saves the file")
	}
}

// problems tells what stands where the CLI does not read it, and what it cannot decode.
func (k *checker) problems(doc *jsonedit.Document) {
	_, problems := jsonedit.ClientProxies(doc, DefaultHost)
	strays := map[int]bool{}
	for _, s := range misplaced(doc) {
		strays[s.line] = true
	}
	for _, p := range problems {
		switch {
		case p.Class == jsonedit.ClassMisplaced:
			fix := ""
			if strays[p.Line] && doc.Editable() == nil {
				fix = k.command("reconcile --only client --repair")
			}
			k.find("client-flat-proxies", p.Line, p.Name, fix, "%s", p.Msg)
		case p.Class == jsonedit.ClassWrongType:
			k.find("client-unparsable-config", p.Line, p.Name, "", "%s: the Docker CLI warns with every command and goes on without it", p.Msg)
		}
	}
}

// dir is the directory of the file, ~/.docker.
func (k *checker) dir() string { return path.Dir(k.at.Path) }
