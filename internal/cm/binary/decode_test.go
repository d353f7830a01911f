package binary_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

const preamble = "\x00asm\x0d\x00\x01\x00"

// section builds a section of a component.
func section(id byte, body string) string {
	if len(body) > 127 {
		panic("test section too long")
	}
	return string([]byte{id, byte(len(body))}) + body
}

func TestDecodeErrors(t *testing.T) {
	deep := preamble
	for range 30 {
		deep = preamble + leb(4, deep)
	}
	tooDeep := deep
	for range 100 {
		tooDeep = preamble + leb(4, tooDeep)
	}
	tests := []struct {
		name, in string
		kind     binary.Kind
		want     string
	}{
		{"empty", "", binary.KindEmpty, "the file is empty"},
		{"one byte", "\x00", binary.KindTruncated, "ends inside its first 4 bytes"},
		{"no version", "\x00asm\x0d", binary.KindTruncated, "offset 0x5: unexpected end of file"},
		{"wat", "  (component)\n", binary.KindText, "this is WebAssembly text"},
		{"prose", "hello, wörld\n", binary.KindText, "this is a text file"},
		{"elf", "\x7fELF\x02\x01\x01\x00\x00", binary.KindNotWasm, "this file with 7f 45 4c 46"},
		{"core module", "\x00asm\x01\x00\x00\x00", binary.KindCoreModule, "this is a core module, not a component; make one with"},
		{"old version", "\x00asm\x0c\x00\x01\x00", binary.KindUnknownVersion, "unknown binary version 0xc"},
		{"other layer", "\x00asm\x0d\x00\x02\x00", binary.KindUnknownVersion, "unknown layer 2"},
		{"section cut", preamble + "\x07\x03\x00", binary.KindTruncated, "offset 0xb in section 7 (type): unexpected end of file: the section says 3 bytes, 1 are left"},
		{"size cut", preamble + "\x07", binary.KindTruncated, "unexpected end of file"},
		{"section id", preamble + "\x0d\x00", binary.KindMalformed, "malformed section id 13"},
		{"left over", preamble + section(7, "\x00\x00"), binary.KindMalformed, "1 bytes are left over"},
		{"short section", preamble + section(7, "\x02\x73"), binary.KindMalformed, "offset 0xc in section 7 (type): unexpected end of section: a list"},
		{"hostile count", preamble + section(7, "\xff\xff\xff\xff\x0f\x73"), binary.KindMalformed, "says 4294967295 entries"},
		{"hostile name", preamble + section(10, "\x01\x00\xff\xff\xff\xff\x0f"), binary.KindMalformed, "a name says 4294967295 bytes"},
		{"long leb", preamble + section(7, "\x80\x80\x80\x80\x80\x00"), binary.KindMalformed, "integer representation too long"},
		{"large leb", preamble + section(7, "\x80\x80\x80\x80\x70"), binary.KindMalformed, "integer too large"},
		{"bad utf8", preamble + section(10, "\x01\x00\x02\xff\xfe\x01\x00"), binary.KindMalformed, "malformed UTF-8"},
		{"unknown type", preamble + section(7, "\x01\x62"), binary.KindMalformed, "offset 0xb in section 7 (type): invalid leading byte (0x62)"},
		{"unknown canon", preamble + section(8, "\x01\x07"), binary.KindMalformed, "offset 0xb in section 8 (canon): invalid leading byte (0x7)"},
		{"shared threads", preamble + section(8, "\x01\x42"), binary.KindFeature, `feature "shared-everything-threads" is not supported: the component uses canon thread.available-parallelism`},
		{"named results", preamble + section(7, "\x01\x40\x00\x01\x01"), binary.KindMalformed, "number of results"},
		{"option twice", preamble + section(8, "\x01\x01\x00\x00\x02\x03\x00\x03\x00"), binary.KindMalformed, "`memory` is specified more than once"},
		{"implements twice", preamble + section(10, "\x01\x02\x01i\x02\x00\x01a\x00\x01b\x05\x00"), binary.KindMalformed, "duplicate 'implements' option"},
		{"huge index", preamble + section(7, "\x01\x69\xff\xff\xff\xff\x0f"), binary.KindMalformed, "index 4294967295 out of bounds"},
		{"too many definitions", preamble + leb(8, "\xff\xff\x01"+strings.Repeat("\x05", 32767)), binary.KindLimit, "too many definitions for a file of"},
		{"nested core module", preamble + section(4, "\x00asm\x01\x00\x00\x00"), binary.KindMalformed, "expected a version header for a component"},
		{"nested too deep", tooDeep, binary.KindLimit, "components are nested deeper than 100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := binary.Decode([]byte(tt.in))
			var e *binary.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %v, want a *binary.Error", err)
			}
			if e.Kind != tt.kind || !strings.Contains(e.Error(), tt.want) {
				t.Errorf("kind %d: %s\nwant kind %d, %q", e.Kind, e, tt.kind, tt.want)
			}
		})
	}
	if _, err := binary.Decode([]byte(deep)); err != nil {
		t.Errorf("30 components in each other: %v", err)
	}
}

