package scaffold

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, file ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(file...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t *testing.T, text string, file ...string) {
	t.Helper()
	name := filepath.Join(file...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTemplates: each template of the binary is a whole project that has its name, and no placeholder is left.
func TestTemplates(t *testing.T) {
	for _, template := range Templates() {
		dir := filepath.Join(t.TempDir(), "shop")
		if err := New(t.Context(), template.Name, dir, "shop"); err != nil {
			t.Fatal(err)
		}
		if template.About == "" || len(template.Needs) == 0 {
			t.Errorf("%+v", template)
		}
		for _, file := range []string{"vitrine.yaml", "vitrine.test.yaml", "README.md", ".gitignore"} {
			if text := read(t, dir, file); strings.Contains(text, placeholder) || text == "" {
				t.Errorf("%s/%s:\n%s", template.Name, file, text)
			}
		}
		if !strings.Contains(read(t, dir, "vitrine.yaml"), `metadata: {name: "shop"`) {
			t.Errorf("%s: the workload has another name", template.Name)
		}
		if _, err := os.Stat(filepath.Join(dir, meta)); err == nil {
			t.Errorf("%s: %s is in the project", template.Name, meta)
		}
	}
}

// TestFolder: a folder is a template; links in it are left out.
func TestFolder(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "a", "shop")
	writeFile(t, "name: __NAME__", from, "sub", "vitrine.yaml")
	writeFile(t, "secret", from, "..", "outside")
	writeFile(t, "x", from, ".git", "HEAD")
	writeFile(t, "{{.Title}}", from, "views", "page.html.tmpl")
	if err := os.Symlink(filepath.Join(from, "..", "outside"), filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	if err := New(t.Context(), from, to, "shop"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, to, "sub", "vitrine.yaml"); got != "name: shop" {
		t.Errorf("got %s", got)
	}
	if got := read(t, to, "views", "page.html.tmpl"); got != "{{.Title}}" {
		t.Errorf("got %s", got)
	}
	for _, file := range []string{"link", ".git"} {
		if _, err := os.Lstat(filepath.Join(to, file)); err == nil {
			t.Errorf("%s was copied", file)
		}
	}
	if err := New(t.Context(), from, filepath.Join(from, "new"), "new"); err == nil {
		t.Error("a project in its own template")
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	if err := New(t.Context(), "rust-http", dir, "x"); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	var occupied *OccupiedError
	if err := New(t.Context(), "rust-http", dir, "x"); !errors.As(err, &occupied) {
		t.Errorf("got %v", err)
	}
	var unknown *UnknownError
	if err := New(t.Context(), "cobol", filepath.Join(dir, "y"), "y"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "rust-http") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "y")); err == nil {
		t.Error("a refusal made the folder")
	}
	writeFile(t, "x", dir, "file")
	for _, below := range []string{filepath.Join(dir, "file"), filepath.Join(dir, "file", "a", "b")} {
		var file *FileError
		if err := New(t.Context(), "rust-http", below, "x"); !errors.As(err, &file) || file.Path != filepath.Join(dir, "file") {
			t.Errorf("%s: got %v", below, err)
		}
	}
	var empty *EmptyError
	if err := New(t.Context(), t.TempDir(), filepath.Join(dir, "z"), "z"); !errors.As(err, &empty) {
		t.Errorf("got %v", err)
	}
	if isRepository("ext::sh -c true") || isRepository("--upload-pack=x://y") || !isRepository("https://example.com/x.git") {
		t.Error("which addresses are of repositories")
	}
}

// TestRepository: a git repository is a template.
func TestRepository(t *testing.T) {
	from := t.TempDir()
	writeFile(t, "name: __NAME__", from, "vitrine.yaml")
	for link, to := range map[string]string{"passwd": "/etc/passwd", "etc": "/etc", "up": ".."} { // out of the repository
		if err := os.Symlink(to, filepath.Join(from, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "--quiet"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "a"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = from
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	to := filepath.Join(t.TempDir(), "shop")
	if err := New(t.Context(), "file://"+filepath.ToSlash(from), to, "shop"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, to, "vitrine.yaml"); got != "name: shop" {
		t.Errorf("got %s", got)
	}
	if _, err := os.Stat(filepath.Join(to, ".git")); err == nil {
		t.Error("the template's history is in the project")
	}
	for _, link := range []string{"passwd", "etc", "up"} {
		if _, err := os.Lstat(filepath.Join(to, link)); err == nil {
			t.Errorf("the link %s was copied", link)
		}
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if err := New(t.Context(), "file://"+gone, to+"2", "shop"); err == nil || !strings.Contains(err.Error(), "git clone: ") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(ctx, "file://"+filepath.ToSlash(from), to+"3", "shop"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
