package bind

import (
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

type word struct{ s string }

func (w word) String() string { return w.s }

func TestCaseText(t *testing.T) {
	type point struct{ X, Y int32 }
	type fault struct {
		Code *string
		Info *uint16
	}
	type guestHandle struct{ *cm.Resource }
	some := "a\nb"
	ref := func(v any) any { return v }
	var host any = struct{ Password string }{"hush"}
	type kept struct{ Of any }
	for _, c := range []struct {
		payload any
		want    string
	}{
		{ref(&some), `x("a\nb")`},
		{ref(&point{1, -2}), "x({X: 1, Y: -2})"},
		{ref(&fault{Code: &some}), `x({Code: some("a\nb"), Info: none})`},
		{ref(&[]uint8{1, 2}), "x([1, 2])"},
		{ref(&[]string{}), "x([])"},
		{ref(&cm.Tuple2[point, bool]{F0: point{1, 2}, F1: true}), "x(({X: 1, Y: 2}, true))"},
		{ref(&cm.Result[uint32, string]{IsErr: true, Err: "no"}), `x(error("no"))`},
		{ref(&cm.Result[uint32, string]{OK: 3}), "x(ok(3))"},
		{ref(&word{"inner(1)"}), "x(inner(1))"},
		{ref(&host), "x(resource)"},
		{ref(&kept{host}), "x({Of: resource})"},
		{ref(new(*cm.Resource)), "x(resource)"},
		{ref(&guestHandle{}), "x(resource)"},
		{ref(new(*cm.StreamReader[uint8])), "x(stream or future)"},
		{ref(&cm.Tuple2[*cm.FutureReader[string], bool]{F1: true}), "x((stream or future, true))"},
		{ref(&map[string]int{"hush": 1}), "x(1 entries)"},
	} {
		if got := CaseText("x", c.payload); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	long := strings.Repeat("x", 1<<20)
	many := make([]string, 1<<16)
	for _, payload := range []any{&long, &many, &[]string{long, long}} {
		if got := CaseText("x", payload); len(got) > 2*maxCaseText || !strings.Contains(got, "…") {
			t.Errorf("%d bytes of %T: %.50s", len(got), payload, got)
		}
	}
	if got := cm.Fail(word{"internal-error(some(\"why\"))"}).Error(); !strings.Contains(got, "why") {
		t.Error(got)
	}
}
