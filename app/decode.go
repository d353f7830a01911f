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

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// maxErrors bounds how many mistakes are reported: a file that is something else altogether has as many as lines.
const maxErrors = 200

// maxNodes bounds how many nodes a manifest has after its aliases are followed.
const maxNodes = 100_000

// decoder fills Go values from YAML nodes by the types' tags, and goes on after a mistake so that all are found.
type decoder struct {
	format *Format
	file   string
	errs   Errors
	nodes  map[string]*yaml.Node // key path → where its value stands, for checks that come later
	budget int
	secret bool            // the value being decoded lies in a field whose values are not told
	named  map[string]bool // the components' names
}

func newDecoder(f *Format, file string) *decoder {
	return &decoder{format: f, file: file, nodes: map[string]*yaml.Node{}, budget: maxNodes}
}

// decode reads one YAML document into m.
func (f *Format) decode(file string, data []byte, m *v1alpha1.Workload) *decoder {
	d := newDecoder(f, file)
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.errs = Errors{{File: file, Line: 1, Column: 1, Problem: "the file is empty; want a Workload"}}
		return d
	case err != nil:
		d.errs = Errors{syntaxError(file, data, err)}
		return d
	}
	if len(doc.Content) == 1 && d.version(doc.Content[0]) {
		d.value(doc.Content[0], reflect.ValueOf(m).Elem(), "", "")
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		d.errs = append(d.errs, syntaxError(file, data, err))
	default:
		d.fail(&second, "", "a second document; a manifest holds one Workload")
	}
	return d
}

// version says whether a document is of a version that is known. Of one that is not nothing else is looked at: what is right in it
// is that version's to say.
func (d *decoder) version(doc *yaml.Node) bool {
	n := lookUp(doc, versionKey)
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || slices.Contains(versions, n.Value) {
		return true // or it is a mistake that is found with the others
	}
	d.suggest(d.fail(n, versionKey, "%q: want %s", clip(n.Value), orList(versions)), n.Value, versions)
	return false
}

// versions are the versions of documents that are read.
var versions = []string{v1alpha1.APIVersion}

const versionKey = "apiVersion"

func (d *decoder) fail(n *yaml.Node, key, format string, args ...any) *Error {
	if name, _, ok := strings.Cut(key, "="); ok { // NAME=VALUE where a name was to be
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

// maxCandidates bounds the names among which the nearest is looked for.
const maxCandidates = 500

// suggest adds the name that may have been meant to a mistake that is reported. Looking for it takes long where names are many.
func (d *decoder) suggest(e *Error, s string, candidates []string) {
	if len(d.errs) <= maxErrors && len(candidates) <= maxCandidates {
		e.Nearest = nearest(s, candidates)
	}
}

// failAt is fail at the value of a key that was decoded before, or at the nearest key around it.
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

func (d *decoder) value(n *yaml.Node, v reflect.Value, key string, tag reflect.StructTag) {
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
		d.scalar(n, x, key)
		return
	case *time.Duration:
		d.scalar(n, (*v1alpha1.Duration)(x), key)
		return
	case *v1alpha1.Trigger:
		d.trigger(n, x, key)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, key)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.wrong(n, key, "a list")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, e := range n.Content {
			d.value(e, v.Index(i), fmt.Sprintf("%s[%d]", key, i), "")
		}
	case reflect.Map:
		d.mapping(n, v, key)
	case reflect.String:
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
			d.wrong(n, key, "a text")
			return
		}
		if enum := tag.Get("enum"); enum != "" {
			if values := strings.Split(enum, "|"); !slices.Contains(values, n.Value) {
				d.suggest(d.fail(n, key, "%q: want %s", clip(n.Value), orList(offered(tag))), n.Value, offered(tag))
				return
			}
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(v.Addr().Interface()) != nil {
			d.wrong(n, key, "true or false")
		}
	case reflect.Int:
		d.number(n, v, key, tag)
	default:
		panic(fmt.Sprintf("%s: a manifest has no values of type %s", key, v.Type()))
	}
}

