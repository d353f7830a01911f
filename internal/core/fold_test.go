package core

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/vitrine-wasm/vitrine/cm"
)

// accesses is a module with a memory of pages pages, a global g and functions of an address: each accesses memory at several constants
// from it, with other things in between.
func accesses(pages uint32) (wasm []byte, functions int) {
	const p, q, sum = 0, 1, 2 // the parameter and two locals
	get := func(local int) []byte { return cat(0x20, local) }
	at := func(c int64) []byte { return cat(get(p), sleb([]byte{0x41}, c), 0x6a) }
	load := func(off uint32) []byte { return cat(0x2d, 0, off, 0x6a) } // i32.load8_u, and add
	zero := []byte{0x41, 0}
	odd := cat(get(p), "\x41\x01\x71")
	storeByte := cat(get(p), "\x41\x0b\x3a\x00\x02")
	around := func(between ...any) []byte {
		return cat(zero, get(p), load(0), cat(between...), at(20), load(0), get(p), load(24))
	}
	bodies := [][]byte{
		cat(zero, at(-8), load(0), at(0), load(0), at(8), load(0)),
		cat(zero, get(p), load(3), get(p), load(0), get(p), load(20)),
		cat(zero, at(8), load(0), at(-pageSize), load(4), at(-16), load(8)),
		cat(zero, at(1<<16), load(0), get(p), load(0)),
		cat(zero, at(1<<16+1), load(0), get(p), load(0)),         // too far
		cat(zero, at(4), load(1<<31-16), get(p), load(1<<31-12)), // offsets over the largest
		cat(zero, at(1<<31-1), load(0), at(-1<<31), load(0)),
		cat(at(4), get(p), "\x28\x00\x00\x36\x00\x00", get(p), "\x41\x07\x3a\x00\x0c", get(p), "\x2d\x00\x0c"), // copies a word, stores a byte
		around(get(p), "\x41\x09\x3a\x00\x00"),                                                                 // a store
		around("\x23\x00\x41\x01\x6a\x24\x00"),                                                                 // global.set
		around("\x41\x01\x41\x00\x6d\x1a"),                                                                     // a division by zero
		around("\x43\x00\x00\x80\x7f\xa8\x1a"),                                                                 // an infinite float made an integer
		around("\x02\x40", at(-1), "\x0d\x00\x00\x0b"),                                                         // a trap, if not a branch
		around("\x10\x00"), // a call
		around(get(p), "\xfd\x0c", make([]byte, 16), "\xfd\x0b\x00\x00"),
		around(get(p), "\x41\x05\x41\x01\xfc\x0b\x00"), // memory.fill
		cat(get(p), 0x21, q, "\x03\x40", get(sum), get(p), load(0), get(q), "\x41\x04\x6a", load(0), // a loop in which q is p at first
			0x21, sum, get(q), "\x41\x08\x6a\x22", q, get(p), "\x6b\x41\x18\x49\x0d\x00\x0b", get(sum)),
		cat(get(p), 0x21, q, zero, get(q), load(0), get(p), "\x04\x40", at(16), 0x21, q, "\x0b", get(q), load(1), get(p), load(9)), // q is one of two
		cat(get(p), 0x21, q, zero, get(q), load(0), get(p), "\x2d\x00\x00", 0x21, q, get(q), load(4), get(p), load(2)),             // q is another number
		cat(zero, at(-4), 0x22, q, load(0), get(q), "\x41\x7c\x6b", load(0), get(p), load(3)),
		around("\x02\x40", odd, "\x0d\x00", storeByte, "\x0b"),                     // a branch past a store
		around("\x02\x40\x02\x40", odd, "\x0e\x01\x00\x01\x0b", storeByte, "\x0b"), // a table of branches
		around(odd, "\x04\x40", storeByte, "\x05\x41\x07\x24\x00\x0b"),             // one of two
		around(odd, "\x04\x40\x00\x0b"),                                                              // unreachable at odd addresses
		around(odd, "\x04\x40\x41\x63\x0f\x0b"),                                                      // a return at odd addresses
		around("\x02\x40\x41\x05", odd, "\x04\x7f\x41\x01\x05\x41\x02\x0b\x1a\x24\x00\x0b"),          // a value under a block
		around(zero, "\x11\x01\x00"),                                                                 // a call through a table
		around("\x41\x01\x11\x01\x00"),                                                               // of an element that is null
		around("\x41\x02\x41\x03\x10\x01\x1a\x24\x00"),                                               // a call with two results
		around("\x02\x40\x0c\x00", get(p), "\x2d\x00\x00", at(1), "\x2d\x00\x00\x1a\x1a\x0b"),        // dead code
		around(get(p), "\x23\x00\x3a\x00\x01\x41\x06\x24\x00"),                                       // a global between stores
		around(get(p), at(2), "\x41\x02\xfc\x0a\x00\x00"),                                            // memory.copy
		around(get(p), "\x41\x00\x41\x04\xfc\x08\x00\x00"),                                           // memory.init
		around("\xd0\x70\x41\x00\xfc\x0f\x00\x1a", storeByte),                                        // table.grow
		cat(zero, get(p), "\x41\x04\x72", load(0), get(p), load(0), get(p), "\x41\x0f\x73", load(0)), // what looks like a sum
		cat(zero, get(p), load(0), "\x41\x08", get(p), 0x6b, load(0)),                                // a constant less the address
		cat(zero, get(p), load(0), get(p), "\x41\x74\x6b", load(0), get(p), "\x41\x09\x6b", load(2)), // less
		cat("\x41\x08", 0x21, q, zero, get(p), load(0), get(p), get(q), 0x6a, load(0), get(q), get(p), 0x6b, load(0)),
		cat(get(p), 0x21, q, "\x02\x40\x02\x40", odd, "\x0d\x01\x0b", at(16), 0x21, q, "\x0b", zero, get(p), load(0), get(q), load(1)),
		cat(get(p), 0x21, q, odd, "\x04\x40", at(4), 0x21, q, "\x05", at(8), 0x21, q, "\x0b", zero, get(p), load(0), get(q), load(1)),
		cat(get(p), 0x21, q, "\x03\x40", get(sum), get(q), load(0), at(1), load(0), 0x21, sum, // a loop in which q becomes another number
			get(q), "\x41\x03\x6a\x41\x02\x6c", get(q), "\x41\x00\x4a\x04\x40\x41\x00", 0x21, q, "\x0c\x01\x0b\x1a\x0b", get(sum)),
		cat("\x03\x40", get(p), "\x2d\x00\x00", 0x21, q, at(4), get(q), "\x41\x01\x6a\x3a\x00\x00", get(p), "\x2d\x00\x08", 0x21, sum, // stores in a loop
			at(4), 0x21, p, get(p), "\x41\x07\x71\x41\x04\x48\x0d\x00\x0b", get(sum)),
		cat(get(p), "\x02\x40\x0b\x2d\x00\x00", at(4), "\x2d\x00\x00\x6a"),                                     // an address under a block
		cat(get(p), "\x41\x05\x24\x00\x2d\x00\x00", at(4), "\x2d\x00\x00\x6a"),                                 // under a global.set
		cat(get(p), at(4), "\x28\x00\x00\x36\x00\x10", get(p), "\x28\x00\x08"),                                 // a store beyond what is loaded
		cat(at(8), at(-8), "\x2d\x00\x00\x3a\x00\x00", at(4), "\x28\x00\x00"),                                  // a store below
		cat(zero, at(1), load(1<<31-2), get(p), load(1<<32-1), at(-1), load(0)),                                // offsets to the end of 32 bits
		cat(zero, at(-1<<31), load(1<<31), get(p), load(0)),                                                    // and over it
		cat(get(p), 0xad, "\x42\x04\x7c\xa7", 0x22, q, "\x2d\x00\x00", get(q), load(2), get(p), load(1)),       // through 64 bits
		cat(get(p), "\x28\x00\x00\x41\xff\x07\x71", 0x22, q, "\x2d\x00\x00", get(q), load(4), get(p), load(8)), // a number in memory
	}
	types, exports := [][]byte{{1}, {2}}, [][]byte{}
	code := [][]byte{[]byte("\x09\x00\x23\x00\x41\x03\x6a\x24\x00\x0b"), []byte("\x06\x00\x20\x01\x20\x00\x0b")}
	for i, b := range bodies {
		types = append(types, []byte{0})
		exports = append(exports, cat(str(fmt.Sprint(i)), 0, i+2))
		b = cat("\x01\x02\x7f", b, 0x0b)
		code = append(code, cat(uint32(len(b)), b))
	}
	exports = append(exports, cat(str("m"), "\x02\x00"), cat(str("g"), "\x03\x00"))
	return cat(preamble, sect(1, []byte("\x03\x60\x01\x7f\x01\x7f\x60\x00\x00\x60\x02\x7f\x7f\x02\x7f\x7f")), sect(3, vec(types...)), sect(4, []byte("\x01\x70\x00\x02")),
		sect(5, cat("\x01\x00", pages)), sect(6, []byte("\x01\x7f\x01\x41\x00\x0b")), sect(7, vec(exports...)), sect(9, []byte("\x01\x00\x41\x00\x0b\x01\x00")),
		sect(12, []byte{1}), sect(10, vec(code...)), sect(11, []byte("\x01\x01\x04abcd"))), len(bodies)
}

