package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGoResources: a component in Go exports a resource, which another one uses in every position: constructor, methods, static functions, borrowed handles, lists, options,
// results, its end; and
// synchronous functions of it wake tasks that wait. Their bindings are made by this binary.
func TestGoResources(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "go-resources"))); err != nil {
		t.Fatal(err)
	}
	sdk, err := filepath.Abs(filepath.Join("..", "sdk", "go"))
	if err != nil {
		t.Fatal(err)
	}
	command := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, out)
		}
	}
	command("go", "mod", "edit", "-replace", "github.com/vitrine-wasm/vitrine/sdk/go="+sdk)
	for _, part := range []string{"provider", "consumer"} {
		command(binary, "bindgen", "--component", "--wit", "wit", "--bind", "test:tally/"+part, "--out", part+"/bindings")
		command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w -checklinkname=0", "-o", part+".core.wasm", "./"+part)
		command(binary, "component", "new", "--wit", "wit", part+".core.wasm", "-o", part+".wasm")
	}
	command(binary, "compose", "consumer.wasm", "--plug", "provider.wasm", "-o", "all.wasm")
	const want = `constructed 1 added 3 living 1
same true false
sum 16 0
merged 13 living 1
parts 3 4 4 living 4
largest 9 true living 2
made 101 is too much
pair 7 paired
next 4 <nil> 4 <nil>
living 1
`
	code, out, console := run(t, "", "run", filepath.Join(dir, "all.wasm"))
	if code != 0 || out != want {
		t.Errorf("exit %d: %s\n%s", code, out, console)
	}
}
