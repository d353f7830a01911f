package canon

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"github.com/vitrine-wasm/vitrine/cm"
	cmbinary "github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
)

// utf16Tag marks the length of a latin1+utf16 string that is in UTF-16 (CanonicalABI.md §Loading, UTF16_TAG).
const utf16Tag = 1 << 31

// loadString reads a string from its pointer and tagged length (CanonicalABI.md §Loading, load_string_from_range).
func (cx *Context) loadString(ptr, units uint32) (cm.Val, error) {
	align, wide, length := uint32(1), false, uint64(units)
	switch cx.Encoding {
	case cmbinary.UTF16:
		align, wide = 2, true
	case cmbinary.Latin1UTF16:
		align, wide = 2, units&utf16Tag != 0
		length = uint64(units &^ utf16Tag)
	}
	size := length
	if wide {
		size *= 2
	}
	if size > types.MaxSize {
		return cm.Val{}, cm.Trapf(cm.TrapTooLong, "string of %d bytes, at most %d", size, types.MaxSize)
	}
	if err := cx.check(ptr, align, size, "string"); err != nil {
		return cm.Val{}, err
	}
	b := cx.mem[ptr : uint64(ptr)+size]
	switch {
	case wide:
		return cx.liftUTF16(b)
	case cx.Encoding == cmbinary.Latin1UTF16:
		return cx.liftLatin1(b)
	}
	if !utf8.Valid(b) {
		return cm.Val{}, cm.Trapf(cm.TrapBadString, "string at %#x, %d bytes, is not valid UTF-8", ptr, size)
	}
	if err := cx.spend(size); err != nil {
		return cm.Val{}, err
	}
	return cm.StringVal(string(b)), nil
}

func (cx *Context) liftUTF16(b []byte) (cm.Val, error) {
	size := uint64(0) // in UTF-8
	for i := 0; i < len(b); {
		r, width := decodeUTF16(b[i:])
		if width == 0 {
			return cm.Val{}, cm.Trapf(cm.TrapBadString, "string has an unpaired surrogate at code unit %d", i/2)
		}
		size += uint64(utf8.RuneLen(r))
		i += width
	}
	if err := cx.spend(size); err != nil {
		return cm.Val{}, err
	}
	out := make([]byte, 0, size)
	for i := 0; i < len(b); {
		r, width := decodeUTF16(b[i:])
		out = utf8.AppendRune(out, r)
		i += width
	}
	return cm.StringVal(asString(out)), nil
}

// decodeUTF16 reads one scalar value and says how many bytes it took; 0 for an unpaired surrogate.
func decodeUTF16(b []byte) (rune, int) {
	r := rune(binary.LittleEndian.Uint16(b))
	if !utf16.IsSurrogate(r) {
		return r, 2
	}
	if len(b) < 4 {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(b[2:]))); r == utf8.RuneError {
		return 0, 0
	}
	return r, 4
}

func (cx *Context) liftLatin1(b []byte) (cm.Val, error) {
	size := uint64(len(b))
	for _, c := range b {
		if c >= utf8.RuneSelf {
			size++
		}
	}
	if err := cx.spend(size); err != nil {
		return cm.Val{}, err
	}
	out := make([]byte, 0, size)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return cm.StringVal(asString(out)), nil
}

// lowerString writes a string in the guest's encoding to memory from realloc and gives its pointer and tagged length. The
// sequence of reallocs is that of a UTF-8 source (CanonicalABI.md §Storing, store_string_into_range), which every string
// of the host is, also one that was lifted from a guest with another encoding.
func (cx *Context) lowerString(v cm.Val) (ptr, units uint32, err error) {
	s := v.Str()
	if len(s) > types.MaxSize {
		return 0, 0, cm.Trapf(cm.TrapTooLong, "string of %d bytes, at most %d", len(s), types.MaxSize)
	}
	if !utf8.ValidString(s) {
		return 0, 0, cm.Trapf(cm.TrapHost, "host string is not valid UTF-8")
	}
	switch cx.Encoding {
	case cmbinary.UTF16:
		return cx.lowerUTF16(s)
	case cmbinary.Latin1UTF16:
		return cx.lowerLatin1(s)
	}
	ptr, err = cx.realloc(0, 0, 1, uint32(len(s)))
	if err != nil {
		return 0, 0, err
	}
	copy(cx.mem[ptr:], s)
	return ptr, uint32(len(s)), nil
}

// lowerUTF16 allocates for the worst case and shrinks the allocation (store_utf8_to_utf16).
func (cx *Context) lowerUTF16(s string) (ptr, units uint32, err error) {
	worst := 2 * uint32(len(s))
	if ptr, err = cx.realloc(0, 0, 2, worst); err != nil {
		return 0, 0, err
	}
	size := putUTF16(cx.mem[ptr:], s)
	if size < worst {
		if ptr, err = cx.realloc(ptr, worst, 2, size); err != nil {
			return 0, 0, err
		}
	}
	return ptr, size / 2, nil
}

// putUTF16 writes s and says how many bytes it took: at most two for each byte of s.
func putUTF16(m []byte, s string) (size uint32) {
	for _, r := range s {
		if r < 0x10000 {
			binary.LittleEndian.PutUint16(m[size:], uint16(r))
			size += 2
			continue
		}
		hi, lo := utf16.EncodeRune(r)
		binary.LittleEndian.PutUint16(m[size:], uint16(hi))
		binary.LittleEndian.PutUint16(m[size+2:], uint16(lo))
		size += 4
	}
	return size
}

// lowerLatin1 writes Latin-1 until a character does not fit, then widens what it has written and goes on in UTF-16
// (store_string_to_latin1_or_utf16).
func (cx *Context) lowerLatin1(s string) (ptr, units uint32, err error) {
	n := uint32(len(s))
	if ptr, err = cx.realloc(0, 0, 2, n); err != nil {
		return 0, 0, err
	}
	size := uint32(0)
	for i, r := range s {
		if r >= 1<<8 {
			return cx.widen(ptr, size, n, s[i:])
		}
		cx.mem[ptr+size] = byte(r)
		size++
	}
	if size < n {
		if ptr, err = cx.realloc(ptr, n, 2, size); err != nil {
			return 0, 0, err
		}
	}
	return ptr, size, nil
}

// widen turns the done bytes of Latin-1 at ptr, in an allocation of n bytes, to UTF-16 and appends rest.
func (cx *Context) widen(ptr, done, n uint32, rest string) (uint32, uint32, error) {
	worst := 2 * n
	ptr, err := cx.realloc(ptr, n, 2, worst)
	if err != nil {
		return 0, 0, err
	}
	m := cx.mem[ptr:]
	for j := int(done) - 1; j >= 0; j-- {
		m[2*j], m[2*j+1] = m[j], 0
	}
	size := 2*done + putUTF16(m[2*done:], rest)
	if size < worst {
		if ptr, err = cx.realloc(ptr, worst, 2, size); err != nil {
			return 0, 0, err
		}
	}
	return ptr, size/2 | utf16Tag, nil
}

// asString makes a string of bytes that do not change any more.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
