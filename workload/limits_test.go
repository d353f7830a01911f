package workload

import (
	"reflect"
	"testing"
)

// TestFilled: every limit has a default, and values that are set are kept.
func TestFilled(t *testing.T) {
	if got := (Limits{}).Filled(); got != DefaultLimits() {
		t.Errorf("got %+v", got)
	}
	def := reflect.ValueOf(DefaultLimits())
	for i := range def.NumField() {
		name := def.Type().Field(i).Name
		if def.Field(i).IsZero() {
			t.Errorf("%s has no default", name)
		}
		var l Limits
		f := reflect.ValueOf(&l).Elem().Field(i)
		if f.CanInt() {
			f.SetInt(7)
		} else {
			f.SetUint(7)
		}
		if got := reflect.ValueOf(l.Filled()).Field(i); !got.Equal(f) {
			t.Errorf("%s: 7 became %v", name, got)
		}
	}
}

func TestParseCount(t *testing.T) {
	for in, want := range map[string]uint64{"1": 1, "20000": 20000, "500k": 500e3, "2M": 2e6, "100G": 100e9, "1T": 1e12} {
		got, err := ParseCount(in)
		if err != nil || got != want {
			t.Errorf("%q: %d, %v; wanted %d", in, got, err, want)
		}
		if back, err := ParseCount(FormatCount(want)); err != nil || back != want {
			t.Errorf("%d is spelt %s", want, FormatCount(want))
		}
	}
	for _, in := range []string{"", "0", "0k", "-1", "1.5", "1 k", "1K", "k", "1Ki", "99999999999999999999", "9999999999T"} {
		if n, err := ParseCount(in); err == nil {
			t.Errorf("%q: %d, wanted an error", in, n)
		}
	}
}
