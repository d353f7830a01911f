package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNewAsks: on a terminal new asks for the template, by arrow keys or a number, and for the name until it is one, and says what to do next.
// Elsewhere it asks nothing.
func TestNewAsks(t *testing.T) {
	made := func(t *testing.T, dir string) {
		t.Helper()
		readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
		if err != nil || !strings.HasPrefix(string(readme), "# "+filepath.Base(dir)+"\n") {
			t.Errorf("%q, %v", readme, err)
		}
	}
	_, list, _ := run(t, "", "new", "--list")
	var names []string
	for _, line := range strings.Split(strings.TrimSpace(list), "\n") {
		names = append(names, strings.Fields(line)[0])
	}
	index := func(name string) int {
		for i, n := range names {
			if n == name {
				return i
			}
		}
		t.Fatalf("there is no template %s in %q", name, names)
		return 0
	}

	t.Run("arrows", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := onTerminal(t, dir, nil, "new")
		c.see("Which template?", 1)
		at := index("rust-command")
		c.press(strings.Repeat("\x1b[B", at+2) + "\x1b[A" + "\x1bOA") // by both codes of the key
		c.see("> "+pad(at+1)+"  rust-command", 1)
		c.press("\r")
		c.see("Name of the project [shop]: ", 1)
		c.press("No_Name\n")
		c.see("Name of the project [shop]: ", 2)
		c.press("mine\n")
		c.see("mine is made from rust-command. Next:\n\n  cd mine\n  vitrine build\n  vitrine run --trace .\n", 1)
		if status, restored := c.exit(); status != 0 || !restored {
			t.Errorf("exit %d, the terminal is as it was: %v", status, restored)
		}
		made(t, filepath.Join(dir, "mine"))
	})
	t.Run("number", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := onTerminal(t, dir, nil, "new")
		at := index("rust-http")
		c.see("Which template?", 1)
		c.press(strings.TrimSpace(pad(at + 1)))
		c.see("> "+pad(at+1)+"  rust-http", 1)
		c.press("\n\n") // and the name that it offers
		c.see("shop is made from rust-http. Next:\n\n  cd shop\n  vitrine dev --trace\n  curl 'http://127.0.0.1:3000/hello?name=you'   # in another terminal\n", 1)
		if status, restored := c.exit(); status != 0 || !restored {
			t.Errorf("exit %d, the terminal is as it was: %v", status, restored)
		}
		made(t, filepath.Join(dir, "shop"))
	})
	t.Run("name alone", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := onTerminal(t, dir, nil, "new", "rust-http")
		c.see("Name of the project [shop]: ", 1)
		c.press("one\n")
		c.see("one is made from rust-http", 1)
		if strings.Contains(c.text(), "Which template?") {
			t.Error("it asks for what is given")
		}
	})
	for name, end := range map[string]struct {
		keys   string
		status int
	}{"interrupt": {"\x03", 130}, "end of input": {"\x04", 2}, "q": {"q", 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := onTerminal(t, dir, nil, "new")
			c.see(names[len(names)-1], 1)
			c.press(end.keys)
			if status, restored := c.exit(); status != end.status || !restored {
				t.Errorf("exit %d, the terminal is as it was: %v\n%s", status, restored, c.text())
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("%v, %v", entries, err)
			}
		})
	}
	t.Run("no terminal", func(t *testing.T) {
		t.Parallel()
		if code, out, problem := run(t, "1\nshop\n", "new"); code != 2 || out != "" || !strings.Contains(problem, "want a template and a name") {
			t.Errorf("exit %d: %s%s", code, out, problem)
		}
	})
}

// TestRustWithoutTarget: a Rust that lacks the target is told by its failed build, and by doctor.
func TestRustWithoutTarget(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	if code, out, problem := run(t, "", "new", "rust-http", dir); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, problem)
	}
	programs := t.TempDir()
	for name, script := range map[string]string{"rustc": "echo /no/such/folder", "cargo": "echo \"error[E0463]: can't find crate for core\" >&2; exit 101"} {
		if err := os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", programs)
	for _, command := range []string{"doctor", "build"} {
		if code, out, problem := run(t, "", command, dir); code != 1 || !strings.Contains(out+problem, "install it by: rustup target add wasm32-wasip2") {
			t.Errorf("%s: exit %d: %s%s", command, code, out, problem)
		}
	}
}

func pad(n int) string {
	if n < 10 {
		return " " + string(rune('0'+n))
	}
	return string(rune('0'+n/10)) + string(rune('0'+n%10))
}
