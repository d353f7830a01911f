package core

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
)

// deepest finds how often fn may stand in itself.
func deepest(t *testing.T, i *Instance, fn string) int {
	t.Helper()
	return sort.Search(1<<24, func(n int) bool {
		_, err := call(i, fn, uint64(n))
		if err != nil && code(err) != cm.TrapStackOverflow {
			t.Fatalf("%s(%d): %v", fn, n, err)
		}
		return err != nil
	}) - 1
}

// used is how many bytes of stack are in use in the host function that the innermost of n calls of fn calls.
func (w *world) used(g *Group, i *Instance, fn string, n int) (bytes int) {
	w.onFail = func(context.Context) error {
		bytes = int(g.own.stack.top() - g.own.running.reached())
		return nil
	}
	if _, err := call(i, fn, uint64(n)); err != nil {
		w.t.Error(err)
	}
	return bytes
}

// TestStackIsWhatTheLimitSays: a thread of control may use as many bytes as its limit says, and not one frame more, whatever
// the size of its frames. Should a version of wazero hide where its stacks are, this is where it shows.
func TestStackIsWhatTheLimitSays(t *testing.T) {
	for _, fn := range []string{"down_back", "wide"} {
		for _, limit := range []uint64{64 << 10, 100_000, 1 << 20, 3 << 20, 20 << 20} {
			t.Run(fmt.Sprintf("%s in %d", fn, limit), func(t *testing.T) {
				w := newWorld(t, Config{})
				g := w.group(Limits{Stack: limit})
				i := w.must(g, "stack")
				w.onFail = func(context.Context) error { return nil }
				n := deepest(t, i, fn)
				most := w.used(g, i, fn, n)
				frame := most - w.used(g, i, fn, n-1)
				// What the innermost call into the host takes on its way is not seen from there.
				if rest := int(limit) - most; rest < 0 || rest > frame+1024 {
					t.Errorf("%d calls take %d bytes of %d, a frame has %d", n, most, limit, frame)
				}
			})
		}
	}
}

// TestStackOverflow: the trap says the limit and names what recursed, the instance's group can still be called, and what
// recursion has touched is given back.
func TestStackOverflow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.group(Limits{Stack: 1 << 20})
		i := w.must(g, "stack")
		for range 3 {
			_, err := call(i, "recurse")
			var trap *cm.Trap
			if !errors.As(err, &trap) || trap.Code != cm.TrapStackOverflow || trap.Limit() != "stack" || trap.Blame() != cm.BlameLimit ||
				!strings.Contains(trap.Detail, "more stack than the limit of 1048576 bytes") {
				t.Errorf("%v: want the bound", err)
			}
			if trap != nil && g.own.stack != nil && runtime.GOARCH == "amd64" && (len(trap.Stack) < 20 || trap.Stack[0] != "recurse") {
				t.Errorf("frames: %v", trap.Stack)
			}
			if g.own.running != nil {
				t.Error("a call is still noted to run")
			}
			if got, err := call(i, "down", 10); err != nil || got != 10 {
				t.Errorf("a call behind it: %d, %v", got, err)
			}
		}
		if g.own.stack == nil && t.Name() == "TestStackOverflow/compiler" {
			t.Error("wazero's own stacks are used")
		}
	})
}

// TestStackOfNestedCalls: a call that the host makes while the guest has called it takes what is left of the same stack.
func TestStackOfNestedCalls(t *testing.T) {
	w := newWorld(t, Config{})
	const limit = 1 << 20
	g := w.group(Limits{Stack: limit})
	i := w.must(g, "stack")
	alone := deepest(t, i, "down")
	w.onFail = func(context.Context) error {
		_, err := call(i, "down", uint64(alone/2))
		return err
	}
	for n, want := range map[int]bool{alone / 10: true, alone * 4 / 10: true, alone * 6 / 10: false, alone * 9 / 10: false} {
		if _, err := call(i, "down_back", uint64(n)); (err == nil) != want || err != nil && code(err) != cm.TrapStackOverflow {
			t.Errorf("%d calls with %d in them: %v", n, alone/2, err)
		}
	}
	// One through the other without end, and parameters that find no room.
	levels := 0
	w.onFail = func(context.Context) error {
		levels++
		if f := i.Func("many"); levels%2 == 0 {
			if err := f.Call(context.Background(), make([]uint64, 200)); err != nil {
				return err
			}
		}
		_, err := call(i, "back", 0)
		return err
	}
	if _, err := call(i, "back", 0); code(err) != cm.TrapStackOverflow || levels < 100 || levels > limit/stackGap {
		t.Errorf("%d levels: %v", levels, err)
	}
	w.onFail = nil
	if got, err := call(i, "down", uint64(alone)); err != nil || got != uint64(alone) {
		t.Errorf("afterwards: %d, %v", got, err)
	}
}

