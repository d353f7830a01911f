package guestprog

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// one is a guest of one function, which is called with a callback.
func one(code, callback func(g *Guest, c Code) Code, callee bool) *Guest {
	g := &Guest{Built: append(All(), Built{"return-stream", []byte{0x09, 0, StreamU8, 0}, "i", ""}, Built{"return-none", []byte{0x09, 1, 0, 0}, "", ""},
		Built{"thread-new", []byte{0x27, 0, 0}, "ii", "i"}, Built{"thread-later", []byte{0x28}, "i", ""})}
	if callee {
		g.Callee = Callee()
	}
	f := Func{Name: "run", Code: code(g, nil), Locals: 2}
	if callback != nil {
		f.Callback = callback(g, nil)
	}
	g.Funcs = []Func{f}
	return g
}

// returns gives a number and exits.
func returns(g *Guest, c Code) Code { return c.I32(7).Call(g.Index("return")).I32(0) }

// unreachable is a callback that nobody calls.
func unreachable(_ *Guest, c Code) Code { return c.Op(Unreachable) }

// forever repeats what code does.
func forever(code func(g *Guest, c Code) Code) func(g *Guest, c Code) Code {
	return func(g *Guest, c Code) Code { return code(g, c.Op(Loop, Void)).Op(Br, 0, End, Unreachable) }
}

