package cm_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/wit"
)

func ExampleFromGo() {
	point := cm.RecordOf("point", cm.Field{Name: "x", Type: cm.TypeS32}, cm.Field{Name: "label", Type: cm.OptionOf(cm.TypeString)})
	v, err := cm.FromGo(point, struct{ X int }{3})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.List()[0].S32(), v.List()[1].Case())
	_, err = cm.FromGo(point, struct{ Label string }{"here"})
	fmt.Println(err)
	// Output:
	// 3 0
	// field x: missing in struct { Label string }
}

func ExampleToGo() {
	v := cm.ListVal([]cm.Val{cm.U32Val(1), cm.U32Val(2)})
	g, err := cm.ToGo(cm.ListOf(cm.TypeU32), v)
	fmt.Printf("%T %v %v\n", g, g, err)
	// Output: []uint32 [1 2] <nil>
}

func ExampleGoHostFunc() {
	div := &cm.FuncType{
		Params: []cm.Field{{Name: "a", Type: cm.TypeU32}, {Name: "b", Type: cm.TypeU32}},
		Result: cm.ResultOf(cm.TypeU32, cm.TypeString),
	}
	f, err := cm.GoHostFunc(div, func(_ context.Context, a, b uint32) (uint32, error) {
		if b == 0 {
			return 0, cm.Fail("division by zero") // the error of the WIT result; any other error traps the guest
		}
		return a / b, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range []uint32{3, 0} {
		v, err := f(context.Background(), []cm.Val{cm.U32Val(12), cm.U32Val(b)})
		if err != nil {
			fmt.Println(err)
			return
		}
		p, _ := v.Payload()
		if v.Case() == 0 {
			fmt.Println("ok", p.U32())
		} else {
			fmt.Println("error", p.Str())
		}
	}
	// Output:
	// ok 4
	// error division by zero
}

// counter is an interceptor that counts calls by how they end.
type counter map[cm.Outcome]int

func (c counter) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind != cm.GuestToHost {
		return nil // costs those boundaries one nil check a call
	}
	return c
}

func (c counter) Enter(call *cm.Call) context.Context { return call.Context }

func (c counter) Exit(_ *cm.Call, end cm.End) { c[end.Outcome]++ }

func ExampleInterceptor() {
	c := counter{}
	b := &cm.Boundary{Kind: cm.GuestToHost, Caller: "shop", Interface: wit.MustParseID("wasi:clocks/wall-clock@0.2.12"), Func: "now"}
	hooks := c.Bind(b)
	// An engine, or a test, makes a call like this.
	for _, err := range []error{nil, errors.New("no clock"), context.Canceled} {
		crossing := cm.NewCrossing(b, nil, context.Background())
		crossing.Enter(hooks)
		crossing.Leave(cm.Val{}, cm.End{Err: err})
	}
	fmt.Println(b)
	fmt.Println("ok", c[cm.OK], "cancelled", c[cm.Cancelled], "aborted", c[cm.Aborted])
	// Output:
	// shop → host: wasi:clocks/wall-clock@0.2.12#now
	// ok 1 cancelled 1 aborted 1
}
