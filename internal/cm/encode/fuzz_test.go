package encode_test

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/encode"
	"github.com/vitrine-wasm/vitrine/internal/cm/validate"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	wasiwit "github.com/vitrine-wasm/vitrine/wasi/wit"
	"github.com/vitrine-wasm/vitrine/wit"
)

// FuzzComponent: whatever the module, what comes out is an error or a valid component.
func FuzzComponent(f *testing.F) {
	set, err := wit.LoadFS(wasiwit.Files, ".")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{"c-http-p3", "rust-cart"} {
		c, err := binary.Decode(testref.Guest(f, name))
		if err != nil {
			f.Fatal(err)
		}
		for _, d := range c.Defs {
			if m, ok := d.(*binary.CoreModule); ok {
				f.Add(outside(m.Bytes))
				break
			}
		}
	}
	// A program of WASI 0.1: (import "wasi_snapshot_preview1" "sched_yield"), a memory and _start.
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x08\x02\x60\x00\x01\x7f\x60\x00\x00" +
		"\x02\x26\x01\x16wasi_snapshot_preview1\x0bsched_yield\x00\x00\x03\x02\x01\x01\x05\x03\x01\x00\x01" +
		"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x01\x0a\x04\x01\x02\x00\x0b"))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		out, err := encode.Component(wasm, encode.Options{Set: set})
		if err != nil {
			return
		}
		c, err := binary.Decode(out)
		if err == nil {
			err = validate.Component(c, validate.Options{})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// outside is a module without its code and data, which the encoder does not read: mutations then meet what it does.
func outside(module []byte) []byte {
	out := append([]byte{}, module[:8]...)
	for pos := 8; pos < len(module); {
		size, end, shift := 0, pos+1, 0
		for {
			b := module[end]
			size |= int(b&0x7f) << shift
			end, shift = end+1, shift+7
			if b&0x80 == 0 {
				break
			}
		}
		end += size
		if id := module[pos]; id >= 1 && id <= 7 {
			out = append(out, module[pos:end]...)
		}
		pos = end
	}
	return out
}

// TestWrongTypes: functions of other types than the WIT says are an error, and the WASI 0.1 program of the fuzz target is a component.
func TestWrongTypes(t *testing.T) {
	set, err := wit.LoadFS(wasiwit.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	program := func(result string) []byte { // _start, and sched_yield with results of its own
		types := "\x02\x60\x00" + result + "\x60\x00\x00"
		return []byte("\x00asm\x01\x00\x00\x00\x01" + string(rune(len(types))) + types +
			"\x02\x26\x01\x16wasi_snapshot_preview1\x0bsched_yield\x00\x00\x03\x02\x01\x01\x05\x03\x01\x00\x01" +
			"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x01\x0a\x04\x01\x02\x00\x0b")
	}
	if _, err := encode.Component(program("\x01\x7f"), encode.Options{Set: set}); err != nil {
		t.Error(err)
	}
	if _, err := encode.Component(program("\x00"), encode.Options{Set: set}); err == nil {
		t.Error("sched_yield without a result")
	}
}
