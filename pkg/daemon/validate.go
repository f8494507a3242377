package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker-proxy/docker-proxy/internal/change"
	"github.com/docker-proxy/docker-proxy/internal/tool"
)

// Validate asks the real readers about the planned files before anything is written: dockerd --validate for daemon.json (engines since 23.0), sh -n for startup files
// that a shell sources. A candidate stands in a directory only this user can enter. Under --root nothing is executed, so nobody is asked.
func Validate(ctx context.Context, site *Site, plan change.Plan) error {
	candidate := func(c change.Change) bool {
		return c.To.Kind == change.File && (c.Validate == change.ValidateDaemonJSON || c.Validate == change.ValidateStartup)
	}
	if !site.Live || !slices.ContainsFunc(plan.Effective(), candidate) {
		return nil
	}
	dir, err := tool.NewScratch()
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, c := range plan.Effective() {
		if c.To.Kind != change.File {
			continue
		}
		switch c.Validate {
		case change.ValidateDaemonJSON:
			err = validateConfig(ctx, site, dir, c)
		case change.ValidateStartup:
			err = validateStartup(ctx, site, dir, c)
		case change.ValidateNone, change.ValidateUnit:
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func validateConfig(ctx context.Context, site *Site, dir *tool.Scratch, c change.Change) error {
	if site.ReadsProxies() != Yes {
		return nil // --validate came with 23.0 (moby 8f80e55111)
	}
	dockerd, err := dockerdPath(site)
	if err != nil {
		return nil //nolint:nilerr // without the binary there is nobody to ask
	}
	path, err := dir.Write(c.Path, c.To.Data)
	if err != nil {
		return err
	}
	args := []string{"--validate", "--config-file=" + path}
	for _, f := range site.Flags {
		switch f.Name {
		case "config-file", "validate":
			continue
		case "http-proxy", "https-proxy":
			args = append(args, "--"+f.Name+"=http://proxy.invalid:1") // the value does not matter for conflicts, and must not stand in a command line
			continue
		case "no-proxy":
			args = append(args, "--no-proxy=invalid")
			continue
		}
		args = append(args, "--"+f.Name+"="+f.Value.Reveal())
	}
	res, err := tool.Run(ctx, tool.Command{Path: dockerd, Args: args})
	if err != nil {
		return err
	}
	if res.Status != 0 {
		text := strings.ReplaceAll(strings.TrimSpace(lastLines(res.Stdout+res.Stderr, 3)), path, c.Path)
		if unrelated(text) {
			return nil
		}
		return fmt.Errorf("%s: dockerd would not start with it: %s", c.Path, text)
	}
	return nil
}

// unrelated reports complaints of --validate that are about this way of asking, not about the file: since v25.0 it wants the userland proxy's binary, which it looks for on its own PATH.
func unrelated(text string) bool { return strings.Contains(text, "userland-proxy-path") }

func dockerdPath(site *Site) (string, error) {
	if site.Process != nil && filepath.IsAbs(site.Process.Exe) && filepath.Base(site.Process.Exe) == "dockerd" {
		return tool.Find(site.Process.Exe)
	}
	if len(site.Argv) > 0 && filepath.IsAbs(site.Argv[0]) && filepath.Base(site.Argv[0]) == "dockerd" {
		return tool.Find(site.Argv[0])
	}
	return tool.Find("dockerd")
}

func validateStartup(ctx context.Context, site *Site, dir *tool.Scratch, c change.Change) error {
	sourced := false
	for _, sf := range site.Startup {
		sourced = sourced || sf.Path == c.Path && sf.Reader == ReaderSourced
	}
	if !sourced {
		return nil
	}
	sh, err := tool.Find("sh")
	if errors.Is(err, tool.ErrNotFound) {
		return nil
	}
	path, err := dir.Write(c.Path, c.To.Data)
	if err != nil {
		return err
	}
	res, err := tool.Run(ctx, tool.Command{Path: sh, Args: []string{"-n", path}})
	if err != nil {
		return err
	}
	if res.Status != 0 {
		return fmt.Errorf("%s: sh cannot read it: %s", c.Path, strings.ReplaceAll(strings.TrimSpace(res.Stderr), path, c.Path))
	}
	return nil
}