// TestFoldedAccesses: accesses give what they do as written and trap where they do, at both ends of memories of no page, of one and of as
// many as there may be; after a trap memory and globals are as they are then.
func TestFoldedAccesses(t *testing.T) {
	for _, pages := range []uint32{0, 1, 65535} {
		wasm, functions := accesses(pages)
		each(t, func(t *testing.T, w *world) {
			ctx := context.Background()
			r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
			defer r.Close(ctx)
			plain, err := r.Instantiate(ctx, wasm)
			if err != nil {
				t.Fatal(err)
			}
			i, err := w.e.Instantiate(w.ctx, w.group(Limits{}), w.compile(wasm), nil)
			if err != nil {
				t.Fatal(err)
			}
			const near = 64
			size := int64(pages) << 16
			edges := []int64{0, 1 << 16, size, size - 1<<16, 1 << 31, 3 << 30}
			around := func(edge int64, do func(a, b []byte)) {
				if from, to := max(0, edge-near), min(size, edge+near); from < to {
					b, _ := plain.Memory().Read(uint32(from), uint32(to-from))
					do(i.Memory("m").Bytes()[from:to], b)
				}
			}
			traps := map[cm.TrapCode]int{}
			for f := range functions {
				name := fmt.Sprint(f)
				for _, edge := range edges {
					around(edge, func(a, b []byte) {
						for k := range a {
							a[k], b[k] = byte(k*7+1), byte(k*7+1)
						}
					})
					for d := int64(-26); d <= 26; d++ {
						at := uint64(uint32(edge + d))
						want, err := plain.ExportedFunction(name).Call(ctx, at)
						trap := trapCode(err)
						stack := []uint64{at}
						got := trapCode(i.Func(name).Call(w.ctx, stack))
						traps[got]++
						if got != trap || trap == "" && stack[0] != want[0] {
							t.Fatalf("%d pages, function %d at %#x: %v %q, want %v %q", pages, f, at, stack, got, want, trap)
						}
						if a, b := i.mod.ExportedGlobal("g").Get(), plain.ExportedGlobal("g").Get(); a != b {
							t.Fatalf("%d pages, function %d at %#x: the global is %d, want %d", pages, f, at, a, b)
						}
						around(edge, func(a, b []byte) {
							if !bytes.Equal(a, b) {
								t.Fatalf("%d pages, function %d at %#x: memory is\n%x, want\n%x", pages, f, at, a, b)
							}
						})
					}
				}
			}
			if traps[cm.TrapOutOfBounds] == 0 || (traps[""] > 0) != (pages > 0) || pages > 0 && len(traps) < 4 {
				t.Errorf("%d pages: %v", pages, traps)
			}
		})
	}
}

