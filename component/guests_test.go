package component_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/tests/testref"
	"github.com/vitrine-wasm/vitrine/wit"
)

func load(t *testing.T, e *component.Engine, guest string) *component.Component {
	t.Helper()
	c, err := e.Load(context.Background(), guest, testref.Guest(t, guest))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, l *component.Linker, c *component.Component) *component.Instance {
	t.Helper()
	ctx := context.Background()
	linked, err := l.Link(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inst.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return inst
}

// TestPlainGuests calls components that import nothing with Go values.
func TestPlainGuests(t *testing.T) {
	e := engine(t)
	text := start(t, e.NewLinker(nil), load(t, e, "c-strings"))
	price := start(t, e.NewLinker(nil), load(t, e, "rust-price"))
	composed := start(t, e.NewLinker(nil), load(t, e, "composed-c-shout"))
	type pair struct {
		A string
		N uint32
	}
	for _, c := range []struct {
		inst *component.Instance
		name string
		args []any
		want any
		err  string
	}{
		{text, "lab:cstr/text@1.2.3#rev", []any{"stressed"}, "desserts", ""},
		{text, "lab:cstr/text@1.2.3#swap", []any{pair{"x", 41}}, map[string]any{"a": "x", "n": uint32(42)}, ""},
		{text, "lab:cstr/text@1.2.3#area", []any{cm.Variant{Case: "circle", Value: float32(1)}}, 3.14159265358979, ""},
		{text, "lab:cstr/text@1.2.3#area", []any{"empty"}, 0.0, ""},
		{text, "lab:cstr/text@1.2.3#area", []any{cm.Variant{Case: "label", Value: "no shape"}}, nil, "no shape"},
		{text, "lab:cstr/text@1.2.3#has", []any{[]string{"read", "exec"}}, []bool{true, false, true}, ""},
		{price, "shop:price/price@0.1.0#quote", []any{"item-3"}, map[string]any{"item": "item-3", "cents": uint64(300)}, ""},
		{price, "shop:price/price@0.1.9#quote", []any{"item-0"}, nil, "sold-out"},
		{composed, "lab:consumer/api#shout", []any{"abc"}, "CBA", ""},
	} {
		got, err := c.inst.Call(context.Background(), c.name, c.args...)
		if c.err != "" {
			var fail *cm.ResultError[any]
			if !errors.As(err, &fail) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s%v: error %v; wanted a WIT error %q", c.name, c.args, err, c.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s%v = %#v, %v; wanted %#v", c.name, c.args, got, err, c.want)
		}
	}
}

// TestComposeAtRunTime links cart to price and uses cart's resource from the host.
func TestComposeAtRunTime(t *testing.T) {
	ctx := context.Background()
	e := engine(t)
	parts := []component.Part{
		{Name: "cart", Component: load(t, e, "rust-cart"), Links: map[string]string{"shop:price/price": "price"}},
		{Name: "price", Component: load(t, e, "rust-price")},
	}
	c, err := e.Compose(ctx, "shop", parts)
	if err != nil {
		t.Fatal(err)
	}
	inst := start(t, e.NewLinker(nil), c)
	basket, err := inst.Call(ctx, "shop:cart/cart@0.1.0#[constructor]basket", "ada")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := inst.Call(ctx, "shop:cart/cart@0.1.0#[method]basket.add", basket, "item-2", 3); err != nil || n != uint64(600) {
		t.Errorf("add: %v, %v", n, err)
	}
	_, err = inst.Call(ctx, "shop:cart/cart@0.1.0#[method]basket.add", basket, "item-0", 1)
	var fail *cm.ResultError[any]
	if !errors.As(err, &fail) || fail.Value != "ada: item-0 is sold out" {
		t.Errorf("add of what is sold out: %v", err)
	}
	if err := inst.Drop(ctx, basket.(*cm.Resource)); err != nil {
		t.Error(err)
	}
	var trap *cm.Trap
	_, err = inst.Call(ctx, "shop:cart/cart@0.1.0#total", 13)
	if !errors.As(err, &trap) || trap.Code != cm.TrapUnreachable || trap.Boundary.Callee != "price" {
		t.Errorf("a trap in the linked component: %v", err)
	}

	for name, links := range map[string]map[string]string{
		"there is no component \"nobody\"": {"shop:price/price": "nobody"},
		"it has no such import":            {"shop:brice/price": "price"},
	} {
		parts[0].Links = links
		if _, err := e.Compose(ctx, "shop", parts); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", links, err)
		}
	}
}

// TestGoFuncHost serves c-consumer, which imports an interface, by Go functions.
func TestGoFuncHost(t *testing.T) {
	e := engine(t)
	ctx := context.Background()
	c := load(t, e, "c-consumer")
	l := e.NewLinker(nil)
	l.Instance(wit.MustParseID("lab:cstr/text@1.2.5")).GoFunc("rev", func(_ context.Context, s string) (string, error) {
		if s == "fail" {
			return "", errors.New("told to")
		}
		return "<" + s + ">", nil
	})
	inst := start(t, l, c)
	if got, err := inst.Call(ctx, "lab:consumer/api#shout", "abc"); err != nil || got != "<ABC>" {
		t.Errorf("shout: %v, %v", got, err)
	}
	_, err := inst.Call(ctx, "lab:consumer/api#shout", "fail")
	wantTrap(t, err, cm.TrapHost)

	for _, f := range []any{"text", func() string { return "" }, func(s string) {}, func(a, b string) string { return "" }} {
		l := e.NewLinker(nil)
		l.Instance(wit.MustParseID("lab:cstr/text@1.2.5")).GoFunc("rev", f)
		if _, err := l.Link(ctx, c); err == nil || !strings.Contains(err.Error(), "lab:cstr/text@1.2.3#rev: wanted func(s: string) -> string, had a Go") {
			t.Errorf("%T: %v", f, err)
		}
	}
}
