package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// toolchains say what the builds of templates need that a machine may not have; empty: it is there.
var toolchains = map[string]func() string{
	"rust-http": func() string {
		out, err := exec.Command("rustc", "--print", "target-libdir", "--target", "wasm32-wasip2").Output()
		if err != nil {
			return "there is no Rust"
		}
		if found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "libstd-*.rlib")); len(found) == 0 {
			return "Rust has no library for wasm32-wasip2"
		}
		return ""
	},
	"go-http": noGo, "go-http-p3": noGo, "go-middleware": noGo, "go-service": noGo, "go-command": noGo,
	"js-http": func() string {
		for _, program := range []string{"node", "npm"} {
			if _, err := exec.LookPath(program); err != nil {
				return "there is no " + program
			}
		}
		return ""
	},
}

// TestNew: each template, by the commands that a user is told: it builds, the workload would start, its tests pass, and a request is traced.
func TestNew(t *testing.T) {
	_, list, _ := run(t, "", "new", "--list")
	lines := strings.Split(strings.TrimSpace(list), "\n")
	if len(lines) != len(toolchains) {
		t.Errorf("%d templates, of which %d are tested:\n%s", len(lines), len(toolchains), list)
	}
	for _, line := range lines {
		name := strings.Fields(line)[0]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "shop")
			if code, out, problem := run(t, "", "new", name, dir); code != 0 || !strings.Contains(out, "vitrine dev --trace") {
				t.Fatalf("exit %d: %s%s", code, out, problem)
			}
			missing := toolchains[name]
			if missing == nil {
				t.Fatal("it is not known what its build needs")
			}
			if what := missing(); what != "" {
				t.Skip(what)
			}
			if code, out, console := run(t, "", "build", dir); code != 0 || !strings.Contains(out, "vitrine up would serve it") {
				t.Fatalf("exit %d: %s%s", code, out, console)
			}
			if name == "go-command" {
				tryCommandTemplate(t, dir)
				return
			}
			code, out, console := run(t, "", "test", "--trace", dir)
			if code != 0 || !strings.Contains(out, "2 of 2 tests passed") || !strings.Contains(console, "GET / /hello") {
				t.Errorf("exit %d: %s%s", code, out, console)
			}
			if !strings.Contains(console, "[app stdout] :: greeting you") {
				t.Errorf("the guest's line is not on the console: %s", console)
			}
		})
	}
}

// tryCommandTemplate runs the command of a template, and its tests.
func tryCommandTemplate(t *testing.T, dir string) {
	code, out, console := run(t, "", "run", "--trace", filepath.Join(dir, "app.wasm"), "Ann", "Bob")
	if code != 0 || out != "greeting Ann\ngreeting Bob\n" || !strings.Contains(console, "wasi:cli/run") {
		t.Errorf("exit %d: %q, %s", code, out, console)
	}
	if code, _, console := run(t, "", "run", filepath.Join(dir, "app.wasm"), ""); code != 1 || !strings.Contains(console, "nobody has no name") {
		t.Errorf("exit %d: %s", code, console)
	}
	tests := exec.Command("go", "test", "./...")
	tests.Dir = dir
	if out, err := tests.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// noGo says that there is no Go, which what runs this test has.
func noGo() string {
	if _, err := exec.LookPath("go"); err != nil {
		return "there is no Go"
	}
	return ""
}
