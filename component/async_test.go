package component_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// asyncHost serves testdata/async: what dep does is the test's.
type asyncHost struct {
	dep func(ctx context.Context, x uint32) (uint32, error)
}

func (h *asyncHost) instance(t testing.TB, i cm.Interceptor, opts ...component.StoreOption) *component.Instance {
	t.Helper()
	e, err := component.NewEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	wasm, err := os.ReadFile("../testdata/async/async.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(t.Context(), "async", wasm)
	if err != nil {
		t.Fatal(err)
	}
	l := e.NewLinker(i)
	l.Instance(root).Define(cm.HostDef{
		Name: "dep", Type: &cm.FuncType{Async: true, Params: []cm.Field{{Name: "x", Type: cm.TypeU32}}, Result: cm.TypeU32},
		Parts: func(_ context.Context, args []cm.Val) (cm.Work, error) {
			x := args[0].U32()
			return func(ctx context.Context) cm.Finish {
				y, err := h.dep(ctx, x)
				return func(context.Context) (cm.Val, error) { return cm.U32Val(y), err }
			}, nil
		},
	})
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inst.Close(context.Background()) })
	return inst
}

func startCall(t *testing.T, ctx context.Context, inst *component.Instance, name string, args ...cm.Val) *component.Running {
	t.Helper()
	f, err := inst.Func(root, name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Start(ctx, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestConcurrentCalls: many calls are in one instance at once, each parked in the host, and end in any order; each has its
// own result, and one that is prompt is answered at once.
func TestConcurrentCalls(t *testing.T) {
	const n = 200
	gates := make([]chan struct{}, n)
	for i := range gates {
		gates[i] = make(chan struct{})
	}
	var inside atomic.Int32
	all := make(chan struct{})
	h := &asyncHost{dep: func(ctx context.Context, x uint32) (uint32, error) {
		if x >= n {
			return x + 1, nil
		}
		if inside.Add(1) == n {
			close(all)
		}
		<-gates[x]
		return 2 * x, nil
	}}
	inst := h.instance(t, nil)
	var calls sync.WaitGroup
	for i := range uint32(n) {
		calls.Go(func() {
			f, err := inst.Func(root, "call-dep")
			if err == nil {
				var v cm.Val
				if v, err = f.Call(t.Context(), cm.U32Val(i)); err == nil && v.U32() != 2*i {
					err = fmt.Errorf("had %d", v.U32())
				}
			}
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	<-all
	if v := mustCall(t, inst, root, "call-dep", cm.U32Val(1000)); v.U32() != 1001 {
		t.Errorf("a prompt one gave %d", v.U32())
	}
	for i := range gates {
		close(gates[(i*7919)%n])
	}
	calls.Wait()
}

// TestSynchronousLower: a guest that calls an async host function synchronously waits for it; others of its instance that need
// its stack wait, too.
func TestSynchronousLower(t *testing.T) {
	gate := make(chan struct{})
	h := &asyncHost{dep: func(_ context.Context, x uint32) (uint32, error) {
		if x == 1 {
			<-gate
		}
		return x + 10, nil
	}}
	inst := h.instance(t, nil)
	first := startCall(t, t.Context(), inst, "call-dep-sync", cm.U32Val(1))
	second := startCall(t, t.Context(), inst, "call-dep-sync", cm.U32Val(2))
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := second.Result(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second one: %v", err)
	}
	close(gate)
	for want, r := range map[uint32]*component.Running{11: first, 12: second} {
		if v, err := r.Result(t.Context()); err != nil || v.U32() != want {
			t.Errorf("had %v, %v; want %d", v, err, want)
		}
		if err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestStreams: bytes go from the host to a guest, from a guest to the host after its call has returned, and through a guest
// that hands them on; either end may go first.
func TestStreams(t *testing.T) {
	h := &asyncHost{}
	inst := h.instance(t, nil)

	w, r := cm.NewStream[uint8]()
	sum := startCall(t, t.Context(), inst, "sum", cm.LowerStream(r, nil))
	data := bytes.Repeat([]byte{1, 2, 3}, 1000)
	if n, err := w.Write(t.Context(), data); n != len(data) || err != nil {
		t.Fatal(n, err)
	}
	_ = w.Close()
	if v, err := sum.Result(t.Context()); err != nil || v.U32() != 6000 {
		t.Errorf("the sum is %v, %v", v, err)
	}

	gen := startCall(t, t.Context(), inst, "generate", cm.U32Val(1234))
	v, err := gen.Result(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(cm.ReadStream(t.Context(), cm.LiftStream[uint8](v, nil)))
	if err != nil || len(got) != 1234 || got[7] != '7' {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	if err := gen.Wait(t.Context()); err != nil {
		t.Error(err)
	}

	gone := startCall(t, t.Context(), inst, "generate", cm.U32Val(100_000))
	if v, err = gone.Result(t.Context()); err != nil {
		t.Fatal(err)
	}
	reader := cm.LiftStream[uint8](v, nil)
	if n, err := reader.Read(t.Context(), make([]byte, 10)); n != 10 || err != nil {
		t.Error(n, err)
	}
	_ = reader.Close()
	if err := gone.Wait(t.Context()); err != nil { // it sees that nobody reads
		t.Error(err)
	}

	w, r = cm.NewStream[uint8]()
	echo := startCall(t, t.Context(), inst, "echo", cm.LowerStream(r, nil))
	if v, err = echo.Result(t.Context()); err != nil {
		t.Fatal(err)
	}
	back := cm.LiftStream[uint8](v, nil)
	go func() {
		_, _ = w.Write(context.Background(), []byte("hello"))
		_ = w.Close()
	}()
	if got, err := io.ReadAll(cm.ReadStream(t.Context(), back)); err != nil || string(got) != "hello" {
		t.Errorf("read %q, %v", got, err)
	}

	w, r = cm.NewStream[uint8]() // a read that is given up leaves the stream as it is
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(ctx, make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() { _, _ = w.Write(context.Background(), []byte("x")); _ = w.Close() }()
	n := 0
	for b, err := range r.All(t.Context()) {
		if n++; err != nil || b != 'x' {
			t.Error(b, err)
		}
	}
	if n != 1 {
		t.Errorf("%d elements", n)
	}
}

// TestFutures: a guest awaits what the host sets; one that never comes blames the host.
func TestFutures(t *testing.T) {
	h := &asyncHost{}
	inst := h.instance(t, nil)
	w, r := cm.NewFuture[uint32]()
	call := startCall(t, t.Context(), inst, "await", cm.LowerFuture(r, cm.U32Val))
	if err := w.Set(t.Context(), 77); err != nil {
		t.Fatal(err)
	}
	if v, err := call.Result(t.Context()); err != nil || v.U32() != 77 {
		t.Errorf("had %v, %v", v, err)
	}
	w, r = cm.NewFuture[uint32]()
	call = startCall(t, t.Context(), inst, "await", cm.LowerFuture(r, cm.U32Val))
	_ = w.Close()
	_, err := call.Result(t.Context())
	if !errors.Is(err, cm.ErrWriterGone) {
		var trap *cm.Trap
		if !errors.As(err, &trap) || trap.Code != cm.TrapDead && trap.Code != cm.TrapHost {
			t.Errorf("had %v", err)
		}
	}
}

// TestValuesForClosedInstances: what the host leaves for a guest that waits for it, in an instance that is closed by then, goes nowhere: the
// guest's memory is gone.
func TestValuesForClosedInstances(t *testing.T) {
	for range 20 {
		inst := (&asyncHost{}).instance(t, nil)
		w, r := cm.NewFuture[uint32]()
		call := startCall(t, t.Context(), inst, "await", cm.LowerFuture(r, cm.U32Val))
		for inst.Contents().Calls == 0 {
			time.Sleep(time.Millisecond)
		}
		if err := inst.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Leave(77)
		if v, err := call.Result(t.Context()); err == nil {
			t.Errorf("the guest of a closed instance had %v", v)
		}
	}
}

// TestCancelledCalls: a caller that leaves cancels its call by the specification's cancellation, which ends the work in the
// host; others of the instance go on. A guest that does not heed it is ended with its instance.
func TestCancelledCalls(t *testing.T) {
	begun := make(chan struct{}, 1)
	ended := make(chan error, 1)
	h := &asyncHost{dep: func(ctx context.Context, x uint32) (uint32, error) {
		if x != 1 {
			return x, nil
		}
		begun <- struct{}{}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return 0, context.Cause(ctx)
	}}
	inst := h.instance(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	r := startCall(t, ctx, inst, "call-dep", cm.U32Val(1))
	<-begun
	cancel()
	_, err := r.Result(t.Context())
	wantTrap(t, err, cm.TrapCancel)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the work ended for %v", err)
	}
	if v := mustCall(t, inst, root, "call-dep", cm.U32Val(5)); v.U32() != 5 {
		t.Errorf("a later call gave %v", v)
	}

	r = startCall(t, t.Context(), inst, "call-dep", cm.U32Val(1))
	<-begun
	r.Cancel()
	_, err = r.Result(t.Context())
	wantTrap(t, err, cm.TrapCancel)
	<-ended

	stubborn := h.instance(t, nil, component.WithCancelGrace(50*time.Millisecond))
	other := startCall(t, t.Context(), stubborn, "call-dep", cm.U32Val(1))
	<-begun
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	f, err := stubborn.Func(root, "spin")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Call(ctx)
	wantTrap(t, err, cm.TrapDeadline)
	_, err = other.Result(t.Context())
	wantTrap(t, err, cm.TrapDead)
	<-ended // its work has been ended with it
}

// TestCancelledSynchronousLower: a host function that a guest waits for synchronously sees its context cancelled when the guest's task is. It
// may give a value all the same; if it gives up, that is a trap that says so.
func TestCancelledSynchronousLower(t *testing.T) {
	for name, givesUp := range map[string]bool{"it gives a value": false, "it gives up": true} {
		t.Run(name, func(t *testing.T) {
			waiting := make(chan struct{})
			h := &asyncHost{dep: func(ctx context.Context, x uint32) (uint32, error) {
				close(waiting)
				<-ctx.Done()
				if givesUp {
					return 0, context.Cause(ctx)
				}
				return x + 1, nil
			}}
			inst := h.instance(t, nil)
			r := startCall(t, t.Context(), inst, "call-dep-sync", cm.U32Val(4))
			<-waiting
			r.Cancel()
			v, err := r.Result(t.Context())
			var trap *cm.Trap
			switch {
			case !givesUp && (err != nil || v.U32() != 5):
				t.Errorf("%v, %v", v, err)
			case givesUp && (!errors.As(err, &trap) || trap.Code != cm.TrapCancel):
				t.Errorf("%v, want a trap of code %s", err, cm.TrapCancel)
			}
		})
	}
}

// TestStreamsBetweenStores: a stream or future of one store that is given to another one passes on what is written; where either
// store ends, the other one's guest is told.
func TestStreamsBetweenStores(t *testing.T) {
	h := &asyncHost{dep: func(context.Context, uint32) (uint32, error) { return 0, nil }}
	from, to := h.instance(t, nil), h.instance(t, nil)
	generate := func() (*component.Running, cm.Val) {
		t.Helper()
		r := startCall(t, t.Context(), from, "generate", cm.U32Val(100_000))
		v, err := r.Result(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r, v
	}
	ended := func(r *component.Running) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := r.Wait(ctx); err != nil {
			t.Errorf("the writer: %v", err)
		}
	}
	var want uint32
	for i := range 100_000 {
		want += uint32('0' + i%100%10)
	}
	r, v := generate()
	if sum := mustCall(t, to, root, "sum", v); sum.U32() != want {
		t.Errorf("the sum is %d, want %d", sum.U32(), want)
	}
	ended(r)
	r, v = generate() // through a third one, and to a reader of the host's that soon leaves
	echoed := mustCall(t, to, root, "echo", v)
	reader := cm.LiftStream[uint8](echoed, nil)
	p := make([]byte, 7)
	if n, err := reader.Read(t.Context(), p); err != nil || n == 0 || string(p[:n]) != "0123456"[:n] {
		t.Errorf("%q, %v", p[:n], err)
	}
	reader.Close()
	ended(r)
	r, v = generate() // to a store that ends before it reads
	mustCall(t, to, root, "echo", v)
	if err := to.Close(t.Context()); err != nil {
		t.Error(err)
	}
	ended(r)
	third := h.instance(t, nil)
	_, v = generate() // from one that ends
	sum := startCall(t, t.Context(), third, "sum", mustCall(t, third, root, "echo", v))
	if err := from.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if v, err := sum.Result(t.Context()); err != nil || v.U32() > want {
		t.Errorf("the reader: %v, %v", v, err)
	}
}

// TestTrapsAnswerEach: a trap is the news of the call that it was thrown in; others of the instance hear that it is dead.
func TestTrapsAnswerEach(t *testing.T) {
	begun := make(chan struct{}, 1)
	h := &asyncHost{dep: func(ctx context.Context, _ uint32) (uint32, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return 0, ctx.Err()
	}}
	inst := h.instance(t, nil)
	other := startCall(t, t.Context(), inst, "call-dep", cm.U32Val(1))
	<-begun
	_, err := call(t, inst, root, "boom")
	wantTrap(t, err, cm.TrapUnreachable)
	_, err = other.Result(t.Context())
	wantTrap(t, err, cm.TrapDead)
	_, err = call(t, inst, root, "call-dep", cm.U32Val(1))
	wantTrap(t, err, cm.TrapDead)

	inst = h.instance(t, nil)
	_, err = call(t, inst, root, "wait")
	wantTrap(t, err, cm.TrapDeadlock)
}

// TestAsyncCallsAreObserved: each call is entered and left once, and returns in between, in every interleaving; what it has
// waited is no time of its own.
func TestAsyncCallsAreObserved(t *testing.T) {
	h := &asyncHost{dep: func(_ context.Context, x uint32) (uint32, error) {
		time.Sleep(time.Duration(x%5) * 5 * time.Millisecond)
		return x, nil
	}}
	w := &counting{}
	inst := h.instance(t, w)
	var calls sync.WaitGroup
	for i := range uint32(50) {
		calls.Go(func() {
			f, err := inst.Func(root, "call-dep")
			if err == nil {
				_, err = f.Call(t.Context(), cm.U32Val(i))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.entered != 100 || w.left != 100 || w.returned != 50 || len(w.open) != 0 {
		t.Errorf("%d entered, %d left, %d returned, %d open", w.entered, w.left, w.returned, len(w.open))
	}
	if w.orphans != 0 {
		t.Errorf("%d calls of the host have no parent, or one that has ended", w.orphans)
	}
	if w.guest > w.took/2 {
		t.Errorf("guests have worked %v of %v", w.guest, w.took)
	}
}

// counting is hooks that count.
type counting struct {
	mu                               sync.Mutex
	entered, left, returned, orphans int
	open                             map[*cm.Call]bool
	guest, took                      time.Duration
}

func (w *counting) Bind(*cm.Boundary) cm.Hooks { return w }

func (w *counting) Enter(c *cm.Call) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[*cm.Call]bool{}
	}
	w.entered++
	if c.Boundary.Kind == cm.GuestToHost && (c.Parent == nil || !w.open[c.Parent]) {
		w.orphans++
	}
	w.open[c] = true
	return c.Context
}

func (w *counting) Returned(*cm.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.returned++
}

func (w *counting) Exit(c *cm.Call, end cm.End) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left++
	delete(w.open, c)
	if c.Boundary.Kind == cm.HostToGuest {
		w.guest += end.Guest
		w.took += time.Since(c.Start)
	}
}
