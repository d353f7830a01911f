package instance

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	bin "github.com/vitrine-wasm/vitrine/internal/cm/binary"
	"github.com/vitrine-wasm/vitrine/internal/cm/canon"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// builtIn is the trampoline of a built-in.
type builtIn struct {
	*plan.Trampoline
	elem *canon.Elem // stream.*, future.*
	fn   *canon.Func // task.return: of its result
}

// form is the core type of a built-in, and its function. late says that it may be called from realloc and post-return.
type form struct {
	params, results []bin.CoreValType
	run             func(*builtIn, *activation, []uint64) error
	late            bool
}

var (
	i32    = bin.CoreValType(0x7f)
	i64    = bin.CoreValType(0x7e)
	oneI32 = []bin.CoreValType{i32}
	twoI32 = []bin.CoreValType{i32, i32}
	triI32 = []bin.CoreValType{i32, i32, i32}
	oneI64 = []bin.CoreValType{i64}
)

// forms are the built-ins.
var forms = map[bin.CanonOp]form{
	bin.OpResourceNew:  {oneI32, oneI32, (*builtIn).resourceNew, false},
	bin.OpResourceRep:  {oneI32, oneI32, (*builtIn).resourceRep, true},
	bin.OpResourceDrop: {oneI32, nil, (*builtIn).resourceDrop, false},

	bin.OpContextGet:      {nil, oneI32, (*builtIn).contextGet, true},
	bin.OpContextSet:      {oneI32, nil, (*builtIn).contextSet, true},
	bin.OpBackpressureInc: {nil, nil, (*builtIn).backpressureInc, true},
	bin.OpBackpressureDec: {nil, nil, (*builtIn).backpressureDec, true},
	bin.OpTaskReturn:      {nil, nil, (*builtIn).taskReturn, false}, // its parameters are those of the result
	bin.OpTaskCancel:      {nil, nil, (*builtIn).taskCancel, false},
	bin.OpSubtaskCancel:   {oneI32, oneI32, (*builtIn).subtaskCancel, false},
	bin.OpSubtaskDrop:     {oneI32, nil, (*builtIn).subtaskDrop, false},

	bin.OpWaitableSetNew:  {nil, oneI32, (*builtIn).waitableSetNew, false},
	bin.OpWaitableSetWait: {twoI32, oneI32, (*builtIn).waitableSetWait, false},
	bin.OpWaitableSetPoll: {twoI32, oneI32, (*builtIn).waitableSetPoll, false},
	bin.OpWaitableSetDrop: {oneI32, nil, (*builtIn).waitableSetDrop, false},
	bin.OpWaitableJoin:    {twoI32, nil, (*builtIn).waitableJoin, false},

	bin.OpStreamNew:          {nil, oneI64, (*builtIn).conduitNew, false},
	bin.OpStreamRead:         {triI32, oneI32, (*builtIn).conduitRead, false},
	bin.OpStreamWrite:        {triI32, oneI32, (*builtIn).conduitWrite, false},
	bin.OpStreamCancelRead:   {oneI32, oneI32, (*builtIn).conduitCancelRead, false},
	bin.OpStreamCancelWrite:  {oneI32, oneI32, (*builtIn).conduitCancelWrite, false},
	bin.OpStreamDropReadable: {oneI32, nil, (*builtIn).conduitDropReadable, false},
	bin.OpStreamDropWritable: {oneI32, nil, (*builtIn).conduitDropWritable, false},
	bin.OpFutureNew:          {nil, oneI64, (*builtIn).conduitNew, false},
	bin.OpFutureRead:         {twoI32, oneI32, (*builtIn).conduitRead, false},
	bin.OpFutureWrite:        {twoI32, oneI32, (*builtIn).conduitWrite, false},
	bin.OpFutureCancelRead:   {oneI32, oneI32, (*builtIn).conduitCancelRead, false},
	bin.OpFutureCancelWrite:  {oneI32, oneI32, (*builtIn).conduitCancelWrite, false},
	bin.OpFutureDropReadable: {oneI32, nil, (*builtIn).conduitDropReadable, false},
	bin.OpFutureDropWritable: {oneI32, nil, (*builtIn).conduitDropWritable, false},

	bin.OpErrorContextNew:          {twoI32, oneI32, (*builtIn).errorContextNew, false},
	bin.OpErrorContextDebugMessage: {twoI32, nil, (*builtIn).errorContextMessage, false},
	bin.OpErrorContextDrop:         {oneI32, nil, (*builtIn).errorContextDrop, false},

	bin.OpThreadYield:              {nil, oneI32, (*builtIn).threadYield, false},
	bin.OpThreadIndex:              {nil, oneI32, (*builtIn).threadIndex, false},
	bin.OpThreadNewIndirect:        {twoI32, oneI32, (*builtIn).threadNewIndirect, false},
	bin.OpThreadResumeLater:        {oneI32, nil, (*builtIn).threadResumeLater, false},
	bin.OpThreadSuspend:            {nil, oneI32, (*builtIn).threadSuspend, false},
	bin.OpThreadSuspendThenResume:  {oneI32, oneI32, (*builtIn).threadSuspendThenResume, false},
	bin.OpThreadYieldThenResume:    {oneI32, oneI32, (*builtIn).threadYieldThenResume, false},
	bin.OpThreadSuspendThenPromote: {oneI32, oneI32, (*builtIn).threadSuspendThenPromote, false},
	bin.OpThreadYieldThenPromote:   {oneI32, oneI32, (*builtIn).threadYieldThenPromote, false},
}

