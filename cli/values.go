package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-wasm/vitrine/workload"
)

// addPairs adds NAME=VALUE texts to a copy of m, which may be shared with another component. Errors quote none of them: they
// may be secrets, and a text without = may be a piece of one.
func addPairs(m *map[string]string, values []string) error {
	out := maps.Clone(*m)
	if out == nil {
		out = map[string]string{}
	}
	for i, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return fmt.Errorf("number %d of them has no =: want NAME=VALUE; a value with a comma is given by the flag or the manifest", i+1)
		}
		if name == "" {
			return fmt.Errorf("number %d of them has no name: want NAME=VALUE", i+1)
		}
		if !utf8.ValidString(v) {
			return fmt.Errorf("number %d of them is no UTF-8: guests are given text only", i+1)
		}
		out[name] = value
	}
	*m = out
	return nil
}

// parseAll parses the values and returns them in canonical spelling.
func parseAll[T fmt.Stringer](values []string, parse func(string) (T, error)) ([]string, error) {
	var out []string
	for _, v := range values {
		t, err := parse(v)
		if err != nil {
			return nil, err
		}
		out = append(out, t.String())
	}
	return out, nil
}

func applyDirs(c *workload.Component, values []string) error {
	var files []workload.FileGrant
	for _, v := range values {
		f, err := workload.ParseFile(v)
		if err != nil {
			return err
		}
		if !utf8.ValidString(f.Guest) {
			return fmt.Errorf("%q: the guest's name for it is no UTF-8: give it a name, HOST::GUEST", v)
		}
		info, err := os.Stat(f.Host)
		if err != nil {
			return fmt.Errorf("%s: the folder does not exist%s", f.Host, existingParent(f.Host))
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is no folder", f.Host)
		}
		if slices.ContainsFunc(files, func(g workload.FileGrant) bool { return g.Guest == f.Guest }) {
			return fmt.Errorf("%s: a second folder with the guest's name %q", v, f.Guest)
		}
		files = append(files, f)
	}
	c.Grants.Files = files
	return nil
}

// existingParent names, in parentheses, the nearest parent of path that exists, unless it is the direct parent.
func existingParent(path string) string {
	parent := filepath.Dir(filepath.Clean(path))
	for parent != filepath.Dir(parent) {
		if _, err := os.Stat(parent); err == nil {
			if parent == filepath.Dir(filepath.Clean(path)) {
				return ""
			}
			return fmt.Sprintf(" (%s does)", parent)
		}
		parent = filepath.Dir(parent)
	}
	return ""
}

// parsePositive parses a whole number from 1 to 2³¹-1.
func parsePositive[T int | uint32](to *T, s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		return fmt.Errorf("%q: want a whole number from 1", s)
	}
	*to = T(n)
	return nil
}

func oneOf(v string, words ...string) error {
	if slices.Contains(words, v) {
		return nil
	}
	return fmt.Errorf("%q: want %s or %s", v, strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
