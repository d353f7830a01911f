package binary

// canonForms gives each opcode of a canonical definition but lift and lower its name and its immediates in order:
//
//	t type index   o options   a async?   c cancel?   m memory   v core value type   u slot
//	r result list  y core type b table
//
// 0x08 is the form that backpressure.inc and .dec have replaced; it is decoded so that it can be refused by name. The
// built-ins of shared-everything-threads (0x40 to 0x42) are refused by name at once: whether they carry a shared?
// immediate differs between the specification and the tools that make them, so what follows them could be misread.
var canonForms = map[byte]struct {
	op   CanonOp
	imms string
}{
	0x02: {OpResourceNew, "t"},
	0x03: {OpResourceDrop, "t"},
	0x04: {OpResourceRep, "t"},
	0x05: {OpTaskCancel, ""},
	0x06: {OpSubtaskCancel, "a"},
	0x08: {OpBackpressureSet, ""},
	0x09: {OpTaskReturn, "ro"},
	0x0a: {OpContextGet, "vu"},
	0x0b: {OpContextSet, "vu"},
	0x0c: {OpThreadYield, "c"},
	0x0d: {OpSubtaskDrop, ""},
	0x0e: {OpStreamNew, "t"},
	0x0f: {OpStreamRead, "to"},
	0x10: {OpStreamWrite, "to"},
	0x11: {OpStreamCancelRead, "ta"},
	0x12: {OpStreamCancelWrite, "ta"},
	0x13: {OpStreamDropReadable, "t"},
	0x14: {OpStreamDropWritable, "t"},
	0x15: {OpFutureNew, "t"},
	0x16: {OpFutureRead, "to"},
	0x17: {OpFutureWrite, "to"},
	0x18: {OpFutureCancelRead, "ta"},
	0x19: {OpFutureCancelWrite, "ta"},
	0x1a: {OpFutureDropReadable, "t"},
	0x1b: {OpFutureDropWritable, "t"},
	0x1c: {OpErrorContextNew, "o"},
	0x1d: {OpErrorContextDebugMessage, "o"},
	0x1e: {OpErrorContextDrop, ""},
	0x1f: {OpWaitableSetNew, ""},
	0x20: {OpWaitableSetWait, "cm"},
	0x21: {OpWaitableSetPoll, "cm"},
	0x22: {OpWaitableSetDrop, ""},
	0x23: {OpWaitableJoin, ""},
	0x24: {OpBackpressureInc, ""},
	0x25: {OpBackpressureDec, ""},
	0x26: {OpThreadIndex, ""},
	0x27: {OpThreadNewIndirect, "yb"},
	0x28: {OpThreadResumeLater, ""},
	0x29: {OpThreadSuspend, "c"},
	0x2a: {OpThreadSuspendThenResume, "c"},
	0x2b: {OpThreadYieldThenResume, "c"},
	0x2c: {OpThreadSuspendThenPromote, "c"},
	0x2d: {OpThreadYieldThenPromote, "c"},
}

// canon reads a canonical definition (Binary.md, Canonical Definitions).
func (r *reader) canon() *Canon {
	start := r.pos
	c := &Canon{At: At{start}, Opts: noOpts()}
	b := r.u8()
	switch {
	case !r.ok():
	case b == 0x00:
		r.funcByte("lift")
		c.Op, c.Func = OpLift, r.index()
		r.canonOpts(&c.Opts)
		c.Type = r.index()
	case b == 0x01:
		r.funcByte("lower")
		c.Op, c.Func = OpLower, r.index()
		r.canonOpts(&c.Opts)
	case b >= 0x40 && b <= 0x42:
		r.feature(start, "shared-everything-threads", "the component uses canon "+
			[]string{"thread.spawn-ref", "thread.spawn-indirect", "thread.available-parallelism"}[b-0x40])
	default:
		f, known := canonForms[b]
		if !known {
			r.badByte(start, b, "canonical function")
			break
		}
		c.Op = f.op
		for _, imm := range f.imms {
			r.canonImm(c, imm)
		}
	}
	return c
}

// funcByte reads the sort byte that lift and lower carry.
func (r *reader) funcByte(op string) {
	start := r.pos
	if b := r.u8(); r.ok() && b != 0 {
		r.badByte(start, b, "canonical function "+op)
	}
}

func (r *reader) canonImm(c *Canon, imm rune) {
	switch imm {
	case 't', 'y':
		c.Type = r.index()
	case 'o':
		r.canonOpts(&c.Opts)
	case 'a':
		c.Async = r.flag("async")
	case 'c':
		c.Cancellable = r.flag("cancellable")
	case 'm':
		c.Memory = r.index()
	case 'b':
		c.Table = r.index()
	case 'r':
		c.Result = r.resultList()
	case 'u':
		c.Slot = r.u32()
	case 'v':
		start := r.pos
		c.SlotType = CoreValType(r.u8())
		if r.ok() && c.SlotType != 0x7f && c.SlotType != 0x7e {
			r.badByte(start, byte(c.SlotType), "the type of a context slot")
		}
	}
}

func noOpts() CanonOpts {
	return CanonOpts{Memory: -1, Realloc: -1, PostReturn: -1, Callback: -1, CoreType: -1}
}

// canonOpts reads options. Giving one twice, or two encodings, is a conflict that only the bytes show, so it is
// refused here.
func (r *reader) canonOpts(o *CanonOpts) {
	r.vec("canonical options", maxOpts, func() {
		start := r.pos
		b := r.u8()
		once := func(set bool, what string) {
			if set {
				r.malformed(start, "canonical option `%s` is specified more than once", what)
			}
		}
		index := func(to *int, what string) {
			once(*to >= 0, what)
			*to = int(r.index())
		}
		if !r.ok() {
			return
		}
		switch b {
		case 0x00, 0x01, 0x02:
			if o.HasEncoding {
				r.malformed(start, "canonical encoding option conflicts with an earlier one")
			}
			o.Encoding, o.HasEncoding = StringEncoding(b), true
		case 0x03:
			index(&o.Memory, "memory")
		case 0x04:
			index(&o.Realloc, "realloc")
		case 0x05:
			index(&o.PostReturn, "post-return")
		case 0x06:
			once(o.Async, "async")
			o.Async = true
		case 0x07:
			index(&o.Callback, "callback")
		case 0x08:
			index(&o.CoreType, "core-type")
		case 0x09:
			once(o.GC, "gc")
			o.GC = true
		default:
			r.badByte(start, b, "canonical option")
		}
	})
}
