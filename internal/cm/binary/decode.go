package binary

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

const (
	versionComponent = 0x0d
	layerComponent   = 1
)

// Decode turns a file into a component. It returns an *[Error] or nil; the component shares the file's bytes, which
// must not change afterwards. No input makes it panic.
func Decode(wasm []byte) (*Component, error) {
	if err := checkPreamble(wasm); err != nil {
		return nil, err
	}
	r := &reader{state: &state{defs: defsFor(len(wasm))}, b: wasm, end: len(wasm), section: -1, frame: true}
	c := r.component()
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

// checkPreamble reports a file that is no component at all, by the kind of file that it is.
func checkPreamble(b []byte) error {
	magic := []byte("\x00asm")
	switch {
	case len(b) == 0:
		return &Error{Kind: KindEmpty, Msg: "the file is empty, not a component"}
	case !bytes.HasPrefix(b, magic):
		if len(b) < 4 && bytes.HasPrefix(magic, b) {
			return &Error{Kind: KindTruncated, Offset: len(b), Msg: "unexpected end of file: the file ends inside its first 4 bytes"}
		}
		return notWasm(b)
	case len(b) < 8:
		return &Error{Kind: KindTruncated, Offset: len(b), Msg: "unexpected end of file: the file ends inside its 8-byte preamble"}
	}
	version, layer := uint16(b[4])|uint16(b[5])<<8, uint16(b[6])|uint16(b[7])<<8
	switch {
	case layer == 0 && version == 1:
		return &Error{Kind: KindCoreModule, Offset: 4, Msg: "this is a core module, not a component; make one with " +
			"`vitrine component new` (or build for a component target such as wasm32-wasip2)"}
	case layer != layerComponent:
		return &Error{Kind: KindUnknownVersion, Offset: 6, Msg: fmt.Sprintf("unknown layer %d with version %#x: neither a core module "+
			"(version 1, layer 0) nor a component (version %#x, layer 1)", layer, version, versionComponent)}
	case version != versionComponent:
		return &Error{Kind: KindUnknownVersion, Offset: 4, Msg: fmt.Sprintf("unknown binary version %#x of a component: only %#x is understood; "+
			"build it again with current tools", version, versionComponent)}
	}
	return nil
}

func notWasm(b []byte) error {
	head := b[:min(len(b), 512)]
	for len(head) > 0 && len(head) > len(b[:min(len(b), 512)])-utf8.UTFMax && !utf8.Valid(head) {
		head = head[:len(head)-1] // the cut may split a rune
	}
	if utf8.Valid(head) && len(head) > 0 && !bytes.ContainsFunc(head, isBinary) {
		first := bytes.TrimLeft(head, " \t\r\n")
		if bytes.HasPrefix(first, []byte("(")) || bytes.HasPrefix(first, []byte(";;")) {
			return &Error{Kind: KindText, Msg: "this is WebAssembly text, not a binary component; turn it into one with `wasm-tools parse`"}
		}
		return &Error{Kind: KindText, Msg: "this is a text file, not a WebAssembly component"}
	}
	return &Error{Kind: KindNotWasm, Msg: fmt.Sprintf("this is not WebAssembly: a component begins with the bytes 00 61 73 6d, "+
		"this file with % x", b[:min(len(b), 4)])}
}

func isBinary(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\x1b' || r == 0x7f || r == utf8.RuneError
}

// component reads one component, preamble included, to the end of the window.
func (r *reader) component() *Component {
	start := r.pos
	r.enter("components")
	defer r.leave()
	c := &Component{Pos: start, Size: r.end - start}
	head := r.bytes(8, "the preamble")
	if !r.ok() {
		return c
	}
	if err, isErr := checkPreamble(head).(*Error); isErr {
		msg := err.Msg
		if err.Kind == KindCoreModule {
			msg = "this is a core module"
		}
		r.malformed(start, "expected a version header for a component: %s", msg)
		return c
	}
	for r.ok() && r.left() > 0 {
		r.sectionOf(c)
	}
	return c
}

// sectionOf reads one section and checks that it fills its size.
func (r *reader) sectionOf(c *Component) {
	start := r.pos
	id := r.u8()
	if r.ok() && int(id) >= len(sectionNames) {
		r.malformed(start, "malformed section id %d", id)
		return
	}
	outer := r.section
	r.section = int(id)
	defer func() { r.section = outer }()
	size := r.u32()
	body := r.pos
	r.bytes(size, "the section")
	if !r.ok() {
		return
	}
	s := &reader{state: r.state, b: r.b, pos: body, end: r.pos, section: int(id)}
	s.body(c)
	if s.ok() && s.left() > 0 {
		s.malformed(s.pos, "section size mismatch: %d bytes are left over", s.left())
	}
}

// body reads the contents of a section by its id. Sections may repeat and come in any order.
func (r *reader) body(c *Component) {
	switch r.section {
	case 0:
		r.custom(c)
	case 1:
		r.coreModule(c)
	case 4:
		r.spend()
		n := &NestedComponent{At: At{r.pos}}
		n.Component = r.component()
		c.add(n)
	case 9:
		r.start(c)
	default:
		r.vec("definitions", maxDefs, func() {
			r.spend()
			switch r.section {
			case 2:
				c.add(r.coreInstance())
			case 3:
				for _, t := range r.coreType() {
					c.add(t)
				}
			case 5:
				c.add(r.instance())
			case 6:
				c.add(r.alias())
			case 7:
				c.add(r.typeDef())
			case 8:
				c.add(r.canon())
			case 10:
				c.add(r.importDef())
			case 11:
				c.add(r.export())
			case 12:
				c.add(r.value())
			}
		})
	}
}

func (c *Component) add(d Def) { c.Defs = append(c.Defs, d) }

func (r *reader) coreModule(c *Component) {
	r.spend()
	start := r.pos
	m := &CoreModule{At: At{start}, Bytes: r.bytes(uint32(r.left()), "the module")}
	if len(m.Bytes) < 8 || !bytes.HasPrefix(m.Bytes, []byte("\x00asm\x01\x00\x00\x00")) {
		r.malformed(start, "expected a version header for a module: 00 61 73 6d 01 00 00 00")
	}
	c.add(m)
}

// SectionBoundaries gives the offsets between the top-level sections of a file: the end of the preamble, the end of
// every section that is whole. A file cut at one of them is still a sequence of whole sections. It is nil for what is
// no component.
func SectionBoundaries(wasm []byte) []int {
	if checkPreamble(wasm) != nil {
		return nil
	}
	r := &reader{state: &state{}, b: wasm, pos: 8, end: len(wasm), section: -1}
	bounds := []int{8}
	for r.left() > 0 {
		r.u8()
		r.bytes(r.u32(), "the section")
		if !r.ok() {
			break
		}
		bounds = append(bounds, r.pos)
	}
	return bounds
}