// makeBuiltIn makes the trampoline of a built-in.
func makeBuiltIn(t *plan.Trampoline, compiler *canon.Compiler) (core.HostFunc, error) {
	f, ok := forms[t.Op]
	if !ok {
		return core.HostFunc{}, fmt.Errorf("canon %s cannot be run by this engine", t.Op)
	}
	b := &builtIn{Trampoline: t}
	out := core.HostFunc{Params: f.params, Results: f.results}
	var err error
	switch {
	case t.Op == bin.OpTaskReturn:
		if b.fn, err = compiler.Compile(&cm.FuncType{Result: t.Value}); err == nil {
			out.Params = b.fn.ReturnParams
		}
	case t.Value != nil:
		b.elem, err = compiler.Elem(t.Value.Elem)
	}
	out.Fn = func(ctx context.Context, stack []uint64) error {
		a := ctx.(*activation)
		a.shown = true
		if !f.late && a.store.instances[t.Instance].entry.NoLeave {
			return cm.Trapf(cm.TrapCannotLeave, "%s was called from realloc or post-return", t.Op)
		}
		return f.run(b, a, stack)
	}
	return out, err
}

// in is the component instance whose built-in it is.
func (b *builtIn) in(a *activation) *componentInstance { return &a.store.instances[b.Instance] }

func (b *builtIn) contextGet(a *activation, stack []uint64) error {
	stack[0] = uint64(a.Slots[b.Slot])
	return nil
}

func (b *builtIn) contextSet(a *activation, stack []uint64) error {
	a.Slots[b.Slot] = uint32(stack[0])
	return nil
}

func (b *builtIn) backpressureInc(a *activation, _ []uint64) error {
	return b.in(a).entry.AddBackpressure(1)
}

func (b *builtIn) backpressureDec(a *activation, _ []uint64) error {
	return b.in(a).entry.AddBackpressure(-1)
}

// taskReturn is canon task.return.
func (b *builtIn) taskReturn(a *activation, stack []uint64) error {
	l := a.first().lift
	switch {
	case l == nil || !l.Async:
		return cm.Trapf(cm.TrapTaskReturn, "invalid `task.return` signature and/or options for current task: its function is not lifted by the asynchronous ABI")
	case !cm.Equal(b.Value, l.fn.Type.Result):
		return cm.Trapf(cm.TrapTaskReturn, "invalid `task.return` signature and/or options for current task: it is for another result")
	case b.Encoding != l.Encoding || b.Memory >= 0 && b.Memory != l.Memory:
		return cm.Trapf(cm.TrapTaskReturn, "invalid `task.return` signature and/or options for current task: its encoding or memory is another one")
	}
	cx, err := a.store.context(a, b.Instance, &b.Options)
	if err != nil {
		return err
	}
	result, err := b.fn.LiftReturn(cx, stack)
	if err != nil {
		a.store.dropMoved(a)
		return err
	}
	if err := a.task.Return(result, a.borrows().Count()); err != nil {
		cm.DropOwned(a, b.Value, result)
		return err
	}
	return a.resume()
}

// taskCancel is canon task.cancel.
func (b *builtIn) taskCancel(a *activation, _ []uint64) error {
	if l := a.first().lift; l == nil || !l.Async {
		return cm.Trapf(cm.TrapTaskReturn, "task.cancel was called by a task whose function is not lifted by the asynchronous ABI")
	}
	if err := a.task.Cancel(a.borrows().Count()); err != nil {
		return err
	}
	return a.resume()
}

// own returns the scheduler's thread of a, for a built-in that may block.
func (b *builtIn) own(a *activation) func() (*task.Thread, error) {
	return func() (*task.Thread, error) { return a.blocking(b.Instance) }
}

