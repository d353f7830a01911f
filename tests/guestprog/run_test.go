package guestprog

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

var shared struct {
	once   sync.Once
	engine *component.Engine
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if e := shared.engine; e != nil {
		_ = e.Close(context.Background())
	}
	os.Exit(code)
}

// limit is far more than any program takes.
const limit = 20 * time.Second

// hosted is an instance of a guest, and what it logs.
type hosted struct {
	t      testing.TB
	linked *component.Linked
	inst   *component.Instance
	mu     sync.Mutex
	log    []uint32
	logged func(uint32) // nil: nobody is told
}

func host(t testing.TB, wasm []byte, opts ...component.StoreOption) *hosted {
	t.Helper()
	shared.once.Do(func() { shared.engine, shared.err = component.NewEngine(context.Background()) })
	e := shared.engine
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	c, err := e.Load(context.Background(), "program", wasm, component.Features...)
	if err != nil {
		t.Fatal(err)
	}
	h := &hosted{t: t}
	l := e.NewLinker(nil)
	l.Instance(wit.InterfaceID{}).GoFunc("log", func(x uint32) {
		h.mu.Lock()
		h.log = append(h.log, x)
		h.mu.Unlock()
		if h.logged != nil {
			h.logged(x)
		}
	})
	if h.linked, err = l.Link(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if h.inst, err = h.linked.Instantiate(context.Background(), opts...); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hosted) close() {
	if err := h.inst.Close(context.Background()); err != nil {
		h.t.Error(err)
	}
	if err := h.linked.Close(context.Background()); err != nil {
		h.t.Error(err)
	}
}

func (h *hosted) start(ctx context.Context, name string, x uint32) *component.Running {
	h.t.Helper()
	f, err := h.inst.Func(wit.InterfaceID{}, name)
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := f.Start(ctx, cm.U32Val(x))
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// call waits for a call's end: its result, and with what trap it ended.
func (h *hosted) call(name string, x uint32) (result uint32, code cm.TrapCode, err error) {
	h.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), limit, errors.New("the program does not end"))
	defer cancel()
	r := h.start(ctx, name, x)
	v, err := r.Result(ctx)
	if err == nil {
		result = v.U32()
		err = r.Wait(ctx)
	}
	var trap *cm.Trap
	switch {
	case errors.As(err, &trap):
		code = trap.Code
	case err != nil:
		h.t.Fatalf("%s: %v", name, err)
	}
	return result, code, err
}

// TestCallee: what the model says of the callee is so.
func TestCallee(t *testing.T) {
	for x := range uint32(numBehaviours) {
		h := host(t, Callee().Encode())
		v, code, err := h.call("f", x)
		want := map[uint32]cm.TrapCode{Waits: cm.TrapDeadlock, NeverReturns: cm.TrapNoResult, Nonsense: cm.TrapCallback}[x]
		if code != want || want == "" && v != 100+x {
			t.Errorf("%d: %d, %v, want trap %q", x, v, err, want)
		}
		h.close()
	}
}
