package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/internal/text"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// maxErrors bounds how many mistakes are reported: a file that is no manifest has one in each line.
const maxErrors = 200

// maxNodes bounds how many nodes a manifest has after its aliases are followed.
const maxNodes = 100_000

// decoder fills Go values from YAML nodes by the types' tags, and continues after a mistake so that all are reported.
type decoder struct {
	format       *Format
	file         string
	errs         Errors
	nodes        map[string]*yaml.Node // key path → its value's node, for later checks
	budget       int
	secret       bool            // the value being decoded is in a secret field
	hasComponent map[string]bool // the components' names
}

func newDecoder(f *Format, file string) *decoder {
	return &decoder{format: f, file: file, nodes: map[string]*yaml.Node{}, budget: maxNodes}
}

// decode reads one YAML document into m.
func (f *Format) decode(file string, data []byte, m *v1alpha1.Workload) *decoder {
	d := newDecoder(f, file)
	d.read(data, v1alpha1.Kind, reflect.ValueOf(m).Elem())
	return d
}

// read reads one YAML document of a kind into v.
func (d *decoder) read(data []byte, kind string, v reflect.Value) {
	file := d.file
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.errs = Errors{{File: file, Line: 1, Column: 1, Problem: "the file is empty; want a " + kind}}
		return
	case err != nil:
		d.errs = Errors{syntaxError(file, data, err)}
		return
	}
	if len(doc.Content) == 1 && d.supportedVersion(doc.Content[0]) {
		d.decodeValue(doc.Content[0], v, "", "")
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.errs = append(d.errs, syntaxError(file, data, err))
	default:
		d.fail(&second, "", "a second document; a file holds one %s", kind)
	}
}

// supportedVersion says whether a document's version is known. It reports one that is not, and the rest of such a document is
// not decoded: other versions have other keys.
func (d *decoder) supportedVersion(doc *yaml.Node) bool {
	n := lookUp(doc, versionKey)
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || slices.Contains(versions, n.Value) {
		return true // a missing key and one of another type are found by decoding
	}
	d.suggest(d.fail(n, versionKey, "%q: want %s", clip(n.Value), orList(versions)), n.Value, versions)
	return false
}

// versions are the supported versions of documents.
var versions = []string{v1alpha1.APIVersion}

const versionKey = "apiVersion"

func (d *decoder) fail(n *yaml.Node, key, format string, args ...any) *Error {
	if name, _, ok := strings.Cut(key, "="); ok { // NAME=VALUE in the place of a name: the value may be a secret
		if key = name + "=…"; strings.Count(name, `"`)%2 != 0 {
			key += `"`
		}
	}
	e := &Error{File: d.file, Line: max(n.Line, 1), Column: max(n.Column, 1), Key: key, Problem: fmt.Sprintf(format, args...)}
	switch {
	case len(d.errs) < maxErrors:
		d.errs = append(d.errs, e)
	case len(d.errs) == maxErrors:
		d.errs = append(d.errs, &Error{File: e.File, Line: e.Line, Column: e.Column, Problem: "too many mistakes; the others are left out"})
	}
	return e
}

// maxCandidates bounds the names that suggest compares.
const maxCandidates = 500

// suggest adds the candidate nearest to s to a reported mistake, unless comparing them all would take long.
func (d *decoder) suggest(e *Error, s string, candidates []string) {
	if len(d.errs) <= maxErrors && len(candidates) <= maxCandidates {
		e.Nearest = text.Nearest(s, candidates)
	}
}

// failAt is fail at the value of a key that was decoded before, or at the nearest key above it.
func (d *decoder) failAt(key, format string, args ...any) *Error {
	for at := key; ; {
		if n := d.nodes[at]; n != nil {
			return d.fail(n, key, format, args...)
		}
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			return d.fail(&yaml.Node{}, key, format, args...)
		}
		at = at[:i]
	}
}