// leb builds a section of any length.
func leb(id byte, body string) string {
	n, out := len(body), []byte{id}
	for ; n > 127; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return string(append(out, byte(n))) + body
}

// TestDecodeTypes decodes types whose bytes differ from today's text formats or that tools make seldom.
func TestDecodeTypes(t *testing.T) {
	c, err := binary.Decode([]byte(preamble + section(7, "\x06"+
		"\x63\x73\x79"+ // map string u32
		"\x67\x7d\x04"+ // list u8 4
		"\x43\x00\x01\x00"+ // func async
		"\x64"+ // error-context
		"\x66\x01\x00"+ // stream of type 0
		"\x3f\x7e\x01\x05") + // resource of i64 with a destructor
		section(3, "\x02"+
			"\x00\x50\x00\x60\x00\x00"+ // sub func
			"\x50\x01\x02\x10\x01\x01\x00"))) // module type with an alias
	if err != nil {
		t.Fatal(err)
	}
	typ := func(i int) *binary.TypeDef { return c.Defs[i].(*binary.TypeDef) }
	if m := typ(0).Val; m.Kind != binary.DefMap || m.Key.Prim != binary.PrimString || m.Elem.Prim != binary.PrimU32 {
		t.Errorf("map: %+v", m)
	}
	if l := typ(1).Val; l.Kind != binary.DefList || !l.HasLen || l.Len != 4 {
		t.Errorf("fixed-length list: %+v", l)
	}
	if f := typ(2).Func; f == nil || !f.Async || f.Result != nil {
		t.Errorf("async func: %+v", f)
	}
	if p := typ(3).Val; p.Kind != binary.DefPrim || p.Prim != binary.PrimErrorContext {
		t.Errorf("error-context: %+v", p)
	}
	if s := typ(4).Val; s.Kind != binary.DefStream || s.Elem == nil || s.Elem.Prim != 0 || s.Elem.Index != 0 {
		t.Errorf("stream: %+v", s)
	}
	if r := typ(5).Resource; r.Rep != 0x7e || r.Dtor != 5 {
		t.Errorf("resource: %+v", r)
	}
	if ct := c.Defs[6].(*binary.CoreType); ct.Func != nil || ct.Other != "gc" {
		t.Errorf("core subtype: %+v", ct)
	}
	if m := c.Defs[7].(*binary.CoreType).Module; m == nil || len(m.Decls) != 1 || m.Decls[0].Alias.Count != 1 {
		t.Errorf("module type: %+v", m)
	}
}

