package arch

import (
	"bytes"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// mostLines is where a file is too long to be read in one go.
const mostLines = 350

func TestPackageComments(t *testing.T) {
	documented := map[string]bool{}
	all := append(product(t), parseBelow(t, filepath.Join("..", "..", "test"))...)
	for _, s := range all {
		if s.file.Doc == nil {
			documented[s.dir] = documented[s.dir] || false
			continue
		}
		text := s.file.Doc.Text()
		start := "Package " + s.file.Name.Name + " "
		if s.file.Name.Name == "main" {
			start = "Command " + filepath.Base(s.dir) + " "
		}
		assert.Check(t, strings.HasPrefix(text, start), "%s: the comment begins %q, want %q", s.name, text[:min(len(text), 40)], start)
		documented[s.dir] = true
	}
	for dir, ok := range documented {
		assert.Check(t, ok, "%s has no package comment", dir)
	}
}

// TestExportedComments: every exported name of the product says what it is, beginning with its name.
func TestExportedComments(t *testing.T) {
	for _, s := range product(t) {
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil && d.Name.Name != "Error" && d.Name.Name != "Unwrap" {
					t.Errorf("%s: %s has no comment", s.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
						t.Errorf("%s: %s has no comment", s.at(ts), ts.Name.Name)
					}
					if vs, ok := spec.(*ast.ValueSpec); ok && vs.Names[0].IsExported() && d.Doc == nil && vs.Doc == nil && vs.Comment == nil {
						t.Errorf("%s: %s has no comment", s.at(vs), vs.Names[0].Name)
					}
				}
			}
		}
	}
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return !ok || id.IsExported()
}

func TestFileLength(t *testing.T) {
	for _, s := range product(t) {
		assert.Check(t, s.lines <= mostLines, "%s has %d lines", s.name, s.lines)
	}
}

// TestNoTraces: no committed file names the machine it was written on, or something to be done later.
func TestNoTraces(t *testing.T) {
	// In pieces, so that this file does not find itself.
	traces := []string{"/wo" + "rk/main", "/wo" + "rk/sha" + "red", "sha" + "red/research", "bash" + "_jobs", "TO" + "DO", "FIX" + "ME", "X" + "XX"}
	skip := map[string]bool{".git": true, "bin": true, "dist": true, ".cache": true}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skip[d.Name()] {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || d.Name() == ".git" { // a file in a linked work tree
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, trace := range traces {
			for n, line := range bytes.Split(text, []byte("\n")) {
				if bytes.Contains(line, []byte(trace)) {
					t.Errorf("%s:%d: %s", strings.TrimPrefix(filepath.ToSlash(name), "../../"), n+1, trace)
				}
			}
		}
		return nil
	})
	assert.NilError(t, err)
}
