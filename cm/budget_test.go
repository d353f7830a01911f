package cm

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Beyond the limit nothing is taken, after all that is idle has been given back.
func TestBudget(t *testing.T) {
	idle := 3
	var b *Budget
	b = NewBudget(100, func() bool {
		if idle == 0 {
			return false
		}
		idle--
		b.Give(20)
		return true
	})
	if !b.Take(90) || idle != 3 {
		t.Fatalf("%+v, %d idle", b.Stats(), idle)
	}
	if !b.Take(30) || idle != 2 {
		t.Errorf("%+v, %d idle", b.Stats(), idle)
	}
	if b.Take(101) || idle != 2 {
		t.Errorf("more than there is: %+v, %d idle", b.Stats(), idle)
	}
	if b.Take(90) || idle != 0 || b.Stats() != (BudgetStats{Limit: 100, Used: 60, Refused: 2}) {
		t.Errorf("%+v, %d idle", b.Stats(), idle)
	}
	var none *Budget
	none.Give(1)
	none.Force(1)
	if !none.Take(1<<62) || none.Stats() != (BudgetStats{}) {
		t.Error("a nil budget has a bound")
	}
}

// Who waits tries again when something is given back, and not for longer than its patience or its context.
func TestBudgetWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(10, nil)
		b.Take(10)
		go func() {
			time.Sleep(time.Second)
			b.Give(5)
			time.Sleep(time.Second)
			b.Give(5)
		}()
		began, tries := time.Now(), 0
		if !b.Wait(t.Context(), time.Minute, func() bool { tries++; return b.Take(10) }) || time.Since(began) != 2*time.Second || tries != 3 {
			t.Errorf("after %s, %d tries", time.Since(began), tries)
		}
		began = time.Now()
		if b.Wait(t.Context(), time.Minute, func() bool { return b.Take(1) }) || time.Since(began) != time.Minute {
			t.Errorf("patience ends after %s", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if b.Wait(ctx, time.Minute, func() bool { return b.Take(1) }) || time.Since(began) != time.Second || b.Stats().Waiting != 0 {
			t.Errorf("the context ends after %s", time.Since(began))
		}
	})
}

// What the host holds is charged by the megabyte, given back, and not lost with an account that is dropped.
func TestBudgetOfAccount(t *testing.T) {
	const mb = 1 << 20
	b := NewBudget(4*mb, nil)
	func() {
		a := NewAccount(0)
		a.Budget = b
		for _, n := range []int{mb - 1, 1, mb, 10} {
			if err := a.Reserve(n); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.Stats().Used; got != 2*mb {
			t.Errorf("%d are taken", got)
		}
		var limit *LimitError
		if err := a.Reserve(3 * mb); !errors.As(err, &limit) || limit.Limit != LimitBudget || a.Used() != 2*mb+10 {
			t.Errorf("%v, %d are held", err, a.Used())
		}
		a.Release(mb + 11)
		if got := b.Stats().Used; got != 0 || a.Used() != mb-1 {
			t.Errorf("%d are taken, %d are held", got, a.Used())
		}
		a.Add(5 * mb)
		if got := b.Stats().Used; got != 5*mb {
			t.Errorf("%d are taken of what exists already", got)
		}
	}()
	for range 1000 {
		runtime.GC()
		if b.Stats().Used == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d are taken by an account that is gone", b.Stats().Used)
}

// A try that is too large does not make one fail that fits.
func TestBudgetTriesApart(t *testing.T) {
	b := NewBudget(100, nil)
	b.Force(10) // so that no 99 fit
	var wg sync.WaitGroup
	begun, end := make(chan struct{}, 4), make(chan struct{})
	for range cap(begun) {
		wg.Go(func() {
			begun <- struct{}{}
			for {
				select {
				case <-end:
					return
				default:
					b.try(99)
				}
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	for range 1_000_000 {
		if !b.Take(1) {
			t.Error("one byte of ninety has no room")
			break
		}
		b.Give(1)
	}
	close(end)
	wg.Wait()
}

// What is refused while others reserve leaves the budget as what is held asks.
func TestAccountRefusedBetween(t *testing.T) {
	for _, refused := range []int{1 << 20, 3 << 19} {
		b := NewBudget(1<<30, nil)
		a := NewAccount(0)
		a.Budget = b
		asked := false
		a.HasMemory = func(uint64) bool {
			if asked {
				return true
			}
			asked = true
			if err := a.Reserve(3 << 18); err != nil { // as another goroutine does
				t.Error(err)
			}
			return false
		}
		if err := a.Reserve(refused); err == nil {
			t.Error("it is not refused")
		}
		if used := b.Stats().Used; used != 0 {
			t.Errorf("%d refused: less than a megabyte is held, and the budget has %d bytes", refused, used)
		}
		a.Release(3 << 18)
		if used := b.Stats().Used; used != 0 {
			t.Errorf("%d refused: nothing is held, and the budget has %d bytes", refused, used)
		}
		runtime.KeepAlive(a)
	}
}
