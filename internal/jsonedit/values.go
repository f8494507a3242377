package jsonedit

import "encoding/json"

// String returns a top-level string setting such as data-root and the line of
// the occurrence that counts; line 0 means not set. A value of another type,
// which the reader refuses, is a *ParseError.
func (d *Document) String(key string) (value string, line int, err error) {
	return topLevel[string](d, key, "a string", false)
}

// Bool is String for booleans, such as live-restore.
func (d *Document) Bool(key string) (value bool, line int, err error) {
	return topLevel[bool](d, key, "true or false", false)
}

// Strings is String for arrays of strings, such as hosts, insecure-registries
// and registry-mirrors.
func (d *Document) Strings(key string) (value []string, line int, err error) {
	return topLevel[[]string](d, key, "an array of strings", true)
}

// topLevel decodes all occurrences of key one after the other into the same
// variable, which is what encoding/json does with a struct field. A null
// leaves a string or boolean alone but empties a slice (nullResets).
func topLevel[T string | bool | []string](d *Document, key, want string, nullResets bool) (value T, line int, err error) {
	for _, c := range d.match([]string{key}) {
		v := &c.leaf().Value
		if json.Unmarshal(d.body[v.StartOffset:v.EndOffset], &value) != nil {
			var zero T
			// Unmarshal's own error is left out: it may quote the value.
			return zero, 0, d.errAt(c.leaf().Name.StartOffset, display(nameOf(c.leaf()))+" must be "+want)
		}
		switch {
		case kindOf(v.Value) != KindNull:
			line = d.line(c.leaf().Name.StartOffset)
		case nullResets:
			line = 0
		}
	}
	return value, line, nil
}
