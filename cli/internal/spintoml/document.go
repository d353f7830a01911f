package spintoml

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
)

// parse reads a file.
func parse(data []byte) (*foreign.Document, error) {
	d := &foreign.Document{Root: map[string]any{}, Places: map[string]foreign.Place{}}
	if err := toml.Unmarshal(data, &d.Root); err != nil {
		var of *toml.DecodeError
		if !errors.As(err, &of) {
			return nil, &foreign.SyntaxError{Line: 1, Column: 1, Text: "this is no TOML"} // the library's other errors quote values
		}
		line, column := of.Position()
		return nil, &foreign.SyntaxError{Line: line, Column: column, Text: "this is no TOML: " + strings.TrimPrefix(of.Error(), "toml: ")}
	}
	p := &unstable.Parser{}
	p.Reset(data)
	w := walker{parser: p, at: d.Places, lists: map[string]int{}}
	for p.NextExpression() {
		w.expression(p.Expression())
	}
	return d, nil
}

// walker collects the places of keys. The file has no mistakes.
type walker struct {
	parser *unstable.Parser
	at     map[string]foreign.Place
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
	path = foreign.Join(path, string(key.Data))
	if _, known := w.at[path]; !known {
		w.at[path] = place(w.parser.Shape(key.Raw).Start)
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
				w.at[element] = place(w.parser.Shape(raw).Start)
			}
			w.value(element, it.Node())
			i++
		}
	}
}

func place(p unstable.Position) foreign.Place { return foreign.Place{Line: p.Line, Column: p.Column} }
