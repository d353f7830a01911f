package wast

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// wide is a flags type of more labels than a word has.
func wide() *cm.Type {
	labels := make([]string, 70)
	for i := range labels {
		labels[i] = "l" + strings.Repeat("x", i)
	}
	return cm.FlagsOf("", labels...)
}

// valueCases are values as scripts write them, each with one that differs.
var valueCases = map[string]struct {
	t         *cm.Type
	one, none string
}{
	"bool":    {cm.TypeBool, `{"type":"bool","value":true}`, `{"type":"bool","value":false}`},
	"s8":      {cm.TypeS8, `{"type":"s8","value":"-128"}`, `{"type":"s8","value":"127"}`},
	"u64":     {cm.TypeU64, `{"type":"u64","value":"18446744073709551615"}`, `{"type":"u64","value":"0"}`},
	"f32":     {cm.TypeF32, `{"type":"f32","value":"1077936128"}`, `{"type":"f32","value":"2143289344"}`},
	"f64":     {cm.TypeF64, `{"type":"f64","value":"4621256167635550208"}`, `{"type":"f64","value":"9221120237041090560"}`},
	"char":    {cm.TypeChar, `{"type":"char","value":"🍰"}`, `{"type":"char","value":"x"}`},
	"string":  {cm.TypeString, `{"type":"string","value":"a"}`, `{"type":"string","value":""}`},
	"list":    {cm.ListOf(cm.TypeU8), `{"type":"list","value":[{"type":"u8","value":"1"}]}`, `{"type":"list","value":[]}`},
	"array":   {cm.ListOfLen(cm.TypeU8, 1), `{"type":"list","value":[{"type":"u8","value":"1"}]}`, `{"type":"list","value":[{"type":"u8","value":"2"}]}`},
	"tuple":   {cm.TupleOf(cm.TypeU8), `{"type":"tuple","value":[{"type":"u8","value":"1"}]}`, `{"type":"tuple","value":[{"type":"u8","value":"2"}]}`},
	"record":  {cm.RecordOf("", cm.Field{Name: "a", Type: cm.TypeU8}), `{"type":"record","value":[["a",{"type":"u8","value":"1"}]]}`, `{"type":"record","value":[["a",{"type":"u8","value":"2"}]]}`},
	"map":     {cm.MapOf(cm.TypeU8, cm.TypeBool), `{"type":"map","value":[[{"type":"u8","value":"1"},{"type":"bool","value":true}]]}`, `{"type":"list","value":[{"type":"tuple","value":[{"type":"u8","value":"2"},{"type":"bool","value":true}]}]}`},
	"variant": {cm.VariantOf("", cm.Case{Name: "a"}, cm.Case{Name: "b", Type: cm.TypeU8}), `{"type":"variant","value":{"case":"a"}}`, `{"type":"variant","value":{"case":"b","payload":{"type":"u8","value":"1"}}}`},
	"enum":    {cm.EnumOf("", "a", "b"), `{"type":"enum","value":"a"}`, `{"type":"enum","value":"b"}`},
	"option":  {cm.OptionOf(cm.TypeU8), `{"type":"option","value":{"type":"u8","value":"1"}}`, `{"type":"option","value":null}`},
	"result":  {cm.ResultOf(nil, cm.TypeU8), `{"type":"result","value":{"Ok":null}}`, `{"type":"result","value":{"Err":{"type":"u8","value":"1"}}}`},
	"payload": {cm.OptionOf(cm.TypeU8), `{"type":"option","value":{"type":"u8","value":"1"}}`, `{"type":"option","value":{"type":"u8","value":"2"}}`},
	"flags":   {cm.FlagsOf("", "a", "b"), `{"type":"flags","value":["a","b"]}`, `{"type":"flags","value":["b"]}`},
	"flags70": {wide(), `{"type":"flags","value":["l","l` + strings.Repeat("x", 69) + `"]}`, `{"type":"flags","value":["l"]}`},
}

func parse(t *testing.T, typ *cm.Type, text string) (cm.Val, error) {
	t.Helper()
	var v Value
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return val(typ, &v)
}

func TestValues(t *testing.T) {
	for name, c := range valueCases {
		t.Run(name, func(t *testing.T) {
			one, err := parse(t, c.t, c.one)
			if err != nil {
				t.Fatal(err)
			}
			none, err := parse(t, c.t, c.none)
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(c.t, one, one); d != "" {
				t.Errorf("a value differs from itself: %s", d)
			}
			if d := diff(c.t, none, none); d != "" {
				t.Errorf("a value differs from itself: %s", d)
			}
			if diff(c.t, one, none) == "" || diff(c.t, none, one) == "" {
				t.Errorf("%s and %s are the same", show(c.t, one), show(c.t, none))
			}
		})
	}
}

func TestValuesOfAnotherType(t *testing.T) {
	for name, c := range map[string]struct {
		t    *cm.Type
		text string
	}{
		"kind":           {cm.TypeU8, `{"type":"u16","value":"1"}`},
		"unknown":        {cm.TypeU8, `{"type":"anyref","value":"1"}`},
		"range":          {cm.TypeU8, `{"type":"u8","value":"256"}`},
		"sign":           {cm.TypeU8, `{"type":"u8","value":"-1"}`},
		"char":           {cm.TypeChar, `{"type":"char","value":"ab"}`},
		"length":         {cm.ListOfLen(cm.TypeU8, 2), `{"type":"list","value":[]}`},
		"field":          {cm.RecordOf("", cm.Field{Name: "a", Type: cm.TypeU8}), `{"type":"record","value":[["b",{"type":"u8","value":"1"}]]}`},
		"arity":          {cm.TupleOf(cm.TypeU8), `{"type":"tuple","value":[]}`},
		"case":           {cm.VariantOf("", cm.Case{Name: "a"}), `{"type":"variant","value":{"case":"b"}}`},
		"payload":        {cm.VariantOf("", cm.Case{Name: "a"}), `{"type":"variant","value":{"case":"a","payload":{"type":"u8","value":"1"}}}`},
		"no payload":     {cm.ResultOf(cm.TypeU8, nil), `{"type":"result","value":{"Ok":null}}`},
		"enum":           {cm.EnumOf("", "a"), `{"type":"enum","value":"b"}`},
		"flag":           {cm.FlagsOf("", "a"), `{"type":"flags","value":["b"]}`},
		"list of string": {cm.ListOf(cm.TypeU8), `{"type":"list","value":"x"}`},
		"map entry":      {cm.MapOf(cm.TypeU8, cm.TypeU8), `{"type":"map","value":[[{"type":"u8","value":"1"}]]}`},
	} {
		if v, err := parse(t, c.t, c.text); err == nil {
			t.Errorf("%s: had %s", name, show(c.t, v))
		}
	}
}

func TestNaNsAreOneValue(t *testing.T) {
	a, err := parse(t, cm.TypeF32, `{"type":"f32","value":"2143289344"}`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := parse(t, cm.TypeF32, `{"type":"f32","value":"4290772993"}`)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(cm.TypeF32, a, b); d != "" {
		t.Error(d)
	}
}
