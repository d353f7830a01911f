package watch

import (
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// always are names that never count: what version control, package managers and editors keep for themselves.
var always = []string{".git", ".hg", ".svn", ".jj", ".vitrine", "node_modules", "target", "__pycache__", ".zig-cache", ".DS_Store",
	"*~", ".#*", "#*#", "*.swp", "*.swx", "*.tmp", "*.log", "4913", "*.db", "*.db-wal", "*.db-shm", "*.db-journal"}

// alwaysIgnored says so of the last segment of a path.
func alwaysIgnored(name string) bool {
	return slices.ContainsFunc(always, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

// rule is one line of a .gitignore.
type rule struct {
	dir      string // of the file, absolute
	segments []string
	negated  bool
	folder   bool // it is for folders only
}

// maxIgnoreFile bounds a .gitignore in bytes.
const maxIgnoreFile = 256 << 10

// rulesOf reads the .gitignore of a folder; without one there are none.
func rulesOf(dir string) []rule {
	f, err := os.Open(filepath.Join(dir, ".gitignore"))
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, maxIgnoreFile))
	var rules []rule
	for _, line := range bytes.Split(text, []byte("\n")) {
		if r, ok := parseRule(dir, strings.TrimRight(string(line), "\r")); ok {
			rules = append(rules, r)
		}
	}
	return rules
}

// parseRule reads a line as gitignore(5) describes it.
func parseRule(dir, line string) (rule, bool) {
	r := rule{dir: dir}
	if !strings.HasSuffix(line, `\ `) {
		line = strings.TrimRight(line, " \t")
	}
	if line == "" || line[0] == '#' {
		return r, false
	}
	if line[0] == '!' {
		r.negated, line = true, line[1:]
	}
	line = strings.TrimPrefix(line, `\`)
	if strings.HasSuffix(line, "/") {
		r.folder, line = true, strings.TrimRight(line, "/")
	}
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return r, false
	}
	if !anchored {
		line = "**/" + line
	}
	r.segments = strings.Split(line, "/")
	return r, true
}

// covers says whether the rule is about a path. It is about that alone, and not about what is below it.
func (r *rule) covers(file string, folder bool) bool {
	if r.folder && !folder {
		return false
	}
	rel, err := filepath.Rel(r.dir, file)
	if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
		return false
	}
	name := strings.Split(filepath.ToSlash(rel), "/")
	for i := len(name) - 1; i > 0; i-- {
		if matchSegments(r.segments, name[:i]) {
			return false // the rule is about a folder above; that has been asked for itself
		}
	}
	return matchSegments(r.segments, name)
}

// ignores collects the rules that are in force in folders.
type ignores struct {
	byDir map[string][]rule
}

// in are the rules of a folder: those of the folders above first, up to the one that has a repository.
func (g *ignores) in(dir string) []rule {
	if known, ok := g.byDir[dir]; ok {
		return known
	}
	var above []rule
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		if parent := filepath.Dir(dir); parent != dir {
			above = g.in(parent)
		}
	}
	rules := append(slices.Clip(above), rulesOf(dir)...)
	g.byDir[dir] = rules
	return rules
}

// ignored says whether a file or folder is ignored, itself or by a folder above it that is below root.
func (g *ignores) ignored(root, file string, folder bool) bool {
	rel, err := filepath.Rel(root, file)
	if err != nil || rel == "." {
		return false
	}
	at := root
	names := strings.Split(rel, string(filepath.Separator))
	for i, name := range names {
		rules := g.in(at)
		at = filepath.Join(at, name)
		if alwaysIgnored(name) {
			return true
		}
		for j := len(rules) - 1; j >= 0; j-- {
			if rules[j].covers(at, folder || i < len(names)-1) {
				if !rules[j].negated {
					return true
				}
				break
			}
		}
	}
	return false
}
