package corewasm

import (
	"bytes"
	"testing"
)

// withLines adds a custom section with lines, so that a module counts as one that has them.
func withLines(wasm []byte) []byte {
	return appendSection(bytes.Clone(wasm), 0, append(appendName(nil, ".debug_line"), 1, 2, 3))
}

// codeContent is the content of the code section.
func codeContent(t *testing.T, wasm []byte) []byte {
	t.Helper()
	m, err := parse(wasm)
	if err != nil {
		t.Fatal(err)
	}
	return wasm[m.codeBase:]
}

// TestLocate: each instruction that rewriting keeps is found at its place in the original, byte by byte but for indices of
// functions, and each that it adds belongs to one that is there.
func TestLocate(t *testing.T) {
	for name, wasm := range map[string][]byte{"all": fixture(t, "all"), "checks": fixture(t, "checks"), "folds": manyFolds()} {
		t.Run(name, func(t *testing.T) {
			wasm := withLines(wasm)
			o := Options{Slots: slots(t, wasm), Trace: "$name"}
			r, err := Rewrite(wasm, o)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Traced {
				t.Fatal("the module has lines, and is not traced")
			}
			l, err := Locate(wasm, o)
			if err != nil {
				t.Fatal(err)
			}
			m, err := parse(wasm)
			if err != nil {
				t.Fatal(err)
			}
			before, after := codeContent(t, wasm), codeContent(t, r.Wasm)
			kept, body := 0, 0
			for i, piece := range l.marks {
				if piece.added {
					continue
				}
				for m.bodies[body].base-m.codeBase+len(m.bodies[body].bytes) < int(piece.read) {
					body++
				}
				end := m.bodies[body].base - m.codeBase + len(m.bodies[body].bytes)
				if i+1 < len(l.marks) {
					end = min(end, int(l.marks[i+1].read))
				}
				n := end - int(piece.read)
				kept += n
				if want, got := before[piece.read:end], after[piece.written:int(piece.written)+n]; !bytes.Equal(want, got) {
					t.Errorf("piece %d, of %#x: %x, want %x", i, piece.read, got, want)
				}
			}
			least := 0 // most of the code with folds: only offsets, branches and an index are others
			for _, b := range m.bodies {
				least += len(b.bytes)
			}
			if least = least * 7 / 10; name != "folds" {
				least = len(m.bodies)
			}
			if kept < least {
				t.Errorf("%d bytes of %d functions, want %d", kept, len(m.bodies), least)
			}
			if _, ok := l.Original(0); ok {
				t.Error("the number of functions has a place")
			}
		})
	}
}

// TestTracing: only a module with lines gets them for an engine, its skeleton as well, and the original's are not passed on.
func TestTracing(t *testing.T) {
	plain := fixture(t, "checks")
	for _, c := range []struct {
		name  string
		wasm  []byte
		trace string
		want  bool
	}{{"lines", withLines(plain), "$n", true}, {"no lines", plain, "$n", false}, {"no name", withLines(plain), "", false}} {
		o := Options{Slots: slots(t, plain), Trace: c.trace}
		r, err := Rewrite(c.wasm, o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Skeleton(c.wasm, o, r.Facts, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []*Result{r, s} {
			sections := DebugSections(got.Wasm)
			if got.Traced != c.want || (len(sections) == 3) != c.want || bytes.Equal(sections["line"], []byte{1, 2, 3}) {
				t.Errorf("%s: %t, %d sections", c.name, got.Traced, len(sections))
			}
		}
	}
	if DebugSections([]byte("\x00asm")) != nil || DebugSections(append([]byte("\x00asm\x01\x00\x00\x00"), 0, 0xff)) != nil {
		t.Error("sections of what is cut")
	}
}