// subtaskCancel is canon subtask.cancel.
func (b *builtIn) subtaskCancel(a *activation, stack []uint64) error {
	object, err := b.in(a).table.Object(uint32(stack[0]), handle.Subtask)
	if err != nil {
		return err
	}
	start := clock()
	state, err := object.(*task.Subtask).Cancel(b.own(a), b.Async)
	return b.blocked(a, start, state, err, stack)
}

// blocked ends a built-in that may have blocked since start, with the result v.
func (b *builtIn) blocked(a *activation, start time.Duration, v uint32, err error, stack []uint64) error {
	a.Tally.AddWait(clock() - start)
	if resumed := a.resume(); resumed != nil {
		return resumed
	}
	stack[0] = uint64(v)
	return err
}

// subtaskDrop is canon subtask.drop.
func (b *builtIn) subtaskDrop(a *activation, stack []uint64) error {
	object, err := b.in(a).table.Take(uint32(stack[0]), handle.Subtask)
	if err != nil {
		return err
	}
	return object.(*task.Subtask).Drop()
}

// waitableSetNew is canon waitable-set.new.
func (b *builtIn) waitableSetNew(a *activation, stack []uint64) error {
	h, err := b.in(a).table.Add(handle.Of(handle.WaitableSet, &task.WaitableSet{}))
	stack[0] = uint64(h)
	return err
}

func (b *builtIn) set(a *activation, h uint64) (*task.WaitableSet, error) {
	object, err := b.in(a).table.Object(uint32(h), handle.WaitableSet)
	if err != nil {
		return nil, err
	}
	return object.(*task.WaitableSet), nil
}

// waitableSetWait is canon waitable-set.wait.
func (b *builtIn) waitableSetWait(a *activation, stack []uint64) error {
	set, err := b.set(a, stack[0])
	if err != nil {
		return err
	}
	var ev task.Event
	err = a.parks(b.Instance, func(t *task.Thread) (err error) {
		ev, err = set.Wait(t, b.Cancellable)
		return err
	})
	if err != nil {
		return err
	}
	return b.tell(a, ev, stack)
}

// waitableSetPoll is canon waitable-set.poll.
func (b *builtIn) waitableSetPoll(a *activation, stack []uint64) error {
	set, err := b.set(a, stack[0])
	if err != nil {
		return err
	}
	return b.tell(a, set.Poll(a.task, b.Cancellable), stack)
}

// tell writes an event to the guest's memory (unpack_event).
func (b *builtIn) tell(a *activation, ev task.Event, stack []uint64) error {
	cx, err := a.store.context(a, b.Instance, &b.Options)
	if err != nil {
		return err
	}
	mem, ptr := cx.Memory.Bytes(), uint32(stack[1])
	switch {
	case ptr%4 != 0:
		return cm.Trapf(cm.TrapUnaligned, "event at %#x: want a multiple of 4", ptr)
	case uint64(ptr)+8 > uint64(len(mem)):
		return cm.Trapf(cm.TrapBadPointer, "event at %#x, 8 bytes: beyond the memory's %d bytes", ptr, len(mem))
	}
	binary.LittleEndian.PutUint32(mem[ptr:], ev.Handle)
	binary.LittleEndian.PutUint32(mem[ptr+4:], ev.Payload)
	stack[0] = uint64(ev.Code)
	return nil
}

// waitableSetDrop is canon waitable-set.drop.
func (b *builtIn) waitableSetDrop(a *activation, stack []uint64) error {
	object, err := b.in(a).table.Take(uint32(stack[0]), handle.WaitableSet)
	if err != nil {
		return err
	}
	return object.(*task.WaitableSet).Drop()
}

// waitableJoin is canon waitable.join.
func (b *builtIn) waitableJoin(a *activation, stack []uint64) error {
	w, err := b.in(a).waitable(uint32(stack[0]))
	if err != nil {
		return err
	}
	if w.HasSyncWaiter() {
		return cm.Trapf(cm.TrapWaitable, "cannot join a waitable to a set while somebody waits for it alone")
	}
	if uint32(stack[1]) == 0 {
		w.Join(nil)
		return nil
	}
	set, err := b.set(a, stack[1])
	if err == nil {
		w.Join(set)
	}
	return err
}

// waitable finds a subtask, or an end of a stream or future.
func (ci *componentInstance) waitable(h uint32) (*task.Waitable, error) {
	object, kind, err := ci.table.Any(h)
	if err != nil {
		return nil, err
	}
	switch w := object.(type) {
	case *task.Subtask:
		return &w.Waitable, nil
	case *task.End:
		return &w.Waitable, nil
	}
	return nil, cm.Trapf(cm.TrapHandleType, "handle index %d is a %s, which nobody can wait for", h, kind)
}
