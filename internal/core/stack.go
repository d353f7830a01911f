package core

import (
	"fmt"
	"reflect"

	"github.com/tetratelabs/wazero/api"

	"github.com/vitrine-wasm/vitrine/cm"
)

// maxStack is how large the stack of a call may be, in bytes, as far as that is seen: at the checks, some thousand
// function entries apart. wazero's own bound is ten times as much, and it holds two copies while a stack grows: a few
// dozen guests that recurse without end would take gigabytes, which no limit of a memory sees.
const maxStack = 8 << 20

// stackSize is the size of the stack that a call object of wazero's has now; 0 where wazero does not tell, because it
// interprets. It is no part of wazero's interface, so that a test has to see that it is still there.
func stackSize(fn api.Function) int {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return 0
	}
	stack := v.Elem().FieldByName("stack")
	if stack.Kind() != reflect.Slice || stack.Type().Elem().Kind() != reflect.Uint8 {
		return 0
	}
	return stack.Len()
}

// overflow is the trap of a call whose stack is too large.
func (g *Group) overflow() error {
	if g.running == nil || stackSize(g.running) <= maxStack {
		return nil
	}
	return &cm.Trap{Code: cm.TrapStackOverflow, Detail: fmt.Sprintf("the stack is larger than %d MiB", maxStack>>20)}
}
