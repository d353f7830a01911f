package canon

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/types"
)

// Func is a function type compiled for lifting and lowering: layouts and flattenings resolved once. Immutable; safe for
// concurrent use.
type Func struct {
	Type *cm.FuncType
	// CoreParams and CoreResults are the core signature of the *lowered* function (guest imports it): a result that does
	// not fit one core value is written through a trailing pointer parameter. LiftedParams and LiftedResults are that of
	// the *lifted* one (guest exports it): such a result comes back as a pointer. Synchronous ABI.
	CoreParams, CoreResults     []binary.CoreValType
	LiftedParams, LiftedResults []binary.CoreValType
	// AsyncParams are those of the function lowered by the asynchronous ABI, whose result is an i32; ReturnParams those of
	// task.return for its result. A function lifted by that ABI has LiftedParams, and an i32 as its result if it has a callback.
	AsyncParams, ReturnParams []binary.CoreValType
	// NeedsMemory and NeedsRealloc are the canonical options that the lowered function must have, LiftedNeedsMemory and
	// LiftedNeedsRealloc those of the lifted one.
	NeedsMemory, NeedsRealloc             bool
	LiftedNeedsMemory, LiftedNeedsRealloc bool
	// Has says what the parameters contain, and the result.
	ParamsHave, ResultHas types.Has

	params      []*node
	offsets     []uint32 // of the parameters as one tuple in memory
	size, align uint32   // of that tuple
	spillParams bool
	result      *node // nil where there is none
	returnInMem bool
	spillAsync  bool // parameters of the asynchronous ABI
	spillReturn bool // the parameter of task.return
	stack       int
}

// Compile prepares a function type for the synchronous canonical ABI.
func Compile(t *cm.FuncType) (*Func, error) { return NewCompiler(types.NewTable()).Compile(t) }

// Compile is the function [Compile], sharing nodes and layouts with the other functions of the compiler.
func (c *Compiler) Compile(t *cm.FuncType) (*Func, error) {
	f := &Func{Type: t, align: 1}
	if err := c.params(f); err != nil {
		return nil, err
	}
	if err := c.result(f); err != nil {
		return nil, err
	}
	f.stack = max(len(f.CoreParams), len(f.CoreResults), len(f.LiftedParams), len(f.LiftedResults), 1)
	// CanonicalABI.md §Flattening: what each direction needs of its options.
	paramPointers, resultPointers := f.ParamsHave&types.HasPointers != 0, f.ResultHas&types.HasPointers != 0
	f.NeedsMemory = paramPointers || f.spillParams || resultPointers || f.returnInMem
	f.NeedsRealloc = resultPointers
	f.LiftedNeedsMemory = f.NeedsMemory
	f.LiftedNeedsRealloc = paramPointers || f.spillParams
	return f, nil
}

func (c *Compiler) params(f *Func) error {
	var flat []binary.CoreValType
	for _, p := range f.Type.Params {
		n, l, err := c.typed(p.Type)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		f.params = append(f.params, n)
		f.ParamsHave |= l.Has
		f.spillParams = f.spillParams || l.Spills
		flat = append(flat, l.Flat...)
		f.align = max(f.align, n.align)
		at := types.AlignTo(f.size, n.align)
		f.offsets = append(f.offsets, at)
		if uint64(at)+uint64(n.size) > types.MaxSize {
			return fmt.Errorf("parameters exceed maximum byte size of %d", types.MaxSize)
		}
		f.size = at + n.size
	}
	f.size = types.AlignTo(f.size, f.align)
	if f.spillParams = f.spillParams || len(flat) > types.MaxFlatParams; f.spillParams {
		flat = []binary.CoreValType{types.I32}
	}
	f.CoreParams, f.LiftedParams = flat, flat[:len(flat):len(flat)]
	f.AsyncParams = f.LiftedParams
	if f.spillAsync = f.spillParams || len(flat) > types.MaxFlatAsyncParams; f.spillAsync {
		f.AsyncParams = []binary.CoreValType{types.I32}
	}
	return nil
}

func (c *Compiler) result(f *Func) error {
	if f.Type.Result == nil {
		return nil
	}
	n, l, err := c.typed(f.Type.Result)
	if err != nil {
		return fmt.Errorf("result: %w", err)
	}
	f.result, f.ResultHas = n, l.Has
	f.AsyncParams = append(f.AsyncParams[:len(f.AsyncParams):len(f.AsyncParams)], types.I32)
	f.ReturnParams = l.Flat
	if f.spillReturn = l.Spills || len(l.Flat) > types.MaxFlatParams; f.spillReturn {
		f.ReturnParams = []binary.CoreValType{types.I32}
	}
	if f.returnInMem = l.Spills || len(l.Flat) > types.MaxFlatResults; f.returnInMem {
		f.CoreParams = append(f.LiftedParams[:len(f.LiftedParams):len(f.LiftedParams)], types.I32)
		f.LiftedResults = []binary.CoreValType{types.I32}
		return nil
	}
	f.CoreResults, f.LiftedResults = l.Flat, l.Flat
	return nil
}

