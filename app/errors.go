package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/text"
)

// Error is one mistake in a manifest.
type Error struct {
	File         string // empty, and no place in it, where the document did not come from a file
	Line, Column int
	Key          string // the key's path: spec.components[0].links
	Problem      string
	Nearest      string // the nearest right name; may be empty
}

// Bounds of a message's parts, in bytes: the file can have keys of any length.
const (
	maxKey     = 200
	maxProblem = 2000
)

// Error is "file:line:column: key: problem; did you mean …?", without the place if File is empty.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	}
	if e.Key != "" {
		b.WriteString(text.Cut(e.Key, maxKey) + ": ")
	}
	b.WriteString(text.Cut(e.Problem, maxProblem))
	if e.Nearest != "" {
		fmt.Fprintf(&b, "; did you mean %q?", e.Nearest)
	}
	return text.Printable(b.String())
}

// Errors are all mistakes of a manifest, in the order of the file.
type Errors []*Error

// Error lists them, a line each.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func (es Errors) sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
