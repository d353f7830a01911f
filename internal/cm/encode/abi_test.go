package encode

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/wit"
)

// TestEnds: streams are found in order, and types that share parts take no exponential time or memory.
func TestEnds(t *testing.T) {
	u8 := &wit.Type{Kind: wit.U8}
	stream, future := &wit.Type{Kind: wit.Stream, Elem: u8}, &wit.Type{Kind: wit.Future, Elem: u8}
	inner := &wit.Type{Kind: wit.Stream, Elem: &wit.Type{Kind: wit.Option, Elem: future}}
	all := ends(&wit.Func{Params: []wit.Field{{Type: u8}, {Type: stream}, {Type: inner}}, Result: stream})
	want := []*wit.Type{stream, future, inner, stream}
	if len(all) != len(want) {
		t.Fatalf("%d, want %d", len(all), len(want))
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("number %d is a %s", i, all[i].Kind)
		}
	}
	for leaf, most := range map[*wit.Type]int{u8: 0, stream: maxEnds} {
		shared := leaf
		for range 90 {
			shared = &wit.Type{Kind: wit.Tuple, Fields: []wit.Field{{Type: shared}, {Type: shared}}}
		}
		if n := len(ends(&wit.Func{Result: shared})); n != most {
			t.Errorf("%d of a type that shares parts, want %d", n, most)
		}
	}
}