func (c *Compiler) typed(t *cm.Type) (*node, *types.Layout, error) {
	l, err := c.table.Layout(t)
	if err != nil {
		return nil, nil, err
	}
	n, err := c.node(t)
	return n, l, err
}

// StackLen is a length that suffices for the stack of any of the methods.
func (f *Func) StackLen() int { return f.stack }

// LiftArgs reads the arguments of a lowered function (guest → host) from the core stack into dst, which has one entry for
// each parameter. Values are copied, so that memory is not kept; but see [Context].BorrowBytes.
func (f *Func) LiftArgs(cx *Context, stack []uint64, dst []cm.Val) error {
	return f.liftArgs(cx, f.spillParams, stack, dst)
}

// LiftAsyncArgs is LiftArgs for a function that is lowered by the asynchronous ABI.
func (f *Func) LiftAsyncArgs(cx *Context, stack []uint64, dst []cm.Val) error {
	return f.liftArgs(cx, f.spillAsync, stack, dst)
}

func (f *Func) liftArgs(cx *Context, spilled bool, stack []uint64, dst []cm.Val) error {
	cx.beginLift()
	if spilled {
		ptr := uint32(stack[0])
		if err := cx.check(ptr, f.align, uint64(f.size), "arguments"); err != nil {
			return err
		}
		for i, n := range f.params {
			v, err := n.load(cx, ptr+f.offsets[i])
			if err != nil {
				return f.param(cx, i, err)
			}
			dst[i] = v
		}
		return nil
	}
	for i, n := range f.params {
		v, err := n.liftFlat(cx, stack)
		if err != nil {
			return f.param(cx, i, err)
		}
		dst[i], stack = v, stack[n.flat:]
	}
	return nil
}

// LowerResult writes the result of a lowered function: to stack[0], or through the return pointer that arrived in stack.
// Calls Realloc for strings and lists.
func (f *Func) LowerResult(cx *Context, result cm.Val, stack []uint64) error {
	if f.result == nil {
		return nil
	}
	cx.begin()
	if !f.returnInMem {
		return cx.where("result", f.result.lowerFlat(cx, result, stack))
	}
	return f.lowerResultAt(cx, result, uint32(stack[len(f.CoreParams)-1]))
}

// LowerAsyncResult writes the result of a function lowered by the asynchronous ABI, whose stack was as given when it was
// called.
func (f *Func) LowerAsyncResult(cx *Context, result cm.Val, stack []uint64) error {
	if f.result == nil {
		return nil
	}
	cx.begin()
	return f.lowerResultAt(cx, result, uint32(stack[len(f.AsyncParams)-1]))
}

func (f *Func) lowerResultAt(cx *Context, result cm.Val, ptr uint32) error {
	if err := cx.check(ptr, f.result.align, uint64(f.result.size), "return area"); err != nil {
		return err
	}
	return cx.where("result", f.result.store(cx, result, ptr))
}

// LowerArgs writes the arguments of a lifted function (host → guest) to the core stack, spilling to memory past 16.
func (f *Func) LowerArgs(cx *Context, args []cm.Val, stack []uint64) error {
	if len(args) != len(f.params) {
		return cm.Trapf(cm.TrapHost, "want %d arguments, got %d", len(f.params), len(args))
	}
	cx.begin()
	if f.spillParams {
		ptr, err := cx.realloc(0, 0, f.align, f.size)
		if err != nil {
			return err
		}
		for i, n := range f.params {
			if err := n.store(cx, args[i], ptr+f.offsets[i]); err != nil {
				return f.param(cx, i, err)
			}
		}
		stack[0] = uint64(ptr)
		return nil
	}
	for i, n := range f.params {
		if err := n.lowerFlat(cx, args[i], stack); err != nil {
			return f.param(cx, i, err)
		}
		stack = stack[n.flat:]
	}
	return nil
}

// LiftResult reads the result of a lifted function from the core stack; the zero Val if the type has none.
func (f *Func) LiftResult(cx *Context, stack []uint64) (cm.Val, error) {
	if f.result == nil {
		return cm.Val{}, nil
	}
	return f.liftResult(cx, f.returnInMem, stack)
}

// LiftReturn reads the result that task.return is called with; the zero Val if the type has none.
func (f *Func) LiftReturn(cx *Context, stack []uint64) (cm.Val, error) {
	if f.result == nil {
		return cm.Val{}, nil
	}
	return f.liftResult(cx, f.spillReturn, stack)
}

func (f *Func) liftResult(cx *Context, inMem bool, stack []uint64) (cm.Val, error) {
	cx.beginLift()
	if !inMem {
		v, err := f.result.liftFlat(cx, stack)
		return v, cx.where("result", err)
	}
	ptr := uint32(stack[0])
	if err := cx.check(ptr, f.result.align, uint64(f.result.size), "result"); err != nil {
		return cm.Val{}, err
	}
	v, err := f.result.load(cx, ptr)
	return v, cx.where("result", err)
}

func (f *Func) param(cx *Context, i int, err error) error {
	return cx.where("parameter "+f.Type.Params[i].Name, err)
}
