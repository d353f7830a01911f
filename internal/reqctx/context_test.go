package reqctx

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type key string

var (
	errLate = errors.New("late")
	errWhy  = errors.New("why")
)

// A way is one in which contexts are put together and end. It makes one with ours, or with the standard library's that ours
// is to be like, and what ends it.
type way func(t *testing.T, ours bool) (ctx context.Context, end func())

// within makes the innermost context, which can be cancelled.
func within(t *testing.T, ours bool, outer context.Context) (context.Context, context.CancelCauseFunc) {
	if !ours {
		ctx, cancel := context.WithCancelCause(outer)
		t.Cleanup(func() { cancel(nil) })
		return ctx, cancel
	}
	c := &Context{}
	c.Begin(outer)
	t.Cleanup(func() { c.Cancel(nil) })
	return c, c.Cancel
}

func ways() map[string]way {
	all := map[string]way{
		"apart": func(t *testing.T, ours bool) (context.Context, func()) {
			outer, gone := within(t, false, context.WithValue(context.Background(), key("k"), "v"))
			defer gone(errLate)
			if ours {
				c := &Context{}
				c.BeginApart(outer)
				return c, func() { c.Cancel(errWhy) }
			}
			c, cancel := within(t, false, context.WithoutCancel(outer))
			return c, func() { cancel(errWhy) }
		},
	}
	for name, cause := range map[string]error{"cancelled": nil, "cancelled with a cause": errWhy} {
		all[name] = func(t *testing.T, ours bool) (context.Context, func()) {
			c, cancel := within(t, ours, context.WithValue(context.Background(), key("k"), "v"))
			return c, func() { cancel(cause) }
		}
		all["the standard library's around: "+name] = func(t *testing.T, ours bool) (context.Context, func()) {
			outer, cancel := within(t, false, context.WithValue(context.Background(), key("k"), "v"))
			c, _ := within(t, ours, outer)
			return c, func() { cancel(cause) }
		}
		all["ours around: "+name] = func(t *testing.T, ours bool) (context.Context, func()) {
			outer, cancel := within(t, ours, context.WithValue(context.Background(), key("k"), "v"))
			c, _ := within(t, ours, outer)
			return c, func() { cancel(cause) }
		}
		all["ours around, behind a value: "+name] = func(t *testing.T, ours bool) (context.Context, func()) {
			outer, cancel := within(t, ours, context.Background())
			c, _ := within(t, ours, context.WithValue(outer, key("k"), "v"))
			return c, func() { cancel(cause) }
		}
		all["ours around, behind one of the standard library's: "+name] = func(t *testing.T, ours bool) (context.Context, func()) {
			outer, _ := within(t, ours, context.Background())
			between, cancel := within(t, false, outer)
			c, _ := within(t, ours, between)
			return c, func() { cancel(cause) }
		}
	}
	for name, d := range map[string][2]time.Duration{"deadline": {time.Hour, time.Minute}, "deadline around": {time.Minute, time.Hour}} {
		all[name] = func(t *testing.T, ours bool) (context.Context, func()) {
			outer, stop := context.WithTimeoutCause(context.Background(), d[0], errWhy)
			t.Cleanup(stop)
			end := func() { time.Sleep(2 * time.Minute) }
			if ours {
				c := &Context{}
				c.Begin(outer)
				c.SetTimeout(d[1], func() error { return errLate })
				t.Cleanup(func() { c.Cancel(nil) })
				return c, end
			}
			c, stop := context.WithTimeoutCause(outer, d[1], errLate)
			t.Cleanup(stop)
			return c, end
		}
	}
	return all
}

// seen is what a context tells, and what those do that are derived from it.
type seen struct {
	err, cause             error
	done, has              bool
	left                   time.Duration
	value, none            any
	child, childCause      error
	behind, behindCause    error
	called, stopped, again bool
	late                   bool // what is asked for after the end
}

