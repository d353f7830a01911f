package corewasm

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestInspect(t *testing.T) {
	i, err := Inspect(fixture(t, "all"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"mutable-global", "sign-extension", "multi-value", "nontrapping-float-to-int", "bulk-memory", "reference-types", "simd",
		"tail-call", "extended-const",
	}; !slices.Equal(i.Features, want) {
		t.Errorf("features %v", i.Features)
	}
	if i.HasStart || i.Functions != 5 || i.DataSize != 10 || len(i.Imports) != 2 || len(i.Exports) != 1 {
		t.Errorf("%+v", i)
	}
	if d := i.Imports[1].Desc; d.Sort != binary.SortCoreGlobal || d.Val != 0x7e || !d.Mutable {
		t.Errorf("imported global: %+v", d)
	}
	if x := i.Exports[0]; x.Name != "id" || x.Desc.Sort != binary.SortCoreFunc || len(i.Types[x.Desc.Type].Params) != 1 {
		t.Errorf("export: %+v", x)
	}
}

// TestRefused reads one module for each feature that is refused; the file's name begins with the feature's.
func TestRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/refused/*.wasm")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".wasm")
		_, err := Inspect(fixture(t, "refused/"+name))
		var u *UnsupportedError
		if !errors.As(err, &u) || !strings.HasPrefix(name, strings.ReplaceAll(u.Feature, " ", "-")) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "does not support") {
			t.Errorf("%s: message %q", name, err)
		}
	}
}

// wasmOf puts sections behind a header.
func wasmOf(sections ...string) []byte {
	return []byte("\x00asm\x01\x00\x00\x00" + strings.Join(sections, ""))
}

func section(id byte, content string) string {
	return string(appendSection(nil, id, []byte(content)))
}

func TestMalformed(t *testing.T) {
	types := section(1, "\x01\x60\x00\x00")
	funcs := section(3, "\x01\x00")
	body := func(code string) string {
		return section(10, "\x01"+string(appendU32(nil, uint32(len(code)+1)))+"\x00"+code)
	}
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"empty", nil, "no magic number"},
		{"text", []byte("hello, world"), "no magic number"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "unknown version"},
		{"section id", wasmOf(section(14, "")), "unknown section 14"},
		{"section order", wasmOf(funcs, types), "type 0 does not exist"},
		{"section twice", wasmOf(types, types), "out of order or doubled"},
		{"section too long", wasmOf("\x01\x7f"), "unexpected end"},
		{"section too short", wasmOf(section(1, "\x01\x60\x00\x00\x00")), "1 bytes after the end of section 1"},
		{"leb too long", wasmOf(section(1, "\x80\x80\x80\x80\x80\x00")), "does not fit 32 bits"},
		{"leb too large", wasmOf(section(1, "\x80\x80\x80\x80\x10")), "does not fit 32 bits"},
		{"types beyond all", wasmOf(section(1, "\xff\xff\xff\x7f")), "more than the limit"},
		{"types missing", wasmOf(section(1, "\xff\x01")), "unexpected end"},
		{"type form", wasmOf(section(1, "\x01\x61")), "0x61 is no function type"},
		{"value type", wasmOf(section(1, "\x01\x60\x01\x00\x00")), "0x0 is no value type"},
		{"bad name", wasmOf(section(2, "\x01\x01\xff\x00\x00\x00")), "not UTF-8"},
		{"import kind", wasmOf(section(2, "\x01\x00\x00\x09")), "import kind 0x9"},
		{"memory size", wasmOf(section(5, "\x01\x00\x81\x80\x04")), "at most 65536 pages"},
		{"memory limits", wasmOf(section(5, "\x01\x01\x02\x01")), "must not be greater than maximum"},
		{"limits flags", wasmOf(section(5, "\x01\x10\x01")), "limits flags"},
		{"table type", wasmOf(section(4, "\x01\x7f\x00\x01")), "no reference type"},
		{"mutability", wasmOf(section(6, "\x01\x7f\x02\x41\x00\x0b")), "mutability 0x2"},
		{"const opcode", wasmOf(section(6, "\x01\x7f\x00\x00\x0b")), "opcode 0x0 in a constant expression"},
		{"const vector", wasmOf(section(6, "\x01\x7b\x00\xfd\x0d\x0b")), "vector instruction in a constant"},
		{"const endless", wasmOf(section(6, "\x01\x7f\x00\x41\x00")), "unexpected end"},
		{"export twice", wasmOf(types, funcs, section(7, "\x02\x01a\x00\x00\x01a\x00\x00"), body("\x0b")), "duplicate export name"},
		{"export of nothing", wasmOf(section(7, "\x01\x01a\x00\x00")), "function 0 does not exist"},
		{"export of no table", wasmOf(section(7, "\x01\x01a\x01\x00")), "index 0 does not exist"},
		{"export kind", wasmOf(section(7, "\x01\x01a\x07\x00")), "export kind 0x7"},
		{"start of nothing", wasmOf(section(8, "\x00")), "start function 0 does not exist"},
		{"start type", wasmOf(section(1, "\x01\x60\x01\x7f\x00"), funcs, section(8, "\x00"), body("\x0b")), "has parameters"},
		{"element flags", wasmOf(section(9, "\x01\x08")), "element segment flags"},
		{"element table", wasmOf(section(9, "\x01\x00\x41\x00\x0b\x00")), "table 0 does not exist"},
		{"element kind", wasmOf(section(9, "\x01\x01\x01\x00")), "element kind"},
		{"data flags", wasmOf(section(11, "\x01\x03")), "data segment flags"},
		{"data length", wasmOf(section(11, "\x01\x01\x05ab")), "unexpected end"},
		{"data count", wasmOf(section(12, "\x02"), section(11, "\x01\x01\x00")), "data count is 2"},
		{"data count alone", wasmOf(section(12, "\x02")), "there is no data"},
		{"bodies missing", wasmOf(types, funcs), "1 functions, 0 bodies"},
		{"bodies too many", wasmOf(types, body("\x0b")), "0 functions, 1 bodies"},
		{"no end", wasmOf(types, funcs, body("\x01")), "unexpected end"},
		{"open block", wasmOf(types, funcs, body("\x02\x40\x0b")), "unexpected end"},
		{"code after end", wasmOf(types, funcs, body("\x0b\x0b")), "after the end of a function body"},
		{"opcode", wasmOf(types, funcs, body("\x27\x0b")), "unknown opcode 0x27"},
		{"misc opcode", wasmOf(types, funcs, body("\xfc\x20\x0b")), "unknown opcode 0xfc"},
		{"padded misc opcode", wasmOf(types, funcs, body("\xfc\x88\x00\x0b")), "unknown opcode 0xfc 0x88"},
		{"padded vector opcode", wasmOf(types, funcs, body("\xfd\x8c\x00\x0b")), "shortest form"},
		{"call of nothing", wasmOf(types, funcs, body("\x10\x01\x0b")), "function 1 does not exist"},
		{"local of nobody", wasmOf(types, funcs, body("\x20\x00\x1a\x0b")), "local 0 does not exist"},
		{"global of nobody", wasmOf(types, funcs, body("\x41\x00\x24\x00\x0b")), "global 0 does not exist"},
		{"type of nobody", wasmOf(types, funcs, section(4, "\x01\x70\x00\x01"), body("\x41\x00\x11\x01\x00\x0b")), "type 1 does not exist"},
		{"element of nobody", wasmOf(types, funcs, section(9, "\x01\x01\x00\x01\x01"), body("\x0b")), "function 1 does not exist"},
		{"reference to nobody", wasmOf(section(6, "\x01\x70\x00\xd2\x00\x0b")), "function 0 does not exist"},
		{"global from itself", wasmOf(section(6, "\x01\x7f\x00\x23\x00\x0b")), "global 0 does not exist"},
		{"block type", wasmOf(types, funcs, body("\x02\x05\x0b\x0b")), "block type 5 does not exist"},
		{"locals", wasmOf(types, funcs, section(10, "\x01\x07\x01\xff\xff\xff\x7f\x7f\x0b")), "more than 50000 locals"},
		{"locals of all", wasmOf(types, section(3, "\xf4\x03"+strings.Repeat("\x00", 500)),
			section(10, "\xf4\x03"+strings.Repeat("\x06\x01\xd0\x86\x03\x7f\x0b", 500))), "locals in all functions"},
		{"labels", wasmOf(types, funcs, body("\x0e\xff\xff\x7f\x0b")), "more than the limit"},
		{"i32 too large", wasmOf(types, funcs, body("\x41\xff\xff\xff\xff\x0f\x0b")), "does not fit 32 bits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Inspect(c.wasm)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestTruncated cuts a module at every byte: none of the pieces may be taken for a module, or panic, save where a cut
// falls between sections.
func TestTruncated(t *testing.T) {
	b := fixture(t, "all")
	between := map[int]bool{8: true}
	for r := (&reader{b: b, pos: 8}); r.left() > 0; {
		r.byte()
		r.bytes(int(r.u32()))
		between[r.pos] = true
	}
	for n := range b {
		if _, err := Inspect(b[:n]); err == nil && !between[n] {
			t.Errorf("%d bytes are a module", n)
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(fixture(f, "all"))
	files, err := filepath.Glob("testdata/refused/*.wasm")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Inspect(b)
		if err != nil {
			return
		}
		r, err := Rewrite(b, Options{Slots: make([]Slot, len(i.Imports))})
		if err != nil {
			t.Fatalf("can be inspected but not rewritten: %v", err)
		}
		again, err := Inspect(r.Wasm)
		if err != nil {
			t.Fatalf("rewritten: %v", err)
		}
		if len(again.Exports) < len(i.Exports) || again.HasStart {
			t.Fatalf("rewritten: %+v", again)
		}
	})
}