// TestHostileGuests: what a guest does with the asynchronous built-ins that it must not is the trap that the specification has, or one
// of a limit. Others go on.
func TestHostileGuests(t *testing.T) {
	at := func(g *Guest, name string) int { return g.Index(name) }
	pair := func(g *Guest, c Code, typ byte) Code { // the writable end is local 1, the readable one is 1 less
		return c.Call(at(g, fmt.Sprintf("new:%d", typ))).Op(0x42, 32, 0x88, Wrap).Set(1)
	}
	gives := func(packed int32) func(g *Guest, c Code) Code {
		return func(_ *Guest, c Code) Code { return c.I32(packed) }
	}
	cases := map[string]struct {
		code, callback func(g *Guest, c Code) Code
		callee         bool
		want           cm.TrapCode // empty: none
	}{
		"a callback waits for a set that is not there": {gives(99<<4 | 2), unreachable, false, cm.TrapBadHandle},
		"a callback waits for set 0":                   {gives(2), unreachable, false, cm.TrapBadHandle},
		"a callback waits for the greatest index":      {gives(-1 ^ 0xd), unreachable, false, cm.TrapBadHandle},
		"a callback waits for a stream": {func(g *Guest, c Code) Code {
			return pair(g, c, StreamU8).I32(1<<4 | 2)
		}, unreachable, false, cm.TrapHandleType},
		"a callback yields with an index":  {gives(99<<4 | 1), returns, false, ""},
		"it exits with an index":           {func(g *Guest, c Code) Code { return c.I32(7).Call(at(g, "return")).I32(99 << 4) }, unreachable, false, ""},
		"it exits without a result":        {gives(0), unreachable, false, cm.TrapNoResult},
		"it returns twice":                 {func(g *Guest, c Code) Code { return returns(g, c.I32(1).Call(at(g, "return"))) }, unreachable, false, cm.TrapTaskResolved},
		"it returns again in its callback": {func(g *Guest, c Code) Code { return c.I32(1).Call(at(g, "return")).I32(1) }, returns, false, cm.TrapTaskResolved},
		"it returns a value of another type": {func(g *Guest, c Code) Code {
			return c.I32(1).Call(at(g, "return-stream")).I32(0)
		}, unreachable, false, cm.TrapTaskReturn},
		"it returns nothing where a number is due": {func(g *Guest, c Code) Code {
			return c.Call(at(g, "return-none")).I32(0)
		}, unreachable, false, cm.TrapTaskReturn},
		"a function without a callback calls task.return": {returns, nil, false, cm.TrapTaskReturn},
		"it says that it was cancelled, and was not":      {func(g *Guest, c Code) Code { return c.Call(at(g, "task-cancel")).I32(0) }, unreachable, false, cm.TrapTaskResolved},
		"a waitable in two sets is in the second": {func(g *Guest, c Code) Code {
			c = pair(g, c, StreamU8).Call(at(g, "set-new")).Op(Drop).Call(at(g, "set-new")).Op(Drop) // 3 and 4
			c = c.I32(1).I32(3).Call(at(g, "join")).I32(1).I32(4).Call(at(g, "join"))
			return returns(g, c.I32(3).Call(at(g, "set-drop")))
		}, unreachable, false, ""},
		"the second set has it": {func(g *Guest, c Code) Code {
			c = pair(g, c, StreamU8).Call(at(g, "set-new")).Op(Drop).Call(at(g, "set-new")).Op(Drop)
			c = c.I32(1).I32(3).Call(at(g, "join")).I32(1).I32(4).Call(at(g, "join"))
			return returns(g, c.I32(4).Call(at(g, "set-drop")))
		}, unreachable, false, cm.TrapWaitable},
		"a task reads what it writes: numbers": {func(g *Guest, c Code) Code { return returns(g, copies(g, pair(g, c, StreamU8), StreamU8)) }, unreachable, false, ""},
		"a task reads what it writes: nothing": {func(g *Guest, c Code) Code { return returns(g, copies(g, pair(g, c, StreamNone), StreamNone)) }, unreachable, false, ""},
		"a task reads what it writes: strings": {func(g *Guest, c Code) Code { return returns(g, copies(g, pair(g, c, StreamString), StreamString)) }, unreachable, false, cm.TrapStream},
		"an end is dropped with a copy under way": {func(g *Guest, c Code) Code {
			c = pair(g, c, StreamU8).I32(1).I32(64).I32(4).Call(at(g, "read:0")).Op(Drop)
			return returns(g, c.I32(1).Call(at(g, "drop-readable:0")))
		}, unreachable, false, cm.TrapStream},
		"a second copy begins with one under way": {func(g *Guest, c Code) Code {
			c = pair(g, c, StreamU8).I32(1).I32(64).I32(4).Call(at(g, "read:0")).Op(Drop)
			return returns(g, c.I32(1).I32(64).I32(4).Call(at(g, "read:0")).Op(Drop))
		}, unreachable, false, cm.TrapStream},
		"a future is never written": {func(g *Guest, c Code) Code {
			return returns(g, pair(g, c, FutureU32).I32(1).I32(64).Call(at(g, "read-sync:3")).Op(Drop))
		}, unreachable, false, cm.TrapDeadlock},
		"a future's writable end is dropped without a value": {func(g *Guest, c Code) Code {
			return returns(g, pair(g, c, FutureU32).I32(2).Call(at(g, "drop-writable:3")))
		}, unreachable, false, cm.TrapStream},
		"a future is left without a value": {func(g *Guest, c Code) Code { return returns(g, pair(g, c, FutureU32)) }, unreachable, false, ""},
		"a call under way is dropped": {func(g *Guest, c Code) Code {
			return returns(g, c.I32(Waits).I32(64).Call(FnCallee).Op(Drop).I32(1).Call(at(g, "sub-drop")))
		}, unreachable, true, cm.TrapSubtask},
		"a call is left under way": {func(g *Guest, c Code) Code {
			return returns(g, c.I32(Waits).I32(64).Call(FnCallee).Op(Drop))
		}, unreachable, true, ""},
		"backpressure is taken back that was not there": {func(g *Guest, c Code) Code { return returns(g, c.Call(at(g, "bp-dec"))) }, unreachable, false, cm.TrapBackpressure},
		"backpressure without end":                      {forever(func(g *Guest, c Code) Code { return c.Call(at(g, "bp-inc")) }), unreachable, false, cm.TrapBackpressure},
		"an event at an address that is not there": {func(g *Guest, c Code) Code {
			return returns(g, c.Call(at(g, "set-new")).I32(65532).Call(at(g, "poll")).Op(Drop))
		}, unreachable, false, cm.TrapBadPointer},
		"a copy longer than memory": {func(g *Guest, c Code) Code {
			return returns(g, pair(g, c, StreamU8).I32(1).I32(64).I32(1<<27).Call(at(g, "read:0")).Op(Drop))
		}, unreachable, false, cm.TrapBadPointer},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := host(t, one(c.code, c.callback, c.callee).Encode())
			defer h.close()
			v, code, err := h.call("run", 0)
			if code != c.want || c.want == "" && v != 7 {
				t.Errorf("gave %d, %v; want trap %q", v, err, c.want)
			}
		})
	}
}

// copies writes to a stream, and reads it.
func copies(g *Guest, c Code, typ byte) Code {
	c = c.I32(2).I32(64).I32(2).Call(g.Index(fmt.Sprintf("write:%d", typ))).Op(Drop)
	return c.I32(1).I32(readsAt).I32(2).Call(g.Index(fmt.Sprintf("read:%d", typ))).Op(Drop)
}

