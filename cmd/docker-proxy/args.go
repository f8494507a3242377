package main

import (
	"io"
	"slices"
	"strings"

	"github.com/docker/cli/cli-plugins/metadata"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/spf13/pflag"
)

// pluginName is the word between `docker` and the sub-command, and the name of the command tree's root.
const pluginName = "proxy"

// withPluginName returns args (without the program's name) as the docker CLI would have passed them. The CLI hands over its whole command line, global
// flags first (`--context x proxy show`); somebody who calls the binary directly leaves the word proxy out, and it is put in where Docker would have it.
// Arguments that already have it are returned as they are.
func withPluginName(args []string) []string {
	at, whole := afterGlobalFlags(args)
	if !whole {
		return args
	}
	if at < len(args) {
		switch args[at] {
		case pluginName, metadata.MetadataSubcommandName:
			return args
		case "help", "__complete", "__completeNoDesc":
			// `docker help proxy show` and `docker __complete proxy …` arrive with the word second.
			if at+1 < len(args) && args[at+1] == pluginName {
				return args
			}
			if args[at] != "help" {
				at++
			}
		}
	}
	return slices.Insert(slices.Clone(args), at, pluginName)
}

// afterGlobalFlags returns the index of the first argument that is not one of Docker's own global options or their values; whole is false when the last
// option lacks its value, which is for the real parser to say.
func afterGlobalFlags(args []string) (at int, whole bool) {
	globals := pflag.NewFlagSet("docker", pflag.ContinueOnError)
	globals.SetOutput(io.Discard)
	cliflags.NewClientOptions().InstallFlags(globals)
	i := 0
	for i < len(args) {
		width := globalFlagWidth(globals, args[i])
		if width == 0 {
			return i, true
		}
		i += width
	}
	return i, i == len(args)
}

// globalFlagWidth returns how many arguments the flag at the start of arg takes (1: by itself, 2: with its value), 0 when it is not a global flag.
func globalFlagWidth(globals *pflag.FlagSet, arg string) int {
	if name, ok := strings.CutPrefix(arg, "--"); ok {
		name, _, hasValue := strings.Cut(name, "=")
		f := globals.Lookup(name)
		switch {
		case name == "" || f == nil:
			return 0
		case hasValue || f.NoOptDefVal != "":
			return 1
		}
		return 2
	}
	letters, ok := strings.CutPrefix(arg, "-")
	if !ok || letters == "" {
		return 0
	}
	for i := range len(letters) { // -DH x, -Htcp://x, -l=debug
		f := globals.ShorthandLookup(letters[i : i+1])
		switch {
		case f == nil:
			return 0
		case f.NoOptDefVal != "":
			continue
		case i+1 < len(letters):
			return 1
		}
		return 2
	}
	return 1
}