// look looks at a context before and after its end.
func look(t *testing.T, w way, ours bool) (before, after seen) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := w(t, ours)
		child, cancel := context.WithTimeout(ctx, 24*time.Hour)
		defer cancel()
		behind, cancelBehind := context.WithCancel(context.WithValue(ctx, key("x"), "y"))
		defer cancelBehind()
		var called, stopped, late atomic.Bool
		context.AfterFunc(ctx, func() { called.Store(true) })
		stop := context.AfterFunc(ctx, func() { stopped.Store(true) })
		if !stop() {
			t.Error("what AfterFunc began was not stopped")
		}
		state := func() seen {
			synctest.Wait()
			s := seen{err: ctx.Err(), cause: context.Cause(ctx), value: ctx.Value(key("k")), none: ctx.Value(key("none")),
				child: child.Err(), childCause: context.Cause(child), behind: behind.Err(), behindCause: context.Cause(behind),
				called: called.Load(), stopped: stopped.Load(), again: stop(), late: late.Load()}
			select {
			case <-ctx.Done():
				s.done = true
			default:
			}
			var at time.Time
			if at, s.has = ctx.Deadline(); s.has {
				s.left = time.Until(at)
			}
			return s
		}
		before = state()
		end()
		if ctx.Err() == nil {
			t.Error("its end is known late")
		}
		synctest.Wait()
		context.AfterFunc(ctx, func() { late.Store(true) })
		after = state()
	})
	return before, after
}

// TestLikeTheStandardLibrarys: however it ends, a context tells the same as one of the standard library, and so do those that
// are derived from it.
func TestLikeTheStandardLibrarys(t *testing.T) {
	all := ways()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			before, after := look(t, all[name], true)
			wantBefore, wantAfter := look(t, all[name], false)
			if before != wantBefore || before.done {
				t.Errorf("before:\ngot  %+v\nwant %+v", before, wantBefore)
			}
			if after != wantAfter || !after.done || !after.called || after.stopped || !after.late {
				t.Errorf("after:\ngot  %+v\nwant %+v", after, wantAfter)
			}
		})
	}
}

// told counts how often it is told.
type told struct {
	Subscription
	n atomic.Int32
}

func (w *told) OnDone() { w.n.Add(1) }

// TestSubscription: each listener is told once, or not at all after End has said so, wherever it stands in the list.
func TestSubscription(t *testing.T) {
	for _, ours := range []bool{true, false} {
		ctx, cancel := within(t, ours, context.Background())
		var all [5]told
		for i := range all {
			all[i].Begin(ctx, &all[i])
		}
		for _, i := range []int{2, 4, 0} { // in the middle and at both ends
			if !all[i].End() {
				t.Errorf("%t: %d has not ended", ours, i)
			}
		}
		if !ours {
			context.AfterFunc(ctx, func() {})
		}
		cancel(errWhy)
		until(t, func() bool { return all[1].n.Load() == 1 && all[3].n.Load() == 1 })
		for i := range all {
			if n := all[i].n.Load(); n != int32(i%2) {
				t.Errorf("%t: %d was told %d times", ours, i, n)
			}
			if all[i].End() {
				t.Errorf("%t: %d has ended again", ours, i)
			}
		}
		var late told
		late.Begin(ctx, &late)
		until(t, func() bool { return late.n.Load() == 1 })
	}
	var never told
	never.Begin(context.Background(), &never)
	if !never.End() {
		t.Error("a context that does not end has ended")
	}
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it does not happen")
}

// TestAtOnce ends contexts from several sides at once, while others are put below them and watch.
func TestAtOnce(t *testing.T) {
	for range 200 {
		outer, gone := context.WithCancelCause(context.Background())
		a, b := &Context{}, &Context{}
		a.Begin(outer)
		b.Begin(a)
		b.SetTimeout(time.Microsecond, func() error { return errLate })
		var watched told
		done := make(chan struct{})
		for _, f := range []func(){
			func() { gone(errWhy) }, func() { a.Cancel(nil) }, func() { b.Cancel(errWhy) },
			func() { watched.Begin(b, &watched); watched.End() },
			func() { c := &Context{}; c.Begin(b); c.Cancel(nil) },
			func() { <-b.Done(); _ = context.Cause(b) },
		} {
			go func() { f(); done <- struct{}{} }()
		}
		for range 6 {
			<-done
		}
		if a.Err() == nil || b.Err() == nil || context.Cause(b) == nil || watched.n.Load() > 1 {
			t.Fatal(a.Err(), b.Err(), context.Cause(b), watched.n.Load())
		}
		if a.subs != nil || b.subs != nil {
			t.Fatal("somebody is left")
		}
	}
}

// TestCost: what comes with a request is no more than the object it is a part of, and a timer.
func TestCost(t *testing.T) {
	type request struct {
		ctx  Context
		run  Context
		call told
	}
	outer := context.WithValue(context.Background(), key("k"), "v")
	n := testing.AllocsPerRun(100, func() {
		r := &request{}
		r.ctx.BeginApart(outer)
		r.run.Begin(&r.ctx)
		r.call.Begin(&r.run, &r.call)
		r.call.End()
		r.run.Cancel(nil)
		r.ctx.Cancel(nil)
	})
	if n > 1 {
		t.Errorf("%g allocations", n)
	}
}
