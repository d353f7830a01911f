package corewasm

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/tests/testref"
)

// moduleOf makes a module of one function per body, each of type () -> (); extra is a second type.
func moduleOf(extra []byte, locals int, bodies ...[]byte) []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	types := []byte{1, 0x60, 0, 0}
	if extra != nil {
		types = append([]byte{2, 0x60, 0, 0}, extra...)
	}
	b = appendSection(b, 1, types)
	funcs := appendU32(nil, uint32(len(bodies)))
	code := appendU32(nil, uint32(len(bodies)))
	for _, c := range bodies {
		funcs = append(funcs, 0)
		f := []byte{0}
		if locals > 0 {
			f = append(appendU32([]byte{1}, uint32(locals)), 0x7f)
		}
		f = append(append(f, c...), opEnd)
		code = append(appendU32(code, uint32(len(f))), f...)
	}
	b = appendSection(b, 3, funcs)
	b = appendSection(b, 6, []byte{1, 0x7f, 1, 0x41, 0, 0x0b})
	return appendSection(b, 10, code)
}

func many(s string, n int) []byte { return bytes.Repeat([]byte(s), n) }

// wide is a function type of n parameters and n results.
func wide(n int) []byte {
	b := appendU32([]byte{0x60}, uint32(n))
	b = appendU32(append(b, many("\x7f", n)...), uint32(n))
	return append(b, many("\x7f", n)...)
}

// eachLocal reads n locals into a global.
func eachLocal(n int) (b []byte) {
	for i := range n {
		b = append(appendU32(append(b, opLocalGet), uint32(i)), opGlobalSet, 0)
	}
	return b
}

// TestTooComplex: modules that were measured to take many seconds to compile are refused. All are shorter than 100 KB.
func TestTooComplex(t *testing.T) {
	const branch = "\x23\x00\x0d\x00" // to label 0, if global 0 is not zero
	for name, wasm := range map[string][]byte{
		"loops":                moduleOf(nil, 0, many("\x03\x40\x0b", 10_000)),
		"loops that loop":      moduleOf(nil, 0, many("\x03\x40"+branch+"\x0b", 10_000)),
		"loops in loops":       moduleOf(nil, 0, append(many("\x03\x40", 10_000), many("\x0b", 10_000)...)),
		"ifs":                  moduleOf(nil, 0, many("\x23\x00\x04\x40\x0b", 18_000)),
		"ifs in ifs":           moduleOf(nil, 0, append(many("\x23\x00\x04\x40", 18_000), many("\x0b", 18_000)...)),
		"blocks":               moduleOf(nil, 0, many("\x02\x40"+branch+"\x0b", 14_000)),
		"blocks in blocks":     moduleOf(nil, 0, append(many("\x02\x40", 33_000), many("\x0b", 33_000)...)),
		"fills":                moduleOf(nil, 0, many("\x41\x00\x41\x00\x23\x00\xfc\x0b\x00", 9_000)),
		"loops and locals":     moduleOf(nil, 1500, append(many("\x03\x40"+branch+"\x0b", 1500), eachLocal(1500)...)),
		"ifs and locals":       moduleOf(nil, 2000, append(many("\x23\x00\x04\x40\x0b", 2000), eachLocal(2000)...)),
		"wide calls":           moduleOf(wide(1000), 0, append(append(many("\x23\x00", 1000), many("\x11\x01\x00", 3000)...), many("\x1a", 1000)...)),
		"wide blocks":          moduleOf(wide(1000), 0, append(append(many("\x23\x00", 1000), many("\x02\x01\x0b", 3000)...), many("\x1a", 1000)...)),
		"wide branches":        moduleOf(wide(1000), 0, append(append(append(many("\x23\x00", 1000), 0x02, 1), many(branch, 3000)...), append([]byte{opEnd}, many("\x1a", 1000)...)...)),
		"a hundred functions":  moduleOf(nil, 0, repeated(many("\x03\x40"+branch+"\x0b", 1000), 100)...),
		"one branch of 65,000": moduleOf(nil, 0, append(append(append(many("\x02\x40", 10), "\x23\x00\x0e\xe8\xfb\x03"...), many("\x09", 65_001)...), many("\x0b", 10)...), many("\x03\x40"+branch+"\x0b", 4500)),
	} {
		_, err := Inspect(wasm)
		var e *ComplexityError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "too complex to compile") {
			t.Errorf("%s, %d bytes: %v, wanted a ComplexityError", name, len(wasm), err)
		}
	}
}

func repeated(b []byte, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}

// TestLargeIsNotComplex: compilers that do not optimise write many locals, most of which are live within one block, and
// long functions; neither is refused.
func TestLargeIsNotComplex(t *testing.T) {
	var moment []byte
	for i := range 20_000 {
		moment = append(appendU32(append(moment, "\x23\x00\x21"...), uint32(i)), opLocalGet)
		moment = append(appendU32(moment, uint32(i)), opGlobalSet, 0)
		if i%20 == 0 {
			moment = append(moment, "\x23\x00\x04\x40\x0b"...)
		}
	}
	for name, wasm := range map[string][]byte{
		"momentary locals": moduleOf(nil, 20_000, moment),
		"a megabyte":       moduleOf(nil, 0, many("\x23\x00\x24\x00", 250_000)),
		"3000 blocks":      moduleOf(nil, 0, many("\x02\x40\x23\x00\x0d\x00\x0b", 3000)),
		"small functions":  moduleOf(nil, 0, repeated(many("\x03\x40\x23\x00\x0d\x00\x0b", 20), 1000)...),
	} {
		if _, err := Inspect(wasm); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCostOfRealCode: the output of real compilers costs at most a tenth of what its size allows, and at most a tenth of
// what one function may cost.
func TestCostOfRealCode(t *testing.T) {
	for _, name := range testref.Guests(t) {
		c, err := binary.Decode(testref.Guest(t, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, wasm := range coreModules(c) {
			m, err := parse(wasm)
			if err != nil {
				continue // of a feature that is not supported
			}
			var s scan
			most := uint64(0)
			for i, b := range m.bodies {
				before := m.cost
				if err := m.scanBody(b, m.params(i), &s); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				most = max(most, m.cost-before)
			}
			if whole := baseCost + costPerByte*uint64(m.codeLen); m.cost > whole/10 || most > maxFuncCost/10 {
				t.Errorf("%s, module %d: %d of %d, one function %d of %d", name, i, m.cost, whole, most, maxFuncCost)
			}
			if testing.Verbose() && m.codeLen > 50_000 {
				t.Logf("%s, module %d: %.2f a byte of %d, most %d", name, i, float64(m.cost)/float64(m.codeLen), m.codeLen, most)
			}
		}
	}
}

func coreModules(c *binary.Component) (all [][]byte) {
	for _, d := range c.Defs {
		switch d := d.(type) {
		case *binary.CoreModule:
			all = append(all, d.Bytes)
		case *binary.NestedComponent:
			all = append(all, coreModules(d.Component)...)
		}
	}
	return all
}