// TestGuestsThatHoard: a guest that makes as many of something as it can is ended by a limit, and what it has had is given back.
func TestGuestsThatHoard(t *testing.T) {
	for name, c := range map[string]struct {
		code   func(g *Guest, c Code) Code
		callee bool
	}{
		"streams": {forever(func(g *Guest, c Code) Code { return c.Call(g.Index("new:0")).Op(Drop) }), false},
		"futures": {forever(func(g *Guest, c Code) Code { return c.Call(g.Index("new:3")).Op(Drop) }), false},
		"sets":    {forever(func(g *Guest, c Code) Code { return c.Call(g.Index("set-new")).Op(Drop) }), false},
		"threads": {forever(func(g *Guest, c Code) Code { return c.I32(0).I32(0).Call(g.Index("thread-new")).Op(Drop) }), false},
		"threads that are ready": {forever(func(g *Guest, c Code) Code {
			return c.I32(0).I32(0).Call(g.Index("thread-new")).Call(g.Index("thread-later"))
		}), false},
		"calls that wait":    {forever(func(g *Guest, c Code) Code { return c.I32(Waits).I32(64).Call(FnCallee).Op(Drop) }), true},
		"calls that yield":   {forever(func(g *Guest, c Code) Code { return c.I32(Yields).I32(64).Call(FnCallee).Op(Drop) }), true},
		"calls that work on": {forever(func(g *Guest, c Code) Code { return c.I32(WorksOn).I32(64).Call(FnCallee).Op(Drop) }), true},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			h := host(t, one(c.code, unreachable, c.callee).Encode(), component.WithMemory(64<<20))
			_, code, err := h.call("run", 0)
			if code != cm.TrapHostMemory {
				t.Errorf("%v, want trap %q", err, cm.TrapHostMemory)
			}
			h.close()
			for deadline := time.Now().Add(limit); runtime.NumGoroutine() > before+2; {
				if time.Now().After(deadline) {
					t.Fatalf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
				}
				runtime.Gosched()
			}
		})
	}
}

// TestBackpressureHolds: a guest that asks for backpressure lets no call in until it takes that back.
func TestBackpressureHolds(t *testing.T) {
	g := &Guest{Built: All()}
	at := g.Index
	g.Funcs = []Func{
		{Name: "run", Code: returns(g, Code{}.I32(3).Call(FnLog)), Callback: unreachable(g, nil)},
		{Name: "hold", Code: Code{}.Call(at("bp-inc")).I32(1).Call(FnLog).I32(1),
			Callback: Code{}.Call(at("ctx-get")).Op(Eqz, If, Void).I32(1).Call(at("ctx-set")).I32(1).Op(Return, End).
				I32(2).Call(FnLog).Call(at("bp-dec")).I32(7).Call(at("return")).I32(0)},
	}
	h := host(t, g.Encode())
	defer h.close()
	var second *component.Running
	h.logged = func(x uint32) {
		if x != 1 {
			return
		}
		begun := make(chan struct{})
		go func() {
			second = h.start(context.Background(), "run", 0)
			close(begun)
		}()
		<-begun
	}
	if v, code, err := h.call("hold", 0); code != "" || v != 7 {
		t.Fatalf("%d, %v", v, err)
	}
	if v, err := second.Result(context.Background()); err != nil || v.U32() != 7 {
		t.Errorf("%v, %v", v, err)
	}
	if err := second.Wait(context.Background()); err != nil {
		t.Error(err)
	}
	if want := []uint32{1, 2, 3}; !slices.Equal(h.log, want) {
		t.Errorf("%v have run, want %v", h.log, want)
	}
}

// TestBackpressureForever: a guest that never takes backpressure back is at a deadlock as soon as somebody calls it; another instance is not.
func TestBackpressureForever(t *testing.T) {
	g := one(func(g *Guest, c Code) Code { return returns(g, c.Call(g.Index("bp-inc"))) }, unreachable, false)
	h := host(t, g.Encode())
	defer h.close()
	if _, code, err := h.call("run", 0); code != "" {
		t.Fatal(err)
	}
	if _, code, err := h.call("run", 0); code != cm.TrapDeadlock {
		t.Errorf("%v, want trap %q", err, cm.TrapDeadlock)
	}
	other := host(t, g.Encode())
	defer other.close()
	if v, code, err := other.call("run", 0); code != "" || v != 7 {
		t.Errorf("%d, %v", v, err)
	}
}
