package component_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// goHost serves testdata/async with a plain Go function.
func goHost(t *testing.T, dep any) *component.Instance {
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
	l := e.NewLinker(nil)
	l.Instance(root).GoFunc("dep", dep)
	linked, err := l.Link(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := linked.Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inst.Close(context.Background()) })
	return inst
}

func invoke(t *testing.T, inst *component.Instance, name string, args ...any) (any, error) {
	t.Helper()
	f, err := inst.Func(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return f.Invoke(t.Context(), args...)
}

// TestGoFuncMayBlock: a plain Go function serves an async import, and waits while others of its guest go on.
func TestGoFuncMayBlock(t *testing.T) {
	second := make(chan struct{})
	inst := goHost(t, func(ctx context.Context, x uint32) (uint32, error) {
		if x == 2 {
			close(second)
			return 20, nil
		}
		select {
		case <-second:
			return 10, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	})
	first := make(chan any, 1)
	go func() {
		v, err := invoke(t, inst, "call-dep", uint32(1))
		if err != nil {
			v = err
		}
		first <- v
	}()
	if v, err := invoke(t, inst, "call-dep", uint32(2)); err != nil || v != uint32(20) {
		t.Errorf("%v, %v", v, err)
	}
	if v := <-first; v != uint32(10) {
		t.Error(v)
	}
}

// TestInvokeStreams: streams and futures are Go values of Invoke: of bytes, of a type that the caller chooses, and of any.
func TestInvokeStreams(t *testing.T) {
	inst := goHost(t, func(uint32) uint32 { return 0 })
	generate, err := inst.Func(root, "generate")
	if err != nil {
		t.Fatal(err)
	}
	running, err := generate.Start(t.Context(), cm.U32Val(250))
	if err != nil {
		t.Fatal(err)
	}
	result, err := running.Result(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := cm.ToGo(generate.Type().Result, result)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(cm.ReadStream(t.Context(), v.(*cm.StreamReader[uint8])))
	if err != nil || len(text) != 250 || !strings.HasPrefix(string(text), "0123456789") {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	w, r := cm.NewStream[uint8]()
	go func() {
		_, _ = w.Write(t.Context(), []byte{1, 2, 3})
		w.Close()
	}()
	if v, err := invoke(t, inst, "sum", r); err != nil || v != uint32(6) {
		t.Errorf("%v, %v", v, err)
	}
	for name, c := range map[string]struct {
		value any
		want  uint32
		err   string
	}{
		"a number of its type":     {uint32(7), 7, ""},
		"a number that fits":       {int64(8), 8, ""},
		"a number that is too big": {int64(1) << 40, 0, "does not fit"},
		"no number":                {"nine", 0, "want u32, got string"},
	} {
		inst := goHost(t, func(uint32) uint32 { return 0 })
		w, r := cm.NewFuture[any]()
		set := make(chan error, 1)
		go func() { set <- w.Set(t.Context(), c.value) }()
		v, err := invoke(t, inst, "await", r)
		wrote := <-set
		switch {
		case c.err == "" && (err != nil || wrote != nil || v != c.want):
			t.Errorf("%s: %v, %v; the writer has %v", name, v, err, wrote)
		case c.err != "" && (wrote == nil || err == nil || !strings.Contains(errors.Join(err, wrote).Error(), c.err)): // who comes second is told why
			t.Errorf("%s: %v; the writer has %v, want an error with %q", name, err, wrote, c.err)
		}
	}
}

// TestInvokeRefusesOtherStreams: what is no readable end, or one of elements that can never fit, is refused before anything runs.
func TestInvokeRefusesOtherStreams(t *testing.T) {
	inst := goHost(t, func(uint32) uint32 { return 0 })
	_, text := cm.NewStream[string]()
	defer text.Close()
	_, future := cm.NewFuture[uint8]()
	defer future.Close()
	for _, c := range []struct {
		arg  any
		want string
	}{
		{text, "element of stream<u8>: want u8, got string"},
		{future, "want stream<u8>, got *cm.FutureReader[uint8]"},
		{(*cm.StreamReader[uint8])(nil), "nil"},
		{nil, "nil"},
		{[]byte("x"), "want stream<u8>, got []uint8"},
	} {
		if _, err := invoke(t, inst, "sum", c.arg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %q", c.arg, err, c.want)
		}
	}
}