// TestStackKeepsValues: what guest code has on its stack is still there when calls of all depths have stood in it.
func TestStackKeepsValues(t *testing.T) {
	w := newWorld(t, Config{})
	g := w.group(Limits{Stack: 4 << 20})
	i := w.must(g, "stack")
	r := rand.New(rand.NewPCG(1, 2))
	var nest func(level int) error
	nest = func(level int) error {
		for range 3 {
			n := r.IntN(500)
			fn := "down"
			if level > 0 && r.IntN(2) == 0 {
				fn = "down_back"
			}
			w.onFail = func(context.Context) error { return nest(level - 1) }
			if got, err := call(i, fn, uint64(n)); err != nil || got != uint64(n) {
				return fmt.Errorf("%s(%d) at level %d is %d: %w", fn, n, level, got, err)
			}
		}
		return nil
	}
	for range 50 {
		if err := nest(4); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStacksSideBySide: groups in several goroutines, at the limits of their stacks.
func TestStacksSideBySide(t *testing.T) {
	w := newWorld(t, Config{})
	w.onFail = func(context.Context) error { return nil }
	m := w.compile(fixture(t, "stack"))
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			for range 3 {
				g := w.e.NewGroup(Limits{Stack: uint64(1+n%3) << 18})
				i, err := w.e.Instantiate(w.ctx, g, m, []*Instance{w.host})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := call(i, "recurse"); code(err) != cm.TrapStackOverflow {
					t.Error(err)
				}
				if got, err := call(i, "down_back", 500); err != nil || got != 500 {
					t.Error(got, err)
				}
				if err := g.Close(w.ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestDeepStacksTakeTurns: guests that are deep at once have their stacks one after the other, each has what it needs, and
// one that waits hears an interrupt.
func TestDeepStacksTakeTurns(t *testing.T) {
	w := newWorld(t, Config{})
	const limit = 8 << 20
	w.e.deep.total = 2 * limit
	m := w.compile(fixture(t, "stack"))
	inside, leave := make(chan struct{}), make(chan struct{})
	type thread struct {
		task *taskContext
		done chan error
	}
	start := func() thread {
		g := w.group(Limits{Stack: limit})
		th := thread{begin(g, 0), make(chan error, 1)}
		i, err := w.e.Instantiate(w.ctx, g, m, []*Instance{w.host})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := callIn(th.task, i, "down_back", 100_000)
			th.done <- err
		}()
		return th
	}
	w.onFail = func(context.Context) error {
		inside <- struct{}{}
		<-leave
		return nil
	}
	var threads []thread
	for range 2 {
		threads = append(threads, start())
		<-inside
	}
	if n := w.e.deep.taken; n != 2*limit {
		t.Errorf("%d bytes are taken", n)
	}
	waits, interrupted := start(), start()
	for !w.e.deep.waits(2) {
		time.Sleep(time.Millisecond)
	}
	why := &cm.Trap{Code: cm.TrapDeadline}
	interrupted.task.interrupt.Set(why)
	if err := <-interrupted.done; code(err) != cm.TrapDeadline {
		t.Errorf("one that waited and was interrupted: %v", err)
	}
	select {
	case <-inside:
		t.Error("a third is deep")
	case err := <-waits.done:
		t.Error("one that waits has ended", err)
	default:
	}
	leave <- struct{}{}
	<-inside // the third
	close(leave)
	for _, th := range append(threads, waits) {
		if err := <-th.done; err != nil {
			t.Error(err)
		}
	}
	if n := w.e.deep.taken; n != 0 {
		t.Errorf("%d bytes are still taken", n)
	}
}

// TestDeepStacksAreCharged: what a stack takes beyond what is free is counted in the account of its store and in the sum of all, as long as its outermost
// call runs; a guest that would take more than the account has is refused by name before it is deeper, others are not.
func TestDeepStacksAreCharged(t *testing.T) {
	w := newWorld(t, Config{})
	m := w.compile(fixture(t, "stack"))
	var sum atomic.Int64
	make := func(limit uint64) (*cm.Account, *Instance) {
		g := w.group(Limits{Stack: 32 << 20, StackHeld: &sum})
		account := cm.NewAccount(limit)
		g.SetAccount(account)
		i, err := w.e.Instantiate(w.ctx, g, m, []*Instance{w.host})
		if err != nil {
			t.Fatal(err)
		}
		return account, i
	}
	small, i := make(4 << 20)
	large, j := make(64 << 20)
	most := func(account *cm.Account, i *Instance, n int) (held int, err error) {
		w.onFail = func(context.Context) error {
			// The check that counts comes with what is called here, at the latest.
			_, err := call(i, "down", 5000)
			if held = account.Used(); int64(held) != sum.Load() {
				t.Errorf("the account has %d bytes, the sum %d", held, sum.Load())
			}
			return err
		}
		_, err = call(i, "down_back", uint64(n))
		if n, total := account.Used(), sum.Load(); n != 0 || total != 0 {
			t.Errorf("behind the call %d and %d bytes are held", n, total)
		}
		return held, err
	}
	if held, err := most(small, i, 5000); err != nil || held != 0 {
		t.Errorf("a call that is not deep: %d bytes, %v", held, err)
	}
	for _, n := range []int{100_000, 200_000, 50_000} {
		var used int
		w.onFail = func(context.Context) error {
			used = int(j.group.own.stack.top() - j.group.own.running.reached())
			return nil
		}
		if _, err := call(j, "down_back", uint64(n)); err != nil {
			t.Fatal(err)
		}
		held, err := most(large, j, n)
		if err != nil || held < used-stackFree || held > used-stackFree+2*stackStep {
			t.Errorf("%d calls, of %d bytes: %d are held, %v", n, used, held, err)
		}
	}
	var limit *cm.LimitError
	_, err := most(small, i, 400_000)
	if code(err) != cm.TrapHostMemory || !errors.As(err, &limit) || limit.Limit != "hostMemory" || !strings.Contains(err.Error(), "of stack") {
		t.Errorf("one that is too deep for its account: %v", err)
	}
	if got, err := call(i, "down", 10); err != nil || got != 10 {
		t.Errorf("a call behind it: %d, %v", got, err)
	}
}

// waits says whether n threads wait.
func (b *stackBudget) waits(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) == n
}
