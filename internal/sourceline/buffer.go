package sourceline

import "bytes"

// buffer reads bytes. What is behind their end reads as zeros, and bad is set.
type buffer struct {
	b   []byte
	pos int
	bad bool
}

func (b *buffer) left() int { return len(b.b) - b.pos }

func (b *buffer) bytes(n int) []byte {
	if n < 0 || n > b.left() {
		b.bad, b.pos = true, len(b.b)
		return nil
	}
	b.pos += n
	return b.b[b.pos-n : b.pos]
}

// fixed reads a number of n bytes, the lowest first.
func (b *buffer) fixed(n int) (v uint64) {
	for i, c := range b.bytes(n) {
		v |= uint64(c) << (8 * i)
	}
	return v
}

func (b *buffer) byte() byte { return byte(b.fixed(1)) }

// leb reads a LEB128 number; signed says that it has a sign. Bits beyond 64 are lost.
func (b *buffer) leb(signed bool) (v int64) {
	for shift := 0; ; shift += 7 {
		c := b.byte()
		if shift < 64 {
			v |= int64(c&0x7f) << shift
		}
		if c&0x80 == 0 || b.bad {
			if signed && c&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}

func (b *buffer) uleb() uint64 { return uint64(b.leb(false)) }

// text reads a text up to a zero byte, which it skips, and cuts it.
func (b *buffer) text() string {
	n := bytes.IndexByte(b.b[b.pos:], 0)
	if n < 0 {
		b.bad, b.pos = true, len(b.b)
		return ""
	}
	s := b.bytes(n)
	b.pos++
	return string(s[:min(n, maxName)])
}

// textAt is the text at an offset of a section, cut.
func textAt(section []byte, offset uint64) string {
	if offset >= uint64(len(section)) {
		return ""
	}
	s := section[offset:]
	s = s[:min(len(s), maxName)]
	if n := bytes.IndexByte(s, 0); n >= 0 {
		s = s[:n]
	}
	return string(s)
}
