package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

// TestCommandTree holds the rules every command keeps.
func TestCommandTree(t *testing.T) {
	visit(newRootCommand(nil), func(c *cobra.Command) {
		t.Run(strings.ReplaceAll(c.CommandPath(), " ", "_"), func(t *testing.T) {
			assert.Assert(t, c.Short != "" && !strings.HasSuffix(c.Short, "."), "short description: %q", c.Short)
			assert.Assert(t, cmp.Contains(c.Example, "docker "+c.CommandPath()), "examples show the command as it is typed")
			assert.Assert(t, c.RunE != nil && c.Run == nil && c.Args != nil, "prepared")
			assert.Assert(t, c.DisableFlagsInUseLine)
			assert.Assert(t, c.GroupID == "" && c.Version == "")
		})
	})
}
