package wasiotel

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/vitrine-wasm/vitrine/sdk/go/internal/bindings"
)

// TestValues: every kind of attribute as JSON that says its kind.
func TestValues(t *testing.T) {
	a := attribute.StringValue("a")
	for _, c := range []struct {
		name string
		v    attribute.Value
		want string
	}{
		{"empty", attribute.Value{}, `null`},
		{"true", attribute.BoolValue(true), `true`},
		{"false", attribute.BoolValue(false), `false`},
		{"int", attribute.Int64Value(42), `42`},
		{"smallest int", attribute.Int64Value(math.MinInt64), `-9223372036854775808`},
		{"largest int", attribute.Int64Value(math.MaxInt64), `9223372036854775807`},
		{"whole double", attribute.Float64Value(3), `3.0`},
		{"zero double", attribute.Float64Value(0), `0.0`},
		{"negative zero", attribute.Float64Value(math.Copysign(0, -1)), `-0.0`},
		{"fraction", attribute.Float64Value(0.1), `0.1`},
		{"large double", attribute.Float64Value(1e300), `1e+300`},
		{"large whole double", attribute.Float64Value(1 << 60), `1.152921504606847e+18`},
		{"small double", attribute.Float64Value(5e-324), `5e-324`},
		{"NaN", attribute.Float64Value(math.NaN()), `"NaN"`},
		{"infinity", attribute.Float64Value(math.Inf(1)), `"Infinity"`},
		{"negative infinity", attribute.Float64Value(math.Inf(-1)), `"-Infinity"`},
		{"string", attribute.StringValue("a\"\\\n\x00\u2028é😀"), "\"a\\\"\\\\\\u000a\\u0000\u2028é😀\""},
		{"no UTF-8", attribute.StringValue("a\xff\xfeb"), "\"a\ufffd\ufffdb\""},
		{"bytes", attribute.ByteSliceValue([]byte{0, 255, 1}), `"data:application/octet-stream;base64,AP8B"`},
		{"no bytes", attribute.ByteSliceValue(nil), `"data:application/octet-stream;base64,"`},
		{"bools", attribute.BoolSliceValue([]bool{true, false}), `[true,false]`},
		{"ints", attribute.Int64SliceValue([]int64{1, -2}), `[1,-2]`},
		{"doubles", attribute.Float64SliceValue([]float64{1, 2.5}), `[1.0,2.5]`},
		{"strings", attribute.StringSliceValue([]string{"a", ""}), `["a",""]`},
		{"empty list", attribute.StringSliceValue(nil), `[]`},
		{"list", attribute.SliceValue(a, attribute.Int64Value(1), attribute.SliceValue()), `["a",1,[]]`},
		{"map", attribute.MapValue(attribute.Int("n", 1), attribute.String("s", "x")), `{"n":1,"s":"x"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := lowerValue(c.v)
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s is no JSON", got)
			}
		})
	}
}

// TestLastKeyWins: a map has each key once.
func TestLastKeyWins(t *testing.T) {
	v := attribute.MapValue(attribute.Int("k", 1), attribute.Int("l", 2), attribute.Int("k", 3))
	var m map[string]int
	if err := json.Unmarshal([]byte(lowerValue(v)), &m); err != nil || m["k"] != 3 || m["l"] != 2 || strings.Count(lowerValue(v), `"k"`) != 1 {
		t.Errorf("%s: %v", lowerValue(v), err)
	}
}

// TestDeepValue: what is too deep is text, and JSON all the same.
func TestDeepValue(t *testing.T) {
	v := attribute.StringValue("x")
	for range 200 {
		v = attribute.SliceValue(v)
	}
	got := lowerValue(v)
	if !json.Valid([]byte(got)) || strings.Count(got[:maxDepth+1], "[") != maxDepth {
		t.Errorf("%s", got)
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		name string
		t    time.Time
		want bindings.Datetime
	}{
		{"zero", time.Time{}, bindings.Datetime{}},
		{"before 1970", time.Unix(-1, 5), bindings.Datetime{}},
		{"1970", time.Unix(0, 7), bindings.Datetime{Nanoseconds: 7}},
		{"now", time.Unix(1_800_000_000, 999_999_999), bindings.Datetime{Seconds: 1_800_000_000, Nanoseconds: 999_999_999}},
	} {
		if got := lowerTime(c.t); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if maybeTime(time.Time{}) != nil {
		t.Error("the zero time is one")
	}
}
