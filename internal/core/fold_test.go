package core

import (
	"context"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/vitrine-wasm/vitrine/cm"
)

// accesses is a module with a memory of pages pages and functions of an address: each loads, or stores, at several constants from it.
func accesses(pages uint32) []byte {
	at := func(c int64) []byte { return cat(0x20, 0, sleb([]byte{0x41}, c), 0x6a) }
	load := func(off uint32) []byte { return cat(0x2d, 0, off, 0x6a) } // i32.load8_u, and add
	zero := []byte{0x41, 0}
	bodies := [][]byte{
		cat(zero, at(-8), load(0), at(0), load(0), at(8), load(0)),
		cat(zero, 0x20, 0, load(3), 0x20, 0, load(0), 0x20, 0, load(65)),
		cat(zero, at(8), load(0), at(-pageSize), load(4), at(-16), load(8)),
		cat(zero, at(1<<16), load(0), 0x20, 0, load(0)),
		cat(zero, at(1<<16+1), load(0), 0x20, 0, load(0)),         // too far
		cat(zero, at(4), load(1<<31-16), 0x20, 0, load(1<<31-12)), // offsets over the largest
		cat(zero, at(1<<31-1), load(0), at(-1<<31), load(0)),
		cat(at(4), 0x20, 0, 0x28, 0, 0, 0x36, 0, 0, 0x20, 0, 0x41, 7, 0x3a, 0, 12, 0x20, 0, 0x2d, 0, 12), // copies a word, stores a byte
	}
	var types, exports, code [][]byte
	for i, b := range bodies {
		types = append(types, []byte{0})
		exports = append(exports, cat(str(fmt.Sprint(i)), 0, i))
		b = cat(0, b, 0x0b)
		code = append(code, cat(uint32(len(b)), b))
	}
	exports = append(exports, cat(str("m"), "\x02\x00"))
	return cat(preamble, sect(1, []byte("\x01\x60\x01\x7f\x01\x7f")), sect(3, vec(types...)), sect(5, cat("\x01\x00", pages)),
		sect(7, vec(exports...)), sect(10, vec(code...)))
}

// TestFoldedAccesses: accesses give what they do as written, and trap where they do, at both ends of memories of no page, of one, and of as
// many as there may be.
func TestFoldedAccesses(t *testing.T) {
	for _, pages := range []uint32{0, 1, 65535} {
		wasm := accesses(pages)
		ctx := context.Background()
		r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
		defer r.Close(ctx)
		plain, err := r.Instantiate(ctx, wasm)
		if err != nil {
			t.Fatal(err)
		}
		each(t, func(t *testing.T, w *world) {
			i, err := w.e.Instantiate(w.ctx, w.group(Limits{}), w.compile(wasm), nil)
			if err != nil {
				t.Fatal(err)
			}
			traps, ran := 0, 0
			size := int64(pages) << 16
			edges := []int64{0, 1 << 16, size, size - 1<<16, 1 << 31, 3 << 30}
			for _, edge := range edges { // so that each byte is another
				for at := max(0, edge-100); at < min(size, edge+100); at++ {
					i.Memory("m").Bytes()[at] = byte(at * 7)
					plain.Memory().WriteByte(uint32(at), byte(at*7))
				}
			}
			for f := range 8 {
				for _, edge := range edges {
					for d := int64(-70); d <= 70; d++ {
						p := uint64(uint32(edge + d))
						want, wantErr := plain.ExportedFunction(fmt.Sprint(f)).Call(ctx, p)
						stack := []uint64{p}
						err := i.Func(fmt.Sprint(f)).Call(w.ctx, stack)
						if (wantErr == nil) != (err == nil) || err == nil && stack[0] != want[0] {
							t.Fatalf("%d pages, function %d at %#x: %v %v, want %v %v", pages, f, p, stack, err, want, wantErr)
						}
						if err != nil {
							traps++
							if code := trapCode(err); code != cm.TrapOutOfBounds {
								t.Fatalf("trap %q", code)
							}
							continue
						}
						ran++
					}
				}
			}
			if traps == 0 || (ran > 0) != (pages > 0) {
				t.Errorf("%d pages: %d traps, %d end well", pages, traps, ran)
			}
		})
	}
}

// TestLargestMemory: no memory grows to 4 GiB.
func TestLargestMemory(t *testing.T) {
	wasm := cat(preamble, sect(1, []byte("\x01\x60\x00\x01\x7f")), sect(3, []byte("\x01\x00")), sect(5, cat("\x01\x00", uint32(65535))),
		sect(7, vec(cat(str("grow"), "\x00\x00"))), sect(10, vec([]byte("\x06\x00\x41\x01\x40\x00\x0b"))))
	each(t, func(t *testing.T, w *world) {
		i, err := w.e.Instantiate(w.ctx, w.group(Limits{}), w.compile(wasm), nil)
		if err != nil {
			t.Fatal(err)
		}
		stack := []uint64{0}
		if err := i.Func("grow").Call(w.ctx, stack); err != nil || int32(stack[0]) != -1 {
			t.Errorf("memory.grow: %d %v", int32(stack[0]), err)
		}
	})
}
