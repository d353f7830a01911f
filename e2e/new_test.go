package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// toolchains say what the builds of templates need that a machine may not have; empty: it is there.
var toolchains = map[string]func() string{
	"rust-http":       noRust,
	"rust-http-p3":    noRust,
	"rust-command":    noRust,
	"rust-service":    noRust,
	"rust-middleware": noRust,
	"c-command": func() string {
		if _, err := os.Stat("/usr/lib/wasm32-wasi/libc.a"); err != nil {
			return "there is no C library for WASI"
		}
		return without("clang", "wasm-ld")
	},
	"go-http":       noGo,
	"go-http-p3":    noGo,
	"go-middleware": noGo,
	"go-service":    noGo,
	"go-command":    noGo,
	"js-http":       noNode,
	"ts-http-p3":    noNode,
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
			next := "vitrine dev --trace"
			if strings.HasSuffix(name, "-command") {
				next = "vitrine run --trace ."
			}
			if code, out, problem := run(t, "", "new", name, dir); code != 0 || !strings.Contains(out, next) {
				t.Fatalf("exit %d: %s%s", code, out, problem)
			}
			missing := toolchains[name]
			if missing == nil {
				t.Fatal("it is not known what its build needs")
			}
			if what := missing(); what != "" {
				t.Skip(what)
			}
			if code, out, console := run(t, "", "doctor", dir); code != 0 || !strings.Contains(out, "ready: ") {
				t.Errorf("exit %d: %s%s", code, out, console)
			}
			if code, out, console := run(t, "", "build", dir); code != 0 || !strings.Contains(out, map[bool]string{true: "vitrine run would run it", false: "vitrine up would serve it"}[strings.HasSuffix(name, "-command")]) {
				t.Fatalf("exit %d: %s%s", code, out, console)
			}
			code, out, console := run(t, "", "test", "--trace", dir)
			if code != 0 || !strings.Contains(out, "ok   greets") || strings.Contains(out, "FAIL") {
				t.Errorf("exit %d: %s%s", code, out, console)
			}
			if strings.HasSuffix(name, "-command") {
				code, out, console := run(t, "", "run", "--trace", dir, "you")
				if code != 0 || out != "hello you\n" || !strings.Contains(console, "command run") {
					t.Errorf("exit %d: %s%s", code, out, console)
				}
				return
			}
			if !strings.Contains(console, "GET / /hello") || !strings.Contains(console, "[app stdout] :: greeting you") {
				t.Errorf("the trace and the guest's line are not on the console: %s", console)
			}
		})
	}
}

