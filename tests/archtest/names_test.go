package archtest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quotedFile = regexp.MustCompile("`([a-z0-9_/.-]+/[a-z0-9_.-]+\\.(?:go|md|txt|yaml|sh|py|wat))`")
	quotedTest = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`")
	funcOf     = regexp.MustCompile(`(?m)^func (?:\(\w+ \*?\w+(?:\[\w+\])?\) )?(\w+)[\[(]`)
	quotedFunc = regexp.MustCompile("`(?:[a-z]\\w*\\.)*(?:\\w+\\.)?(\\w+)` \\(`([a-z0-9_/]+\\.go)`\\)")
)

// TestDocumentsNameWhatExists: files, tests and functions that the documents name exist, functions in the file that is named with them.
func TestDocumentsNameWhatExists(t *testing.T) {
	root := "../.."
	tests := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range funcOf.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("git", "-C", root, "ls-files", "*.md").Output()
	if err != nil {
		out = []byte("ARCHITECTURE.md\nRATIONALE.md\nREADME.md\nCONTRIBUTING.md\nAGENTS.md\nSTABILITY.md\n")
	}
	named := 0
	for doc := range strings.Lines(string(out)) {
		doc = strings.TrimSpace(doc)
		text, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quotedFile.FindAllStringSubmatch(string(text), -1) {
			named++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil && !strings.HasPrefix(m[1], "../") {
				if _, err := os.Stat(filepath.Join(root, filepath.Dir(doc), m[1])); err != nil {
					t.Errorf("%s names %s, which does not exist", doc, m[1])
				}
			}
		}
		for _, m := range quotedTest.FindAllStringSubmatch(string(text), -1) {
			if named++; !tests[m[1]] {
				t.Errorf("%s names %s, which does not exist", doc, m[1])
			}
		}
		for _, m := range quotedFunc.FindAllStringSubmatch(string(text), -1) {
			named++
			source, err := os.ReadFile(filepath.Join(root, m[2]))
			if err == nil && !regexp.MustCompile(`(?m)^func (\([^)]*\) )?`+m[1]+`[\[(]|^type `+m[1]+`\b`).Match(source) {
				t.Errorf("%s says that %s is in %s", doc, m[1], m[2])
			}
		}
	}
	if named < 40 {
		t.Errorf("only %d names were found in the documents", named)
	}
}
