package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/docker/cli/templates"
	"github.com/spf13/cobra"
)

// outputFormat is the value of --format: table (the default), json, or a Go template that is executed with the value that json prints. It is parsed with the
// flags, so a template with a mistake is wrong usage and stops a command before it does anything.
type outputFormat struct {
	text string
	tmpl *template.Template
}

// String returns the text as given.
func (f *outputFormat) String() string { return f.text }

// Type names the value in the help.
func (f *outputFormat) Type() string { return "string" }

// Set parses s.
func (f *outputFormat) Set(s string) error {
	f.text, f.tmpl = s, nil
	if s == "" || s == "table" || s == "json" {
		return nil
	}
	if s == "table" || strings.HasPrefix(s, "table ") {
		return fmt.Errorf("table takes no template here: use table, json or a template alone")
	}
	tmpl, err := templates.Parse(s)
	if err != nil {
		return fmt.Errorf("parsing the template: %w", err)
	}
	f.tmpl = tmpl
	return nil
}

// isJSON reports whether the output is to be JSON.
func (f *outputFormat) isJSON() bool { return f.text == "json" }

// isTable reports whether the output is for people.
func (f *outputFormat) isTable() bool { return f.text == "" || f.text == "table" }

// addFormatFlag gives cmd the flag --format, with completion.
func addFormatFlag(cmd *cobra.Command, f *outputFormat) {
	cmd.Flags().Var(f, "format", `Format the output: "table", "json", or a Go `+"`TEMPLATE`")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]cobra.Completion{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)) // fails for an unknown flag only
}

// printAs writes v in the wanted format: as indented JSON with a final newline, by the template followed by a newline, or by table. Everything is rendered
// before the first byte is written, so an error never follows half an output.
func printAs[T any](out io.Writer, f outputFormat, v T, table func(io.Writer) error) error {
	var buf bytes.Buffer
	switch {
	case f.isJSON():
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("encoding JSON: %w", err)
		}
	case f.isTable():
		if err := table(&buf); err != nil {
			return err
		}
	default:
		if err := f.tmpl.Execute(&buf, v); err != nil {
			return usageErrorf("executing the template: %w", err)
		}
		buf.WriteByte('\n')
	}
	_, err := out.Write(buf.Bytes())
	return err
}

// writeTable writes header and rows in columns, spaced as Docker's tables are. Cells hold no tab and no newline.
func writeTable(w io.Writer, header []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}
