package functions

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/tests/surface"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

func TestShow(t *testing.T) {
	one := int32(1)
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "none"}, {(*int32)(nil), "none"}, {&one, "1"}, {"text", "text"}, {true, "true"}, {0.5, "0.5"},
		{[]byte("none"), `"none"`}, {[]byte{}, `""`}, {[]byte{0, 255}, `"\x00\xff"`}, {[][]byte{{}, {1}}, `["" "\x01"]`},
		{cm.Variant{Case: "a"}, "a"}, {cm.Variant{Case: "a", Value: []byte{}}, `a("")`}, {cm.Variant{Case: "a", Value: (*int32)(nil)}, "a(none)"},
		{[]any{}, "[]"}, {[]any{1, nil, &one, []string{"x"}}, "[1 none 1 [x]]"},
		{map[string]any{"b": &one, "a": []byte("x")}, `{a:"x" b:1}`}, {[]map[string]any{{"a": nil}}, "[{a:none}]"},
	} {
		if got := Show(c.v); got != c.want {
			t.Errorf("%#v is %s, wanted %s", c.v, got, c.want)
		}
	}
}

// TestProblems: Compare complains of a function that was not seen to succeed or to fail, and of an excuse that is none.
func TestProblems(t *testing.T) {
	const get = "wasi:config/store@0.2.0-rc.1#get"
	for name, c := range map[string]struct {
		seen  []string
		never map[string]string
		want  string // what is said of get
	}{
		"nothing":        {nil, nil, get + " was not seen to succeed\n" + get + " was not seen to fail"},
		"only success":   {[]string{"ok"}, nil, get + " was not seen to fail"},
		"only failure":   {[]string{"io"}, nil, get + " was not seen to succeed"},
		"both":           {[]string{"ok", "io"}, nil, ""},
		"excused":        {[]string{"ok"}, map[string]string{get: "why"}, ""},
		"excused, fails": {[]string{"ok", "io"}, map[string]string{get: "why"}, get + " was seen to fail, and is excused: why"},
		"stale excuse":   {[]string{"ok", "io"}, map[string]string{get + "-gone": "why"}, get + "-gone is excused and is no function"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := &Table{Served: []Served{{Of: surface.Config}}}
			set, err := surface.Config.Load(testref.Root())
			if err != nil {
				t.Fatal(err)
			}
			for _, outcome := range c.seen {
				tb.Add(set.Packages[0].Interfaces[0].ID, "get", outcome)
			}
			text, problems, err := tb.text("TestX", c.never)
			if err != nil {
				t.Fatal(err)
			}
			problems = slices.DeleteFunc(problems, func(p string) bool { return strings.HasPrefix(p, get+"-all ") })
			if got := strings.Join(problems, "\n"); got != c.want {
				t.Errorf("got\n%s\nwanted\n%s", got, c.want)
			}
			if cell := strings.Join(slices.Sorted(slices.Values(c.seen)), ", "); !strings.Contains(text, "| `get` | "+cell) {
				t.Error(text)
			}
		})
	}
	rows := rows(&wit.Interface{Types: []*wit.Type{{Name: "r", Kind: wit.Resource}, {Name: "e", Kind: wit.Enum}}})
	if len(rows) != 1 || rows[0] != (row{name: "drop of r"}) {
		t.Errorf("rows are %v", rows)
	}
}
