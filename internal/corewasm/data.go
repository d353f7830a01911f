package corewasm

import "slices"

// maxGap is how many zeroes are written between two data segments to make one of them.
const maxGap = 32

// maxSpans bounds how many written spans are kept; gaps are not filled any more when there are more.
const maxSpans = 4096

// mergeData merges data segments where that cannot be observed: a linker that leaves out zeroes (Go's) makes tens of
// thousands, each of which an engine reads, checks and keeps for each instance. It appends the new content of the data
// section to out; false means that the section must be kept as it is.
//
// Only active segments of known offset that follow one another are merged, and only in a memory that the module defines,
// which is zero at first. Zeroes are only written where no earlier segment has written. There must be no data count
// section: without one, no code refers to a segment (WebAssembly specification §5.5.16).
func (m *module) mergeData(out []byte) ([]byte, bool) {
	if m.data == nil || m.dataCount >= 0 || m.nImports.memories > 0 || len(m.memories) == 0 {
		return out, false
	}
	r := &reader{b: m.data}
	n := r.u32()
	var start, end uint64
	var written spans
	count := uint32(0)
	out, total := appendPlaceholder(out)
	var length int // offset of the current segment's length
	flush := func() {
		if count > 0 {
			fillPlaceholder(out, length, uint32(len(out)-length-5))
		}
		written.add(start, end)
	}
	for i := uint32(0); i < n && r.err == nil; i++ {
		if flags := r.u32(); flags == 2 {
			r.u32()
		} else if flags != 0 {
			return out, false
		}
		if r.byte() != opI32Const {
			return out, false
		}
		at := uint64(uint32(r.sleb(32)))
		if r.byte() != opEnd {
			return out, false
		}
		b := r.bytes(int(r.u32()))
		if i == 0 || at < end || at-end > maxGap || at > end && !written.free(end, at) {
			flush()
			start, end = at, at
			count++
			out = append(appendI32(append(out, 0, opI32Const), int32(uint32(at))), opEnd)
			out, length = appendPlaceholder(out)
		}
		for ; end < at; end++ {
			out = append(out, 0)
		}
		out = append(out, b...)
		end += uint64(len(b))
	}
	flush()
	fillPlaceholder(out, total, count)
	return out, r.err == nil && count < n
}

// spans are the parts of a memory that were written, in order, none of which touches another.
type spans []span

type span struct{ from, to uint64 }

// find is the first span that ends behind at.
func (s spans) find(at uint64) int {
	i, _ := slices.BinarySearchFunc(s, at, func(x span, at uint64) int {
		if x.to <= at {
			return -1
		}
		return 1
	})
	return i
}

// free says whether nothing is known to be written there.
func (s spans) free(from, to uint64) bool {
	i := s.find(from)
	return len(s) <= maxSpans && (i == len(s) || s[i].from >= to)
}

// add adds a part, unless there are too many.
func (s *spans) add(from, to uint64) {
	if len(*s) > maxSpans || from == to {
		return
	}
	first := 0 // those that the part touches or overlaps are one with it
	if from > 0 {
		first = s.find(from - 1)
	}
	last := first
	for last < len(*s) && (*s)[last].from <= to {
		from, to = min(from, (*s)[last].from), max(to, (*s)[last].to)
		last++
	}
	*s = slices.Replace(*s, first, last, span{from, to})
}
