package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/workload"
)

// Rewrite returns the manifest at path after change, which may be nil, has changed its workload. Whatever change leaves alone
// stays as it is written: comments, order, blank lines, spellings, line endings; the rest is written in YAML, or in JSON if the
// file is JSON. Its paths start from the manifest's folder. The manifest of a component alone is written by [Write]. Errors
// are those of [Format.Load], and change's unchanged.
func (f *Format) Rewrite(path string, change func(*workload.Spec) error) ([]byte, error) {
	if change == nil {
		change = func(*workload.Spec) error { return nil }
	}
	file, bare, err := Resolve(path)
	if err != nil {
		return nil, err
	}
	if bare {
		w := f.spec(f.Bare(file), "")
		if err := change(w); err != nil {
			return nil, err
		}
		return Write(FromSpec(w))
	}
	data, err := readManifest(file)
	if err != nil {
		return nil, err
	}
	was, err := f.Parse(file, data)
	if err != nil {
		return nil, err
	}
	want, err := f.Parse(file, data) // a second one, since change may write to maps
	if err != nil {
		return nil, err
	}
	if err := change(want); err != nil {
		return nil, err
	}
	from, err := manifestNode(was, filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	to, err := manifestNode(want, filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	return rewrite(data, from, to)
}

// manifestNode is the tree of w's manifest in the folder dir.
func manifestNode(w *workload.Spec, dir string) (*yaml.Node, error) {
	m := document(w, dir)
	for i := range m.Spec.Components {
		c := &m.Spec.Components[i]
		c.Source.File, c.Verify.Key = relativeTo(dir, c.Source.File), relativeTo(dir, c.Verify.Key)
		for j := range c.Grants.Files {
			c.Grants.Files[j].Host = relativeTo(dir, c.Grants.Files[j].Host)
		}
	}
	return nodeOf(m)
}

// relativeTo is path, which starts from the working folder, as a path that starts from dir; an absolute one stays.
func relativeTo(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	from, err := filepath.Abs(dir)
	if err != nil {
		return path
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(from, to); err == nil {
		return filepath.ToSlash(rel)
	}
	return to
}

// rewrite applies the differences between was, the tree of the manifest's text, and want to the text.
func rewrite(data []byte, was, want *yaml.Node) ([]byte, error) {
	if equalNodes(was, want) {
		return data, nil
	}
	var doc yaml.Node
	plain := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // with \r\n the library misplaces comments
	if err := yaml.Unmarshal(plain, &doc); err != nil || len(doc.Content) != 1 {
		return nil, fmt.Errorf("manifest: it was read, and cannot be read again: %w", err)
	}
	spell := encoderLike(data)
	before, err := spell(&doc)
	if err != nil {
		return nil, err
	}
	e := editor{originals: map[*yaml.Node]*yaml.Node{}}
	e.saveAnchors(&doc)
	doc.Content[0] = e.edit(doc.Content[0], was, want)
	after, err := spell(&doc)
	if err != nil {
		return nil, err
	}
	merged := mergeText(data, before, after)
	var read yaml.Node
	if yaml.Unmarshal(merged, &read) == nil && equalNodes(&read, &doc) {
		return merged, nil
	}
	return after, nil // the merged lines do not parse in this file's layout
}

// encoderLike returns a function that writes a tree in the format and with the indentation of data: as JSON or as YAML.
func encoderLike(data []byte) func(*yaml.Node) ([]byte, error) {
	indent := 2
	for line := range strings.Lines(string(data)) {
		rest := strings.TrimLeft(line, " ")
		if n := len(line) - len(rest); n > 0 && n < 10 && strings.TrimSpace(rest) != "" && rest[0] != '#' {
			indent = n
			break
		}
	}
	if json.Valid(data) {
		return func(n *yaml.Node) ([]byte, error) { return jsonText(n, indent) }
	}
	return func(n *yaml.Node) ([]byte, error) {
		var b bytes.Buffer
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(indent)
		if err := enc.Encode(n); err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		err := enc.Close()
		return b.Bytes(), err
	}
}

// jsonText writes a tree without aliases as indented JSON.
func jsonText(n *yaml.Node, indent int) ([]byte, error) {
	var b bytes.Buffer
	if err := writeJSON(&b, n); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b.Bytes(), "", string(bytes.Repeat([]byte(" "), indent))); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	list := func(open, end byte, step int) error {
		b.WriteByte(open)
		for i, c := range n.Content {
			switch {
			case i > 0 && i%step == 0:
				b.WriteByte(',')
			case i > 0:
				b.WriteByte(':')
			}
			if err := writeJSON(b, c); err != nil {
				return err
			}
		}
		b.WriteByte(end)
		return nil
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return writeJSON(b, n.Content[0])
	case yaml.MappingNode:
		return list('{', '}', 2)
	case yaml.SequenceNode:
		return list('[', ']', 1)
	}
	if n.ShortTag() != "!!str" {
		b.WriteString(n.Value)
		return nil
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return enc.Encode(n.Value)
}

// editor changes a tree as little as possible. Aliases use an anchor's value in several places, of which only some may change.
type editor struct {
	originals map[*yaml.Node]*yaml.Node // anchored node → copy from before the changes
}

// saveAnchors copies every anchored node.
func (e *editor) saveAnchors(n *yaml.Node) {
	if n.Anchor != "" {
		e.originals[n] = copyNode(n)
	}
	for _, c := range n.Content {
		e.saveAnchors(c)
	}
}

// edit returns the replacement of n, whose value is was: n itself as a rule, changed where want differs from was.
func (e *editor) edit(n, was, want *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		own := e.edit(copyNode(e.originals[n.Alias]), was, want)
		if equalNodes(own, n.Alias) {
			return n
		}
		own.HeadComment, own.LineComment, own.FootComment = n.HeadComment, n.LineComment, n.FootComment
		return own
	}
	switch {
	case was == nil || was.Kind != want.Kind || n.Kind != want.Kind:
		return replace(n, want)
	case n.Kind == yaml.MappingNode:
		e.editMapping(n, was, want)
	case n.Kind == yaml.SequenceNode:
		e.editSequence(n, was, want)
	case !equalNodes(was, want):
		return replace(n, want)
	}
	return n
}

// replace gives n the value of want, but keeps n's quotes, comments and anchor.
func replace(n, want *yaml.Node) *yaml.Node {
	style := want.Style
	if quotes := n.Style & (yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.FlowStyle); quotes != 0 && want.ShortTag() != "!!int" {
		style = quotes
	}
	n.Kind, n.Tag, n.Value, n.Content, n.Style = want.Kind, want.Tag, want.Value, want.Content, style
	return n
}

func (e *editor) editMapping(n, was, want *yaml.Node) {
	var removed []*yaml.Node // pairs
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		old, now := lookUp(was, k.Value), lookUp(want, k.Value)
		switch {
		case now != nil:
			n.Content[i+1] = e.edit(n.Content[i+1], old, now)
		case old != nil:
			removed = append(removed, k)
		default: // it is empty, or has the default
			n.Content[i+1] = e.unalias(n.Content[i+1])
		}
	}
	for _, k := range removed {
		i := slices.Index(n.Content, k)
		if n.Content = slices.Delete(n.Content, i, i+2); i > 0 {
			moveFootComment(k, n.Content[i-2])
		}
	}
	for i := 0; i+1 < len(want.Content); i += 2 {
		k, v := want.Content[i], want.Content[i+1]
		if lookUp(n, k.Value) != nil || lookUp(was, k.Value) != nil {
			continue
		}
		at := len(n.Content)
		if i > 0 {
			if j := keyIndex(n, want.Content[i-2].Value); j >= 0 {
				at = j + 2
			}
		}
		n.Content = slices.Insert(n.Content, at, k, v)
		if at > 0 && at+2 == len(n.Content) {
			moveFootComment(n.Content[at-2], k)
		}
	}
}

// unalias replaces the aliases of changed anchors in n by the original values.
func (e *editor) unalias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && !equalNodes(e.originals[n.Alias], n.Alias) {
		return copyNode(e.originals[n.Alias])
	}
	for i, c := range n.Content {
		n.Content[i] = e.unalias(c)
	}
	return n
}

