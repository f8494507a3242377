package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// versionInfo is what `docker proxy version` prints; the JSON names are stable.
type versionInfo struct {
	Version   string `json:"version"`
	GoVersion string `json:"goVersion"`
	OS        string `json:"os"`
	Arch      string `json:"arch"`
}

func newVersionCommand(a *app) *cobra.Command {
	var format outputFormat
	cmd := &cobra.Command{
		Use:   "version [OPTIONS]",
		Short: "Show the version of this plugin",
		Example: `  docker proxy version
  docker proxy version --format json
  docker proxy version --format '{{.Version}}'`,
		RunE: func(*cobra.Command, []string) error {
			info := versionInfo{Version: buildVersion(), GoVersion: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
			return printAs(a.cli.Out(), format, info, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "docker proxy version %s, %s, %s/%s\n", info.Version, info.GoVersion, info.OS, info.Arch)
				return err
			})
		},
	}
	addFormatFlag(cmd, &format)
	return cmd
}