func (d *decoder) decodeValue(n *yaml.Node, v reflect.Value, key string, tag reflect.StructTag) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.budget--; d.budget < 0 {
		if d.budget == -1 {
			d.fail(n, key, "the manifest is too large: more than %d values", maxNodes)
		}
		return
	}
	d.nodes[key] = n
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch x := v.Addr().Interface().(type) {
	case v1alpha1.Scalar:
		d.decodeScalar(n, x, key)
		return
	case *time.Duration:
		d.decodeScalar(n, (*v1alpha1.Duration)(x), key)
		return
	case *v1alpha1.Trigger:
		d.decodeTrigger(n, x, key)
		return
	case *v1alpha1.StoreGrant:
		d.decodeStore(n, x, key, tag.Get("stores"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, v, key)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.failType(n, key, "a list")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, e := range n.Content {
			d.decodeValue(e, v.Index(i), fmt.Sprintf("%s[%d]", key, i), elementTag(tag))
		}
	case reflect.Map:
		d.decodeMap(n, v, key, elementTag(tag))
	case reflect.String:
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
			d.failType(n, key, "a text")
			return
		}
		if enum := tag.Get("enum"); enum != "" {
			switch supported := supportedValues(tag); {
			case slices.Contains(supported, n.Value):
			case slices.Contains(strings.Split(enum, "|"), n.Value):
				d.fail(n, key, "%s is not supported by this version yet; want %s", n.Value, orList(supported))
				return
			default:
				d.suggest(d.fail(n, key, "%q: want %s", clip(n.Value), orList(supported)), n.Value, supported)
				return
			}
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(v.Addr().Interface()) != nil {
			d.failType(n, key, "true or false")
		}
	case reflect.Int:
		d.decodeInt(n, v, key, tag)
	default:
		panic(fmt.Sprintf("%s: a manifest has no values of type %s", key, v.Type()))
	}
}

func (d *decoder) decodeScalar(n *yaml.Node, s v1alpha1.Scalar, key string) {
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode || tag != "!!str" && !(s.Number() && tag == "!!int") {
		// The scalar's error for an empty text names the wanted form.
		_, want, _ := strings.Cut(s.UnmarshalText(nil).Error(), "want ")
		d.failType(n, key, want)
		return
	}
	if err := s.UnmarshalText([]byte(n.Value)); err != nil {
		d.fail(n, key, "%v", err)
	}
}

func (d *decoder) decodeInt(n *yaml.Node, v reflect.Value, key string, tag reflect.StructTag) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil {
		d.failType(n, key, "a whole number")
		return
	}
	least, _ := strconv.ParseInt(tag.Get("min"), 10, 64)
	most, err := strconv.ParseInt(tag.Get("max"), 10, 64)
	if i < least {
		d.fail(n, key, "%d: want at least %d", i, least)
		return
	}
	if err == nil && i > most {
		d.fail(n, key, "%d: want at most %d", i, most)
		return
	}
	v.SetInt(i)
}

func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		d.failType(n, key, "a mapping")
		return
	}
	fields := fieldsOf(v.Type())
	d.eachPair(n, key, func(k, val *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == k.Value })
		if i < 0 {
			var names []string
			for _, f := range fields {
				if !f.unsupported() {
					names = append(names, f.key)
				}
			}
			d.failUnknownKey(k, key, names)
			return
		}
		fields[i].seen = true
		if isNull(val) && !fields[i].required {
			return // as in Kubernetes, a key without a value counts as absent
		}
		outer := d.secret
		d.secret = outer || fields[i].tag.Get("secret") != ""
		d.decodeValue(val, v.Field(fields[i].index), join(key, k.Value), fields[i].tag)
		d.secret = outer
	})
	for _, f := range fields {
		if f.required && !f.seen {
			d.fail(n, join(key, f.key), "the key is missing")
		}
	}
}

// failUnknownKey reports that k, in the mapping at key, is none of names.
func (d *decoder) failUnknownKey(k *yaml.Node, key string, names []string) {
	if len(names) == 0 {
		d.fail(k, join(key, k.Value), "unknown key; want none")
		return
	}
	d.suggest(d.fail(k, join(key, k.Value), "unknown key; want %s", orList(names)), k.Value, names)
}

func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, key string, tag reflect.StructTag) {
	if n.Kind != yaml.MappingNode {
		d.failType(n, key, "a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.eachPair(n, key, func(k, val *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.decodeValue(val, e, join(key, strconv.Quote(k.Value)), tag)
		v.SetMapIndex(reflect.ValueOf(k.Value), e)
	})
}

