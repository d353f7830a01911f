package e2e

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/tests/testref"
)

var update = flag.Bool("update", false, "write the goldens")

// builtExamples are the prebuilt guests that stand for components of examples that are built by their READMEs.
var builtExamples = map[string]string{
	"deploy/workload": "rust-kv-only-p2", // notes.wasm is anybody's
	"otel-go":         "otel-example-go",
	"otel-rust":       "otel-example-rust",
	"otel-ts":         "otel-example-ts",
}

// testedElsewhere are examples that need more than this machine has: where their test is.
var testedElsewhere = map[string]string{"controller": "operator/e2e, TestController"} // an API server of Kubernetes

// example is a copy of an example's manifest and tests, with the components that it needs.
func example(t *testing.T, name string) (dir string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, file := range []string{"vitrine.yaml", "vitrine.test.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "examples", filepath.FromSlash(name), file))
		if err != nil {
			t.Fatal("each example with a manifest has tests beside it: ", err)
		}
		out := strings.ReplaceAll(string(text), "../../", filepath.ToSlash(root)+"/")
		if err := os.WriteFile(filepath.Join(dir, file), []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`\{file: (\w+\.wasm)\}`).FindStringSubmatch(out); found != nil {
			if err := os.WriteFile(filepath.Join(dir, found[1]), testref.Guest(t, builtExamples[name]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// TestExamples: each example with a manifest has tests, and they pass.
func TestExamples(t *testing.T) {
	examples := os.DirFS(filepath.Join("..", "examples"))
	var names []string
	err := fs.WalkDir(examples, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "target"):
			return fs.SkipDir
		case d.Name() == "vitrine.yaml":
			names = append(names, strings.TrimSuffix(path, "/vitrine.yaml"))
		}
		return nil
	})
	if err != nil || len(names) < 6 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		if testedElsewhere[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code, out, console := run(t, "", "test", "--log-level", "error", example(t, name)); code != 0 || strings.Contains(out, "FAIL") || !strings.Contains(out, "ok   ") {
				t.Errorf("exit %d: %s%s", code, out, console)
			}
		})
	}
}

// TestFailingExpectations: an expectation of each kind fails where it should, and says so as the golden has it.
func TestFailingExpectations(t *testing.T) {
	const golden = "testdata/examples/failing.txt"
	file, err := filepath.Abs("testdata/examples/failing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	code, out, console := run(t, "", "test", "--log-level", "error", "--file", file, example(t, "demo"))
	if code != 1 {
		t.Fatalf("exit %d: %s%s", code, out, console)
	}
	out = strings.ReplaceAll(out, file, "failing.yaml")
	out = regexp.MustCompile(`(?m)^(FAIL|ok  ) (.*) \(\S+\)$`).ReplaceAllString(out, "$1 $2")
	out = regexp.MustCompile(`"(instantiate|reset|pool wait)[^"]*" \(\d+\)(, )?`).ReplaceAllString(out, "") // instances are made when they are needed
	if *update {
		if err := os.WriteFile(golden, []byte(out), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || out != string(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}
