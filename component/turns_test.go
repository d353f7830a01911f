package component_test

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/cm/bind"
	"github.com/vitrine-wasm/vitrine/component"
)

// turnsHost serves testdata/turns: components whose calls stop half way, in park.
type turnsHost struct {
	park  func(ctx context.Context) error                 // nil: it returns at once
	look  func(ctx context.Context, r *cm.Resource) error // likewise
	thing *cm.ResourceType
}

func (h *turnsHost) link(t *testing.T, i cm.Interceptor) *component.Linked {
	t.Helper()
	if h.thing == nil {
		h.thing = &cm.ResourceType{Name: "thing"}
	}
	e := engine(t)
	l := e.NewLinker(i)
	top := l.Instance(root)
	top.Resource("thing", h.thing)
	top.Define(cm.HostDef{Name: "park", Type: &cm.FuncType{}, Parts: func(context.Context, []cm.Val) (cm.Work, error) {
		return func(ctx context.Context) cm.Finish {
			var err error
			if h.park != nil {
				err = h.park(ctx)
			}
			return func(context.Context) (cm.Val, error) { return cm.Val{}, err }
		}, nil
	}})
	top.Func("make", &cm.FuncType{Result: &cm.Type{Kind: cm.KindOwn, Resource: h.thing}}, func(context.Context, []cm.Val) (cm.Val, error) {
		return bind.LowerHandle(h.thing, 1), nil
	})
	top.Func("look", &cm.FuncType{Params: []cm.Field{{Name: "t", Type: &cm.Type{Kind: cm.KindBorrow, Resource: h.thing}}}}, func(ctx context.Context, args []cm.Val) (cm.Val, error) {
		if h.look == nil {
			return cm.Val{}, nil
		}
		return cm.Val{}, h.look(ctx, args[0].Resource())
	})
	wasm, err := os.ReadFile("../testdata/turns/turns.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(t.Context(), "turns", wasm)
	if err != nil {
		t.Fatal(err)
	}
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return linked
}

func (h *turnsHost) instance(t *testing.T, i cm.Interceptor, opts ...component.StoreOption) *component.Instance {
	t.Helper()
	inst, err := h.link(t, i).Instantiate(t.Context(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inst.Close(context.Background()) })
	return inst
}

// TestPartsInTurn: a host function in parts can be called synchronously; one that is in parts and keeps a view of the guest's
// memory, or has two forms, is refused when it is linked.
func TestPartsInTurn(t *testing.T) {
	const reads, works, finishes = "reads", "works", "finishes"
	var did []string
	parts := func(_ context.Context, args []cm.Val) (cm.Work, error) {
		did = append(did, reads)
		s := args[0].Str()
		return func(context.Context) cm.Finish {
			did = append(did, works)
			return func(context.Context) (cm.Val, error) {
				did = append(did, finishes)
				return cm.StringVal(s), nil
			}
		}, nil
	}
	echo := cm.HostDef{Name: "echo", Type: &cm.FuncType{Params: []cm.Field{{Name: "s", Type: stringType}}, Result: stringType}, Parts: parts}
	link := func(d cm.HostDef) (*component.Instance, error) {
		e := engine(t)
		l := e.NewLinker(nil)
		h := l.Instance(callsHost)
		h.Func("nop", &cm.FuncType{}, nil)
		h.Func("id", &cm.FuncType{Params: []cm.Field{{Name: "x", Type: u32Type}}, Result: u32Type}, nil)
		h.Define(d)
		wasm, err := os.ReadFile("../testdata/calls/calls.wasm")
		if err != nil {
			t.Fatal(err)
		}
		c, err := e.Load(t.Context(), "calls", wasm)
		if err != nil {
			t.Fatal(err)
		}
		linked, err := l.Link(t.Context(), c)
		if err != nil {
			return nil, err
		}
		return linked.Instantiate(t.Context())
	}
	inst, err := link(echo)
	if err != nil {
		t.Fatal(err)
	}
	mustCall(t, inst, callsRun, "host-echo", cm.U32Val(1))
	if !slices.Equal(did, []string{reads, works, finishes}) {
		t.Errorf("it %v", did)
	}
	if err := inst.Close(t.Context()); err != nil {
		t.Error(err)
	}
	borrows, twice := echo, echo
	borrows.BorrowsBytes, twice.Func = true, echo.Sync()
	for name, d := range map[string]cm.HostDef{"borrows": borrows, "twice": twice} {
		if _, err := link(d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
