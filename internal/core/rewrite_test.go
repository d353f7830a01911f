package core

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/vitrine-wasm/vitrine/internal/corewasm"
)

// TestAllInstructions has wazero accept every instruction that the rewriter knows, original and rewritten.
func TestAllInstructions(t *testing.T) {
	for _, name := range []string{"all", "checks"} {
		wasm, err := os.ReadFile(filepath.Join("..", "corewasm", "testdata", name+".wasm"))
		if err != nil {
			t.Fatal(err)
		}
		each(t, func(t *testing.T, w *world) {
			if _, _, err := w.e.Compile(w.ctx, wasm, CompileOptions{Slots: slotsFor(t, wasm)}); err != nil {
				t.Error(err)
			}
		})
	}
}

// laxity says whether err is about what wazero refuses in a module and rewriting takes away: the empty module name.
func laxity(err error) bool { return strings.Contains(err.Error(), "empty module name") }

// withoutCustom is the module without its custom sections, as a rewritten one is: wazero makes room for as many names as a
// name section says it has.
func withoutCustom(wasm []byte) []byte {
	out := bytes.Clone(wasm[:8])
	for rest := wasm[8:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		end := 1 + n + int(size)
		if rest[0] != 0 {
			out = append(out, rest[:end]...)
		}
		rest = rest[end:]
	}
	return out
}

// FuzzRewrite says that what the rewriter writes is valid exactly if what it read was: rewriting neither breaks a module
// nor mends one, which could then reach what rewriting added. The module is any bytes, or a generated one, and some bytes
// of it are others then.
func FuzzRewrite(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.wasm"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(files, filepath.Join("..", "corewasm", "testdata", "all.wasm")) {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false, uint16(0), []byte(nil))
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 16 {
		f.Add(someBytes(random), true, uint16(random.Uint32()), someBytes(random)[:random.IntN(4)])
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	f.Cleanup(func() { r.Close(ctx) })
	accepted := func(wasm []byte) (err error) {
		c, err := r.CompileModule(ctx, wasm)
		if err == nil {
			err = c.Close(ctx)
		}
		return err
	}
	f.Fuzz(func(t *testing.T, b []byte, generated bool, at uint16, patch []byte) {
		if len(b) > 16<<10 {
			return
		}
		if generated {
			b = (&gen{in: b}).module()
		}
		b = bytes.Clone(b)
		if n := len(b); n > 0 {
			copy(b[int(at)%n:], patch) // over what was there, so that sizes stay right
		}
		i, err := corewasm.Inspect(b)
		if err != nil {
			return
		}
		o := corewasm.Options{}
		for range i.Imports {
			o.Slots = append(o.Slots, corewasm.Slot{Module: "$0", Field: "f"})
		}
		w, err := corewasm.Rewrite(b, o)
		if err != nil {
			t.Fatal(err)
		}
		before, after := accepted(withoutCustom(b)), accepted(w.Wasm)
		if before == nil && after != nil {
			t.Fatalf("rewriting made a valid module invalid: %v", after)
		}
		if before != nil && after == nil && !laxity(before) {
			t.Fatalf("rewriting made an invalid module valid: %v", before)
		}
	})
}

// TestFunctionOfAnotherType: wazero v1.12 would let call_ref call a function of three parameters as one of none, which reads
// what the host left where they would be.
func TestFunctionOfAnotherType(t *testing.T) {
	wasm := cat(preamble,
		sect(1, vec([]byte("\x60\x03\x7e\x7e\x7e\x01\x7e"), []byte("\x60\x00\x01\x7e"))),
		sect(3, []byte("\x02\x00\x01")),
		sect(7, vec(cat(str("sum"), "\x00\x00"), cat(str("leak"), "\x00\x01"))),
		sect(10, vec([]byte("\x07\x00\x20\x00\x20\x02\x7c\x0b"), []byte("\x06\x00\xd2\x00\x14\x01\x0b")))) // ref.func sum; call_ref () -> i64
	each(t, func(t *testing.T, w *world) {
		var u *corewasm.UnsupportedError
		if _, _, err := w.e.Compile(w.ctx, wasm, CompileOptions{}); !errors.As(err, &u) || u.Feature != "function-references" {
			t.Errorf("compile: %v", err)
		}
		if c, err := w.e.wazeroCompile(w.ctx, wasm); err == nil {
			_ = c.Close(w.ctx)
			t.Error("wazero has the feature")
		}
	})
}
