package spintoml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Note is something of a file that a workload does not have, or has otherwise, with its place.
type Note struct {
	Line, Column int
	Key, Text    string
}

// document is a TOML file: its values, and where its keys are.
type document struct {
	root  map[string]any
	at    map[string]unstable.Position // by the path of a key, as in trigger.http[0].route
	notes []Note
}

// SyntaxError is a mistake in the text of a file.
type SyntaxError struct {
	Line, Column int
	Text         string
}

// Error is the mistake with its place.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text) }

// parse reads a file.
func parse(data []byte) (*document, error) {
	d := &document{root: map[string]any{}, at: map[string]unstable.Position{}}
	if err := toml.Unmarshal(data, &d.root); err != nil {
		var of *toml.DecodeError
		if !errors.As(err, &of) {
			return nil, &SyntaxError{1, 1, "this is no TOML"} // the library's other errors quote values
		}
		line, column := of.Position()
		return nil, &SyntaxError{line, column, "this is no TOML: " + strings.TrimPrefix(of.Error(), "toml: ")}
	}
	p := &unstable.Parser{}
	p.Reset(data)
	w := walker{parser: p, at: d.at, lists: map[string]int{}}
	for p.NextExpression() {
		w.expression(p.Expression())
	}
	return d, nil
}

// walker collects the places of keys. The file has no mistakes.
type walker struct {
	parser *unstable.Parser
	at     map[string]unstable.Position
	lists  map[string]int // the elements so far of lists of tables: [[trigger.http]]
	prefix string
}

func (w *walker) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		w.prefix = ""
		for it := n.Key(); it.Next(); {
			w.prefix = w.enter(w.prefix, it.Node())
			count, isList := w.lists[w.prefix]
			if it.IsLast() && n.Kind == unstable.ArrayTable {
				count++
				w.lists[w.prefix], isList = count, true
			}
			if isList {
				w.prefix += fmt.Sprintf("[%d]", count-1)
			}
		}
	case unstable.KeyValue:
		w.pair(w.prefix, n)
	}
}

// enter notes the place of a key below path, and returns the key's path.
func (w *walker) enter(path string, key *unstable.Node) string {
	path = join(path, string(key.Data))
	if _, known := w.at[path]; !known {
		w.at[path] = w.parser.Shape(key.Raw).Start
	}
	return path
}

func (w *walker) pair(path string, n *unstable.Node) {
	for it := n.Key(); it.Next(); {
		path = w.enter(path, it.Node())
	}
	w.value(path, n.Value())
}

func (w *walker) value(path string, n *unstable.Node) {
	it := n.Children()
	switch n.Kind {
	case unstable.InlineTable:
		for it.Next() {
			w.pair(path, it.Node())
		}
	case unstable.Array:
		for i := 0; it.Next(); {
			if it.Node().Kind == unstable.Comment {
				continue
			}
			element := fmt.Sprintf("%s[%d]", path, i)
			if raw := it.Node().Raw; raw.Length > 0 {
				w.at[element] = w.parser.Shape(raw).Start
			}
			w.value(element, it.Node())
			i++
		}
	}
}

// join is the path of a key below a path.
func join(path, key string) string {
	if strings.ContainsAny(key, ".[]\"") || key == "" {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// note says something of a key.
func (d *document) note(path, format string, args ...any) {
	n := Note{Line: 1, Column: 1, Key: path, Text: fmt.Sprintf(format, args...)}
	for at := path; at != ""; {
		if p, ok := d.at[at]; ok {
			n.Line, n.Column = p.Line, p.Column
			break
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	d.notes = append(d.notes, n)
}

// sorted are the notes by their places.
func (d *document) sorted() []Note {
	slices.SortStableFunc(d.notes, func(a, b Note) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return d.notes
}

// table is a table of the file. What is taken of it is carried over, or was said something of.
type table struct {
	of    *document
	path  string
	m     map[string]any
	taken map[string]bool
}

func (d *document) table(path string, v any) (table, bool) {
	m, ok := v.(map[string]any)
	return table{d, path, m, map[string]bool{}}, ok
}

func (t table) at(key string) string { return join(t.path, key) }

// take is the value of a key, nil where there is none. Nothing else is said of it.
func (t table) take(key string) any {
	t.taken[key] = true
	return t.m[key]
}

// wrong notes a value of the wrong type.
func (t table) wrong(key, want string) {
	t.of.note(t.at(key), "left out: want %s", want)
}

func (t table) text(key string) string {
	v := t.take(key)
	s, ok := v.(string)
	if v != nil && !ok {
		t.wrong(key, "a text")
	}
	return s
}

func (t table) truth(key string) bool {
	v := t.take(key)
	b, ok := v.(bool)
	if v != nil && !ok {
		t.wrong(key, "true or false")
	}
	return b
}

func (t table) list(key string) []any {
	v := t.take(key)
	l, ok := v.([]any)
	if v != nil && !ok {
		t.wrong(key, "a list")
	}
	return l
}

// texts is a list of texts.
func (t table) texts(key string) []string {
	var out []string
	for i, v := range t.list(key) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		} else {
			t.of.note(fmt.Sprintf("%s[%d]", t.at(key), i), "left out: want a text")
		}
	}
	return out
}

// sub is the table of a key, an empty one where there is none.
func (t table) sub(key string) table {
	v := t.take(key)
	s, ok := t.of.table(t.at(key), v)
	if v != nil && !ok {
		t.wrong(key, "a table")
	}
	return s
}

// keys are the table's keys in the order of the file.
func (t table) keys() []string {
	keys := make([]string, 0, len(t.m))
	for k := range t.m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		x, y := t.of.at[t.at(a)], t.of.at[t.at(b)]
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column), cmp.Compare(a, b))
	})
	return keys
}

// rest notes the keys that were not taken, with what is to be said of them in general, or of one by its name.
func (t table) rest(of map[string]string) {
	for _, k := range t.keys() {
		if !t.taken[k] {
			t.of.note(t.at(k), "left out: %s", cmp.Or(of[k], "a workload has nothing of the kind"))
		}
	}
}
