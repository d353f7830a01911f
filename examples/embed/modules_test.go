package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	// The packages that the modules use, so that Go's cache of test results sees changes in them.
	_ "github.com/vitrine-wasm/vitrine/telemetry"
	_ "github.com/vitrine-wasm/vitrine/trigger/http"
	_ "github.com/vitrine-wasm/vitrine/wasi"
)

// modules are the examples with a module of their own, each with its output; empty if it has tests of its own.
var modules = map[string]string{
	"bindings": "ada's account is closed with 50 cents\nada has 50 cents left\n" +
		"bob's account is closed with 10 cents\nbob is refused: short(20)\n",
	"hostfunc": "", "pool": "", "handler": "",
}

// TestModules vets, builds and runs each module without a network: they need nothing that this module does not.
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
					t.Fatalf("%s %v: %v\n%s%s", program, args, err, out, stderr.String())
				}
				return string(out)
			}
			if want == "" {
				command("go", "vet", "./...")
				command("go", "test", "-count=1", "./...")
				return
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

// read reads all files of a folder, so that Go's test cache sees changes in them.
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

// TestGoTool: go tool runs the generator in a module that has it as a tool.
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

// TestSize prints the size of programs that embed the library, and fails if one links packages that only the binary needs.
func TestSize(t *testing.T) {
	for dir, most := range map[string]int64{"hostfunc": 16 << 20, "handler": 28 << 20} {
		read(t, dir)
		out := filepath.Join(t.TempDir(), "program")
		cmd := exec.Command("go", "build", "-o", out, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=readonly", "GOWORK=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", dir, err, text)
		}
		info, err := os.Stat(out)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.1f MB", dir, float64(info.Size())/1e6)
		if info.Size() > most {
			t.Errorf("%s has %d bytes, more than %d: does it link exporters, or the command line?", dir, info.Size(), most)
		}
	}
}
