// Package shared finds the reference material that lies beside a checkout (WIT, prebuilt guests, the specification
// suites) for tests. Tests that need it skip where it is absent.
package shared

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Dir is the folder of the reference material; the test is skipped where there is none.
func Dir(tb testing.TB) string {
	tb.Helper()
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "..", "..", "..", "shared")
	if _, err := os.Stat(filepath.Join(dir, "guests")); err != nil {
		tb.Skip("the reference material is not here: no ../shared beside the checkout")
	}
	return dir
}

// File is the path of a prebuilt guest by its name without ".component.wasm".
func File(tb testing.TB, name string) string {
	tb.Helper()
	return filepath.Join(Dir(tb), "guests", "prebuilt", name+".component.wasm")
}

// Guest reads a prebuilt guest by its name without ".component.wasm".
func Guest(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(File(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Guests lists the names of all prebuilt guests.
func Guests(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(File(tb, "*"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no prebuilt guests: %v", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".component.wasm")
	}
	return files
}
