package corewasm

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

type segment struct {
	at    uint32
	bytes []byte
}

func dataOf(segments []segment) []byte {
	b := appendU32(nil, uint32(len(segments)))
	for _, s := range segments {
		b = append(appendI32(append(b, 0, opI32Const), int32(s.at)), opEnd)
		b = append(appendU32(b, uint32(len(s.bytes))), s.bytes...)
	}
	return b
}

// apply writes segments as an instantiation does, until one is out of bounds.
func apply(t *testing.T, raw []byte, memory []byte) (n uint32, ok bool) {
	t.Helper()
	r := &reader{b: raw}
	n = r.u32()
	for range n {
		r.u32()
		r.byte()
		at := uint64(uint32(r.sleb(32)))
		r.byte()
		b := r.bytes(int(r.u32()))
		if r.err != nil {
			t.Fatal(r.err)
		}
		if at+uint64(len(b)) > uint64(len(memory)) {
			return n, false
		}
		copy(memory[at:], b)
	}
	if r.left() > 0 {
		t.Fatalf("%d bytes are left", r.left())
	}
	return n, true
}

func ownMemory(data []byte) *module {
	return &module{dataCount: -1, data: data, memories: make([]binary.CoreExternDesc, 1)}
}

// TestMergeData writes random segments, in and out of order, before and after they were merged.
func TestMergeData(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	merged := 0
	for range 5000 {
		var segments []segment
		at := r.Intn(40)
		for range 1 + r.Intn(8) {
			b := make([]byte, r.Intn(20))
			_, _ = r.Read(b)
			segments = append(segments, segment{uint32(at), b})
			switch r.Intn(10) {
			case 0:
				at = r.Intn(300) // anywhere, over others too
			case 1, 2, 3:
				at += len(b) + r.Intn(100)
			default:
				at += len(b) + r.Intn(maxGap+2)
			}
		}
		raw := dataOf(segments)
		out, ok := ownMemory(raw).mergeData(nil)
		if !ok {
			continue
		}
		merged++
		want, got := make([]byte, 256), make([]byte, 256)
		before, wantOK := apply(t, raw, want)
		after, gotOK := apply(t, out, got)
		if gotOK != wantOK || wantOK && !bytes.Equal(got, want) || after >= before {
			t.Fatalf("%v:\n%d segments, in bounds %v\n% x\n%d segments, in bounds %v\n% x", segments, before, wantOK, want, after, gotOK, got)
		}
	}
	if merged < 2000 {
		t.Errorf("only %d were merged", merged)
	}
}

func TestMergeDataLeavesAlone(t *testing.T) {
	two := dataOf([]segment{{8, []byte("a")}, {10, []byte("b")}})
	for name, c := range map[string]struct {
		change func(m *module)
		want   bool
	}{
		"nothing in the way": {func(*module) {}, true},
		"a data count":       {func(m *module) { m.dataCount = 2 }, false},
		"another's memory":   {func(m *module) { m.nImports.memories = 1 }, false},
		"no memory":          {func(m *module) { m.memories = nil }, false},
		"no data":            {func(m *module) { m.data = nil }, false},
		"a passive segment":  {func(m *module) { m.data = []byte{2, 0, opI32Const, 8, opEnd, 1, 'a', 1, 1, 'b'} }, false},
		"a global's offset":  {func(m *module) { m.data = []byte{2, 0, opI32Const, 8, opEnd, 1, 'a', 0, opGlobalGet, 0, opEnd, 1, 'b'} }, false},
		"far from one another": {func(m *module) {
			m.data = dataOf([]segment{{8, []byte("a")}, {8 + 2 + maxGap, []byte("b")}})
		}, false},
		"over another": {func(m *module) { m.data = dataOf([]segment{{10, []byte("b")}, {8, []byte("a")}, {11, []byte("c")}}) }, false},
		"cut":          {func(m *module) { m.data = m.data[:len(m.data)-1] }, false},
	} {
		m := ownMemory(two)
		c.change(m)
		if _, ok := m.mergeData(nil); ok != c.want {
			t.Errorf("%s: merged %v", name, ok)
		}
	}
}

// TestMergeDataBehindOthers: thousands of segments that a larger one, which comes first and lies behind them, does not touch are merged all the same, as Go's linker writes them.
func TestMergeDataBehindOthers(t *testing.T) {
	segments := []segment{{1 << 20, []byte("first, and last in memory")}}
	for i := range uint32(20_000) {
		segments = append(segments, segment{i * 40, []byte("some text of a table")})
		if i%100 == 99 { // a gap that stays
			segments[len(segments)-1].at += maxGap
		}
	}
	raw := dataOf(segments)
	out, ok := ownMemory(raw).mergeData(nil)
	if !ok {
		t.Fatal("nothing is merged")
	}
	want, got := make([]byte, 2<<20), make([]byte, 2<<20)
	apply(t, raw, want)
	if n, _ := apply(t, out, got); n > 500 || !bytes.Equal(got, want) {
		t.Errorf("%d segments, the same bytes: %v", n, bytes.Equal(got, want))
	}
}
