package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const module = "github.com/docker-proxy/docker-proxy"

// source is one Go file of the product, parsed.
type source struct {
	dir     string // of the package, below the top of the checkout: internal/txn
	name    string // internal/txn/apply.go
	fset    *token.FileSet
	file    *ast.File
	imports map[string]string // name in this file -> import path
	lines   int
}

// product returns the Go files of the product: cmd, internal and pkg, without tests. Files for every platform are included.
func product(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, top := range []string{"cmd", "internal", "pkg"} {
		all = append(all, parseBelow(t, filepath.Join("..", "..", top))...)
	}
	assert.Assert(t, len(all) > 50, "only %d files found: has the layout changed?", len(all))
	return all
}

func parseBelow(t *testing.T, top string) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "oracle") { // an oracle package is test code for its parent
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		s, err := parse(name)
		found = append(found, s)
		return err
	})
	assert.NilError(t, err)
	return found
}

func parse(name string) (source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	rel := strings.TrimPrefix(filepath.ToSlash(name), "../../")
	s := source{dir: path.Dir(rel), name: rel, fset: fset, file: file, imports: map[string]string{}, lines: fset.File(file.Pos()).LineCount()}
	for _, spec := range file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, err
		}
		local := packageName(p)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		s.imports[local] = p
	}
	return s, nil
}

// packageName guesses the name of the package with that import path; right for the standard library and for all modules in use.
func packageName(importPath string) string {
	base := path.Base(importPath)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(importPath))
	}
	return strings.TrimPrefix(base, "go-")
}

// at returns where node is, for messages.
func (s source) at(node ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(node.Pos()).Line)
}

// eachUse calls do for every use of a name of an imported package: os.Rename is do("os", "Rename", node), whether called or passed on.
func (s source) eachUse(do func(importPath, name string, node ast.Node)) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok {
			if p, ok := s.imports[x.Name]; ok {
				do(p, sel.Sel.Name, sel)
			}
		}
		return true
	})
}

// within reports whether name, of a file or directory, is one of the others, or below one.
func within(name string, others ...string) bool {
	for _, o := range others {
		if name == o || strings.HasPrefix(name, o+"/") {
			return true
		}
	}
	return false
}
