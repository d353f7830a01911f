package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTargets compares the list with the fuzz functions of the module, both ways.
func TestTargets(t *testing.T) {
	const root = "../../.."
	fuzz := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() && path != root:
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // another module, which the command does not build
			}
			return nil
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range fuzz.FindAllSubmatch(src, -1) {
			found = append(found, "./"+filepath.ToSlash(dir)+":"+string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range found {
		if !slices.Contains(targets, x) {
			t.Errorf("%s is not listed", x)
		}
	}
	for _, x := range targets {
		if !slices.Contains(found, x) {
			t.Errorf("%s does not exist", x)
		}
	}
}

// TestCorpus bounds what is checked in.
func TestCorpus(t *testing.T) {
	const most = 500 << 10
	files, err := filepath.Glob("../../../*/testdata/fuzz/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*/*", "*/*/*"} {
		more, err := filepath.Glob("../../../" + pattern + "/testdata/fuzz/*/*")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	var size int64
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > most || len(files) == 0 {
		t.Errorf("%d files with %d bytes, want some with at most %d", len(files), size, most)
	}
}
