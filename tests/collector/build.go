package collector

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// EnvBinary is the environment variable with the path of a collector that is already built.
const EnvBinary = "VITRINE_TEST_COLLECTOR"

// moduleDir is the folder of this module.
func moduleDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

// Root is the folder of Vitrine's own module.
func Root() string { return filepath.Join(moduleDir(), "..", "..") }

// Binary returns the path of the collector. It builds the collector, which takes a minute or more, unless the user's cache
// folder has one of the present sources and versions.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(EnvBinary); path != "" {
		return path
	}
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum", "cmd/collector/main.go"} {
		b, err := os.ReadFile(filepath.Join(moduleDir(), filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(b), b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "vitrine-tests")
	path := filepath.Join(dir, "collector-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Log("building the collector")
	build(t, moduleDir(), path, "./cmd/collector")
	return path
}

// Vitrine builds the vitrine binary of this tree.
func Vitrine(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("VITRINE_TEST_BINARY"); path != "" { // one that is built already
		return path
	}
	path := filepath.Join(t.TempDir(), "vitrine")
	build(t, Root(), path, "./cmd/vitrine")
	return path
}

// build builds a command into a temporary file and renames it, so that other processes never see half of it.
func build(t testing.TB, dir, path, pkg string) {
	t.Helper()
	tmp, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	out := filepath.Join(tmp, "out")
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, text)
	}
	if err := os.Rename(out, path); err != nil {
		t.Fatal(err)
	}
}
