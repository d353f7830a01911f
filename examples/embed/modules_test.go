package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// modules are the examples that are modules of their own, as a stranger's program is, and what each prints.
var modules = map[string]string{
	"bindings": "ada's account is closed with 50 cents\nada has 50 cents left\n" +
		"bob's account is closed with 10 cents\nbob is refused: short(20)\n",
}

// TestModules vets, builds and runs each of them as it is checked in, without a network: what they need is what this module needs.
func TestModules(t *testing.T) {
	found, err := filepath.Glob("*/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		if _, ok := modules[filepath.Dir(file)]; !ok {
			t.Errorf("%s is no module that this test knows", filepath.Dir(file))
		}
	}
	for name, want := range modules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read(t, name)
			command := func(program string, args ...string) string {
				t.Helper()
				var stderr bytes.Buffer
				cmd := exec.Command(program, args...)
				cmd.Dir, cmd.Stderr = name, &stderr
				cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=readonly")
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%s %v: %v\n%s", program, args, err, stderr.String())
				}
				return string(out)
			}
			program := filepath.Join(t.TempDir(), "program")
			if runtime.GOOS == "windows" {
				program += ".exe"
			}
			command("go", "vet", "./...")
			command("go", "build", "-o", program, ".")
			if got := command(program); got != want {
				t.Errorf("it printed\n%swant\n%s", got, want)
			}
		})
	}
}

// read reads all files of a folder, so that Go runs the test again when one has changed.
func read(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestGoTool: a module that asks for the generator as a tool has it.
func TestGoTool(t *testing.T) {
	read(t, "bindings")
	read(t, filepath.Join("..", "..", "bindgen"))
	cmd := exec.Command("go", "tool", "bindgen", "--wit", "wit", "--bind", "example:till/till", "--out", "till", "--check")
	cmd.Dir = "bindings"
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