// eachPair calls each for the pairs of a mapping, and reports keys that are no text or are duplicates.
func (d *decoder) eachPair(n *yaml.Node, key string, each func(k, v *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" {
			d.fail(k, key, "a key must be a text; put it in quotes")
			continue
		}
		if line := seen[k.Value]; line > 0 {
			d.fail(k, join(key, k.Value), "a duplicate key, first in line %d", line)
			continue
		}
		seen[k.Value] = max(k.Line, 1)
		each(k, n.Content[i+1])
	}
}

// failType reports a value of the wrong type. It quotes the value only where it cannot be a secret, and of a text only the
// first word: a value in the wrong place may have been meant for the environment.
func (d *decoder) failType(n *yaml.Node, key, want string) {
	had := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}[n.Kind]
	hint := ""
	if n.Kind == yaml.ScalarNode {
		tag := n.ShortTag()
		switch {
		case tag == "!!null":
			had = "nothing"
		case tag == "!!bool":
			had = "the boolean " + clip(n.Value)
		case tag == "!!int" || tag == "!!float":
			had = "a number"
			if !d.secret {
				had = "the number " + clip(n.Value)
			}
		default:
			had = "a text"
			if !d.secret {
				had = fmt.Sprintf("%q", firstWord(n.Value))
			}
		}
		if want == "a text" && tag != "!!null" {
			hint = "; put it in quotes"
		}
	}
	d.fail(n, key, "want %s, had %s%s", want, had, hint)
}

// firstWord is s up to the first character that can separate a name from a value, or a user from a password.
func firstWord(s string) string {
	if i := strings.IndexAny(s, "=:@?&, \t\r\n"); i >= 0 {
		s = s[:i] + "…"
	}
	return clip(s)
}

type field struct {
	key      string
	index    int
	required bool
	seen     bool
	tag      reflect.StructTag
}

// unsupported says that this version does not support the field yet.
func (f *field) unsupported() bool { return f.tag.Get("reserved") == "*" }

// elementTag is the part of a list's or a map's tag that is about its elements.
func elementTag(tag reflect.StructTag) reflect.StructTag {
	for _, key := range []string{"enum", "stores", "one"} {
		if value := tag.Get(key); value != "" {
			return reflect.StructTag(fmt.Sprintf("%s:%q", key, value))
		}
	}
	return ""
}

// supportedValues are the values of an enum that this version supports.
func supportedValues(tag reflect.StructTag) []string {
	reserved := strings.Split(tag.Get("reserved"), "|")
	return slices.DeleteFunc(strings.Split(tag.Get("enum"), "|"), func(v string) bool { return slices.Contains(reserved, v) })
}

func fieldsOf(t reflect.Type) []field {
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key, _, _ := strings.Cut(tag.Get("yaml"), ",")
		if key == "-" {
			continue
		}
		out = append(out, field{key: key, index: i, required: tag.Get("required") != "", tag: tag})
	}
	return out
}

// clip keeps messages short: a file that is no manifest at all may be one long text.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func orList(names []string) string {
	switch len(names) {
	case 0:
		return "none, as this program knows none"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// yamlQuoted finds what the library's messages quote from the file: the names of anchors. A value that begins with * or &
	// is taken for one.
	yamlQuoted = regexp.MustCompile("(anchor|tag|alias) ['\"`][^'\"`]*['\"`]")
)

// syntaxError gives the library's message a place. The library knows only the line; the column is where the line's text begins.
func syntaxError(file string, data []byte, err error) *Error {
	text, e := err.Error(), &Error{File: file, Line: 1, Column: 1}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if n, err := strconv.Atoi(m[1]); err == nil {
			e.Line = n
		}
	}
	lines := bytes.Split(data, []byte("\n"))
	if i := e.Line - 1; i < len(lines) {
		e.Column = len(lines[i]) - len(bytes.TrimLeft(lines[i], " \t")) + 1
	}
	e.Problem = "this is no YAML: " + yamlQuoted.ReplaceAllString(text, "$1")
	return e
}
