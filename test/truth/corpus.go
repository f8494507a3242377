package truth

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"unicode/utf8"
)

const (
	statesFile  = "testdata/states.jsonl"
	systemdFile = "testdata/systemd-%s.json" // by major version
	dockerdFile = "testdata/dockerd.json"
)

// Recording is what one oracle said, by name of the state.
type Recording struct {
	Facts   Facts             `json:"facts"`
	Answers map[string]Answer `json:"answers"`
}

// fileJSON is a File on disk: texts that are not UTF-8 as base64.
type fileJSON struct {
	Path  string  `json:"path"`
	Text  *string `json:"text,omitempty"`
	Bytes []byte  `json:"bytes,omitempty"`
	Link  string  `json:"link,omitempty"`
	Dir   bool    `json:"dir,omitempty"`
}

// MarshalJSON keeps every byte of the text.
func (f File) MarshalJSON() ([]byte, error) {
	out := fileJSON{Path: f.Path, Link: f.Link, Dir: f.Dir}
	if utf8.ValidString(f.Text) {
		out.Text = &f.Text
	} else {
		out.Bytes = []byte(f.Text)
	}
	return json.Marshal(out)
}

// encodeStates writes one state a line, so that a change of the grammar reads
// as a diff of states.
func encodeStates(states []State) ([]byte, error) {
	var b bytes.Buffer
	for _, s := range states {
		line, err := encode(s)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", s.Name, err)
		}
		b.Write(line)
	}
	return b.Bytes(), nil
}

// encode is one line of JSON without the escapes meant for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// encodeRecording writes one answer a line, sorted by state.
func encodeRecording(r Recording) ([]byte, error) {
	var b bytes.Buffer
	facts, err := encode(r.Facts)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "{\"facts\": %s, \"answers\": {\n", bytes.TrimSpace(facts))
	names := make([]string, 0, len(r.Answers))
	for n := range r.Answers {
		names = append(names, n)
	}
	sort.Strings(names)
	w := bufio.NewWriter(&b)
	for i, n := range names {
		a, err := encode(r.Answers[n])
		if err != nil {
			return nil, fmt.Errorf("encoding the answer for %s: %w", n, err)
		}
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Fprintf(w, "%q: %s%s\n", n, bytes.TrimSpace(a), comma)
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	b.WriteString("}}\n")
	return b.Bytes(), nil
}

// readRecording reads what encodeRecording wrote.
func readRecording(path string) (Recording, error) {
	var r Recording
	data, err := os.ReadFile(path) //nolint:gosec // testdata
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("reading %s: %w", path, err)
	}
	return r, nil
}

// systemdRecordings lists the recorded systemd versions.
func systemdRecordings() ([]string, error) {
	files, err := filepath.Glob(fmt.Sprintf(systemdFile, "*"))
	sort.Strings(files)
	return files, err
}
