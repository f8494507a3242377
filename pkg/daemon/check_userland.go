package daemon

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/redact"
	"github.com/docker-proxy/docker-proxy/pkg/precedence"
)

// userlandProxy is the name that dockerd looks for, and that this plugin has to have, too.
const userlandProxy = "docker-proxy"

// maxProgram is how much of a program is read. Docker's own is 2 to 3 MB.
const maxProgram = 256 << 20

// thisModule begins the import path of every program of this project.
const thisModule = "github.com/docker-proxy/docker-proxy/"

// checkUserlandProxy tells whether dockerd would start something else than its own docker-proxy for a published port. Nothing is run: what the program is, its bytes tell.
func (o *Observation) checkUserlandProxy() {
	if o.Files != o.Site.FS {
		return // no plan changes programs
	}
	name := o.userlandProgram()
	if name == "" {
		return
	}
	file, err := o.Files.Open(name)
	if err != nil {
		return
	}
	defer file.Close()
	what := notUserlandProxy(file)
	if what == "" {
		return
	}
	away := name + ".not-dockers"
	if what == isPlugin {
		away = "/usr/local/lib/docker/cli-plugins/" + userlandProxy
	}
	fix := fmt.Sprintf("mkdir -p %s && mv %s %s", path.Dir(away), shellWord(name), shellWord(away))
	if what != isPlugin {
		fix = fmt.Sprintf("mv %s %s", shellWord(name), shellWord(away))
	}
	switch { // since 25.0 it is looked for once, at the start
	case !o.Site.atLeast("25.0"):
	case o.Site.Manager == ManagerSystemdUser:
		fix += " && systemctl --user restart " + o.Site.Unit
	case o.Site.Manager == ManagerSystemd:
		fix += " && systemctl restart " + o.Site.Unit
	}
	o.find("userland-proxy-shadowed-by-plugin", &precedence.Source{Layer: precedence.LayerUnknown, Path: redact.Terminal(name)}, fix,
		"dockerd finds %s in the place of its own userland proxy of that name, so containers with published ports (docker run -p) do not start", what)
}

const isPlugin = "this plugin"

// notUserlandProxy says what a program is that dockerd finds as its docker-proxy; "" when it is Docker's, or may be. Go programs carry the import path of their main package
// (debug/buildinfo); the rest is judged by the options that dockerd calls it with (StartProxy in moby libnetwork/portmapper): what does not know them, and hands them to nobody, is none.
//
// Docker's own is known by a few kilobytes of its megabytes; only others are read as a whole.
func notUserlandProxy(file io.ReaderAt) string {
	if info, err := buildinfo.Read(file); err == nil && info.Path != "" {
		switch {
		case strings.HasPrefix(info.Path, thisModule):
			return isPlugin
		case strings.HasPrefix(info.Path, "github.com/docker/") || strings.HasPrefix(info.Path, "github.com/moby/"):
			return ""
		}
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, maxProgram))
	if err != nil {
		return ""
	}
	known := bytes.Contains(data, []byte("container-ip")) && bytes.Contains(data, []byte("host-port"))
	wrapper := bytes.HasPrefix(data, []byte("#!")) && (bytes.Contains(data, []byte(`"$@"`)) || bytes.Contains(data, []byte("$*")) || bytes.Contains(data, []byte("argv")))
	if known || wrapper {
		return ""
	}
	return "a program that does not know its options"
}

// userlandProgram is the file that this dockerd starts for a published port; "" when it starts none, or when that cannot be told.
func (o *Observation) userlandProgram() string {
	s := o.Site
	if s.Flavor != FlavorStandard && s.Flavor != FlavorRootless {
		return ""
	}
	if on, ok := o.daemonOption("userland-proxy"); ok && on != "true" && on != "" {
		return ""
	}
	// rootlesskit-docker-proxy, which dockerd-rootless.sh names, starts the one on PATH in its turn (rootlesskit cmd/rootlesskit-docker-proxy).
	if named, _ := o.daemonOption("userland-proxy-path"); path.IsAbs(named) && path.Base(named) != "rootlesskit-docker-proxy" {
		return o.executable(named)
	}
	search, ok := s.programPath()
	if !ok {
		return ""
	}
	dirs := strings.Split(search, ":")
	if s.atLeast("27.0.1") { // cmd/dockerd/config_unix.go, lookupBinPath
		dirs = append([]string{"/usr/local/libexec/docker", "/usr/libexec/docker", "/usr/local/lib/docker", "/usr/lib/docker", "/usr/local/libexec", "/usr/libexec"}, dirs...)
	}
	for _, dir := range dirs {
		if !path.IsAbs(dir) {
			continue // os/exec does not start what a relative one leads to
		}
		if name := o.executable(path.Join(dir, userlandProxy)); name != "" {
			return name
		}
	}
	return ""
}

// executable is name where it is a program, else "".
func (o *Observation) executable(name string) string {
	st, err := o.Files.Stat(name)
	if err != nil || !st.Mode.IsRegular() || st.Mode&fs.FileMode(0o111) == 0 {
		return ""
	}
	return name
}

// programPath is dockerd's PATH: of the process, else as its manager gives it. False when neither is known.
func (s *Site) programPath() (string, bool) {
	if s.Process != nil && s.Process.Environ != nil {
		return s.Process.Variable("PATH")
	}
	if l := s.Loaded; l != nil {
		for _, e := range l.Environment {
			if value, ok := strings.CutPrefix(e, "PATH="); ok {
				return value, true
			}
		}
	}
	switch s.Manager {
	case ManagerSystemd: // DEFAULT_PATH, systemd.exec(5)
		return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", true
	case ManagerSysV: // Debian's /etc/init.d/docker
		return "/sbin:/usr/sbin:/bin:/usr/bin:/usr/local/sbin:/usr/local/bin", true
	case ManagerSystemdUser, ManagerOpenRC, ManagerRunit, ManagerManual, ManagerNone:
	}
	return "", false
}

// daemonOption is the value of an option of dockerd, of its command line or else of its configuration file, as text.
func (o *Observation) daemonOption(name string) (string, bool) {
	for _, f := range o.Site.Flags {
		if f.Name == name {
			return f.Value.Reveal(), true
		}
	}
	if o.Site.ConfigFile == "" {
		return "", false
	}
	doc, _, err := parseConfig(o.Site, o.Files)
	if err != nil {
		return "", false
	}
	for _, m := range doc.Lookup(name) {
		if m.Effective {
			return strings.Trim(m.Value, `"`), true
		}
	}
	return "", false
}
