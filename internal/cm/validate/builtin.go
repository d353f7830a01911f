package validate

import (
	"fmt"
	"strings"

	"github.com/vitrine-wasm/vitrine/internal/cm/binary"
)

// contextSlots is the number of slots that context.get and context.set reach (CanonicalABI.md §canon context.get).
const contextSlots = 2

// builtinSigs are the core signatures of the built-ins whose immediates do not change it. A built-in with a feature is gated.
var builtinSigs = map[binary.CanonOp]struct {
	params, results sig
	feature         Feature
}{
	binary.OpResourceNew:              {params: sig{i32}, results: sig{i32}},
	binary.OpResourceDrop:             {params: sig{i32}},
	binary.OpResourceRep:              {params: sig{i32}, results: sig{i32}},
	binary.OpTaskCancel:               {},
	binary.OpBackpressureInc:          {},
	binary.OpBackpressureDec:          {},
	binary.OpBackpressureSet:          {feature: BackpressureSet},
	binary.OpContextGet:               {results: sig{i32}},
	binary.OpContextSet:               {params: sig{i32}},
	binary.OpThreadYield:              {results: sig{i32}},
	binary.OpSubtaskCancel:            {params: sig{i32}, results: sig{i32}},
	binary.OpSubtaskDrop:              {params: sig{i32}},
	binary.OpStreamNew:                {results: sig{i64}},
	binary.OpStreamRead:               {params: sig{i32, i32, i32}, results: sig{i32}},
	binary.OpStreamWrite:              {params: sig{i32, i32, i32}, results: sig{i32}},
	binary.OpStreamCancelRead:         {params: sig{i32}, results: sig{i32}},
	binary.OpStreamCancelWrite:        {params: sig{i32}, results: sig{i32}},
	binary.OpStreamDropReadable:       {params: sig{i32}},
	binary.OpStreamDropWritable:       {params: sig{i32}},
	binary.OpFutureNew:                {results: sig{i64}},
	binary.OpFutureRead:               {params: sig{i32, i32}, results: sig{i32}},
	binary.OpFutureWrite:              {params: sig{i32, i32}, results: sig{i32}},
	binary.OpFutureCancelRead:         {params: sig{i32}, results: sig{i32}},
	binary.OpFutureCancelWrite:        {params: sig{i32}, results: sig{i32}},
	binary.OpFutureDropReadable:       {params: sig{i32}},
	binary.OpFutureDropWritable:       {params: sig{i32}},
	binary.OpErrorContextNew:          {params: sig{i32, i32}, results: sig{i32}, feature: ErrorContext},
	binary.OpErrorContextDebugMessage: {params: sig{i32, i32}, feature: ErrorContext},
	binary.OpErrorContextDrop:         {params: sig{i32}, feature: ErrorContext},
	binary.OpWaitableSetNew:           {results: sig{i32}},
	binary.OpWaitableSetWait:          {params: sig{i32, i32}, results: sig{i32}},
	binary.OpWaitableSetPoll:          {params: sig{i32, i32}, results: sig{i32}},
	binary.OpWaitableSetDrop:          {params: sig{i32}},
	binary.OpWaitableJoin:             {params: sig{i32, i32}},
	binary.OpThreadIndex:              {results: sig{i32}, feature: CoopThreads},
	binary.OpThreadNewIndirect:        {params: sig{i32, i32}, results: sig{i32}, feature: CoopThreads},
	binary.OpThreadResumeLater:        {params: sig{i32}, feature: CoopThreads},
	binary.OpThreadSuspend:            {results: sig{i32}, feature: CoopThreads},
	binary.OpThreadSuspendThenResume:  {params: sig{i32}, results: sig{i32}, feature: CoopThreads},
	binary.OpThreadYieldThenResume:    {params: sig{i32}, results: sig{i32}, feature: CoopThreads},
	binary.OpThreadSuspendThenPromote: {params: sig{i32}, results: sig{i32}, feature: CoopThreads},
	binary.OpThreadYieldThenPromote:   {params: sig{i32}, results: sig{i32}, feature: CoopThreads},
}

