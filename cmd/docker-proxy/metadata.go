package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/docker/cli/cli-plugins/metadata"
)

// version is set by the linker (-X main.version=…, see the Makefile); a build without it takes the module version that Go recorded.
var version string

const (
	shortDescription = "See and set the proxy of the Docker daemon and its clients"
	homepage         = "https://github.com/docker-proxy/docker-proxy"
)

// buildVersion returns the version of this program, "unknown" when neither the linker nor Go recorded one.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// pluginMetadata is what the docker CLI wants to know of a plugin; "0.1.0" is the only schema version that every CLI since 19.03 accepts.
func pluginMetadata() metadata.Metadata {
	return metadata.Metadata{
		SchemaVersion:    "0.1.0",
		Vendor:           "docker-proxy",
		Version:          buildVersion(),
		ShortDescription: shortDescription,
		URL:              homepage,
	}
}

// isMetadataCall recognises the one call by which the docker CLI asks a plugin what it is.
func isMetadataCall(argv []string) bool {
	return len(argv) == 2 && argv[1] == metadata.MetadataSubcommandName
}

// printMetadata answers it, without a Docker client, config file, network or bus, and returns the exit status.
func printMetadata(stdout, stderr io.Writer) int {
	enc := json.NewEncoder(stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "     ")
	if err := enc.Encode(pluginMetadata()); err != nil {
		fmt.Fprintf(stderr, "writing the plugin metadata: %v\n", err)
		return exitFailed
	}
	return exitDone
}
