package app

import (
	"fmt"
	"reflect"
	"strings"
)

// Decode reads a YAML document of another kind than Workload into v, a pointer to a struct with the tags that package v1alpha1 has, as
// manifests are read: with all mistakes at once, each at its place; they are [Errors]. kind names it in messages. check, which may be nil,
// is called when the document has decoded, with a function that reports a mistake at a key: "tests[0].request.path". place is the place of a
// key, FILE:LINE:COLUMN, or that of the nearest key above it.
func Decode(file string, data []byte, kind string, v any, check func(fail func(key, format string, args ...any))) (place func(key string) string, _ error) {
	d := newDecoder(&Format{}, file)
	d.read(data, kind, reflect.ValueOf(v).Elem())
	if len(d.errs) == 0 && check != nil {
		check(func(key, format string, args ...any) { d.failAt(key, format, args...) })
	}
	if len(d.errs) > 0 {
		d.errs.sort()
		return nil, d.errs
	}
	return func(key string) string {
		for d.nodes[key] == nil && key != "" {
			key = key[:max(strings.LastIndexAny(key, ".["), 0)]
		}
		n := d.nodes[key]
		return fmt.Sprintf("%s:%d:%d", file, max(n.Line, 1), max(n.Column, 1))
	}, nil
}
