package component_test

import (
	"context"
	"os"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
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
	top.Func("park", &cm.FuncType{}, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		if h.park == nil {
			return cm.Val{}, nil
		}
		return cm.Val{}, h.park(ctx)
	})
	top.Func("make", &cm.FuncType{Result: &cm.Type{Kind: cm.KindOwn, Resource: h.thing}}, func(context.Context, []cm.Val) (cm.Val, error) {
		return cm.LowerHandle(h.thing, 1), nil
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
