package archtest

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// private are the packages that nobody outside is to import.
var private = regexp.MustCompile(`(^|/)(internal|cmd)(/|$)|^(tests|bench|e2e|examples)(/|$)`)

// levels reads STABILITY.md: the level of each package.
func levels(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../STABILITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "| package | level | what for |\n|---|---|---|\n")
	if !ok {
		t.Fatal("STABILITY.md has no table of packages")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	all := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			t.Fatalf("a row has %d cells: %s", len(cells), line)
		}
		names, part, _ := strings.Cut(cells[0], ":") // names behind a colon are parts of the package
		for _, m := range quoted.FindAllStringSubmatch(names, -1) {
			if all[m[1]] != "" && part == "" {
				t.Errorf("%s has two rows", m[1])
			}
			if part == "" {
				all[m[1]] = strings.TrimSpace(cells[1])
			}
		}
	}
	return all
}

// TestStability: each package that others can import has a row, each row is such a package, and README leads there.
func TestStability(t *testing.T) {
	all := levels(t)
	found := map[string]bool{}
	for _, p := range packages(t) {
		if p.Name == "main" || private.MatchString(p.ImportPath) {
			continue
		}
		found[p.ImportPath] = true
		switch all[p.ImportPath] {
		case "settled", "moving", "experimental", "fixed by WIT", "for tests":
		case "":
			t.Errorf("STABILITY.md does not say what %s promises", p.ImportPath)
		default:
			t.Errorf("STABILITY.md: %s is %q, which is no level", p.ImportPath, all[p.ImportPath])
		}
	}
	for path := range all {
		if !found[path] {
			t.Errorf("STABILITY.md names %s, which is no package that others can import", path)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "(STABILITY.md)") {
		t.Error("README.md does not lead to STABILITY.md")
	}
}

// TestExamples: each of these packages is shown by an example whose output tests compare. Bindings that are generated and what only
// they call, and what is for tests, are shown by the packages that use them.
func TestExamples(t *testing.T) {
	for path, level := range levels(t) {
		if level == "for tests" || strings.HasSuffix(path, "/bindings") || strings.Contains(path, "/bindings/") || path == "cm/bind" || path == "bindgen/command" {
			continue
		}
		files, err := filepath.Glob(filepath.Join("..", "..", path, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var parsed []*ast.File
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		run := false
		for _, e := range doc.Examples(parsed...) {
			run = run || e.Output != "" || e.EmptyOutput
		}
		if !run {
			t.Errorf("%s has no example that tests run", path)
		}
	}
}