// TestFoldedAccessesAroundGrowth: an access that is in bounds only after memory has grown is made, and one before it is checked before.
func TestFoldedAccessesAroundGrowth(t *testing.T) {
	const pages = 3
	at := func(c int64) []byte { return cat(0x20, 0, sleb([]byte{0x41}, c), 0x6a) }
	load, grow := "\x2d\x00\x00", "\x41\x01\x40\x00\x1a"
	for name, body := range map[string][]byte{
		"between":              cat(at(0), load, grow, at(16), load, 0x6a),
		"between, falling":     cat(at(16), load, grow, at(0), load, 0x6a),
		"under an address":     cat(at(0), grow, load, at(16), load, 0x6a),
		"under two":            cat(at(0), at(16), grow, load, 0x21, 1, load, 0x20, 1, 0x6a),
		"behind":               cat(at(0), load, at(16), load, 0x6a, grow),
		"of a name":            cat(at(16), 0x21, 1, at(0), load, grow, 0x20, 1, load, 0x6a),
		"in a loop":            cat("\x03\x40", at(0), load, at(8), load, 0x6a, 0x21, 1, grow, at(16), 0x21, 0, "\x3f\x00\x41\x03\x48\x0d\x00\x0b\x20\x01"),
		"in a call":            cat(at(0), load, "\x10\x01", at(16), load, 0x6a),
		"as an address":        cat("\x41\x01\x40\x00\x22\x01", load, "\x20\x01\x2d\x00\x10\x6a", at(0), load, 0x6a),
		"with a size known":    cat("\x3f\x00\x41\x10\x74\x22\x01\x41\x01\x6b", load, grow, "\x20\x01", load, 0x6a),
		"of a size not enough": cat("\x3f\x00\x41\x10\x74\x22\x01\x41\x01\x6b", load, "\x20\x01", load, grow, 0x6a),
	} {
		b := cat("\x01\x01\x7f", body, 0x0b)
		g := cat(0, grow, 0x0b)
		wasm := cat(preamble, sect(1, []byte("\x02\x60\x01\x7f\x01\x7f\x60\x00\x00")), sect(3, []byte("\x02\x00\x01")), sect(5, cat("\x01\x01\x01", pages)),
			sect(7, vec(cat(str("f"), "\x00\x00"), cat(str("m"), "\x02\x00"))), sect(10, vec(cat(uint32(len(b)), b), cat(uint32(len(g)), g))))
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				ctx := context.Background()
				r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
				defer r.Close(ctx)
				compiled, err := r.CompileModule(ctx, wasm)
				if err != nil {
					t.Fatal(err)
				}
				m := w.compile(wasm)
				for d := int64(-34); d <= 2; d++ {
					plain, err := r.InstantiateModule(ctx, compiled, anonymous)
					if err != nil {
						t.Fatal(err)
					}
					i, err := w.e.Instantiate(w.ctx, w.group(Limits{}), m, nil)
					if err != nil {
						t.Fatal(err)
					}
					address := uint64(uint32(pageSize + d))
					want, err := plain.ExportedFunction("f").Call(ctx, address)
					trap := trapCode(err)
					stack := []uint64{address}
					got := trapCode(i.Func("f").Call(w.ctx, stack))
					if got != trap || trap == "" && stack[0] != want[0] {
						t.Errorf("at %#x: %v %q, want %v %q", address, stack, got, want, trap)
					}
					if a, b := uint32(len(i.Memory("m").Bytes())), plain.Memory().Size(); a != b {
						t.Errorf("at %#x: memory has %d bytes, want %d", address, a, b)
					}
					if err := plain.Close(ctx); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

// TestLargestMemory: no memory grows to 4 GiB, whatever maximum it has.
func TestLargestMemory(t *testing.T) {
	for _, limits := range [][]byte{cat(0, uint32(65535)), cat(1, uint32(65535), uint32(65536))} {
		wasm := cat(preamble, sect(1, []byte("\x01\x60\x00\x01\x7f")), sect(3, []byte("\x01\x00")), sect(5, cat(1, limits)),
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
}