// builtin validates a canonical definition that makes a core function, and gives that function's type.
func (v *validator) builtin(s *scope, c *binary.Canon) (*coreFunc, error) {
	switch c.Op {
	case binary.OpLower:
		return v.lower(s, c)
	case binary.OpTaskReturn:
		return v.taskReturn(s, c)
	case binary.OpBackpressureSet:
		return nil, refuse(c.Pos, BackpressureSet, "canon backpressure.set has been replaced by backpressure.inc and backpressure.dec")
	}
	b, known := builtinSigs[c.Op]
	if !known {
		return nil, errorf(c.Pos, "unknown canonical definition %q", c.Op)
	}
	if b.feature != "" {
		if err := v.gate(c.Pos, b.feature, fmt.Sprintf("the component uses canon %s", c.Op)); err != nil {
			return nil, err
		}
	}
	if err := v.immediates(s, c); err != nil {
		return nil, err
	}
	return &coreFunc{params: b.params, results: b.results}, nil
}

// immediates checks what a built-in refers to.
func (v *validator) immediates(s *scope, c *binary.Canon) error {
	family, op, _ := strings.Cut(string(c.Op), ".")
	switch family {
	case "resource":
		t, err := s.typeOf(c.Pos, c.Type, kindResource)
		if err != nil {
			return err
		}
		if op != "drop" && t.res.owner != s {
			return errorf(c.Pos, "canon %s: type index %d is not a local resource", c.Op, c.Type)
		}
	case "stream", "future":
		return v.endOf(s, c, family, op)
	case "context":
		if c.SlotType != i32 {
			return refuse(c.Pos, Memory64, fmt.Sprintf("canon %s of i64", c.Op))
		}
		if c.Slot >= contextSlots {
			return errorf(c.Pos, "canon %s: immediate must be less than %d: %d", c.Op, contextSlots, c.Slot)
		}
	case "error-context":
		if op == "drop" {
			return nil
		}
		if err := v.options(s, c, nil, "encoding memory realloc"); err != nil {
			return err
		}
		return needs{memory: true, realloc: op == "debug-message"}.met(c)
	case "waitable-set":
		if op == "wait" || op == "poll" {
			return s.optionMemory(c, c.Memory)
		}
	case "thread":
		if op == "new-indirect" {
			return s.newIndirect(c)
		}
	}
	return nil
}

// endOf checks a built-in of streams and futures.
func (v *validator) endOf(s *scope, c *binary.Canon, family, op string) error {
	t, err := s.typeOf(c.Pos, c.Type, kindVal)
	if err != nil {
		return err
	}
	want := binary.DefStream
	if family == "future" {
		want = binary.DefFuture
	}
	if t.val.kind != want {
		return errorf(c.Pos, "canon %s: type index %d is not a %s type but a %s", c.Op, c.Type, family, ref{t: t}.describe())
	}
	if op != "read" && op != "write" {
		return nil
	}
	if err := v.options(s, c, nil, "encoding memory realloc async"); err != nil {
		return err
	}
	l := t.val.elem.layout()
	return needs{memory: l.size > 0, realloc: op == "read" && l.pointers}.met(c)
}

func (s *scope) newIndirect(c *binary.Canon) error {
	t, err := at(c.Pos, s.coreTypes, c.Type, "core type")
	if err != nil {
		return err
	}
	if t.fn == nil || !t.fn.is(sig{i32}, nil) {
		return errorf(c.Pos, "canon %s: start function must be of type [i32] -> []", c.Op)
	}
	table, err := at(c.Pos, s.coreTables, c.Table, "table")
	if err != nil {
		return err
	}
	if table.Val != 0x70 || table.Is64 || table.Shared {
		return errorf(c.Pos, "canon %s: table %d must be a table of funcref with 32-bit indices", c.Op, c.Table)
	}
	return nil
}

func (v *validator) taskReturn(s *scope, c *binary.Canon) (*coreFunc, error) {
	r, err := v.optRef(s, c.Pos, c.Result)
	if err != nil {
		return nil, err
	}
	l := r.layout()
	if l.borrow {
		return nil, errorf(c.Pos, "canon %s: function result cannot contain a `borrow` type", c.Op)
	}
	if err := v.options(s, c, nil, "encoding memory"); err != nil {
		return nil, err
	}
	var n needs
	n.lifts(l, len(l.flat) > maxFlatParams)
	if err := n.met(c); err != nil {
		return nil, err
	}
	params := l.flat
	if len(params) > maxFlatParams {
		params = sig{i32}
	}
	return &coreFunc{params: params}, nil
}
