package wast

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
)

// simpleModule is (module (func (export "f") (result i32) i32.const 101) (global (export "g") i32 i32.const 100)).
var simpleModule = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x05\x01\x60\x00\x01\x7f" + // type: (func (result i32))
	"\x03\x02\x01\x00" +
	"\x06\x07\x01\x7f\x00\x41\xe4\x00\x0b" + // global: i32.const 100
	"\x07\x09\x02\x01f\x00\x00\x01g\x03\x00" +
	"\x0a\x07\x01\x05\x00\x41\xe5\x00\x0b") // code: i32.const 101

// fixture is the host that scripts may import from. Parameters have no names: components name them as they like.
type fixture struct {
	resource1, resource2 *cm.ResourceType
	drops, last          uint32
}

// rep is how the fixture represents its resources.
func rep(v cm.Val) uint32 { return v.Resource().Obj.(uint32) }

// newFixture defines the fixture in l.
func newFixture(l *component.Linker) *fixture {
	f := &fixture{resource2: &cm.ResourceType{Name: "resource2"}}
	f.resource1 = &cm.ResourceType{Name: "resource1", Drop: func(_ context.Context, r *cm.Resource) error {
		f.drops++
		f.last = r.Obj.(uint32)
		return nil
	}}
	constant := func(t *cm.Type, v cm.Val) (*cm.FuncType, cm.HostFunc) {
		return funcType(t), func(context.Context, []cm.Val) (cm.Val, error) { return v, nil }
	}
	root := l.Instance(wit.InterfaceID{})
	define := func(h *component.HostInstance, name string) func(*cm.FuncType, cm.HostFunc) {
		return func(t *cm.FuncType, fn cm.HostFunc) { h.Func(name, t, fn) }
	}
	define(root, "host-return-two")(constant(cm.TypeU32, cm.U32Val(2)))

	host := l.Instance(wit.InterfaceID{Interface: "host"})
	define(host, "return-three")(constant(cm.TypeU32, cm.U32Val(3)))
	define(host, "return-hi")(constant(cm.TypeString, cm.StringVal("hi")))
	define(l.Instance(wit.InterfaceID{Interface: "host.nested"}), "return-four")(constant(cm.TypeU32, cm.U32Val(4)))
	host.Module("simple-module", simpleModule)
	f.resources(host)

	// Functions of asynchronous type have their type from the component: the same function implements both.
	root.GoFunc("host-echo-u32", func(v uint32) uint32 { return v })
	host.GoFunc("return-two-slowly", func() int32 { return 2 })
	host.GoFunc("echo-slowly", func(v uint32) uint32 { return v })
	never := func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	host.GoFunc("never-return", never)
	host.GoFunc("[method]resource1.never-return", func(ctx context.Context, _ *cm.Resource) error { return never(ctx) })
	return f
}

func (f *fixture) resources(host *component.HostInstance) {
	host.Resource("resource1", f.resource1)
	host.Resource("resource1-again", f.resource1)
	host.Resource("resource2", f.resource2)
	own, borrow := cm.OwnOf(f.resource1), cm.BorrowOf(f.resource1)

	host.Func("[constructor]resource1", funcType(own, cm.TypeU32), func(_ context.Context, args []cm.Val) (cm.Val, error) {
		return cm.ResourceVal(cm.NewResource(f.resource1, args[0].U32())), nil
	})
	isRep := func(_ context.Context, args []cm.Val) (cm.Val, error) {
		if had, want := rep(args[0]), args[1].U32(); had != want {
			return cm.Val{}, fmt.Errorf("the resource is number %d, and not %d", had, want)
		}
		return cm.Val{}, nil
	}
	host.Func("[static]resource1.assert", funcType(nil, own, cm.TypeU32), isRep)
	host.Func("[method]resource1.simple", funcType(nil, borrow, cm.TypeU32), isRep)
	accept := func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil }
	host.Func("[method]resource1.take-borrow", funcType(nil, borrow, borrow), accept)
	host.Func("[method]resource1.take-own", funcType(nil, borrow, own), accept)
	host.Func("[static]resource1.last-drop", funcType(cm.TypeU32), func(context.Context, []cm.Val) (cm.Val, error) {
		return cm.U32Val(f.last), nil
	})
	host.Func("[static]resource1.drops", funcType(cm.TypeU32), func(context.Context, []cm.Val) (cm.Val, error) {
		return cm.U32Val(f.drops), nil
	})
}

func funcType(result *cm.Type, params ...*cm.Type) *cm.FuncType {
	t := &cm.FuncType{Result: result}
	for _, p := range params {
		t.Params = append(t.Params, cm.Field{Type: p})
	}
	return t
}
