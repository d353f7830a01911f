package sourceline

import "strings"

// header is what precedes a line number program (DWARF Version 5 §6.2.4).
type header struct {
	version    int
	minimum    uint64 // length of instructions
	lineBase   int64
	lineRange  uint64
	opcodeBase int
	operands   []byte // numbers of standard opcodes' operands
	folders    []name
	files      []name
	code       *buffer
	index      map[uint64]uint32 // of files of the program in the table
}

// name is where a name is, read when it is needed.
type name struct {
	text   string // where it is in the header itself
	from   []byte // else the section that has it
	offset uint64
	folder uint64
}

func (n *name) String() string {
	if n.from != nil {
		return textAt(n.from, n.offset)
	}
	return n.text
}

func (r *tables) header(b *buffer) (h *header, ok bool) {
	h = &header{version: int(b.fixed(2)), index: map[uint64]uint32{}}
	if h.version < 2 || h.version > 5 {
		return nil, false
	}
	if h.version == 5 {
		b.bytes(2) // sizes of addresses and segments
	}
	length := b.fixed(4)
	if length > uint64(b.left()) {
		return nil, false
	}
	h.code = &buffer{b: b.b, pos: b.pos + int(length)}
	b = &buffer{b: b.b[:h.code.pos], pos: b.pos}
	h.minimum = b.fixed(1)
	if h.version >= 4 {
		b.byte() // operations of an instruction: WebAssembly has one
	}
	b.byte() // whether rows are statements at first
	h.lineBase, h.lineRange, h.opcodeBase = int64(int8(b.byte())), b.fixed(1), int(b.byte())
	if h.lineRange == 0 || h.opcodeBase == 0 {
		return nil, false
	}
	h.operands = b.bytes(h.opcodeBase - 1)
	if h.version == 5 {
		h.folders = r.entries(b)
		h.files = r.entries(b)
	} else {
		h.folders = append(h.folders, name{}) // number 0 is that of the compilation
		for s := b.text(); s != "" && len(h.folders) < maxFiles; s = b.text() {
			h.folders = append(h.folders, name{text: s})
		}
		h.files = append(h.files, name{}) // numbers start with 1
		for s := b.text(); s != "" && len(h.files) < maxFiles; s = b.text() {
			h.files = append(h.files, name{text: s, folder: b.uleb()})
			b.uleb() // modification time
			b.uleb() // size
		}
	}
	return h, !b.bad
}

// Contents and forms of entries in headers of version 5 (DWARF Version 5 §6.2.4.1, §7.5.6).
const (
	contentPath   = 1
	contentFolder = 2

	formString  = 0x08
	formData1   = 0x0b
	formData2   = 0x05
	formData4   = 0x06
	formData8   = 0x07
	formData16  = 0x1e
	formUdata   = 0x0f
	formStrp    = 0x0e
	formLineStr = 0x1f
	formBlock   = 0x09
)

// entries reads a list of folders or files of version 5.
func (r *tables) entries(b *buffer) (list []name) {
	type field struct{ content, form uint64 }
	fields := make([]field, b.byte())
	for i := range fields {
		fields[i] = field{b.uleb(), b.uleb()}
	}
	for n := b.uleb(); n > 0 && !b.bad; n-- {
		if len(fields) == 0 || len(list) == maxFiles {
			b.bad = true
			return nil
		}
		var e name
		for _, f := range fields {
			r.value(b, f.form, &e, f.content)
		}
		list = append(list, e)
	}
	return list
}

// value reads a field of an entry into e.
func (r *tables) value(b *buffer, form uint64, e *name, content uint64) {
	var v name
	var number uint64
	switch form {
	case formString:
		v.text = b.text()
	case formLineStr:
		v = name{from: r.sections.LineStr, offset: b.fixed(4)}
	case formStrp:
		v = name{from: r.sections.Str, offset: b.fixed(4)}
	case formUdata:
		number = b.uleb()
	case formData1:
		number = b.fixed(1)
	case formData2:
		number = b.fixed(2)
	case formData4:
		number = b.fixed(4)
	case formData8:
		number = b.fixed(8)
	case formData16:
		b.bytes(16)
	case formBlock:
		b.bytes(int(min(b.uleb(), maxBytes+1)))
	default:
		b.bad = true
	}
	switch content {
	case contentPath:
		e.text, e.from, e.offset = v.text, v.from, v.offset
	case contentFolder:
		e.folder = number
	}
}

// path is a file's name with its folder's.
func (h *header) path(file uint64) string {
	if file >= uint64(len(h.files)) {
		return ""
	}
	f := &h.files[file]
	s := f.String()
	if strings.HasPrefix(s, "/") || f.folder >= uint64(len(h.folders)) {
		return s
	}
	folder := h.folders[f.folder].String()
	if folder != "" && !strings.HasPrefix(folder, "/") && h.version == 5 && f.folder > 0 {
		if base := h.folders[0].String(); base != "" {
			folder = base + "/" + folder
		}
	}
	if folder == "" {
		return s
	}
	return folder + "/" + s
}
