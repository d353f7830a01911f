package wit

import "testing"

// TestEnds: streams are found in order, and types that share parts take no exponential time or memory.
func TestEnds(t *testing.T) {
	u8 := &Type{Kind: U8}
	stream, future := &Type{Kind: Stream, Elem: u8}, &Type{Kind: Future, Elem: u8}
	inner := &Type{Kind: Stream, Elem: &Type{Kind: Option, Elem: future}}
	all := (&Func{Params: []Field{{Type: u8}, {Type: stream}, {Type: inner}}, Result: stream}).Ends()
	want := []*Type{stream, future, inner, stream}
	if len(all) != len(want) {
		t.Fatalf("%d, want %d", len(all), len(want))
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("number %d is a %s", i, all[i].Kind)
		}
	}
	for leaf, most := range map[*Type]int{u8: 0, stream: 10_000} {
		shared := leaf
		for range 90 {
			shared = &Type{Kind: Tuple, Fields: []Field{{Type: shared}, {Type: shared}}}
		}
		if n := len((&Func{Result: shared}).Ends()); n != most {
			t.Errorf("%d of a type that shares parts, want %d", n, most)
		}
	}
}
