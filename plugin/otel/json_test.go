package otel

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/wasi/otel"
)

type (
	list   = []otel.Value
	object = []otel.KeyValue
)

// TestValues: JSON becomes the AnyValue that it stands for.
func TestValues(t *testing.T) {
	for text, want := range map[string]otel.Value{
		`null`: nil, `true`: true, `false`: false, ` "x" `: "x", `""`: "", "\t[\n]\r ": list{}, `{}`: object{},
		`0`: int64(0), `-0`: int64(0), `42`: int64(42), `9223372036854775807`: int64(math.MaxInt64), `-9223372036854775808`: int64(math.MinInt64),
		`9007199254740993`: int64(1<<53 + 1), `9223372036854775808`: "9223372036854775808", `-99999999999999999999`: "-99999999999999999999",
		`1.0`: 1.0, `1e3`: 1000.0, `-1.5E-2`: -0.015, `1E+2`: 100.0, `1e999`: "1e999", `5e-324`: 5e-324,
		`"a\"\\\/\b\f\n\r\t\u0041\u00e4\ud83d\ude00"`: "a\"\\/\b\f\n\r\tAä😀", `"\u0000"`: "\x00", `"\ud800x"`: "\uFFFDx", `"\ud800\u0041"`: "\uFFFDA", `"ä世"`: "ä世",
		`[1,2.5,"x",null,[true]]`:                         list{int64(1), 2.5, "x", nil, list{true}},
		`{"0":1.5,"1":2}`:                                 object{{Key: "0", Value: 1.5}, {Key: "1", Value: int64(2)}},
		`{"k":{"nested":null}, "k" : []}`:                 object{{Key: "k", Value: object{{Key: "nested"}}}, {Key: "k", Value: list{}}},
		`"` + bytesPrefix + `AAEC"`:                       []byte{0, 1, 2},
		`"` + bytesPrefix + `"`:                           []byte{},
		`"` + bytesPrefix + `AAE"`:                        bytesPrefix + "AAE",
		`"` + bytesPrefix + `!"`:                          bytesPrefix + "!",
		`"data:application/octet-stream,AAEC"`:            "data:application/octet-stream,AAEC",
		strings.Repeat("[", 64) + strings.Repeat("]", 64): nest(63),
	} {
		got, ok := decodeValue(text)
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v, wanted %#v", text, got, ok, want)
		}
	}
}

func nest(n int) otel.Value {
	v := list{}
	for range n {
		v = list{v}
	}
	return v
}

// TestNoValues: what is no JSON stays text.
func TestNoValues(t *testing.T) {
	for _, text := range []string{
		``, ` `, `NaN`, `Infinity`, `-`, `+1`, `01`, `-01`, `1.`, `.5`, `1e`, `1e+`, `0x1`, `tru`, `nul`, `truex`, `1 2`, `"`, `"\x"`, `"\u12"`, `"\ud800\u12"`, `"\`, "\"\n\"", "\"\\n\n\"",
		`[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{1:1}`, `{"a":1 "b":2}`, `{]`,
		strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat("[", 10_000), strings.Repeat(`{"a":`, 10_000),
		"[" + strings.Repeat("0,", maxNodes) + "0]",
	} {
		if v, ok := decodeValue(text); ok {
			t.Errorf("%.40s: got %.40v", text, v)
		}
		c := newConverter()
		if got := c.value(text); got != text || c.badJSON != 1 {
			t.Errorf("%.40s: became %.40v, %d bad", text, got, c.badJSON)
		}
	}
}

// TestValuesOfBoundedSize: what is too long is not decoded, one by one and all of a record together.
func TestValuesOfBoundedSize(t *testing.T) {
	c := newConverter()
	long := `"` + strings.Repeat("x", maxValue) + `"`
	if got := c.value(long); got != long || c.badJSON != 0 || c.json != maxJSON {
		t.Errorf("a value of %d bytes was decoded", len(long))
	}
	half := `"` + strings.Repeat("x", maxValue/2) + `"`
	decoded := 0
	for range 20 {
		if c.value(half) != half {
			decoded++
		}
	}
	if decoded != 7 || c.value("1") != int64(1) {
		t.Errorf("%d values were decoded", decoded)
	}
}

// FuzzValue: the decoder agrees with encoding/json about what is JSON, and about the values.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`null`, `[1,2.5,"x\u0041"]`, `{"a":{"b":[]},"a":-0.5e3}`, `"` + bytesPrefix + `AAEC"`, `"\ud83d\ude00\ud800"`, `1e999`, `99999999999999999999`, `{]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := decodeValue(text)
		var want any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		valid := json.Valid([]byte(text))
		if ok && !valid {
			t.Fatalf("%q is no JSON and became %#v", text, got)
		}
		if !ok {
			if valid && strings.Count(text, "[")+strings.Count(text, "{") < maxDepth && len(text) < maxNodes {
				t.Fatalf("%q is JSON", text)
			}
			return
		}
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if g, w := fmt.Sprint(plain(got)), fmt.Sprint(plainJSON(want)); g != w {
			t.Fatalf("%q: got %s, wanted %s", text, g, w)
		}
	})
}

// plain has maps for objects, the last of equal keys, and text for bytes and numbers.
func plain(v otel.Value) any {
	switch v := v.(type) {
	case []otel.Value:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case []otel.KeyValue:
		out := map[string]any{}
		for _, kv := range v {
			out[string([]rune(kv.Key))] = plain(kv.Value) // as encoding/json mends it
		}
		return out
	case []byte:
		return "bytes"
	case string:
		return string([]rune(v)) // as encoding/json mends it
	case int64:
		return float64(v)
	}
	return v
}

func plainJSON(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plainJSON(v[i])
		}
		return v
	case map[string]any:
		for k, e := range v {
			v[k] = plainJSON(e)
		}
		return v
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return float64(n)
		}
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String()
		}
		n, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return n
	case string:
		if _, ok := stringOrBytes(v).([]byte); ok {
			return "bytes"
		}
	}
	return v
}
