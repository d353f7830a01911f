// Package foreign reads manifests of other programs: their tables, of which what is not carried over is noted with its place.
package foreign

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Place is where a key is, from 1.
type Place struct{ Line, Column int }

// Note is something of a file that a workload does not have, or has otherwise, with its place.
type Note struct {
	Line, Column int
	Key, Text    string
}

// SyntaxError is a mistake in the text of a file.
type SyntaxError struct {
	Line, Column int
	Text         string
}

// Error is the mistake with its place.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text) }

// Document is a file: its values, which are bool, int64, float64, string, []any and map[string]any, and where its keys are.
type Document struct {
	Root   map[string]any
	Places map[string]Place // by the path of a key, as in trigger.http[0].route
	notes  []Note
}

// Join is the path of a key below a path.
func Join(path, key string) string {
	if strings.ContainsAny(key, ".[]\"") || key == "" {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Note says something of a key.
func (d *Document) Note(path, format string, args ...any) {
	n := Note{Line: 1, Column: 1, Key: path, Text: fmt.Sprintf(format, args...)}
	for at := path; at != ""; {
		if p, ok := d.Places[at]; ok {
			n.Line, n.Column = p.Line, p.Column
			break
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	d.notes = append(d.notes, n)
}

// Mark is the number of notes so far, for Reset.
func (d *Document) Mark() int { return len(d.notes) }

// Reset forgets the notes since a Mark: where a part of the file is read again.
func (d *Document) Reset(mark int) { d.notes = d.notes[:mark] }

// Sorted are the notes by their places.
func (d *Document) Sorted() []Note {
	slices.SortStableFunc(d.notes, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return d.notes
}

// Table is a table of the file. What is taken of it is carried over, or was said something of.
type Table struct {
	of    *Document
	Path  string
	Map   map[string]any
	taken map[string]bool
}

// Table is v as the table at path, and whether it is one.
func (d *Document) Table(path string, v any) (Table, bool) {
	m, ok := v.(map[string]any)
	return Table{d, path, m, map[string]bool{}}, ok
}

// At is the path of a key.
func (t Table) At(key string) string { return Join(t.Path, key) }

// Take is the value of a key, nil where there is none. Nothing else is said of it.
func (t Table) Take(key string) any {
	t.taken[key] = true
	return t.Map[key]
}

// Wrong notes a value of the wrong type.
func (t Table) Wrong(key, want string) {
	t.of.Note(t.At(key), "left out: want %s", want)
}

// Text is a text, "" where there is none.
func (t Table) Text(key string) string {
	v := t.Take(key)
	s, ok := v.(string)
	if v != nil && !ok {
		t.Wrong(key, "a text")
	}
	return s
}

// Truth is true or false; false where there is none.
func (t Table) Truth(key string) bool {
	v := t.Take(key)
	b, ok := v.(bool)
	if v != nil && !ok {
		t.Wrong(key, "true or false")
	}
	return b
}

// List is a list, nil where there is none.
func (t Table) List(key string) []any {
	v := t.Take(key)
	l, ok := v.([]any)
	if v != nil && !ok {
		t.Wrong(key, "a list")
	}
	return l
}

// Texts is a list of texts.
func (t Table) Texts(key string) []string {
	var out []string
	for i, v := range t.List(key) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		} else {
			t.of.Note(fmt.Sprintf("%s[%d]", t.At(key), i), "left out: want a text")
		}
	}
	return out
}

// Sub is the table of a key, an empty one where there is none.
func (t Table) Sub(key string) Table {
	v := t.Take(key)
	s, ok := t.of.Table(t.At(key), v)
	if v != nil && !ok {
		t.Wrong(key, "a table")
	}
	return s
}

// Keys are the table's keys in the order of the file.
func (t Table) Keys() []string {
	keys := make([]string, 0, len(t.Map))
	for k := range t.Map {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		x, y := t.of.Places[t.At(a)], t.of.Places[t.At(b)]
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column), cmp.Compare(a, b))
	})
	return keys
}

// Rest notes the keys that were not taken, with what is to be said of them in general, or of one by its name.
func (t Table) Rest(of map[string]string) {
	for _, k := range t.Keys() {
		if !t.taken[k] {
			t.of.Note(t.At(k), "left out: %s", cmp.Or(of[k], "a workload has nothing of the kind"))
		}
	}
}
