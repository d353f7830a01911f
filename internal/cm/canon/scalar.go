package canon

import "github.com/vitrine-wasm/vitrine/cm"

// Scalar says that every parameter, and the result if there is one, is one core value that needs neither memory nor
// handles: most of what is called often. Such functions are lifted and lowered value by value, without a Context.
func (f *Func) Scalar() bool {
	for _, n := range f.params {
		if !n.isScalar() {
			return false
		}
	}
	return !f.spillParams && (f.result == nil || f.result.isScalar())
}

func (n *node) isScalar() bool {
	switch n.op {
	case opBool, opS8, opU8, opS16, opU16, opS32, opU32, opS64, opU64, opF32, opF64, opChar, opFlags, opEnum:
		return true
	}
	return false
}

// LiftScalar reads parameter i of a function that is Scalar.
func (f *Func) LiftScalar(i int, core uint64) (cm.Val, error) {
	n := f.params[i]
	if n.op == opU32 {
		return cm.U32Val(uint32(core)), nil
	}
	v, err := n.scalar(core)
	if err != nil {
		return v, (&Context{}).where("parameter "+f.Type.Params[i].Name, err)
	}
	return v, nil
}

// LowerScalar writes the result of a function that is Scalar; it has one.
func (f *Func) LowerScalar(v cm.Val) (uint64, error) {
	n := f.result
	if !v.Holds(n.kind) {
		return 0, n.badForm()
	}
	if n.op == opU32 {
		return uint64(v.U32()), nil
	}
	core, err := n.lowerScalar(nil, v)
	if err != nil {
		return 0, (&Context{}).where("result", err)
	}
	return core, nil
}
