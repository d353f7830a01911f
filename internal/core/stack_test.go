package core

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestStacksStaySmall: recursion is stopped long before wazero would stop it, where wazero compiles. Should a version of
// wazero hide the size of its stacks, this is where it shows.
func TestStacksStaySmall(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{})
		i := w.must(g, "basics")
		fn := i.mod.ExportedFunction("recurse")
		if stackSize(fn) == 0 {
			t.Skip("wazero interprets")
		}
		_, err := call(i, "recurse")
		var trap *cm.Trap
		if !errors.As(err, &trap) || trap.Code != cm.TrapStackOverflow || !strings.Contains(trap.Detail, "larger than 8 MiB") {
			t.Errorf("%v: want the bound of 8 MiB", err)
		}
		if g.running != nil {
			t.Error("a call is still noted to run")
		}
		if n := len(i.Func("recurse").free); n != 0 {
			t.Errorf("%d call objects with large stacks are kept", n)
		}
		if err := fn.CallWithStack(context.Background(), nil); err == nil || stackSize(fn) < maxStack {
			t.Errorf("without the group's knowledge a stack has %d bytes: %v", stackSize(fn), err)
		}
	})
}
