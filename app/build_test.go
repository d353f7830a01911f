package app

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLoadUnbuilt: a file that a build makes need not exist, any other must.
func TestLoadUnbuilt(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, FileName)
	write := func(build string) {
		text := "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: a}\nspec:\n  components:\n  - {name: a, source: {file: a.wasm}" + build + "}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(", build: {command: [make]}")
	w, err := testFormat.LoadUnbuilt(dir)
	if err != nil || w.Components[0].Build.Folder != dir {
		t.Errorf("%+v, %v", w, err)
	}
	if _, err := testFormat.Load(dir); err == nil {
		t.Error("Load takes a file that does not exist")
	}
	write("")
	if _, err := testFormat.LoadUnbuilt(dir); err == nil {
		t.Error("a file without a build does not exist")
	}
}
