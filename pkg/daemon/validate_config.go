package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/jsonedit"
	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// config shows daemon.json to dockerd --validate, which came with 23.0 (moby 8f80e55111, cmd/dockerd/daemon.go): it reads the file, merges it with the flags it is
// given, judges the result and ends before it does anything.
func (v *validator) config(ctx context.Context) error {
	text, data, planned, err := v.configSays(ctx)
	if err != nil || text == "" {
		return err
	}
	what := "dockerd would not start with it"
	if !planned {
		what = "dockerd would not start again with it (this change does not touch it, so mend it first)"
	}
	return refused(v.site.ConfigFile, complaintLine(v.site.ConfigFile, data, text), what, foreignText(text))
}

// configSays returns what dockerd says against the file, "" for nothing and where it could not be asked, which is then noted; and the file's bytes, and whether the plan changes it.
func (v *validator) configSays(ctx context.Context) (text string, data []byte, planned bool, err error) {
	data, planned, ok := v.configAfter()
	if !ok || v.site.ReadsProxies() == No {
		return "", nil, false, nil
	}
	dockerd, err := dockerdPath(v.site)
	if err != nil {
		v.note("%s was not shown to dockerd: its program was not found", v.site.ConfigFile)
		return "", nil, false, nil
	}
	if !v.site.ArgvKnown {
		v.note("dockerd's command line is not known, so conflicts of %s with its flags could not be looked for", v.site.ConfigFile)
	}
	text, err = v.askDockerd(ctx, dockerd, "new/daemon.json", data)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		v.note("%s could not be checked: dockerd --validate gave no answer in time", v.site.ConfigFile)
		return "", nil, false, nil
	}
	if err != nil || text == "" {
		return "", nil, false, err
	}
	// The same command line with an empty file tells what is not about the file: a flag that this binary does not know, a certificate that is gone, and whatever else is about
	// asking from here.
	alone, err := v.askDockerd(ctx, dockerd, "empty/daemon.json", []byte("{}"))
	if err != nil {
		return "", nil, false, err
	}
	if alone == text {
		v.note("%s could not be checked: dockerd --validate complains about its command line alone: %s", v.site.ConfigFile, foreignText(text))
		return "", nil, false, nil
	}
	return text, data, planned, nil
}

// configAfter returns the configuration file as it will be, and whether the plan changes it. ok is false when there will be none to ask about.
func (v *validator) configAfter() (data []byte, planned, ok bool) {
	if v.site.ConfigFile == "" {
		return nil, false, false
	}
	for _, c := range v.plan {
		if c.Path == v.site.ConfigFile {
			return c.To.Data, true, c.To.Kind == change.File
		}
	}
	data, err := v.site.FS.ReadFile(v.site.ConfigFile)
	return data, false, err == nil
}

// askDockerd returns what dockerd says against a file, "" when it takes it. The name of the candidate is replaced by the real one.
func (v *validator) askDockerd(ctx context.Context, dockerd, name string, data []byte) (string, error) {
	candidate, err := v.scratch.WriteAt(name, data)
	if err != nil {
		return "", err
	}
	args := append([]string{"--validate", "--config-file=" + candidate}, replayedFlags(v.site.Argv)...)
	env := append(userEnvironment(v.site), "PATH="+filepath.Dir(dockerd)+":"+tool.SearchPath)
	text, err := v.dockerdSays(ctx, tool.Command{Path: dockerd, Args: args, Env: env, Contained: true}, candidate)
	if strings.Contains(text, "but userland-proxy-path is not set") {
		// Since 25.0 it wants the userland proxy's program, which it looks for on its own PATH (verifyUserlandProxyConfig); that path is not known here, so it is told one.
		text, err = v.dockerdSays(ctx, tool.Command{Path: dockerd, Args: append(args, "--userland-proxy-path="+dockerd), Env: env, Contained: true}, candidate)
	}
	return text, err
}

