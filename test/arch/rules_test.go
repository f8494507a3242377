package arch

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestWhoMayDoWhat: uses of functions that act on the world stay in the packages made for them. A new place needs a good reason and a line here.
func TestWhoMayDoWhat(t *testing.T) {
	for _, tc := range []struct {
		name    string
		pkg     string   // import path
		names   []string // uses of these; nil is any
		allowed []string // directories and files
	}{
		{
			name: "changing files", pkg: "os", allowed: []string{"internal/txn", "pkg/certs/target", "internal/tool/scratch.go"}, // candidates to validate, in a directory of their own
			names: []string{"Chmod", "Chown", "Chtimes", "Create", "CreateTemp", "Lchown", "Link", "Mkdir", "MkdirAll", "MkdirTemp", "Remove", "RemoveAll", "Rename", "Symlink", "Truncate", "WriteFile"},
		},
		{
			name: "changing files by system calls", pkg: "golang.org/x/sys/unix", allowed: []string{"internal/txn", "pkg/certs/target", "cmd/docker-proxy/userland_linux.go"}, // writes to dockerd's pipe
			names: []string{
				"Chmod", "Chown", "Fallocate", "Fchmod", "Fchmodat", "Fchown", "Fchownat", "Fsetxattr", "Ftruncate", "Futimes", "Lchown", "Link", "Linkat", "Lsetxattr",
				"Mkdir", "Mkdirat", "Mkfifo", "Mknod", "Mknodat", "Mount", "Removexattr", "Rename", "Renameat", "Renameat2", "Rmdir", "Setxattr", "Symlink", "Symlinkat",
				"Truncate", "Unlink", "Unlinkat", "Unmount", "Utimes", "UtimesNanoAt", "Write", "Pwrite",
			},
		},
		{
			name: "changing files by old names", pkg: "syscall", allowed: []string{"internal/txn"},
			names: []string{"Chmod", "Chown", "Fchmod", "Fchown", "Ftruncate", "Link", "Mkdir", "Mount", "Rename", "Rmdir", "Symlink", "Truncate", "Unlink", "Unmount"},
		},
		{name: "starting programs", pkg: "os/exec", allowed: []string{"internal/tool", "internal/txn/child_linux.go"}}, // itself, as another user
		{name: "starting programs by system calls", pkg: "syscall", names: []string{"Exec", "ForkExec", "StartProcess"}},
		{name: "starting programs by os", pkg: "os", names: []string{"StartProcess"}},
		{
			name: "opening connections", pkg: "net", allowed: []string{"internal/engine", "internal/probe"},
			names: []string{"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialUnix", "Listen", "ListenConfig", "ListenTCP", "ListenUDP", "ListenUnix", "LookupHost", "LookupIP", "LookupAddr", "LookupCNAME", "Resolver", "DefaultResolver"},
		},
		{name: "HTTP", pkg: "net/http", allowed: []string{"internal/engine", "internal/probe"}},
		{name: "TLS", pkg: "crypto/tls", allowed: []string{"internal/engine", "internal/probe"}},
		{name: "D-Bus", pkg: "github.com/godbus/dbus/v5", allowed: []string{"internal/systemd"}},
		{name: "systemd's D-Bus", pkg: "github.com/coreos/go-systemd/v22/dbus", allowed: []string{"internal/systemd"}},
		{name: "the Docker API", pkg: "github.com/docker/docker/client", allowed: []string{"internal/engine", "cmd/docker-proxy"}},
		{name: "a context without an end", pkg: "context", names: []string{"Background", "TO" + "DO"}, allowed: []string{"cmd/docker-proxy"}},
		{name: "printing past the command's streams", pkg: "fmt", names: []string{"Print", "Printf", "Println"}},
		{name: "logging", pkg: "log"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, s := range product(t) {
				if within(s.name, tc.allowed...) {
					continue
				}
				s.eachUse(func(importPath, name string, node ast.Node) {
					if importPath == tc.pkg && (tc.names == nil || slices.Contains(tc.names, name)) {
						t.Errorf("%s: %s.%s: allowed in %v only", s.at(node), packageName(importPath), name, tc.allowed)
					}
				})
			}
		})
	}
}

// TestOpenForWriting: os.OpenFile with a writing flag is a change too.
func TestOpenForWriting(t *testing.T) {
	writing := []string{"O_WRONLY", "O_RDWR", "O_CREATE", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"}
	// The terminal is written to and changes no file. internal/host passes flags of its callers on; internal/txn is one.
	allowed := []string{"internal/txn", "internal/host", "pkg/certs/target"}
	for _, s := range product(t) {
		if within(s.name, allowed...) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !opens(call) || mentions(call, "/dev/tty") {
				return true
			}
			ast.Inspect(call, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && slices.Contains(writing, id.Name) {
					t.Errorf("%s: opens a file with %s: allowed in %v only", s.at(call), id.Name, allowed)
				}
				return true
			})
			return true
		})
	}
}

