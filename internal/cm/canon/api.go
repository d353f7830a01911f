package canon

import (
	"context"
	"math"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// DefaultBudget is how many bytes of host memory the values lifted in one call may take where a Context sets no bound.
// Lists may overlap in guest memory, so that a small memory can describe a value of any size.
const DefaultBudget = 1 << 29

// leastBudget is what the values of one call may take even if the account is full, so that a guest can still react to that.
const leastBudget = 16 << 10

// Memory returns a guest's memory as it is now; views are fetched again after guest code has run.
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
	// LiftAsync takes a readable end of a stream or future out of the table, or reads an error context, as t says; LowerAsync takes
	// its result.
	LiftAsync(t *cm.Type, handle uint32) (any, error)
	LowerAsync(t *cm.Type, object any) (uint32, error)
}

// Context is one side of one call: whose memory, which encoding, which handle table. It is reused between calls; nothing
// in it outlives the call. Not safe for concurrent use.
type Context struct {
	Ctx      context.Context
	Memory   Memory // nil where the types need none
	Encoding binary.StringEncoding
	Realloc  func(ctx context.Context, oldPtr, oldSize, align, newSize uint32) (uint32, error)
	Handles  Handles
	// BorrowBytes makes lists of u8 that are lifted views of the memory, good until guest code runs or the memory is written to.
	BorrowBytes bool
	// Account bounds the host memory that one LiftArgs or LiftResult may take, as DefaultBudget does: to what is available in it, or
	// leastBudget if that is more. Lifting reserves nothing in it: see Spent.
	Account *cm.Account

	mem     []byte   // Memory's bytes since guest code last ran
	budget  uint64   // of this lifting
	left    uint64   // of the budget
	free    []cm.Val // of the array that aggregates of this lifting share
	shared  int      // its length
	outside error    // the error of Realloc, which is returned unchanged
}

// begin fetches the memory, which guest code may have grown since the last call.
func (cx *Context) begin() {
	cx.mem, cx.outside = nil, nil
	if cx.Memory != nil {
		cx.mem = cx.Memory.Bytes()
	}
}

// beginLift is begin for a lifting, which has a budget.
func (cx *Context) beginLift() {
	cx.begin()
	cx.budget = max(cx.Account.Available(DefaultBudget), leastBudget)
	cx.left = cx.budget
	cx.free, cx.shared = nil, 0
}

// Spent is the host memory in bytes that the last LiftArgs or LiftResult has taken, for as long as its values are kept.
func (cx *Context) Spent() int { return int(cx.budget - cx.left) }

// spend takes n bytes from the budget.
func (cx *Context) spend(n uint64) error {
	if n >= 1<<20 && n <= cx.left && !cx.Account.Fits(int(n)) {
		return cx.Account.Reserve(int(n)) // which says so
	}
	if n <= cx.left {
		cx.left -= n
		return nil
	}
	if cx.budget < DefaultBudget {
		if err := cx.Account.Reserve(cx.Spent() + int(min(n, math.MaxInt32))); err != nil {
			return err
		}
	}
	return cm.Trapf(cm.TrapHostMemory, "values lifted in one call need more than %d bytes of host memory, which is the most in any case", uint64(DefaultBudget))
}

// check traps unless ptr is aligned and size bytes from it are inside the memory, in this order.
func (cx *Context) check(ptr, align uint32, size uint64, what string) error {
	if ptr&(align-1) != 0 {
		return cm.Trapf(cm.TrapUnaligned, "%s at %#x: want a multiple of %d", what, ptr, align)
	}
	if uint64(ptr)+size > uint64(len(cx.mem)) {
		return cm.Trapf(cm.TrapBadPointer, "%s at %#x, %d bytes: beyond the memory's %d bytes", what, ptr, size, len(cx.mem))
	}
	return nil
}

// realloc calls the guest's allocator, fetches the memory again and checks the result.
func (cx *Context) realloc(old, oldSize, align, size uint32) (uint32, error) {
	if cx.Realloc == nil {
		return 0, cm.Trapf(cm.TrapBug, "a value needs realloc, which the canonical options lack")
	}
	ptr, err := cx.Realloc(cx.Ctx, old, oldSize, align, size)
	if err != nil {
		cx.outside = err
		return 0, err
	}
	cx.mem = nil
	if cx.Memory != nil {
		cx.mem = cx.Memory.Bytes()
	}
	if ptr&(align-1) != 0 {
		return 0, cm.Trapf(cm.TrapUnaligned, "realloc returned %#x: want a multiple of %d", ptr, align)
	}
	if uint64(ptr)+uint64(size) > uint64(len(cx.mem)) {
		return 0, cm.Trapf(cm.TrapBadRealloc, "realloc returned %#x for %d bytes: beyond the memory's %d bytes", ptr, size, len(cx.mem))
	}
	return ptr, nil
}

// where puts a place before the detail of a trap; an error of Realloc passes unchanged.
func (cx *Context) where(place string, err error) error {
	if err == nil || err == cx.outside {
		return err
	}
	t, ok := err.(*cm.Trap)
	if !ok {
		return err
	}
	at := *t
	at.Detail = place + ": " + t.Detail
	return &at
}
