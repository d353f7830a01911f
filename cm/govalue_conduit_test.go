package cm

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// pass gives a readable end on as a value and takes it back as the Go type of target.
func pass[T any](t *testing.T, typ *Type, v any, target T) T {
	t.Helper()
	val, err := FromGo(typ, v)
	if err != nil {
		t.Fatal(err)
	}
	g, err := ToGoAs(typ, val, reflect.TypeOf(target))
	if err != nil {
		t.Fatal(err)
	}
	return g.Interface().(T)
}

// TestStreamsAsGoValues: an element is converted to the type that its reader wants; one that does not fit is an error of the
// read, and so is one of a future.
func TestStreamsAsGoValues(t *testing.T) {
	type point struct{ X, Y int8 }
	record := &Type{Kind: KindRecord, Fields: []Field{{Name: "x", Type: TypeU32}, {Name: "y", Type: TypeU32}}}
	stream, future := StreamOf(record), &Type{Kind: KindFuture, Elem: record}
	w, r := NewStream[Val]()
	to := pass(t, stream, r, (*StreamReader[point])(nil))
	go func() {
		defer w.Close()
		_, _ = w.Write(t.Context(), []Val{ListVal([]Val{U32Val(1), U32Val(2)})})
		_, _ = w.Write(t.Context(), []Val{ListVal([]Val{U32Val(3), U32Val(300)})})
	}()
	var p [1]point
	if n, err := to.Read(t.Context(), p[:]); n != 1 || err != nil || p[0] != (point{1, 2}) {
		t.Errorf("%d, %v, %v", n, err, p)
	}
	if _, err := to.Read(t.Context(), p[:]); err == nil || !strings.Contains(err.Error(), "field y: 300 does not fit into int8") {
		t.Error(err)
	}
	to.Close()
	fw, fr := NewFuture[Val]()
	ft := pass(t, future, fr, (*FutureReader[any])(nil))
	go func() { _ = fw.Set(context.Background(), ListVal([]Val{U32Val(1), U32Val(2)})) }()
	if v, err := ft.Await(t.Context()); err != nil || !reflect.DeepEqual(v, map[string]any{"x": uint32(1), "y": uint32(2)}) {
		t.Errorf("%v, %v", v, err)
	}
	nw, nr := NewStream[struct{}]() // elements of no type
	none := pass(t, StreamOf(nil), nr, (*StreamReader[struct{}])(nil))
	go func() {
		_, _ = nw.Write(t.Context(), make([]struct{}, 2))
		nw.Close()
	}()
	if n, err := none.Read(t.Context(), make([]struct{}, 5)); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := none.Read(t.Context(), make([]struct{}, 5)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	ow, opt := NewFuture[Val]()
	if v, err := FromGo(&Type{Kind: KindOption, Elem: future}, opt); err != nil || v.Case() != 1 {
		t.Errorf("some future: %v, %v", v, err)
	}
	if v, err := FromGo(&Type{Kind: KindOption, Elem: future}, nil); err != nil || v.Case() != 0 {
		t.Errorf("no future: %v, %v", v, err)
	}
	ow.Close()
	for want, g := range map[string]reflect.Type{
		"*cm.StreamReader[uint8]": GoType(StreamOf(TypeU8)), "*cm.StreamReader[interface {}]": GoType(StreamOf(nil)), "*cm.FutureReader[interface {}]": GoType(future),
	} {
		if g.String() != want {
			t.Errorf("%s, want %s", g, want)
		}
	}
	for typ, g := range map[*Type]reflect.Type{stream: reflect.TypeFor[*FutureReader[point]](), future: reflect.TypeFor[*FutureReader[string]](), StreamOf(TypeU8): reflect.TypeFor[[]byte]()} {
		if CheckGo(typ, g) == nil {
			t.Errorf("%s is taken for %s", g, typ)
		}
	}
}
