package washconfig

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
)

// maxNodes bounds the values of a file, also where they are written once and meant often.
const maxNodes = 100_000

// parse reads the documents of a file, of YAML or JSON.
func parse(data []byte) ([]*foreign.Document, error) {
	var all []*foreign.Document
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	nodes := 0
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, syntaxError(err)
		}
		d := &foreign.Document{Places: map[string]foreign.Place{}}
		r := reader{d, &nodes}
		v, err := r.value("", &n, 0)
		if err != nil {
			return nil, err
		}
		if d.Root, _ = v.(map[string]any); d.Root != nil {
			all = append(all, d)
		}
	}
}

// line finds the place in a message of the library's, which may quote the text.
var line = regexp.MustCompile(`line (\d+)`)

func syntaxError(err error) error {
	at := 1
	if m := line.FindStringSubmatch(err.Error()); m != nil {
		at, _ = strconv.Atoi(m[1])
	}
	return &foreign.SyntaxError{Line: max(at, 1), Column: 1, Text: "this is no YAML"}
}

// reader makes plain values of a document's nodes.
type reader struct {
	*foreign.Document
	nodes *int
}

const maxDepth = 50

func (r reader) value(path string, n *yaml.Node, depth int) (any, error) {
	if *r.nodes++; *r.nodes > maxNodes || depth > maxDepth {
		return nil, &foreign.SyntaxError{Line: n.Line, Column: n.Column, Text: "the file is too large, or too deep"}
	}
	if path != "" {
		if _, known := r.Places[path]; !known {
			r.Places[path] = foreign.Place{Line: max(n.Line, 1), Column: max(n.Column, 1)}
		}
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.value(path, n.Content[0], depth+1)
	case yaml.AliasNode:
		return r.value(path, n.Alias, depth+1)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, e := range n.Content {
			var err error
			if list[i], err = r.value(fmt.Sprintf("%s[%d]", path, i), e, depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			at := foreign.Join(path, k.Value)
			r.Places[at] = foreign.Place{Line: k.Line, Column: k.Column}
			v, err := r.value(at, n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			m[k.Value] = v
		}
		return m, nil
	}
	return scalar(n), nil
}

// scalar is a number or a truth where the file has one, and else the text.
func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		b, err := strconv.ParseBool(strings.ToLower(n.Value))
		if err == nil {
			return b
		}
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return i
		}
	}
	return n.Value
}