func (v *validator) dockerdSays(ctx context.Context, c tool.Command, candidate string) (string, error) {
	res, err := tool.Run(ctx, c)
	if err != nil || res.Status == 0 {
		return "", err
	}
	text, _, _ := strings.Cut(strings.TrimSpace(res.Stdout+res.Stderr), "\n\n") // a usage text follows complaints about flags
	text = strings.ReplaceAll(text, candidate, v.site.ConfigFile)
	// "unable to configure the Docker daemon with file PATH: " stands before what matters, and the path before all of it already.
	return strings.TrimPrefix(text, "unable to configure the Docker daemon with file "+v.site.ConfigFile+": "), nil
}

// replayedFlags returns dockerd's own arguments without the ones that would change what is asked. Values of proxies are replaced: for conflicts they do not matter, and
// other users can read them in a command line.
func replayedFlags(argv []string) []string {
	var out []string
	for i := 1; i < len(argv); i++ {
		arg := argv[i]
		if arg == "--" {
			return append(out, argv[i:]...)
		}
		name, value, has := strings.Cut(arg, "=")
		dummy := ""
		switch name {
		case "--validate":
			continue
		case "--config-file":
		case "--http-proxy", "--https-proxy":
			dummy = "http://proxy.invalid:1"
		case "--no-proxy":
			dummy = "proxy.invalid"
		default:
			out = append(out, arg)
			continue
		}
		if !has {
			if i++; i == len(argv) {
				break
			}
			value = argv[i]
		}
		if name == "--config-file" {
			continue
		}
		if value == "" {
			dummy = "" // nothing to hide, and dockerd tells given from not given
		}
		out = append(out, name+"="+dummy)
	}
	return out
}

// complaintLine finds the line a complaint is about, or 0: dockerd names settings at most (moby daemon/config.getConflictFreeConfiguration, findConfigurationConflicts;
// encoding/json), and of broken JSON not even the place.
func complaintLine(file string, data []byte, text string) int {
	doc, err := jsonedit.Parse(file, data, jsonedit.Options{Dialect: jsonedit.DaemonJSON, AllowBOM: true})
	var syntax *jsonedit.ParseError
	if errors.As(err, &syntax) {
		return syntax.Line
	} else if err != nil {
		return 0
	}
	for _, mark := range []string{"any configuration option: ", "in the configuration file: ", "Go struct field "} {
		_, rest, ok := strings.Cut(text, mark)
		if !ok {
			continue
		}
		name := rest
		if i := strings.IndexAny(rest, " ,:"); i >= 0 {
			name = rest[:i]
		}
		name = name[strings.LastIndexByte(name, '.')+1:] // Config.CommonConfig.debug
		for _, keys := range [][]string{{name}, {"proxies", name}} {
			if found := doc.Lookup(keys...); len(found) > 0 {
				return found[0].Line
			}
		}
	}
	return 0
}

// dockerdPath finds the program: the one that runs, the one the service names or has beside its script (dockerd-rootless.sh), the snap's, or the one on the usual path. A
// script of that name is none: it may start a daemon whatever it is asked.
func dockerdPath(site *Site) (string, error) {
	var try []string
	if site.Process != nil && filepath.Base(site.Process.Exe) == "dockerd" {
		try = append(try, site.Process.Exe)
	}
	if len(site.Argv) > 0 && strings.HasPrefix(filepath.Base(site.Argv[0]), "dockerd") {
		try = append(try, filepath.Join(filepath.Dir(site.Argv[0]), "dockerd"))
	}
	if site.Flavor == FlavorSnap {
		try = append(try, "/snap/docker/current/bin/dockerd")
	}
	for _, p := range try {
		if !filepath.IsAbs(p) {
			continue
		}
		if found, err := tool.Find(p); err == nil && tool.IsBinary(found) {
			return found, nil
		}
	}
	found, err := tool.Find("dockerd")
	if err == nil && !tool.IsBinary(found) {
		err = tool.ErrNotFound
	}
	return found, err
}
