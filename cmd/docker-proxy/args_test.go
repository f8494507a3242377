package main

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestWithPluginName(t *testing.T) {
	for _, tc := range []struct{ name, args, want string }{
		{"nothing", "", "proxy"},
		{"from the CLI", "proxy show", "proxy show"},
		{"from the CLI, alone", "proxy", "proxy"},
		{"from the CLI, globals first", "--context x -D proxy show --context y", "--context x -D proxy show --context y"},
		{"direct", "show --effective", "proxy show --effective"},
		{"direct, global with value", "--config DIR show", "--config DIR proxy show"},
		{"direct, global with =", "--config=DIR show", "--config=DIR proxy show"},
		{"direct, bool global", "--debug show", "--debug proxy show"},
		{"direct, bool global with =", "--tls=false show", "--tls=false proxy show"},
		{"direct, short with value", "-H tcp://x:1 show", "-H tcp://x:1 proxy show"},
		{"direct, short with attached value", "-Htcp://x:1 show", "-Htcp://x:1 proxy show"},
		{"direct, cluster", "-DH tcp://x:1 show", "-DH tcp://x:1 proxy show"},
		{"direct, own flag first", "--root DIR show", "proxy --root DIR show"},
		{"direct, own flag after a global one", "-l debug --root DIR show", "-l debug proxy --root DIR show"},
		{"direct, help flag", "--help", "proxy --help"},
		{"direct, only globals", "--context x", "--context x proxy"},
		{"a global's value is missing", "--context", "--context"},
		{"a value that is called proxy", "--context proxy show", "--context proxy proxy show"},
		{"help from the CLI", "help proxy show", "help proxy show"},
		{"help, direct", "help show", "proxy help show"},
		{"completion from the CLI", "__complete proxy sh", "__complete proxy sh"},
		{"completion, direct", "__complete sh", "__complete proxy sh"},
		{"completion without descriptions, direct", "__completeNoDesc show --", "__completeNoDesc proxy show --"},
		{"metadata after a global", "-D docker-cli-plugin-metadata", "-D docker-cli-plugin-metadata"},
		{"hooks", "proxy docker-cli-plugin-hooks {}", "proxy docker-cli-plugin-hooks {}"},
		{"the end of flags", "-- show", "proxy -- show"},
		{"a lone dash", "- show", "proxy - show"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := strings.Fields(tc.args)
			before := slices.Clone(args)
			assert.DeepEqual(t, withPluginName(args), strings.Fields(tc.want))
			assert.DeepEqual(t, args, before)
		})
	}
}
