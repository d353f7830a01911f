package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// notPublic are folders that nobody else's program imports: what is internal by Go's rule, tests and programs.
var notPublic = regexp.MustCompile(`(^|/)internal(/|$)|^(tests|e2e|bench|cmd|examples|testdata)(/|$)`)

// TestPublicNamesArePublic: what is exported by a package that others import is made of types that they can look up: no alias of a
// type of an internal package, and none in a signature or an exported field.
func TestPublicNamesArePublic(t *testing.T) {
	for _, p := range packages(t) {
		if p.Name == "main" || notPublic.MatchString(p.ImportPath) {
			continue
		}
		files, err := filepath.Glob(filepath.Join("../..", p.ImportPath, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range internalNames(file) {
				t.Errorf("%s: an exported declaration says %s.%s, which is internal", set.Position(n.Pos()), n.X, n.Sel)
			}
		}
	}
}

// internalNames are the names of internal packages that the exported declarations of a file say.
func internalNames(file *ast.File) (found []*ast.SelectorExpr) {
	internal := map[string]bool{}
	for _, im := range file.Imports {
		at, _ := strconv.Unquote(im.Path.Value)
		if !strings.HasPrefix(at, module) || !strings.Contains(at, "/internal/") {
			continue
		}
		name := path.Base(at)
		if im.Name != nil {
			name = im.Name.Name
		}
		internal[name] = true
	}
	look := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field: // an embedded one has no name, and is one of the type's own if it is exported
				exported := len(n.Names) == 0
				for _, id := range n.Names {
					exported = exported || id.IsExported()
				}
				if !exported && isField[n] {
					return false
				}
			case *ast.StructType:
				for _, f := range n.Fields.List {
					isField[f] = true
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && internal[x.Name] && n.Sel.IsExported() {
					found = append(found, n)
				}
			}
			return true
		})
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) {
				look(d.Type)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						look(s.Type)
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && s.Type != nil {
						look(s.Type)
					}
				}
			}
		}
	}
	return found
}

// isField are the fields of structs, as opposed to parameters.
var isField = map[*ast.Field]bool{}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	id, ok := t.(*ast.Ident)
	return !ok || id.IsExported()
}