// TestNewNames: any name of a project is one for YAML and for the tools of its language, a path is printed as a shell takes it, and what is made of a
// template from elsewhere is said as it is.
func TestNewNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"true", "null", "123", "1e3", "0x10", "fn", "1st", "vendor"} {
		for _, template := range []string{"go-http", "rust-http"} {
			at := filepath.Join(dir, template, name)
			if code, out, problem := run(t, "", "new", template, at); code != 0 {
				t.Errorf("%s: exit %d: %s%s", name, code, out, problem)
			}
			// The mistake that is left is that it is not built.
			if _, out, problem := run(t, "", "check", at); strings.Contains(problem, "metadata.name") || !strings.Contains(problem, "build it first") {
				t.Errorf("check of %s: %s%s", name, out, problem)
			}
		}
		if without("cargo") == "" {
			cargo := exec.Command("cargo", "read-manifest", "--offline")
			cargo.Dir = filepath.Join(dir, "rust-http", name)
			if out, err := cargo.CombinedOutput(); err != nil {
				t.Errorf("cargo does not take %s: %s", name, out)
			}
		}
	}
	if code, out, problem := run(t, "", "new", "go-http", filepath.Join(dir, "my projects", "shop")); code != 0 || !strings.Contains(out, "my projects/shop'\n") {
		t.Errorf("exit %d: %s%s", code, out, problem)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("here", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("file", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("template", 0o700); err != nil {
		t.Fatal(err)
	}
	if code, out, problem := run(t, "", "new", "./template", "made"); code != 1 || !strings.Contains(problem, "no file in ./template") {
		t.Errorf("an empty template: exit %d: %s%s", code, out, problem)
	}
	if err := os.WriteFile(filepath.Join("template", "readme"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, problem := run(t, "", "new", "./template", "made"); code != 0 || !strings.Contains(out, "has no vitrine.yaml") || strings.Contains(out, "curl") {
		t.Errorf("a template without a manifest: exit %d: %s%s", code, out, problem)
	}
	if code, out, problem := run(t, "", "new", "go-http", "file"); code != 2 || !strings.Contains(problem, "file is a file\n") {
		t.Errorf("a file: exit %d: %s%s", code, out, problem)
	}
	t.Chdir("here")
	if code, out, problem := run(t, "", "new", "go-http", "."); code != 0 || !strings.Contains(out, "here is made from go-http") {
		t.Errorf("the working folder: exit %d: %s%s", code, out, problem)
	}
}

// cures are where the programs are from that the builds of templates need.
var cures = map[string]string{"go": "https://go.dev/dl", "rust": "https://rustup.rs", "c": "the package clang of your system", "js": "https://nodejs.org", "ts": "https://nodejs.org"}

// TestNewWithoutToolchain: who lacks what the build of a template needs is told so, and where to get it, by new, doctor and build.
func TestNewWithoutToolchain(t *testing.T) {
	_, list, _ := run(t, "", "new", "--list")
	t.Setenv("PATH", t.TempDir())
	code, all, _ := run(t, "", "doctor")
	if code != 0 {
		t.Errorf("doctor: exit %d", code)
	}
	for line := range strings.Lines(list) {
		name := strings.Fields(line)[0]
		language, _, _ := strings.Cut(name, "-")
		cure := cures[language]
		if cure == "" {
			t.Fatalf("%s: it is not known where its toolchain is from", name)
		}
		dir := filepath.Join(t.TempDir(), "shop")
		if code, out, problem := run(t, "", "new", name, dir); code != 0 || !strings.Contains(out, "Its build needs what is not here: ") || !strings.Contains(out, cure) {
			t.Errorf("new %s: exit %d: %s%s", name, code, out, problem)
		}
		if code, out, problem := run(t, "", "doctor", dir); code != 1 || !strings.Contains(out, cure) || strings.Contains(out, "ready") {
			t.Errorf("doctor of %s: exit %d: %s%s", name, code, out, problem)
		}
		if _, rest, ok := strings.Cut("\n"+all, "\n"+name+" "); !ok || !strings.Contains(strings.SplitN(rest, "\n", 2)[0], cure) {
			t.Errorf("doctor says of %s: %s", name, all)
		}
		if code, out, problem := run(t, "", "build", dir); code != 1 || out != "" || !strings.Contains(problem, "there is no program ") || !strings.Contains(problem, cure) {
			t.Errorf("build of %s: exit %d: %s%s", name, code, out, problem)
		}
		if code, out, problem := run(t, "", "test", dir); code != 2 || out != "" || !strings.Contains(problem, "build it first: vitrine build") {
			t.Errorf("test of %s: exit %d: %s%s", name, code, out, problem)
		}
	}
}

// without says which of some programs is not there; empty: all are.
func without(programs ...string) string {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return "there is no " + program
		}
	}
	return ""
}

func noGo() string   { return without("go") }
func noNode() string { return without("node", "npm") }

func noRust() string {
	out, err := exec.Command("rustc", "--print", "target-libdir", "--target", "wasm32-wasip2").Output()
	if err != nil {
		return "there is no Rust"
	}
	if found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "libstd-*.rlib")); len(found) == 0 {
		return "Rust has no library for wasm32-wasip2"
	}
	return ""
}
