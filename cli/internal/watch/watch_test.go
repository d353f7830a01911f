package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"src/**", "src/a.rs", true}, {"src/**", "src/a/b.rs", true}, {"src/**", "srcs/a.rs", false}, {"src", "src/a.rs", true}, {"./src/", "src/a.rs", true},
		{"*.go", "a.go", true}, {"*.go", "a/a.go", false}, {"**/*.go", "a.go", true}, {"**/*.go", "a/b/c.go", true}, {"**/*.go", "a/b/c.rs", false},
		{"a/**/b", "a/b", true}, {"a/**/b", "a/x/y/b", true}, {"a/**/b", "a/x/c", false}, {"[", "x", false},
		{strings.Repeat("**/", 30) + "z", strings.Repeat("a/", 200), false},
	} {
		if got := match(c.pattern, c.name); got != c.want {
			t.Errorf("%s, %s: %v", c.pattern, c.name, got)
		}
	}
}

func TestIgnored(t *testing.T) {
	root := t.TempDir()
	write(t, root, ".git/HEAD", "")
	write(t, root, ".gitignore", "# comment\n*.txt\n!keep.txt\n/build\ndist/\na/**/gen\n\\#odd\nspace \n")
	write(t, root, "sub/.gitignore", "only-here\n!x.txt\n")
	g := ignores{map[string][]rule{}}
	for name, want := range map[string]bool{
		"a.txt": true, "sub/deep/a.txt": true, "keep.txt": false, "sub/x.txt": false, "build": true, "build/x": true, "sub/build": false, "dist/x": true,
		"sub/dist/x": true, "a/gen": true, "a/b/c/gen": true, "gen": false, "#odd": true, "space": true, "only-here": false, "sub/only-here": true, "src/main.rs": false,
		"target/x": true, "src/main.rs~": true, "node_modules/a/b": true,
	} {
		if got := g.ignored(root, filepath.Join(root, name), false); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if g.ignored(root, filepath.Join(root, "dist"), false) || !g.ignored(root, filepath.Join(root, "dist"), true) {
		t.Error("a rule for folders is about files, or not about folders")
	}
}

func write(t *testing.T, root, name, text string) string {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".tmp", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".tmp", file); err != nil { // at once: nothing is seen of half a change
		t.Fatal(err)
	}
	return file
}

// next returns the names of the files that change next, from root.
func next(t *testing.T, w *Watcher, root string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	changed, since, err := w.Next(ctx)
	if err != nil || since.IsZero() {
		t.Fatalf("%v, %s", err, since)
	}
	for i := range changed {
		changed[i], _ = filepath.Rel(root, changed[i])
	}
	return filepath.ToSlash(strings.Join(changed, " "))
}

func watcher(t *testing.T, c Config) *Watcher {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// TestChanges: each case ends with a change that counts; what came before it and does not count is not reported with it.
func TestChanges(t *testing.T) {
	root := t.TempDir()
	write(t, root, ".gitignore", "ignored\n")
	write(t, root, "src/a.rs", "1")
	manifest := write(t, root, "vitrine.yaml", "1")
	out := filepath.Join(root, "out.wasm")
	w := watcher(t, Config{Folders: []Folder{{Path: root}}, Files: []string{manifest}, Ignore: []string{out, filepath.Join(root, "data")}})
	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"a change", func() { write(t, root, "src/a.rs", "2") }, "src/a.rs"},
		{"the same contents, an output, data, ignored files", func() {
			write(t, root, "src/a.rs", "2")
			write(t, root, "out.wasm", "x")
			write(t, root, "data/x", "x")
			write(t, root, "ignored", "x")
			write(t, root, "target/debug/x", "x")
			write(t, root, "vitrine.yaml", "2")
		}, "vitrine.yaml"},
		{"a new folder with files in it", func() { write(t, root, "src/deep/er/b.rs", "1") }, "src/deep/er/b.rs"},
		{"a file in a new folder", func() { write(t, root, "src/deep/er/b.rs", "2") }, "src/deep/er/b.rs"},
		{"an editor that replaces", func() {
			if err := os.Rename(write(t, root, "src/a.rs~", "3"), filepath.Join(root, "src/a.rs")); err != nil {
				t.Fatal(err)
			}
		}, "src/a.rs"},
		{"a removal", func() { _ = os.Remove(filepath.Join(root, "src/a.rs")) }, "src/a.rs"},
		{"a rule that changes", func() { write(t, root, ".gitignore", "other\n") }, ".gitignore"},
		{"what it ignored", func() { write(t, root, "ignored", "y") }, "ignored"},
	} {
		c.do()
		if got := next(t, w, root); got != c.want {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	root := t.TempDir()
	write(t, root, "src/a.rs", "1")
	w := watcher(t, Config{Folders: []Folder{{Path: root, Patterns: []string{"src/**", "Cargo.toml"}}}})
	write(t, root, "README.md", "x")
	write(t, root, "Cargo.toml", "x")
	if got := next(t, w, root); got != "Cargo.toml" {
		t.Errorf("got %s", got)
	}
}

// TestBuildsDoNotLoop: a file that changes with each build starts a few builds, and then no more; one that the config names always does.
func TestBuildsDoNotLoop(t *testing.T) {
	for _, named := range []bool{false, true} {
		root := t.TempDir()
		write(t, root, "a.rs", "1")
		folder := Folder{Path: root}
		if named {
			folder.Patterns = []string{"*"}
		}
		w := watcher(t, Config{Folders: []Folder{folder}})
		builds := func(n int) {
			w.mu.Lock()
			w.built = time.Now().Add(time.Hour) // however long it takes here
			w.mu.Unlock()
			write(t, root, "output", strings.Repeat("x", n))
			if got := next(t, w, root); got != "output" {
				t.Fatalf("got %s", got)
			}
		}
		for n := range maxTimes {
			if made := w.Built(); len(made) != 0 {
				t.Errorf("after %d builds: %q", n, made)
			}
			builds(n)
		}
		made := w.Built()
		if named {
			if len(made) != 0 {
				t.Errorf("got %q", made)
			}
			builds(maxTimes)
			continue
		}
		if !slices.Equal(made, []string{filepath.Join(root, "output")}) {
			t.Errorf("got %q", made)
		}
		write(t, root, "output", "again")
		write(t, root, "a.rs", "2")
		if got := next(t, w, root); got != "a.rs" {
			t.Errorf("got %s", got)
		}
	}
}

func TestNextEnds(t *testing.T) {
	w := watcher(t, Config{Folders: []Folder{{Path: t.TempDir()}}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := w.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Folders: []Folder{{Path: filepath.Join(t.TempDir(), "none")}}}); err == nil {
		t.Error("a folder that does not exist is watched")
	}
}
