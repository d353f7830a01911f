package canon

import (
	"testing"

	"github.com/vitrine-wasm/vitrine/cm"
)

// TestLent lifts bytes with and without leave to give a view of the memory.
func TestLent(t *testing.T) {
	for _, borrow := range []bool{false, true} {
		g := newGuest(1 << 12)
		copy(g.mem[64:], "hello")
		cx := g.context(0)
		cx.BorrowBytes, cx.Account = borrow, cm.NewAccount(leastBudget)
		f := compile(t, fn(nil, typ(cm.KindList, k(cm.KindU8))))
		args := make([]cm.Val, 1)
		if err := f.LiftArgs(cx, []uint64{64, 5}, args); err != nil {
			t.Fatal(err)
		}
		b := args[0].Bytes()
		if string(b) != "hello" {
			t.Fatalf("borrow %v: %q", borrow, b)
		}
		g.mem[64] = 'j'
		if view := b[0] == 'j'; view != borrow {
			t.Errorf("borrow %v: a view: %v", borrow, view)
		}
		if _ = append(b, '!'); g.mem[69] != 0 {
			t.Errorf("borrow %v: the view reaches beyond its bytes", borrow)
		}
		if err := f.LiftArgs(cx, []uint64{4090, 7}, args); err == nil {
			t.Errorf("borrow %v: bytes beyond the memory", borrow)
		}
	}
}
