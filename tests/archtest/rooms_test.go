package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A room is a row of ARCHITECTURE.md's table.
type room struct {
	folders []string // as written: "plugin/<name>"
	imports []string // nil with any
	any     bool     // "everything"

	packages int
	used     map[string]bool // the imports that some package has
}

var quoted = regexp.MustCompile("`([^`]+)`")

// rooms reads the table.
func rooms(t *testing.T) []*room {
	t.Helper()
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "| folder | what lives there | imports |\n|---|---|---|\n")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no table of folders")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var all []*room
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			t.Fatalf("a row has %d cells: %s", len(cells), line)
		}
		r := &room{used: map[string]bool{}}
		for _, m := range quoted.FindAllStringSubmatch(cells[0], -1) {
			r.folders = append(r.folders, m[1])
		}
		switch imports := strings.TrimSpace(cells[2]); imports {
		case "everything":
			r.any = true
		case "–":
		default:
			r.imports = strings.Split(imports, ", ")
		}
		all = append(all, r)
	}
	return all
}

// match is the number of elements of a package's path that a folder of the table covers; 0 if it does not match.
func match(folder, path string) int {
	have := strings.Split(path, "/")
	want := strings.Split(folder, "/")
	if len(have) < len(want) {
		return 0
	}
	for i, w := range want {
		if w != have[i] && !strings.HasPrefix(w, "<") {
			return 0
		}
	}
	return len(want)
}

// roomOf is the row of a package, the one with the longest folder; nil if there is none.
func roomOf(all []*room, path string) *room {
	var best *room
	longest := 0
	for _, r := range all {
		for _, f := range r.folders {
			if n := match(f, path); n > longest {
				best, longest = r, n
			}
		}
	}
	return best
}

// TestRooms compares ARCHITECTURE.md's table with the tree: each package has a row that allows what it imports, each row has a
// folder, and each import that a row lists is one that a package of the row has.
func TestRooms(t *testing.T) {
	all := rooms(t)
	for _, p := range packages(t) {
		if p.ImportPath == "" {
			continue
		}
		r := roomOf(all, p.ImportPath)
		if r == nil {
			t.Errorf("%s has no row", p.ImportPath)
			continue
		}
		r.packages++
		for _, im := range p.Imports {
			path, ours := strings.CutPrefix(im, module+"/")
			if !ours || roomOf(all, path) == r || r.any {
				continue
			}
			if at := slices.IndexFunc(r.imports, func(f string) bool { return match(f, path) > 0 }); at >= 0 {
				r.used[r.imports[at]] = true
			} else if !slices.ContainsFunc(r.folders, func(f string) bool { return match(f, path) > 0 }) {
				t.Errorf("%s imports %s, which the row of %s does not list", p.ImportPath, path, r.folders[0])
			}
		}
	}
	for _, r := range all {
		for _, f := range r.folders {
			if found, err := filepath.Glob("../../" + strings.Split(f, "/<")[0]); err != nil || len(found) == 0 {
				t.Errorf("the row of %s is stale: there is no such folder", f)
			}
		}
		for _, f := range r.imports {
			if !r.used[f] {
				t.Errorf("the row of %s is stale: nothing there imports %s", r.folders[0], f)
			}
		}
	}
}
