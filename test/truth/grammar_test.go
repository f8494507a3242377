package truth

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestEveryConstructIsCounted prints how many states hold each construct and
// fails when one has fewer than five.
func TestEveryConstructIsCounted(t *testing.T) {
	states := Generate()
	n, ids := count(states)
	kinds := map[Kind]int{}
	for _, s := range states {
		kinds[s.Kind]++
	}
	for _, id := range ids {
		t.Logf("%-45s %4d", id, n[id])
		if n[id] < statesPerConstruct {
			t.Errorf("construct %s stands in %d states, wanted at least %d", id, n[id], statesPerConstruct)
		}
	}
	t.Logf("%d constructs, %d states: %d systemd, %d sysv, %d openrc, %d dockerd", len(ids), len(states), kinds[Systemd], kinds[SysV], kinds[OpenRC], kinds[Dockerd])
	if len(states) < 500 {
		t.Errorf("only %d states", len(states))
	}
}

func TestGenerateIsDeterministic(t *testing.T) {
	if !reflect.DeepEqual(Generate(), Generate()) {
		t.Error("two runs of the grammar differ")
	}
}

// TestNothingOfTheProjectIsImported keeps what the truth test expects
// independent of what it tests.
func TestNothingOfTheProjectIsImported(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imp := range f.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			own := strings.HasPrefix(path, "github.com/docker-proxy/")
			boots := path == "github.com/docker-proxy/docker-proxy/test/hosts" && strings.HasSuffix(name, "_hosts_test.go")
			if own && !boots {
				t.Errorf("%s imports %s", name, path)
			}
			if strings.Contains(path, ".") && !own && !strings.HasPrefix(path, "gotest.tools/") {
				t.Errorf("%s imports %s: only the standard library may decide what is expected", name, path)
			}
		}
	}
}