func (d *decoder) scalar(n *yaml.Node, s v1alpha1.Scalar, key string) {
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode || tag != "!!str" && !(s.Number() && tag == "!!int") {
		// The grammar's own message, of an empty text, says what is wanted.
		_, want, _ := strings.Cut(s.UnmarshalText(nil).Error(), "want ")
		d.wrong(n, key, want)
		return
	}
	if err := s.UnmarshalText([]byte(n.Value)); err != nil {
		d.fail(n, key, "%v", err)
	}
}

func (d *decoder) number(n *yaml.Node, v reflect.Value, key string, tag reflect.StructTag) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil {
		d.wrong(n, key, "a whole number")
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

func (d *decoder) structure(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, key, "a mapping")
		return
	}
	fields := fieldsOf(v.Type())
	d.pairs(n, key, func(k, val *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == k.Value })
		if i < 0 {
			var names []string
			for _, f := range fields {
				if !f.later() {
					names = append(names, f.key)
				}
			}
			d.unknown(k, key, names)
			return
		}
		fields[i].seen = true
		if isNull(val) && !fields[i].required {
			return // as in Kubernetes, a key without a value is a key that is not there
		}
		outer := d.secret
		d.secret = outer || fields[i].tag.Get("secret") != ""
		d.value(val, v.Field(fields[i].index), join(key, k.Value), fields[i].tag)
		d.secret = outer
	})
	for _, f := range fields {
		if f.required && !f.seen {
			d.fail(n, join(key, f.key), "the key is missing")
		}
	}
}

// unknown tells of a key that is none of names, in the mapping at key.
func (d *decoder) unknown(k *yaml.Node, key string, names []string) {
	if len(names) == 0 {
		d.fail(k, join(key, k.Value), "unknown key; want none")
		return
	}
	d.suggest(d.fail(k, join(key, k.Value), "unknown key; want %s", orList(names)), k.Value, names)
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, key, "a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, key, func(k, val *yaml.Node) {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(val, e, join(key, strconv.Quote(k.Value)), "")
		v.SetMapIndex(reflect.ValueOf(k.Value), e)
	})
}

// pairs walks a mapping and refuses keys that are no text or stand twice.
func (d *decoder) pairs(n *yaml.Node, key string, each func(k, v *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.ShortTag() != "!!str" {
			d.fail(k, key, "a key must be a text; put it in quotes")
			continue
		}
		if line := seen[k.Value]; line > 0 {
			d.fail(k, join(key, k.Value), "the key stands twice, first in line %d", line)
			continue
		}
		seen[k.Value] = max(k.Line, 1)
		each(k, n.Content[i+1])
	}
}

// wrong says that a value is of another kind, and which. The value is told only where it can be no secret, and then its
// first word at most: what stands in the wrong place may have been meant for the environment.
func (d *decoder) wrong(n *yaml.Node, key, want string) {
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

// firstWord is a text up to what could part a name from a value, or a user from a password.
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

// later says that this version does not do yet what the field is about.
func (f *field) later() bool { return f.tag.Get("later") == "*" }

// offered are the values that a text may have, without those that this version does not know what to do with yet.
func offered(tag reflect.StructTag) []string {
	later := strings.Split(tag.Get("later"), "|")
	return slices.DeleteFunc(strings.Split(tag.Get("enum"), "|"), func(v string) bool { return slices.Contains(later, v) })
}

func fieldsOf(t reflect.Type) []field {
	out := make([]field, t.NumField())
	for i := range out {
		tag := t.Field(i).Tag
		key, _, _ := strings.Cut(tag.Get("yaml"), ",")
		out[i] = field{key: key, index: i, required: tag.Get("required") != "", tag: tag}
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
	// yamlQuoted is what the library's messages quote of the file: names of anchors, which a value that begins with * or & is
	// taken for.
	yamlQuoted = regexp.MustCompile("(anchor|tag|alias) ['\"`][^'\"`]*['\"`]")
)

// syntaxError gives the library's message a place; it knows the line only, so the column is where the line's text begins.
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