func opens(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && slices.Contains([]string{"OpenFile", "Open", "Openat", "Openat2", "OpenAt"}, sel.Sel.Name)
}

func mentions(n ast.Node, text string) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && strings.Contains(lit.Value, text) {
			found = true
		}
		return true
	})
	return found
}

// TestImports: dependencies point inward.
func TestImports(t *testing.T) {
	in := func(dirs ...string) func(string) bool {
		return func(p string) bool { return within(strings.TrimPrefix(p, module+"/"), dirs...) }
	}
	foreign := func(p string) bool {
		first, _, _ := strings.Cut(p, "/")
		return strings.Contains(first, ".") && !strings.HasPrefix(p, module)
	}
	// Package net is no sign of it: addresses are parsed with it. TestWhoMayDoWhat knows the functions that connect.
	actsOnHost := in("internal/host", "internal/proc", "internal/systemd", "internal/engine", "internal/tool", "internal/txn", "internal/probe")
	acts := func(p string) bool {
		return actsOnHost(p) || p == "os" || p == "os/exec" || p == "net/http" || p == "syscall"
	}
	for _, tc := range []struct {
		name   string
		dirs   []string
		denied func(importPath string) bool
	}{
		{"the rules of precedence are pure", []string{"pkg/precedence"}, func(p string) bool {
			// idna is what httpproxy itself writes names beyond ASCII with; reader, below precedence, knows its settings.
			allowed := p == "golang.org/x/net/http/httpproxy" || p == "golang.org/x/net/idna" || p == module+"/pkg/precedence"
			return !allowed && (foreign(p) || strings.HasPrefix(p, module) || acts(p))
		}},
		{"parsers and editors are pure", []string{"internal/jsonedit", "internal/unitfile", "internal/shellfile", "internal/envfile"}, acts},
		{"changes are data, and read through internal/host", []string{"internal/change"}, func(p string) bool { return acts(p) && p != module+"/internal/host" && p != "os" }},
		{"clients and CAs do not know the daemon", []string{"pkg/client", "pkg/certs"}, in("pkg/daemon")},
		{"internal packages do not know the public ones, except precedence", []string{"internal"}, in("pkg/daemon", "pkg/client", "pkg/certs")},
		{"nobody imports the command", []string{"pkg", "internal"}, in("cmd")},
		{"only the command knows docker/cli", []string{"pkg", "internal"}, func(p string) bool { return strings.HasPrefix(p, "github.com/docker/cli") }},
		{"only the command knows cobra", []string{"pkg", "internal"}, func(p string) bool { return strings.HasPrefix(p, "github.com/spf13/") }},
		{"the product does not import its tests", []string{"cmd", "pkg", "internal"}, in("test")},
		{"no unsafe code", []string{"cmd", "pkg", "internal"}, func(p string) bool { return p == "unsafe" || p == "C" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, s := range product(t) {
				if !within(s.dir, tc.dirs...) {
					continue
				}
				for _, spec := range s.file.Imports {
					if p := strings.Trim(spec.Path.Value, `"`); tc.denied(p) {
						t.Errorf("%s imports %s", s.at(spec), p)
					}
				}
			}
		})
	}
}

// TestNoWorkAtStart: nothing runs when the program starts but main. The docker CLI starts every plugin for `docker --help`.
func TestNoWorkAtStart(t *testing.T) {
	for _, s := range product(t) {
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: func init", s.at(d))
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					checkVariables(t, s, d)
				}
			}
		}
	}
}

// checkVariables allows package variables that cost nothing: literals and sentinel errors.
func checkVariables(t *testing.T, s source, d *ast.GenDecl) {
	t.Helper()
	for _, spec := range d.Specs {
		vs := spec.(*ast.ValueSpec) //nolint:forcetypeassert // what a var declaration holds
		if vs.Names[0].Name == "_" {
			continue // `var _ Interface = (*T)(nil)` asks the compiler
		}
		for _, value := range vs.Values {
			ast.Inspect(value, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "errors" && sel.Sel.Name == "New" || x.Name == "fmt" && sel.Sel.Name == "Errorf") {
						return true
					}
				}
				t.Errorf("%s: a package variable calls a function", s.at(call))
				return true
			})
		}
	}
}
