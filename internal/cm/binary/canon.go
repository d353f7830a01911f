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
	0x02: {"resource.new", "t"},
	0x03: {"resource.drop", "t"},
	0x04: {"resource.rep", "t"},
	0x05: {"task.cancel", ""},
	0x06: {"subtask.cancel", "a"},
	0x08: {"backpressure.set", ""},
	0x09: {"task.return", "ro"},
	0x0a: {"context.get", "vu"},
	0x0b: {"context.set", "vu"},
	0x0c: {"thread.yield", "c"},
	0x0d: {"subtask.drop", ""},
	0x0e: {"stream.new", "t"},
	0x0f: {"stream.read", "to"},
	0x10: {"stream.write", "to"},
	0x11: {"stream.cancel-read", "ta"},
	0x12: {"stream.cancel-write", "ta"},
	0x13: {"stream.drop-readable", "t"},
	0x14: {"stream.drop-writable", "t"},
	0x15: {"future.new", "t"},
	0x16: {"future.read", "to"},
	0x17: {"future.write", "to"},
	0x18: {"future.cancel-read", "ta"},
	0x19: {"future.cancel-write", "ta"},
	0x1a: {"future.drop-readable", "t"},
	0x1b: {"future.drop-writable", "t"},
	0x1c: {"error-context.new", "o"},
	0x1d: {"error-context.debug-message", "o"},
	0x1e: {"error-context.drop", ""},
	0x1f: {"waitable-set.new", ""},
	0x20: {"waitable-set.wait", "cm"},
	0x21: {"waitable-set.poll", "cm"},
	0x22: {"waitable-set.drop", ""},
	0x23: {"waitable.join", ""},
	0x24: {"backpressure.inc", ""},
	0x25: {"backpressure.dec", ""},
	0x26: {"thread.index", ""},
	0x27: {"thread.new-indirect", "yb"},
	0x28: {"thread.resume-later", ""},
	0x29: {"thread.suspend", "c"},
	0x2a: {"thread.suspend-then-resume", "c"},
	0x2b: {"thread.yield-then-resume", "c"},
	0x2c: {"thread.suspend-then-promote", "c"},
	0x2d: {"thread.yield-then-promote", "c"},
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
		c.Op, c.Func = "lift", r.index()
		r.canonOpts(&c.Opts)
		c.Type = r.index()
	case b == 0x01:
		r.funcByte("lower")
		c.Op, c.Func = "lower", r.index()
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
