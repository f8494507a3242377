//go:build linux

package hosts

import (
	"encoding/json"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestTable(t *testing.T) {
	results := func(change map[string]Status) string {
		var lines strings.Builder
		for _, kind := range Kinds() {
			entry := Entry{Host: kind.Name, Suite: "TestSmoke", Status: Ran}
			if status, ok := change[kind.Name]; ok {
				entry.Status, entry.Reason = status, "a reason\nand more"
			}
			if entry.Status == "" {
				continue
			}
			line, err := json.Marshal(entry)
			assert.NilError(t, err)
			lines.Write(append(line, '\n'))
		}
		return lines.String()
	}
	tests := []struct {
		name    string
		results string
		want    string // in the table
		err     string // "" is none
	}{
		{name: "all run", results: results(nil), want: "sysvinit   run\n"},
		{name: "sid may be missing", results: results(map[string]Status{"sid": NotAvailable}), want: "sid, TestSmoke: not available: a reason\n"},
		{name: "sid may not fail", results: results(map[string]Status{"sid": Failed}), want: "sid        failed\n", err: "TestSmoke on sid: failed"},
		{name: "another may not be missing", results: results(map[string]Status{"openrc": ""}), want: "openrc     -\n", err: "TestSmoke on openrc: -"},
		{name: "a suite may not apply", results: results(map[string]Status{"manual": NotApplicable}), want: "manual     not applicable\n"},
		{name: "the worst counts", results: results(nil) + results(map[string]Status{"manual": Failed}) + results(nil), want: "manual     failed\n", err: "TestSmoke on manual: failed"},
		{name: "nothing at all", results: "", want: "HOST", err: "no results"},
		{name: "not JSON", results: "x", err: "reading results: invalid character 'x' looking for beginning of value"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table, err := Table(strings.NewReader(test.results))
			assert.Assert(t, strings.Contains(table, test.want), table)
			if test.err == "" {
				assert.NilError(t, err)
			} else {
				assert.Error(t, err, test.err)
			}
		})
	}
}

// TestRecipes shows that every host has a recipe and that what a root is made
// of decides its place in the cache.
func TestRecipes(t *testing.T) {
	places := map[string]string{}
	for _, kind := range Kinds() {
		r, err := findRecipe(kind.recipe)
		assert.NilError(t, err)
		chain, err := r.chain()
		assert.NilError(t, err)
		assert.Assert(t, chain[len(chain)-1].suite != "", "%s stands on nothing", kind.Name)
		place := dirName(chain)
		assert.Assert(t, strings.HasPrefix(place, kind.Name+"-"), place)
		for other, taken := range places {
			assert.Assert(t, taken != place, "%s and %s share %s", kind.Name, other, place)
		}
		places[kind.Name] = place

		chain[len(chain)-1].script += "\n" // the lowest recipe changes all above it
		assert.Assert(t, dirName(chain) != place)
	}
}
