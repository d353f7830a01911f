// Package testref finds common inputs of tests: the prebuilt guests of testdata/guests, which are part of the repository, and
// material that others publish (the WIT of record, the official suite), which may be in ../shared beside the checkout. Only
// tests of the latter are skipped if it is absent.
package testref

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// suffix ends the file name of a prebuilt guest.
const suffix = ".component.wasm"

// Root is the folder of the module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// GuestDir is the folder of the guests: prebuilt components, their sources and the scripts that build and prove them.
func GuestDir() string { return filepath.Join(Root(), "testdata", "guests") }

// File is the path of a prebuilt guest by its name without ".component.wasm". The test fails if there is no such guest.
func File(tb testing.TB, name string) string {
	tb.Helper()
	path := filepath.Join(GuestDir(), "prebuilt", name+suffix)
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("there is no prebuilt guest %s: %v", name, err)
	}
	return path
}

// Guest reads a prebuilt guest by its name without ".component.wasm". The test fails if there is no such guest.
func Guest(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(File(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Guests lists the names of all prebuilt guests, sorted. The test fails if there is none.
func Guests(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(GuestDir(), "prebuilt", "*"+suffix))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no prebuilt guests in %s: %v", GuestDir(), err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), suffix)
	}
	slices.Sort(files)
	return files
}

// WIT is the folder of the WIT of record, which the organisations behind it publish. The test is skipped where it is absent.
func WIT(tb testing.TB) string {
	tb.Helper()
	return published(tb, "wit", "the WIT of record is not here")
}

// Suite is the folder of the Component Model's official suite. The test is skipped where it is absent.
func Suite(tb testing.TB) string {
	tb.Helper()
	return published(tb, filepath.Join("conformance", "component-model"), "the official suite is not here")
}

// published finds a folder of published material beside the checkout.
func published(tb testing.TB, folder, absent string) string {
	tb.Helper()
	dir := filepath.Join(Root(), "..", "shared", folder)
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("%s: there is no ../shared/%s beside the checkout", absent, filepath.ToSlash(folder))
	}
	return dir
}
