package encode_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// TestReencodedTypes: the functions that cross the border of a component made anew have the types, to the last field, that they have in the one that wasm-tools has made of the same
// module, but for what an adapter of WASI 0.1 imports.
func TestReencodedTypes(t *testing.T) {
	e, err := component.NewEngine(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(context.Background())
	compared := 0
	for _, name := range testref.Guests(t) {
		if notReencoded[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want, got := functions(t, e, testref.Guest(t, name)), functions(t, e, reencode(t, name))
			for _, f := range slices.Compact(slices.Sorted(slices.Values(append(keys(want), keys(got)...)))) {
				if want[f] != got[f] {
					t.Errorf("%s is\n%s\nand was\n%s", f, cmp.Or(got[f], "missing"), cmp.Or(want[f], "missing"))
				}
				compared++
			}
		})
	}
	t.Logf("%d functions have the same types", compared)
}

func keys(m map[string]string) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// functions are the types of the functions that a component imports and exports.
func functions(t *testing.T, e *component.Engine, wasm []byte) map[string]string {
	t.Helper()
	c, err := e.Load(context.Background(), "guest", wasm)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.Boundaries()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, b := range all {
		in := wasiPatch.ReplaceAllString(b.Interface.String(), "$1")
		if b.Kind == cm.GuestToHost && adapted.MatchString(in) {
			continue
		}
		var params []string
		for _, p := range b.Type.Params {
			params = append(params, p.Name+": "+whole(p.Type))
		}
		out[fmt.Sprintf("%s %s#%s", b.Kind, in, b.Func)] = fmt.Sprintf("async %v (%s) -> %s", b.Type.Async, strings.Join(params, ", "), whole(b.Type.Result))
	}
	return out
}

// whole is a type with all that it is made of.
func whole(t *cm.Type) string {
	if t == nil {
		return "_"
	}
	out := t.Kind.String()
	if t.Resource != nil {
		out += " " + t.Resource.Name
	}
	for _, part := range []*cm.Type{t.Key, t.Elem, t.OK, t.Err} {
		if part != nil {
			out += "<" + whole(part) + ">"
		}
	}
	for _, f := range t.Fields {
		out += " " + f.Name + ": " + whole(f.Type) + ","
	}
	for _, c := range t.Cases {
		out += " " + c.Name + "(" + whole(c.Type) + "),"
	}
	return "{" + out + strings.Join(t.Labels, "|") + "}"
}
