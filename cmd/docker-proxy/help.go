package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newHelpCommand is `docker proxy help [COMMAND]`: cobra gives such a command to the root of the tree only, and that is `docker`.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about a command",
		Example: "  docker proxy help version",
		Args:    cobra.ArbitraryArgs,
		// No client and no config file are needed to print help.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
		RunE: func(cmd *cobra.Command, args []string) error {
			topic := cmd.Parent()
			for _, word := range args {
				next := child(topic, word)
				if next == nil {
					return usageErrorf("unknown help topic: %s\n\nRun '%s --help' for a list of commands", strings.Join(args, " "), cmd.Parent().CommandPath())
				}
				topic = next
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
		ValidArgsFunction: completeTopics,
	}
}

func child(c *cobra.Command, name string) *cobra.Command {
	for _, sub := range c.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return sub
		}
	}
	return nil
}

func completeTopics(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	topic := cmd.Parent()
	for _, word := range args {
		if topic = child(topic, word); topic == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var names []cobra.Completion
	for _, sub := range topic.Commands() {
		if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), prefix) {
			names = append(names, fmt.Sprintf("%s\t%s", sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// helpWidth is for how wide a terminal help is written: Docker's own wraps the options of a narrow one only, and leaves the text to break inside words.
const helpWidth = 80

// fold breaks the paragraphs of a text at blanks, so that no line is longer than width where that can be.
func fold(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		var b strings.Builder
		column := 0
		for _, word := range strings.Fields(p) {
			switch {
			case column == 0:
			case column+1+len(word) > width:
				b.WriteByte('\n')
				column = 0
			default:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(word)
			column += len(word)
		}
		paragraphs[i] = b.String()
	}
	return strings.Join(paragraphs, "\n\n")
}
