package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// build makes the binary of a package.
func build(t *testing.T, pkg string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	if text, err := exec.Command("go", "build", "-o", out, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, text)
	}
	return out
}

// TestProduct: the program serves the plugin's interface, which vitrine does not, and has all of vitrine's commands.
func TestProduct(t *testing.T) {
	product, plain := build(t, "."), build(t, "../../../cmd/vitrine")
	for _, c := range []struct {
		program string
		args    []string
		code    int
		want    string
	}{
		{product, []string{"run", "town.wasm"}, 0, "town: HEAR YE!\n"},
		{product, []string{"check", "town.wasm"}, 0, "ok: town, 1 component; vitrine run would run it\n"},
		{plain, []string{"run", "town.wasm"}, 2, "example:product/crier"},
		{plain, []string{"check", "town.wasm"}, 2, "example:product/crier"},
		{product, []string{"run", "../greeter.wasm"}, 2, "example:greet/host"},
		{product, []string{"run", "../../../cli/testdata/ok.wasm"}, 0, ""},
	} {
		cmd := exec.Command(c.program, c.args...)
		cmd.Env = append(cmd.Environ(), "VITRINE_CACHE_DIR=off", "OTEL_SDK_DISABLED=true")
		out, err := cmd.CombinedOutput()
		code := 0
		if exit, ok := err.(*exec.ExitError); ok {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%s %v: status %d, wanted %d with %q:\n%s", filepath.Base(c.program), c.args, code, c.code, c.want, out)
		}
	}
}
