package host_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
)

// inParts is work in two parts.
type inParts struct {
	begin  func(ctx context.Context, inst *component.Instance) error
	finish func(ctx context.Context) error
}

func (p inParts) Begin(ctx context.Context, inst *component.Instance) error {
	return p.begin(ctx, inst)
}
func (p inParts) Finish(ctx context.Context) error { return p.finish(ctx) }

// TestParts: an invocation in two parts has its instance and its boundary until End, which may be on another goroutine, and ends as one in a
// single part does.
func TestParts(t *testing.T) {
	boom := errors.New("boom")
	begun := func(context.Context, *component.Instance) error { return nil }
	for name, c := range map[string]struct {
		parts inParts
		fails func(error) bool // how Settle and End see it; nil: it ends well
		begun bool
	}{
		"well":          {inParts{begun, func(context.Context) error { return nil }}, nil, true},
		"begin fails":   {inParts{func(context.Context, *component.Instance) error { return boom }, nil}, func(err error) bool { return errors.Is(err, boom) }, false},
		"finish fails":  {inParts{begun, func(context.Context) error { return boom }}, func(err error) bool { return errors.Is(err, boom) }, true},
		"begin panics":  {inParts{func(context.Context, *component.Instance) error { panic("begin") }, nil}, isBug, false},
		"finish panics": {inParts{begun, func(context.Context) error { panic("finish") }}, isBug, true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			pool := workers(t)
			seen, settled := &crossings{}, 0
			var settledWith error
			inv := &host.Invocation{Component: "worker", Trigger: "queue", Name: "orders", Parts: c.parts,
				Run:    func(context.Context, *component.Instance) error { t.Error("Run was called"); return nil },
				Settle: func(_ context.Context, err error) { settled++; settledWith = err }}
			err := host.NewInvoker(pool(seen), host.InvokerConfig{}).Invoke(ctx, inv)
			if inv.Begun() != c.begun {
				t.Fatalf("begun: %t, %v", inv.Begun(), err)
			}
			if c.begun {
				if s := pool(nil).Stats(); err != nil || settled != 0 || s.Running != 1 || seen.entered != 1 || seen.left != 0 {
					t.Errorf("between its parts: %v, settled %d times, %+v, %+v", err, settled, s, *seen)
				}
				done := make(chan error)
				go func() { done <- inv.End() }()
				err = <-done
			}
			if ok := c.fails == nil && err == nil || c.fails != nil && c.fails(err); !ok || settled != 1 || settledWith != err {
				t.Errorf("ended with %v, settled %d times with %v", err, settled, settledWith)
			}
			if s := pool(nil).Stats(); s.Running != 0 || seen.entered != 1 || seen.left != 1 {
				t.Errorf("after its end: %+v, %+v", s, *seen)
			}
			if err := pool(nil).Close(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func isBug(err error) bool {
	var trap *cm.Trap
	return errors.As(err, &trap) && trap.Code == cm.TrapBug
}

// crossings counts those of the event's boundary.
type crossings struct{ entered, left int }

func (c *crossings) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind != cm.Event {
		return nil
	}
	return c
}

func (c *crossings) Enter(call *cm.Call) context.Context { c.entered++; return call.Context }
func (c *crossings) Exit(*cm.Call, cm.End)               { c.left++ }

// workers gives a pool of a small component, which it makes at the first call.
func workers(t *testing.T) func(cm.Interceptor) *component.Pool {
	var pool *component.Pool
	return func(i cm.Interceptor) *component.Pool {
		if pool != nil {
			return pool
		}
		ctx := context.Background()
		engine, err := component.NewEngine(ctx)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { engine.Close(ctx) })
		wasm, err := os.ReadFile("../examples/embed/pool/worker.wasm")
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := engine.Load(ctx, "worker", wasm)
		if err != nil {
			t.Fatal(err)
		}
		linked, err := engine.NewLinker(i).Link(ctx, loaded)
		if err != nil {
			t.Fatal(err)
		}
		if pool, err = component.NewPool(linked, component.PoolConfig{}); err != nil {
			t.Fatal(err)
		}
		return pool
	}
}
