package corewasm

import "slices"

// maxGap is how many zeroes are written between two data segments to make one of them.
const maxGap = 32

// maxStretches bounds how much is looked at for each gap.
const maxStretches = 256

// mergeData makes few data segments of many, where that changes nothing that anybody can see: a linker that leaves out
// zeroes (Go's) makes tens of thousands, each of which an engine reads, checks and remembers for each instance. raw is the
// content of a data section; false if it is better left alone.
//
// What is merged are active segments of known offset that follow one another, in a memory that is the module's own and
// therefore zero before. Zeroes are only written where no segment before them has put anything. There must be no data count
// section: where there is none, no code names a segment (WebAssembly specification §5.5.16).
func (m *module) mergeData(out []byte) ([]byte, bool) {
	if m.data == nil || m.dataCnt >= 0 || m.nImports.memories > 0 || len(m.memories) == 0 {
		return out, false
	}
	r := &reader{b: m.data}
	n := r.u32()
	var start, end uint64
	type stretch struct{ from, to uint64 }
	var written []stretch
	untouched := func(from, to uint64) bool {
		return len(written) <= maxStretches &&
			!slices.ContainsFunc(written, func(s stretch) bool { return s.from < to && from < s.to })
	}
	count := uint32(0)
	out, total := appendHole(out)
	var length int // where that of the segment at hand is to be written
	flush := func() {
		if count > 0 {
			fillHole(out, length, uint32(len(out)-length-5))
		}
		written = append(written, stretch{start, end})
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
		if i == 0 || at < end || at-end > maxGap || at > end && !untouched(end, at) {
			flush()
			start, end = at, at
			count++
			out = append(appendI32(append(out, 0, opI32Const), int32(uint32(at))), opEnd)
			out, length = appendHole(out)
		}
		for ; end < at; end++ {
			out = append(out, 0)
		}
		out = append(out, b...)
		end += uint64(len(b))
	}
	flush()
	fillHole(out, total, count)
	return out, r.err == nil && count < n
}
