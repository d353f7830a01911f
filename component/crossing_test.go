package component_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// kindsOfHooks are the ways in which host functions are watched.
func kindsOfHooks() map[string]*recorder {
	return map[string]*recorder{
		"nobody": nil,
		"counts": {countOnly: true},
		"spans":  {},
	}
}

func interceptor(r *recorder) cm.Interceptor {
	if r == nil {
		return nil
	}
	r.ended = make(chan struct{}, 10)
	return r
}

// TestCrossingHostPanics: a host function that panics ends its call, and the guest's, with a trap of the import's boundary
// that blames the host; hooks of every kind are entered once and left once; the stack is a field, and no part of the text.
func TestCrossingHostPanics(t *testing.T) {
	odd := errors.New("odd")
	for panics, f := range map[string]func(){
		"an error":        func() { panic(odd) },
		"a text":          func() { panic("odd") },
		"a runtime error": func() { _ = []int{}[len(os.Args)] },
		"nil":             func() { panic(nil) }, //nolint:govet // a kind of panic
		"a trap":          func() { panic(&cm.Trap{Code: cm.TrapUnreachable, Detail: "odd"}) },
	} {
		for name, r := range kindsOfHooks() {
			t.Run(panics+"/"+name, func(t *testing.T) {
				e := engine(t)
				l := e.NewLinker(interceptor(r))
				l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) {
					f()
					return cm.Val{}, nil
				})
				inst := instantiate(t, l, e, "hostile", "../testdata/hostile/hostile.wasm")
				_, err := call(t, inst, root, "back")
				wantPanic(t, err, "call-me-back")
				if panics == "an error" && !errors.Is(err, odd) {
					t.Error("the error that it panicked with is gone")
				}
				_, err = call(t, inst, root, "back")
				wantTrap(t, err, cm.TrapDead)
				if r == nil {
					return
				}
				if r.entered != 1 || len(r.ends) != 1 || r.counted != 0 {
					t.Fatalf("entered %d times, left %d times, counted %d", r.entered, len(r.ends), r.counted)
				}
				wantPanic(t, r.ends[0].Err, "call-me-back")
				if r.ends[0].Outcome != cm.Aborted {
					t.Errorf("outcome %s", r.ends[0].Outcome)
				}
			})
		}
	}
}

func wantPanic(t *testing.T, err error, function string) {
	t.Helper()
	var trap *cm.Trap
	if !errors.As(err, &trap) || trap.Code != cm.TrapPanic || trap.Blame() != cm.BlameHost {
		t.Fatalf("got %v, want a trap with code %s that blames the host", err, cm.TrapPanic)
	}
	if function != "" && (trap.Boundary == nil || trap.Boundary.Func != function) {
		t.Errorf("boundary %+v, want %s", trap.Boundary, function)
	}
	if !strings.Contains(trap.HostStack, "crossing_test.go") {
		t.Errorf("the stack does not show where:\n%s", trap.HostStack)
	}
	if text := err.Error(); strings.Contains(text, "\n") || len(text) > 200 || !strings.Contains(text, "panic") {
		t.Errorf("text %q", text)
	}
}

// TestCrossingDestructorPanics: a host's destructor is a host function, too.
func TestCrossingDestructorPanics(t *testing.T) {
	h := &turnsHost{thing: &cm.ResourceType{Name: "thing", Drop: func(context.Context, *cm.Resource) error { panic("odd") }}}
	_, err := call(t, h.instance(t, nil), root, "use")
	wantPanic(t, err, "use")
}

// TestCrossingGoroutineEnds: a host function whose goroutine ends in it, which runs nothing but deferred functions, leaves no
// call open, and no guest that could be entered again.
func TestCrossingGoroutineEnds(t *testing.T) {
	for name, r := range kindsOfHooks() {
		t.Run(name, func(t *testing.T) {
			e := engine(t)
			l := e.NewLinker(interceptor(r))
			l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) {
				runtime.Goexit()
				return cm.Val{}, nil
			})
			inst := instantiate(t, l, e, "hostile", "../testdata/hostile/hostile.wasm")
			f, err := inst.Func(root, "back")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = f.Call(t.Context()) })
			wg.Wait()
			if _, err := f.Call(t.Context()); err == nil {
				t.Error("the guest is entered again")
			}
			if r != nil && (r.entered != 1 || len(r.ends) != 1 || r.ends[0].Err == nil) {
				t.Errorf("entered %d times, ended %+v", r.entered, r.ends)
			}
		})
	}
}

// TestCrossingFails: hooks see every call of an import that fails, where it fails before the host function runs and where
// it fails after.
func TestCrossingFails(t *testing.T) {
	for name, r := range kindsOfHooks() {
		if r == nil {
			continue
		}
		t.Run("not allowed to leave/"+name, func(t *testing.T) {
			e := engine(t)
			l := e.NewLinker(interceptor(r))
			l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil })
			inst := instantiate(t, l, e, "hostile", "../testdata/hostile/hostile.wasm")
			mustCall(t, inst, root, "set-mode", cm.U32Val(3))
			_, err := call(t, inst, root, "take", cm.StringVal("x"))
			wantTrap(t, err, cm.TrapCannotLeave)
			r.wantOne(t, cm.TrapCannotLeave)
		})
	}
	for name, r := range kindsOfHooks() {
		if r == nil {
			continue
		}
		t.Run("a result of another type/"+name, func(t *testing.T) {
			e := engine(t)
			l := e.NewLinker(interceptor(r))
			h := l.Instance(callsHost)
			h.Func("nop", &cm.FuncType{}, nil)
			h.Func("echo", &cm.FuncType{Params: []cm.Field{{Name: "s", Type: stringType}}, Result: stringType}, nil)
			h.Func("id", &cm.FuncType{Params: []cm.Field{{Name: "x", Type: u32Type}}, Result: u32Type}, func(context.Context, []cm.Val) (cm.Val, error) {
				return cm.StringVal("no number"), nil
			})
			inst := instantiate(t, l, e, "calls", "../testdata/calls/calls.wasm")
			_, err := call(t, inst, callsRun, "host-id", cm.U32Val(1))
			wantTrap(t, err, cm.TrapHost)
			r.wantOne(t, cm.TrapHost)
		})
	}
}

// wantOne says that one call was entered, and left with a trap.
func (r *recorder) wantOne(t *testing.T, code cm.TrapCode) {
	t.Helper()
	if r.entered != 1 || len(r.ends) != 1 || r.counted != 0 {
		t.Fatalf("entered %d times, left %d times, counted %d", r.entered, len(r.ends), r.counted)
	}
	wantTrap(t, r.ends[0].Err, code)
}
