package functions

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
)

// Want compares a value with a text: see [Show].
func (g *Guest) Want(got any, want string) {
	g.T.Helper()
	if text := Show(got); text != want {
		g.T.Errorf("got %s, wanted %s", text, want)
	}
}

// Show is a value as text: bytes in quotes, an option as its value or none, a case as its name and its payload in parentheses, a list in
// brackets, a record as its fields, by their names, in braces.
func Show(v any) string {
	switch x := v.(type) {
	case []byte:
		return fmt.Sprintf("%q", x)
	case cm.Variant:
		if x.Value == nil {
			return x.Case
		}
		return x.Case + "(" + Show(x.Value) + ")"
	case map[string]any:
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(x)) {
			fields = append(fields, name+":"+Show(x[name]))
		}
		return "{" + strings.Join(fields, " ") + "}"
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer:
		if r.IsNil() {
			return "none"
		}
		return Show(r.Elem().Interface())
	case reflect.Slice:
		var parts []string
		for i := range r.Len() {
			parts = append(parts, Show(r.Index(i).Interface()))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Invalid:
		return "none"
	}
	return fmt.Sprint(v)
}
