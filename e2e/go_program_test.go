package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goProgram builds a program of Go's standard library, and makes a component of it by this binary alone.
func goProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	module, component := filepath.Join(dir, "program.core.wasm"), filepath.Join(dir, "program.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", module, ".")
	build.Dir = filepath.Join("testdata", "go-program")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if code, _, problem := run(t, "", "component", "new", module, "-o", component); code != 0 {
		t.Fatal(problem)
	}
	return component
}

// TestGoProgram: an ordinary program in Go is a component: arguments, environment, streams, status, timers, and all that package os does with files.
func TestGoProgram(t *testing.T) {
	program := goProgram(t)
	for _, c := range []struct {
		name, stdin    string
		flags, args    []string
		code           int
		stdout, stderr string
	}{
		{name: "arguments", flags: []string{"--env", "GREETING=hi"}, args: []string{"a", "b c"}, stdout: "args [a b c] GREETING hi\n"},
		{name: "failure", args: []string{"exit"}, code: 1, stdout: "args [exit] GREETING \n", stderr: "failing\n"},
		{name: "standard input", stdin: "one\ntwo", args: []string{"cat"}, stdout: "args [cat] GREETING \nONE\nTWO\n"},
		{name: "timer", args: []string{"sleep"}, stdout: "args [sleep] GREETING \nslept true\n"},
		{name: "panic", args: []string{"panic"}, code: 1, stdout: "args [panic] GREETING \n", stderr: "panic: told to\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, console := run(t, c.stdin, append(append(append([]string{"run"}, c.flags...), program), c.args...)...)
			if code != c.code || out != c.stdout || !strings.Contains(console, c.stderr) {
				t.Errorf("exit %d: %s%s", code, out, console)
			}
		})
	}
	t.Run("files", func(t *testing.T) {
		folder := t.TempDir()
		code, out, console := run(t, "", "run", "--dir", folder+"::/data", program, "files", "/data")
		want, err := os.ReadFile(filepath.Join("testdata", "go-program", "files.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 || out != string(want) {
			t.Errorf("exit %d: %s%s", code, out, console)
		}
		if got, err := os.ReadFile(filepath.Join(folder, "in-root")); string(got) != "x" {
			t.Errorf("the program's file holds %q (%v)", got, err)
		}
	})
	t.Run("files that are only read", func(t *testing.T) {
		code, out, _ := run(t, "", "run", "--dir", t.TempDir()+"::/data:ro", program, "files", "/data")
		if !strings.Contains(out, "write open /data/a.txt: ") || strings.Contains(out, "write <nil>") {
			t.Errorf("exit %d: %s", code, out)
		}
	})
}
