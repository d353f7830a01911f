package cm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/cm/bind"
)

// noting is the context of a call that notes causes.
type noting struct {
	context.Context
	cause error
}

func (n *noting) Value(key any) any {
	if key == cm.CauseKey() {
		return func(err error) { n.cause = err }
	}
	return n.Context.Value(key)
}

// TestCauses: a call is told why its guest got an error, however the error was made; one without a cause tells nothing.
func TestCauses(t *testing.T) {
	why := errors.New("why")
	inner := cm.FailFor(uint32(1), why)
	outer := fmt.Errorf("while opening: %w", cm.Fail(uint32(1)))
	for name, c := range map[string]struct{ err, want error }{
		"none":    {cm.Fail(uint32(1)), nil},
		"cause":   {inner, why},
		"wrapped": {outer, outer},
	} {
		ctx := &noting{Context: t.Context()}
		if _, err := bind.LowerError(ctx, c.err, cm.U32Val); err != nil || ctx.cause != c.want {
			t.Errorf("%s: bindings tell %v, %v, want %v", name, ctx.cause, err, c.want)
		}
		ctx.cause = nil
		f, err := cm.GoHostFunc(&cm.FuncType{Result: cm.ResultOf(nil, cm.TypeU32)}, func() error { return c.err })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f(ctx, nil); err != nil || ctx.cause != c.want {
			t.Errorf("%s: Go functions tell %v, %v, want %v", name, ctx.cause, err, c.want)
		}
	}
	ctx := &noting{Context: t.Context()}
	if _, err := bind.LowerError(ctx, why, cm.U32Val); err != why || ctx.cause != nil {
		t.Errorf("an error that traps: %v, cause %v", err, ctx.cause)
	}
}

// TestBackendErrorsKeepTheirSecret: by whatever way one is printed, only Detail tells what the backend says.
func TestBackendErrorsKeepTheirSecret(t *testing.T) {
	err := error(&cm.BackendError{Text: "the backend failed", Err: errors.New("secret")})
	for _, e := range []error{err, fmt.Errorf("get: %w", err), cm.FailFor("no", err)} {
		if s := e.Error(); strings.Contains(s, "secret") {
			t.Errorf("printed: %s", s)
		}
		if s := cm.Detail(e); !strings.HasSuffix(s, ": secret") {
			t.Errorf("detail: %s", s)
		}
	}
	if s := cm.Detail(errors.New("plain")); s != "plain" {
		t.Errorf("detail of another error: %s", s)
	}
}

// TestObjectOfAnotherImplementation: the trap says which resource it was, what it held and what was wanted.
func TestObjectOfAnotherImplementation(t *testing.T) {
	thing := &cm.ResourceType{Name: "thing"}
	if n, err := cm.ObjectAs[int](thing, 7); n != 7 || err != nil {
		t.Errorf("its own: %v, %v", n, err)
	}
	for _, obj := range []any{nil, "text"} {
		_, err := cm.ObjectAs[*strings.Reader](thing, obj)
		var trap *cm.Trap
		if !errors.As(err, &trap) || trap.Code != cm.TrapHost || trap.Blame() != cm.BlameHost {
			t.Fatalf("%v", err)
		}
		if want := fmt.Sprintf("a resource thing holds a %T, want a *strings.Reader", obj); !strings.Contains(trap.Detail, want) {
			t.Errorf("%q, want %q", trap.Detail, want)
		}
	}
}