// TestDecodeCanon decodes one of each canonical definition, with both values of the immediates that are booleans.
func TestDecodeCanon(t *testing.T) {
	c, err := binary.Decode([]byte(preamble + section(8, "\x09"+
		"\x00\x00\x02\x02\x06\x07\x03\x09"+
		"\x01\x00\x04\x02\x02\x03\x01"+
		"\x09\x00\x79\x01\x00"+
		"\x0a\x7f\x01"+
		"\x0c\x01"+
		"\x0c\x00"+
		"\x11\x03\x01"+
		"\x20\x01\x02"+
		"\x08")))
	if err != nil {
		t.Fatal(err)
	}
	def := func(i int) *binary.Canon { return c.Defs[i].(*binary.Canon) }
	if d := def(0); d.Op != "lift" || d.Func != 2 || !d.Opts.Async || d.Opts.Callback != 3 || d.Type != 9 || d.Opts.Memory != -1 {
		t.Errorf("lift: %+v", d)
	}
	if d := def(1); d.Op != "lower" || d.Func != 4 || d.Opts.Encoding != binary.Latin1UTF16 || d.Opts.Memory != 1 {
		t.Errorf("lower: %+v", d)
	}
	if d := def(2); d.Op != "task.return" || d.Result.Prim != binary.PrimU32 || !d.Opts.HasEncoding {
		t.Errorf("task.return: %+v", d)
	}
	if d := def(3); d.Op != "context.get" || d.SlotType != 0x7f || d.Slot != 1 {
		t.Errorf("context.get: %+v", d)
	}
	if !def(4).Cancellable || def(5).Cancellable || def(5).Op != "thread.yield" {
		t.Errorf("thread.yield: %+v %+v", def(4), def(5))
	}
	if d := def(6); d.Op != "stream.cancel-read" || d.Type != 3 || !d.Async {
		t.Errorf("stream.cancel-read: %+v", d)
	}
	if d := def(7); d.Op != "waitable-set.wait" || d.Memory != 2 || !d.Cancellable {
		t.Errorf("waitable-set.wait: %+v", d)
	}
	if d := def(8); d.Op != "backpressure.set" {
		t.Errorf("backpressure.set: %+v", d)
	}
}

func TestNamesAreLenient(t *testing.T) {
	names := "\x0ecomponent-name" + "\x00\x02\x01c" + "\x01\x06\x01\x01\x00\x02fn"
	for _, tt := range []struct{ name, in, component, fn string }{
		{"whole", section(0, names), "c", ""},
		{"broken at the end", section(0, names+"\xff"), "c", ""},
		{"garbage", section(0, "\x0ecomponent-name\xff\xfe\x01"), "", ""},
		{"sort", section(0, "\x0ecomponent-name"+"\x01\x06\x01\x01\x00\x02fn"), "", "fn"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := binary.Decode([]byte(preamble + tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Customs) != 1 || c.Customs[0].Name != "component-name" {
				t.Errorf("customs: %+v", c.Customs)
			}
			if c.Names.Component != tt.component {
				t.Errorf("component is named %q", c.Names.Component)
			}
			if got := c.Names.Sorts[binary.SortFunc][0]; tt.fn != "" && got != tt.fn {
				t.Errorf("func 0 is named %q", got)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	if got := binary.Printable("a\x1b[2J\u202eb\n"); got != "a\ufffd[2J\ufffdb\ufffd" {
		t.Errorf("%q", got)
	}
	if got := binary.Printable(strings.Repeat("ü", 1000)); len(got) > 610 || !strings.HasSuffix(got, "ü…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func TestSectionBoundaries(t *testing.T) {
	in := preamble + section(7, "\x01\x73") + section(0, "\x01x")
	got := binary.SectionBoundaries([]byte(in))
	if len(got) != 3 || got[0] != 8 || got[1] != 12 || got[2] != len(in) {
		t.Errorf("boundaries %v of %d bytes", got, len(in))
	}
	if binary.SectionBoundaries([]byte("\x00asm\x01\x00\x00\x00")) != nil {
		t.Error("a core module has boundaries")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(preamble))
	f.Add([]byte(preamble + section(7, "\x02\x72\x01\x01a\x7f\x40\x01\x01p\x00\x01\x00")))
	f.Add([]byte(preamble + section(8, "\x02\x00\x00\x02\x02\x06\x07\x03\x09\x20\x01\x02")))
	f.Add([]byte(preamble + section(4, preamble+section(10, "\x01\x02\x01i\x01\x02\x01a\x03\x01"))))
	f.Add([]byte(preamble + section(3, "\x01\x50\x03\x01\x60\x00\x00\x02\x10\x01\x00\x00\x03\x01e\x00\x00")))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := binary.Decode(in)
		if (c == nil) == (err == nil) {
			t.Fatalf("component %v with error %v", c, err)
		}
		if err != nil && (!errors.As(err, new(*binary.Error)) || err.Error() == "") {
			t.Fatalf("error %T %v", err, err)
		}
	})
}

func FuzzDecodeModule(f *testing.F) {
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x05\x01\x01f\x00\x00"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x06\x06\x01\x7f\x00\x41\x00\x0b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := binary.DecodeModule(in, 100)
		if (m == nil) == (err == nil) {
			t.Fatalf("module %v with error %v", m, err)
		}
	})
}
