package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestWriteWhole: a file takes the place of another in one step and keeps its permissions, a link stays a link, and nothing is left beside it.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.wasm")
	read := func(path, want string) {
		t.Helper()
		if had, err := os.ReadFile(path); err != nil || string(had) != want {
			t.Errorf("%s has %q, %v; want %q", path, had, err, want)
		}
	}
	if err := writeWhole(file, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	read(file, "one")
	before, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if runtime.GOOS != "windows" {
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("a.wasm", filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := writeWhole(filepath.Join(dir, "link"), []byte("two"), 0o644); err != nil {
			t.Fatal(err)
		}
		read(file, "two")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
			t.Error(info.Mode(), err)
		}
		if info, err := os.Lstat(filepath.Join(dir, "link")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Error("the link is none any more", err)
		}
		had := make([]byte, 8)
		if n, _ := before.Read(had); string(had[:n]) != "one" {
			t.Errorf("who has it open reads %q; want what was there", had[:n])
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "a.wasm" && e.Name() != "link" {
			t.Errorf("%s is left", e.Name())
		}
	}
	if err := writeWhole(dir, nil, 0o644); err == nil {
		t.Error("a folder was written")
	}
	none := filepath.Join(dir, "none", "b.wasm")
	var path *fs.PathError
	if err := writeWhole(none, nil, 0o644); !errors.As(err, &path) || path.Path != none {
		t.Error(err)
	}
	if _, err := os.Stat(os.DevNull); err == nil {
		if err := writeWhole(os.DevNull, []byte("x"), 0o644); err != nil {
			t.Error(err)
		}
	}
}
