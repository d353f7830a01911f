package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBackendsHaveContracts: each backend of a plugin is tested by the plugin's contract suite: a folder plugin/KIND/BACKEND has a test that
// calls a function of plugin/KIND/KINDtest. The log has which test runs which suite.
func TestBackendsHaveContracts(t *testing.T) {
	suites, err := filepath.Glob("../../plugin/*/*test")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, suite := range suites {
		kind := filepath.Base(filepath.Dir(suite))
		if filepath.Base(suite) != kind+"test" || kind == "backend" { // which tests what the plugins share
			continue
		}
		folders, err := os.ReadDir(filepath.Dir(suite))
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range folders {
			name := folder.Name()
			if !folder.IsDir() || slices.Contains([]string{"bindings", "wit", "internal", "testdata", kind + "test"}, name) {
				continue
			}
			found++
			tests := contractTests(t, filepath.Join(filepath.Dir(suite), name), kind+"test.")
			if len(tests) == 0 {
				t.Errorf("plugin/%s/%s: no test there calls the suite plugin/%s/%stest", kind, name, kind, kind)
			}
			t.Logf("plugin/%s/%s: %s", kind, name, strings.Join(tests, ", "))
		}
	}
	if found < 10 {
		t.Errorf("only %d backends were found", found)
	}
}

// contractTests are the tests of a folder whose functions call a suite.
func contractTests(t *testing.T, folder, suite string) (tests []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		current := ""
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(line, "func Test"); ok {
				current = "Test" + name[:strings.IndexByte(name, '(')]
			}
			if current != "" && strings.Contains(line, suite+"Run") && !slices.Contains(tests, current) {
				tests = append(tests, current)
			}
		}
	}
	return tests
}
