package telemetry

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestToldSpans: the last few thousand spans are known, whether their identifiers are random or counted, and older ones are forgotten.
func TestToldSpans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, ref := range map[string]func(n int) spanRef{
		"random": func(int) (s spanRef) { fill(s.trace[:], r.Uint64()); fill(s.span[:], r.Uint64()); return s },
		"counted": func(n int) (s spanRef) {
			fill(s.trace[:], 7)
			binary.BigEndian.PutUint64(s.span[:], uint64(n+1))
			return s
		},
	} {
		var told toldSpans
		var all []spanRef
		for n := range 50_000 {
			s := ref(n)
			if told.add(s) {
				t.Fatalf("%s: the %dth is known before it was told of", name, n)
			}
			all = append(all, s)
		}
		forgotten := 0
		for _, s := range all[len(all)-4000:] {
			if !told.add(s) {
				forgotten++
			}
		}
		if forgotten > 40 { // a set that got many of them has forgotten some
			t.Errorf("%s: of the last 4000 spans %d are forgotten", name, forgotten)
		}
		if told.add(all[0]) {
			t.Errorf("%s: nothing is ever forgotten", name)
		}
	}
}

func fill(id []byte, n uint64) {
	for len(id) > 0 {
		binary.LittleEndian.PutUint64(id, n)
		id, n = id[8:], n*3
	}
}

func BenchmarkToldSpans(b *testing.B) {
	var told toldSpans
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		var s spanRef
		fill(s.span[:], r.Uint64())
		told.add(s)
	}
}
