package core

import (
	"context"
	"reflect"
	"runtime"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// This file writes to unexported fields of wazero's call objects. Where these are not as expected, because wazero interprets or is of
// another version, they are left alone and wazero's own bounds hold. A test checks that they are as expected.

// stackTold is the size that wazero is told a stack has: past its ceiling, where it gives up instead of growing.
const stackTold = 1 << 30

// layout has the offsets of the fields of call objects that are about their stack.
type layout struct {
	of                     reflect.Type
	stack, top, bottom, sp uintptr
}

// header is the representation of a slice.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

// callObject is a call object of wazero's: a function as one call at a time may use it.
type callObject struct {
	fn api.Function
	// top, bottom and sp are fields of fn's, see layout; nil: not known. Stacks are not in Go's heap, so their addresses are numbers here.
	top, bottom, sp *uintptr
	// stack is that of the call under way, or of the last one if that was the outermost of its thread: top and bottom fit that one.
	stack *guestStack
}

// layoutOf finds the fields in objects of type t; nil if they are not as expected.
func layoutOf(t reflect.Type) *layout {
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	fields := map[string]reflect.StructField{}
	add := func(t reflect.Type) {
		for f := range t.Fields() {
			fields[f.Name] = f
		}
	}
	add(t.Elem())
	inner := fields["execCtx"]
	if inner.Type == nil || inner.Type.Kind() != reflect.Struct {
		return nil
	}
	add(inner.Type)
	for name, want := range map[string]reflect.Type{
		"stack": reflect.TypeFor[[]byte](), "stackTop": reflect.TypeFor[uintptr](),
		"stackBottomPtr": reflect.TypeFor[*byte](), "stackPointerBeforeGoCall": reflect.TypeFor[*uint64](),
	} {
		if fields[name].Type != want {
			return nil
		}
	}
	return &layout{
		of: t, stack: fields["stack"].Offset, top: fields["stackTop"].Offset,
		bottom: inner.Offset + fields["stackBottomPtr"].Offset, sp: inner.Offset + fields["stackPointerBeforeGoCall"].Offset,
	}
}

// callObject wraps fn, which no call is using.
func (e *Engine) callObject(fn api.Function) *callObject {
	v := reflect.ValueOf(fn)
	e.layoutOnce.Do(func() {
		if v.IsValid() {
			e.layout = layoutOf(v.Type())
		}
	})
	c := &callObject{fn: fn}
	if l := e.layout; l != nil && v.IsValid() && v.Type() == l.of {
		at := v.UnsafePointer()
		*(*header)(unsafe.Add(at, l.stack)) = header{nil, stackTold, stackTold} // its own stack is garbage, and no code looks into this one
		*(**byte)(unsafe.Add(at, l.bottom)) = nil
		c.top, c.bottom, c.sp = (*uintptr)(unsafe.Add(at, l.top)), (*uintptr)(unsafe.Add(at, l.bottom)), (*uintptr)(unsafe.Add(at, l.sp))
		*c.top, *c.bottom = 0, 0
	}
	return c
}

// use has the next call run on the part of s between the addresses bottom and top.
func (c *callObject) use(s *guestStack, bottom, top uintptr) {
	*c.top, *c.bottom, c.stack = top, bottom, s
}

// leave takes the stack away. Without a stack there can be no call.
func (c *callObject) leave() {
	if c.stack != nil {
		*c.top, *c.bottom, c.stack = 0, 0, nil
	}
}

// reached is the lowest stack address of a call that is in a host function now.
func (c *callObject) reached() uintptr { return *c.sp }

// trace returns the innermost frames of a call that has just used up its stack, for which wazero makes no stack trace. wazero makes one
// for each call that ends by a panic, from where the object last called Go: so this makes it panic, by a stack that is not aligned,
// before it runs any code. On other processors the layout of frames does not allow this.
func (c *callObject) trace(e *Engine, stack []uint64) (names []string) {
	if runtime.GOARCH != "amd64" || c.top == nil {
		return nil
	}
	*c.top |= 1
	defer func() {
		*c.top &^= 1
		if recover() != nil {
			names = nil
		}
	}()
	if err := c.fn.CallWithStack(context.Background(), stack); err != nil {
		return e.frames(err.Error())
	}
	return nil
}
