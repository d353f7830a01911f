package corewasm

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// UnsupportedError says that a module uses a feature that the engine lacks.
type UnsupportedError struct {
	Feature string // "multi-memory"
	Pos     int    // offset in the module
}

// Error names the feature and the place.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("core module at 0x%x: uses %s, which this runtime does not support", e.Pos, e.Feature)
}

// reader decodes bytes and keeps the first error, after which every read returns zero. base is the offset of b in the
// module, for messages.
type reader struct {
	b    []byte
	pos  int
	base int
	err  error
}

var errEnd = errors.New("unexpected end")

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("core module at 0x%x: %w", r.base+r.pos, fmt.Errorf(format, args...))
	}
	r.pos = len(r.b)
}

func (r *reader) unsupported(feature string) {
	if r.err == nil {
		r.err = &UnsupportedError{Feature: feature, Pos: r.base + r.pos}
	}
	r.pos = len(r.b)
}

func (r *reader) left() int { return len(r.b) - r.pos }

func (r *reader) byte() byte {
	if r.pos >= len(r.b) {
		r.fail("%w", errEnd)
		return 0
	}
	c := r.b[r.pos]
	r.pos++
	return c
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > r.left() {
		r.fail("%w", errEnd)
		return nil
	}
	b := r.b[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// u32 reads an unsigned LEB128 number.
func (r *reader) u32() uint32 {
	if r.pos < len(r.b) && r.b[r.pos] < 0x80 {
		r.pos++
		return uint32(r.b[r.pos-1])
	}
	return uint32(r.leb(32))
}

func (r *reader) leb(bits uint) uint64 {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if shift+7 > bits && (shift >= bits || c>>(bits-shift) != 0) {
			r.fail("number does not fit %d bits", bits)
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
}

// sleb reads a signed LEB128 number of at most bits bits.
func (r *reader) sleb(bits uint) int64 {
	var v int64
	for shift := uint(0); ; shift += 7 {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if shift+7 > bits {
			rest := bits - shift // bits of this byte that count; the others must repeat the sign
			if shift >= bits || c&0x80 != 0 {
				r.fail("number does not fit %d bits", bits)
				return 0
			}
			if s := int8(c<<1) >> rest; s != 0 && s != -1 {
				r.fail("number does not fit %d bits", bits)
				return 0
			}
		}
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}

// count reads the length of a vector whose elements take at least one byte each, and at most limit elements.
func (r *reader) count(what string, limit int) int {
	n := r.u32()
	if int64(n) > int64(limit) {
		r.fail("%d %s, more than the limit of %d", n, what, limit)
		return 0
	}
	if int(n) > r.left() {
		r.fail("%d %s: %w", n, what, errEnd)
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	n := r.u32()
	if int64(n) > int64(r.left()) {
		r.fail("name: %w", errEnd)
		return ""
	}
	b := r.bytes(int(n))
	if !utf8.Valid(b) {
		r.fail("name is not UTF-8")
		return ""
	}
	return string(b)
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendI32(b []byte, v int32) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendName(b []byte, s string) []byte {
	b = appendU32(b, uint32(len(s)))
	return append(b, s...)
}

func appendSection(b []byte, id byte, content []byte) []byte {
	b = append(b, id)
	b = appendU32(b, uint32(len(content)))
	return append(b, content...)
}

// appendPlaceholder reserves the bytes of the largest number for one that is known only after more has been written, which
// saves a copy; fillPlaceholder writes it.
func appendPlaceholder(b []byte) (_ []byte, at int) { return append(b, 0, 0, 0, 0, 0), len(b) }

func fillPlaceholder(b []byte, at int, v uint32) {
	for i := range 4 {
		b[at+i] = byte(v)&0x7f | 0x80
		v >>= 7
	}
	b[at+4] = byte(v)
}

// appendSectionOf writes a section whose content is appended by a function, or nothing if that returns false.
func appendSectionOf(b []byte, id byte, content func([]byte) ([]byte, bool)) ([]byte, bool) {
	start := len(b)
	b, size := appendPlaceholder(append(b, id))
	b, ok := content(b)
	if !ok {
		return b[:start], false
	}
	fillPlaceholder(b, size, uint32(len(b)-size-5))
	return b, true
}
