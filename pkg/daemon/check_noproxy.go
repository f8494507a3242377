package daemon

import (
	"strings"

	"github.com/docker-proxy/docker-proxy/pkg/precedence"
	"github.com/docker-proxy/docker-proxy/pkg/precedence/reader"
)

// checkNoProxy judges the NO_PROXY list that dockerd ends up with, and what is missing in it.
func checkNoProxy(o *Observation) {
	no := o.verdict(precedence.NoProxy).Winner
	set, known := o.anyProxy()
	listed := no != nil && !no.Unknown && no.Value != ""
	if listed && !set && known {
		o.find("no-proxy-without-proxy", &no.Source, o.listFix("docker proxy unset --only daemon --no-proxy"), "NO_PROXY does nothing: dockerd has neither an http-proxy nor an https-proxy, so everything is direct")
	}
	if !set {
		return
	}
	if listed {
		list := reader.List{Value: no.Value, At: copySource(&no.Source), Readers: o.listReaders(), Fix: func(e reader.Edit) string { return o.listFix(editCommand("docker proxy set --only daemon", e)) }}
		o.Findings = append(o.Findings, list.Findings()...)
	}
	if listed || no == nil {
		o.checkRegistries()
	}
}

// anyProxy reports whether dockerd has a proxy at all, and whether that can be known.
func (o *Observation) anyProxy() (set, known bool) {
	known = true
	for _, k := range []precedence.Key{precedence.HTTPProxy, precedence.HTTPSProxy} {
		w := o.verdict(k).Winner
		switch {
		case w == nil:
		case w.Unknown:
			known = false
		case w.Value != "":
			set = true
		}
	}
	return set, known
}

// listReaders are dockerd and, where it is installed, git, which dockerd runs for builds from a git URL and which is libcurl's.
func (o *Observation) listReaders() []reader.Reader {
	dockerd, _ := reader.ByName(reader.Dockerd)
	if o.away() {
		return []reader.Reader{dockerd}
	}
	if _, err := o.Files.Stat("/usr/bin/git"); err != nil {
		return []reader.Reader{dockerd}
	}
	git, _ := reader.ByName(reader.Curl)
	git.Name = "git"
	return []reader.Reader{dockerd, git}
}

// away reports whether only the API tells about the daemon: its files are not here, and cannot be edited from here.
func (o *Observation) away() bool {
	return o.Site.Flavor == FlavorRemote || o.Site.Flavor == FlavorDesktop
}

// listFix is a command that changes the list, or "" where no command of this program can: what a flag says is edited by hand, and so is a daemon on another machine.
func (o *Observation) listFix(command string) string {
	w := o.verdict(precedence.NoProxy).Winner
	if o.away() || command == "" || w != nil && w.Source.Layer == precedence.LayerFlag {
		return ""
	}
	return command
}

// editCommand is the command that edits a list.
func editCommand(command string, e reader.Edit) string {
	if e.Whole != "" {
		return command + " --no-proxy " + shellWord(e.Whole)
	}
	words := []string{command}
	for _, r := range e.Remove {
		words = append(words, "--no-proxy-remove "+shellWord(r))
	}
	for _, a := range e.Add {
		words = append(words, "--no-proxy-add "+shellWord(a))
	}
	if len(words) == 1 {
		return ""
	}
	return strings.Join(words, " ")
}
