package canon

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// Memory gives a guest's memory as it is now; views are fetched again after guest code has run.
type Memory interface{ Bytes() []byte }

// Handles turns handles of one component instance into resources and back. t is the resource type as the function's
// type names it (a type of the component's plan; the implementation maps it to the run-time type by its Slot).
type Handles interface {
	// LiftOwn takes the handle out of the table. A borrow, a lent handle or another type traps.
	LiftOwn(t *cm.ResourceType, handle uint32) (*cm.Resource, error)
	// LiftBorrow reads an own or borrow handle; an own handle counts as lent until the call ends.
	LiftBorrow(t *cm.ResourceType, handle uint32) (*cm.Resource, error)
	// LowerOwn and LowerBorrow add a handle. LowerBorrow gives the plain representation where the callee is the
	// component instance that defines the type (CanonicalABI.md §lower_borrow).
	LowerOwn(t *cm.ResourceType, r *cm.Resource) (uint32, error)
	LowerBorrow(t *cm.ResourceType, r *cm.Resource) (uint32, error)
}

// Context is one side of one call: whose memory, which encoding, which handle table. It is reused between calls; nothing
// in it outlives the call.
type Context struct {
	Ctx      context.Context
	Memory   Memory // nil where the types need none
	Encoding binary.StringEncoding
	Realloc  func(ctx context.Context, oldPtr, oldSize, align, newSize uint32) (uint32, error)
	Handles  Handles
}

// Func is a function type compiled for lifting and lowering: layouts and flattenings resolved once.
type Func struct {
	Type *cm.FuncType
	// CoreParams and CoreResults are the core signature of the *lowered* function (guest imports it): a result that does
	// not fit one core value is written through a trailing pointer parameter. LiftParams and LiftResults are that of the
	// *lifted* one (guest exports it): such a result comes back as a pointer. Synchronous ABI.
	CoreParams, CoreResults     []binary.CoreValType
	LiftedParams, LiftedResults []binary.CoreValType
	NeedsMemory, NeedsRealloc   bool // for the lowered direction; exact for both directions in the methods below
}

// Compile prepares a function type for the synchronous canonical ABI.
func Compile(t *cm.FuncType) (*Func, error) { panic("unwritten") }

// LiftArgs reads the arguments of a lowered function (guest → host) from the core stack into dst, which has one entry for
// each parameter.
func (f *Func) LiftArgs(cx *Context, stack []uint64, dst []cm.Val) error { panic("unwritten") }

// LowerResult writes the result of a lowered function: to stack[0], or through the return pointer that arrived in stack.
// Calls Realloc for strings and lists.
func (f *Func) LowerResult(cx *Context, result cm.Val, stack []uint64) error { panic("unwritten") }

// LowerArgs writes the arguments of a lifted function (host → guest) to the core stack, spilling to memory past 16.
func (f *Func) LowerArgs(cx *Context, args []cm.Val, stack []uint64) error { panic("unwritten") }

// LiftResult reads the result of a lifted function from the core stack; the zero Val if the type has none.
func (f *Func) LiftResult(cx *Context, stack []uint64) (cm.Val, error) { panic("unwritten") }

// StackLen is the length that stacks handed to these methods must have.
func (f *Func) StackLen() int { panic("unwritten") }
