package wasi_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi"
	wasihttp "github.com/vitrine-wasm/vitrine/wasi/http"
	httpp2 "github.com/vitrine-wasm/vitrine/wasi/http/p2"
)

// createdResources is an interceptor that records the resources that the host has given to guests.
type createdResources struct {
	mu  sync.Mutex
	all []*cm.Resource
}

func (m *createdResources) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind != cm.GuestToHost || b.Interface.Namespace != "wasi" {
		return nil
	}
	return creationHooks{m, b}
}

// live is the number of resources that have not been dropped.
func (m *createdResources) live() (n int) {
	for _, r := range m.all {
		if !r.Dropped {
			n++
		}
	}
	return n
}

type creationHooks struct {
	m *createdResources
	b *cm.Boundary
}

func (x creationHooks) Enter(c *cm.Call) context.Context { return c.Context }

func (x creationHooks) Exit(c *cm.Call, end cm.End) {
	x.m.mu.Lock()
	defer x.m.mu.Unlock()
	for _, v := range c.Results() {
		cm.EachOwned(x.b.Type.Result, v, func(r *cm.Resource) { x.m.all = append(x.m.all, r) })
	}
}

// newKeeper links testdata/children/main to keeper, within one component or as two linked components.
func newKeeper(t *testing.T, apart bool) (make func(...component.StoreOption) *component.Instance, m *createdResources) {
	t.Helper()
	ctx := context.Background()
	e := engine(t)
	load := func(name string) *component.Component {
		b, err := os.ReadFile("../testdata/children/" + name + ".wasm")
		if err != nil {
			t.Fatal(err)
		}
		c, err := e.Load(ctx, name, b)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	m = &createdResources{}
	client := wasihttp.NewClient(noHTTP)
	linker := func() *component.Linker {
		l := e.NewLinker(m)
		if err := wasi.Add(l, wasi.Config{}); err != nil {
			t.Fatal(err)
		}
		httpp2.Add(l, client)
		return l
	}
	l, whole := linker(), load("main")
	begin := func(l *component.Linker, c *component.Component, opts ...component.StoreOption) *component.Instance {
		linked, err := l.Link(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		inst, err := linked.Instantiate(ctx, opts...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := errors.Join(inst.Close(ctx), linked.Close(ctx)); err != nil {
				t.Error(err)
			}
			if n := m.live(); n > 0 && !apart {
				t.Errorf("%d resources outlive the instance", n)
			}
		})
		return inst
	}
	t.Cleanup(func() { client.Close() })
	if !apart {
		var err error
		parts := []component.Part{{Name: "main", Component: whole, Links: map[string]string{"test:children/keeper": "keeper"}}, {Name: "keeper", Component: load("keeper")}}
		if whole, err = e.Compose(ctx, "both", parts); err != nil {
			t.Fatal(err)
		}
	}
	return func(opts ...component.StoreOption) *component.Instance {
		if apart {
			l = linker()
			l.Serve("test:children/keeper", begin(linker(), load("keeper"), opts...))
		}
		return begin(l, whole, opts...)
	}, m
}

const stream = "wasi:io/streams@0.2.12.output-stream"

// TestChildrenInOtherInstances: a child is alive as long as any instance has a handle of it, and its parent may be passed on.
// So may a request with headers: WIT says that these must be dropped before, but requires a trap only at its end.
func TestChildrenInOtherInstances(t *testing.T) {
	dropped := stream + " dropped while its child wasi:io/poll@0.2.12.pollable is alive"
	for name, want := range map[string]string{
		"parent-first": dropped, "child-first": "", "two-children-one-gone": dropped,
		"child-elsewhere": dropped, "child-ends-elsewhere": "",
		"parent-elsewhere": dropped, "parent-elsewhere-child-gone": "",
		"request-given": "", "request-alone-given": "", "request-returned": "",
	} {
		for how, apart := range map[string]bool{"one store": false, "two stores": true} {
			t.Run(name+"/"+how, func(t *testing.T) {
				begin, _ := newKeeper(t, apart)
				_, err := begin().Call(t.Context(), name)
				var trap *cm.Trap
				switch {
				case want == "" && err != nil:
					t.Error(err)
				case want != "" && (!errors.As(err, &trap) || trap.Code != cm.TrapMisuse || trap.Detail != want):
					t.Errorf("got %v, want a trap that says %s", err, want)
				}
			})
		}
	}
}

// TestChildrenEndWithInstances: the end of an instance drops all resources without a trap.
func TestChildrenEndWithInstances(t *testing.T) {
	ctx := context.Background()
	for _, apart := range []bool{false, true} {
		begin, m := newKeeper(t, apart)
		inst := begin()
		if _, err := inst.Call(ctx, "leave"); err != nil {
			t.Fatal(err)
		}
		if m.live() < 5 {
			t.Fatalf("%d resources live", m.live())
		}
		if err := inst.Close(ctx); err != nil {
			t.Error(err)
		}
		if n := m.live(); n > 0 && !apart || n > 1 {
			t.Errorf("%d resources outlive the instance, apart: %v", n, apart)
		}
		inst = begin()
		var trap *cm.Trap
		if _, err := inst.Call(ctx, "leave-and-trap"); !errors.As(err, &trap) || trap.Code != cm.TrapUnreachable {
			t.Errorf("got %v", err)
		}
		if err := inst.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// TestChildrenEndWithResets: a reset drops the children of resources that survive it.
func TestChildrenEndWithResets(t *testing.T) {
	ctx := context.Background()
	for name, how := range map[string]component.Isolation{"fresh": component.Fresh, "snapshot": component.Initialised} {
		t.Run(name, func(t *testing.T) {
			begin, m := newKeeper(t, false)
			inst := begin(component.WithReset(how, nil))
			stays := m.live()
			for _, fn := range []string{"leave", "first-child", "child-first", "leave"} {
				if _, err := inst.Call(ctx, fn); err != nil {
					t.Fatalf("%s: %v", fn, err)
				}
				if err := inst.Reset(ctx, cm.InstanceInfo{}); err != nil {
					t.Fatalf("reset behind %s: %v", fn, err)
				}
				if n := m.live(); n != stays {
					t.Errorf("%d resources live behind the reset after %s, %d before", n, fn, stays)
				}
			}
			if inst.Initialises() != (how == component.Fresh) {
				t.Errorf("initialises: %v", inst.Initialises())
			}
			// The stream of initialisation had a child, once.
			if _, err := inst.Call(ctx, "drop-first"); err != nil {
				t.Error(err)
			}
		})
	}
	begin, _ := newKeeper(t, false)
	inst := begin(component.WithReset(component.Initialised, nil))
	if _, err := inst.Call(ctx, "first-child"); err != nil {
		t.Fatal(err)
	}
	if _, err := inst.Call(ctx, "drop-first"); err == nil || !strings.Contains(err.Error(), "is alive") {
		t.Errorf("without a reset: %v", err)
	}
}
