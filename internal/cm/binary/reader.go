package binary

import (
	"fmt"
	"unicode/utf8"
)

// Bounds of this implementation. Each is far above what tools produce; they keep hostile input from costing more than
// its size justifies, and everything that decodes within what the later stages can hold.
const (
	maxDepth      = 100       // components in components, types in types
	maxDefs       = 1_000_000 // definitions and declarations of the whole file; fewer in small files
	maxNameLen    = 100_000
	maxFields     = 10_000 // record fields, variant cases, tuple elements, enum labels
	maxFlags      = 1_000  // the specification's own bound is lower; validation says it
	maxParams     = 1_000
	maxArgs       = 100_000 // arguments and exports of an instance
	maxIndex      = 1 << 30 // above every index space that maxDefs allows
	maxOpts       = 16
	maxStartArgs  = 1_000
	maxStartCount = 1_000
)

// state is shared by all readers of one file.
type state struct {
	err   *Error
	defs  int // left of maxDefs
	depth int
	core  bool // sections are those of a core module
	base  int  // offset in the file of what is read
}

// reader reads a window of the file. The first error sticks: everything read after it is zero, so that callers check
// once, at the ends of loops and before they keep what they have read.
type reader struct {
	*state
	b       []byte // the whole file
	pos     int
	end     int
	section int  // id of the innermost section, or -1
	frame   bool // the window is the file itself
}

func (r *reader) ok() bool { return r.err == nil }

func (r *reader) left() int { return r.end - r.pos }

func (r *reader) fail(pos int, kind Kind, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Kind: kind, Offset: r.base + pos, Section: sectionName(r.section), Msg: Printable(fmt.Sprintf(format, args...))}
		if r.core && r.section >= 0 {
			r.err.Section = fmt.Sprintf("%d (%s) of a core module", r.section, coreSectionNames[r.section])
		}
	}
}

// feature refuses a gated feature by its name.
func (r *reader) feature(pos int, name, what string) {
	if r.err == nil {
		r.fail(pos, KindFeature, "feature %q is not supported: %s", name, what)
		r.err.Feature = name
	}
}

func (r *reader) malformed(pos int, format string, args ...any) {
	r.fail(pos, KindMalformed, format, args...)
}

// badByte reports a byte that is no alternative of the production named what.
func (r *reader) badByte(pos int, b byte, what string) {
	r.malformed(pos, "invalid leading byte (%#x) for %s", b, what)
}

// short reports that the window ends too early: the file does when the window is the file.
func (r *reader) short(what string) {
	if r.frame {
		r.fail(r.end, KindTruncated, "unexpected end of file: %s", what)
		return
	}
	r.malformed(r.end, "unexpected end of section: %s", what)
}

func (r *reader) u8() byte {
	if !r.ok() {
		return 0
	}
	if r.pos >= r.end {
		r.short("one more byte is needed")
		return 0
	}
	b := r.b[r.pos]
	r.pos++
	return b
}

func (r *reader) peek() (byte, bool) {
	if !r.ok() || r.pos >= r.end {
		return 0, false
	}
	return r.b[r.pos], true
}

// leb reads an unsigned LEB128 number of at most bits bits.
func (r *reader) leb(bits uint) uint64 {
	start := r.pos
	var v uint64
	for shift := uint(0); ; shift += 7 {
		b := r.u8()
		if !r.ok() {
			return 0
		}
		if shift+7 > bits && b>>(bits-shift) != 0 {
			if b&0x80 != 0 {
				r.malformed(start, "integer representation too long")
			} else {
				r.malformed(start, "integer too large for %d bits", bits)
			}
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return v
		}
	}
}

func (r *reader) u32() uint32 { return uint32(r.leb(32)) }

func (r *reader) u64() uint64 { return r.leb(64) }

// s33 reads a signed LEB128 number of 33 bits: heap types, and type indices where a negative number is a type opcode.
func (r *reader) s33() int64 {
	start := r.pos
	var v int64
	for shift := uint(0); ; shift += 7 {
		b := r.u8()
		if !r.ok() {
			return 0
		}
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			shift += 7
			if b&0x40 != 0 {
				v |= -1 << shift
			}
			if v < -1<<32 || v >= 1<<32 {
				r.malformed(start, "integer too large for 33 bits")
				return 0
			}
			return v
		}
		if shift == 28 {
			r.malformed(start, "integer representation too long")
			return 0
		}
	}
}

// index reads an index of any index space.
func (r *reader) index() uint32 {
	start := r.pos
	v := r.u32()
	if v > maxIndex {
		r.malformed(start, "index %d out of bounds: no index space is that large", v)
		return 0
	}
	return v
}

// bytes takes n bytes of the file without copying.
func (r *reader) bytes(n uint32, what string) []byte {
	if !r.ok() {
		return nil
	}
	if uint64(n) > uint64(r.left()) {
		r.short(fmt.Sprintf("%s says %d bytes, %d are left", what, n, r.left()))
		return nil
	}
	b := r.b[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return b
}

func (r *reader) name() string {
	start := r.pos
	n := r.u32()
	if n > maxNameLen {
		if uint64(n) > uint64(r.left()) {
			r.short(fmt.Sprintf("a name says %d bytes, %d are left", n, r.left()))
		} else {
			r.fail(start, KindLimit, "a name of %d bytes is longer than %d", n, maxNameLen)
		}
		return ""
	}
	b := r.bytes(n, "a name")
	if !utf8.Valid(b) {
		r.malformed(start, "malformed UTF-8 encoding in a name")
		return ""
	}
	return string(b)
}

// vec reads a count and calls f that often, while there is no error. The count is never trusted for an allocation.
func (r *reader) vec(what string, limit int, f func()) {
	start := r.pos
	n := r.u32()
	if uint64(n) > uint64(r.left()) {
		r.short(fmt.Sprintf("a list of %s says %d entries, %d bytes are left", what, n, r.left()))
		return
	}
	if int(n) > limit {
		r.fail(start, KindLimit, "%d %s are more than %d", n, what, limit)
		return
	}
	for i := uint32(0); i < n && r.ok(); i++ {
		f()
	}
}

// defsFor bounds the definitions of a file by its size, since each costs far more memory than the byte or two that
// some of them take.
func defsFor(size int) int { return min(maxDefs, 10_000+size/4) }

// spend counts one definition or declaration against the file's bound.
func (r *reader) spend() {
	if r.defs--; r.defs < 0 {
		r.fail(r.pos, KindLimit, "too many definitions for a file of %d bytes", len(r.b))
	}
}

// enter and leave bound nesting.
func (r *reader) enter(what string) {
	if r.depth++; r.depth > maxDepth {
		r.fail(r.pos, KindLimit, "%s are nested deeper than %d", what, maxDepth)
	}
}

func (r *reader) leave() { r.depth-- }

// flag reads a boolean immediate.
func (r *reader) flag(what string) bool {
	start := r.pos
	switch b := r.u8(); b {
	case 0:
		return false
	case 1:
		return true
	default:
		r.malformed(start, "invalid boolean value (%#x) for %s", b, what)
		return false
	}
}
