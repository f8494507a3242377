package main

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// specError says where a settings file is wrong, as FILE:LINE: and in words that know no Go types. Only the first mistake is named, and never a value: it may be a
// secret in the wrong place.
func specError(path string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var types *yaml.TypeError
	if errors.As(err, &types) && len(types.Errors) > 0 {
		text = types.Errors[0]
	}
	line := ""
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, after, ok := strings.Cut(rest, ": "); ok {
			line, text = ":"+number, after
		}
	}
	if field, _, ok := strings.Cut(text, " not found in type "); ok {
		text = "unknown key " + strings.TrimPrefix(field, "field ")
	}
	if strings.HasPrefix(text, "cannot unmarshal ") {
		text = "a value of the wrong kind"
	}
	return usageErrorf("%s%s: %s", path, line, text)
}
