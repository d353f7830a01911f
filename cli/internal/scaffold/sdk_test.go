package scaffold

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the copy of the SDK")

// sdkModule is the go.mod of the copy: what is copied needs no other module.
const sdkModule = "module github.com/vitrine-wasm/vitrine/sdk/go\n\ngo 1.26.0\n"

// TestSDK: gosdk is what the SDK for Go has for the templates.
func TestSDK(t *testing.T) {
	from := filepath.Join("..", "..", "..", "sdk", "go")
	want := map[string]string{"go.mod.tmpl": sdkModule}
	for _, part := range []string{"async", "cabi", "internal/schedule", "wasicli", "wasihttp"} {
		err := filepath.WalkDir(filepath.Join(from, part), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(file, "_test.go") || !slices.Contains([]string{".go", ".s"}, filepath.Ext(file)) {
				return err
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(from, file)
			want[filepath.ToSlash(rel)+".tmpl"] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.RemoveAll("gosdk"); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			writeFile(t, text, "gosdk", name)
		}
	}
	have := map[string]bool{}
	err := filepath.WalkDir("gosdk", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel("gosdk", file)
		name := filepath.ToSlash(rel)
		have[name] = true
		if want[name] != read(t, file) {
			t.Errorf("%s is not what the SDK has: run go generate ./cli/internal/scaffold", name)
		}
		return err
	})
	if err != nil || len(have) != len(want) {
		t.Errorf("%d files, and the SDK has %d (%v)", len(have), len(want), err)
	}
}