// editSequence keeps the elements that are still wanted, with their comments.
func (e *editor) editSequence(n, was, want *yaml.Node) {
	if len(n.Content) != len(was.Content) {
		n.Content = want.Content
		return
	}
	from := matchElements(was.Content, want.Content)
	content := make([]*yaml.Node, len(want.Content))
	for i, w := range want.Content {
		if content[i] = w; from[i] >= 0 {
			content[i] = e.edit(n.Content[from[i]], was.Content[from[i]], w)
		}
	}
	if last := len(n.Content) - 1; last >= 0 && len(content) > 0 {
		moveFootComment(n.Content[last], content[len(content)-1])
	}
	n.Content = content
}

// moveFootComment moves the comment at the end of a list or mapping to its new last element.
func moveFootComment(from, to *yaml.Node) {
	if from != to && from.FootComment != "" {
		to.FootComment = strings.TrimPrefix(to.FootComment+"\n"+from.FootComment, "\n")
		from.FootComment = ""
	}
}

// matchElements returns for each element of want the index of the one in was that it matches, -1 for none: an equal one, or the
// one of the same name.
func matchElements(was, want []*yaml.Node) []int {
	used := make([]bool, len(was))
	from := make([]int, len(want))
	find := func(same func(a, b *yaml.Node) bool) {
		for i, w := range want {
			for j, o := range was {
				if from[i] < 0 && !used[j] && same(o, w) {
					from[i], used[j] = j, true
				}
			}
		}
	}
	for i := range from {
		from[i] = -1
	}
	find(equalNodes)
	for _, name := range []string{"name", "guest"} {
		find(func(a, b *yaml.Node) bool {
			x, y := lookUp(a, name), lookUp(b, name)
			return x != nil && y != nil && x.Value == y.Value
		})
	}
	return from
}

func keyIndex(n *yaml.Node, key string) int {
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return i
			}
		}
	}
	return -1
}

// lookUp is the value of a mapping's key; nil if there is none.
func lookUp(n *yaml.Node, key string) *yaml.Node {
	if i := keyIndex(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// copyNode is a copy of a tree without its anchors, which stay where they are.
func copyNode(n *yaml.Node) *yaml.Node {
	c := *n
	c.Anchor, c.Content = "", nil
	for _, e := range n.Content {
		c.Content = append(c.Content, copyNode(e))
	}
	return &c
}

// equalNodes says whether two trees mean the same, however they are written.
func equalNodes(a, b *yaml.Node) bool {
	for a.Kind == yaml.AliasNode {
		a = a.Alias
	}
	for b.Kind == yaml.AliasNode {
		b = b.Alias
	}
	if a.Kind != b.Kind || a.Value != b.Value || a.Kind == yaml.ScalarNode && a.ShortTag() != b.ShortTag() {
		return false
	}
	return slices.EqualFunc(a.Content, b.Content, equalNodes)
}
