package cm

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// ledger are hooks that note what they are told.
type ledger struct {
	mu                sync.Mutex
	entered, returned int
	ends              []End
	results           int // results that were there to be seen at the end
}

func (l *ledger) Enter(c *Call) context.Context {
	l.entered++
	return context.WithValue(c.Context, callKey{}, c)
}

func (l *ledger) Returned(*Call) { l.returned++ }

func (l *ledger) Exit(c *Call, end End) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, end)
	l.results += len(c.Results())
}

// TestCrossing: whatever happens in whatever order, a crossing that was entered is left once, with what came of it.
func TestCrossing(t *testing.T) {
	boom := errors.New("boom")
	limit := &LimitError{Limit: "files"}
	trap := &Trap{Code: TrapUnreachable}
	type step func(c *Crossing, finish func(any, error))
	leave := func(err error) step {
		return func(c *Crossing, _ func(any, error)) { c.Leave(U32Val(1), End{Err: err}) }
	}
	work := func(v any, err error) step { return func(_ *Crossing, finish func(any, error)) { finish(v, err) } }
	for _, c := range []struct {
		name     string
		hold     bool
		steps    []step
		open     bool // it is not over after the steps
		returned int
		results  int
		want     End
	}{
		{name: "entered", open: true},
		{name: "returned", steps: []step{leave(nil)}, results: 1},
		{name: "failed", steps: []step{leave(boom)}, want: End{Outcome: Aborted, Err: boom}},
		{name: "trapped", steps: []step{leave(trap)}, want: End{Outcome: Trapped, Err: trap}},
		{name: "exited", steps: []step{leave(&ExitError{})}, want: End{Err: &ExitError{}}},
		{name: "left twice", steps: []step{leave(nil), leave(boom)}, results: 1},
		{name: "failed and left again", steps: []step{leave(boom), leave(nil)}, want: End{Outcome: Aborted, Err: boom}},
		{name: "held", hold: true, steps: []step{leave(nil)}, open: true, returned: 1},
		{name: "held, work ends later", hold: true, steps: []step{leave(nil), work("v", nil)}, returned: 1, want: End{Value: "v"}},
		{name: "held, work ends first", hold: true, steps: []step{work("v", nil), leave(nil)}, returned: 1, want: End{Value: "v"}},
		{name: "held, work has ended alone", hold: true, steps: []step{work("v", nil)}, open: true},
		{name: "held, work fails", hold: true, steps: []step{leave(nil), work("v", boom)}, returned: 1, want: End{Outcome: Aborted, Err: boom, Value: "v"}},
		{name: "held, work is cancelled", hold: true, steps: []step{work(nil, context.Canceled), leave(nil)}, returned: 1, want: End{Outcome: Cancelled, Err: context.Canceled}},
		{name: "held, work meets a limit", hold: true, steps: []step{work(nil, limit), leave(nil)}, returned: 1, want: End{Outcome: Aborted, Err: limit, Limit: limit}},
		{name: "held, and fails", hold: true, steps: []step{leave(boom)}, want: End{Outcome: Aborted, Err: boom}},
		{name: "held, fails, work ends later", hold: true, steps: []step{leave(boom), work("v", nil)}, want: End{Outcome: Aborted, Err: boom}},
		{name: "held, fails after its work", hold: true, steps: []step{work("v", nil), leave(boom)}, want: End{Outcome: Aborted, Err: boom}},
		{name: "held, work ends twice", hold: true, steps: []step{work("v", nil), work("w", boom), leave(nil), work("x", boom)}, returned: 1, want: End{Value: "v"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &ledger{}
			x := NewCrossing(&Boundary{Kind: GuestToHost}, nil, context.Background())
			x.SetArgs([]Val{U32Val(7)})
			ctx := x.Enter(l)
			if CallFrom(ctx) != &x.Call || x.Start.IsZero() || !x.Entered() {
				t.Error("not entered")
			}
			finish := func(any, error) {}
			if c.hold {
				finish = x.Hold()
			}
			for _, s := range c.steps {
				s(x, finish)
			}
			if l.entered != 1 || l.returned < c.returned || (len(l.ends) == 0) != c.open || len(l.ends) > 1 {
				t.Fatalf("entered %d times, returned %d, ended %+v", l.entered, l.returned, l.ends)
			}
			if c.open {
				return
			}
			got := l.ends[0]
			if got.Outcome != c.want.Outcome || !same(got.Err, c.want.Err) || got.Value != c.want.Value || got.Limit != c.want.Limit || l.results != c.results {
				t.Errorf("ended %+v with %d results, wanted %+v with %d", got, l.results, c.want, c.results)
			}
		})
	}
}

func same(a, b error) bool {
	var exit, other *ExitError
	return errors.Is(a, b) || errors.As(a, &exit) && errors.As(b, &other) && *exit == *other
}

// TestCrossingAtOnce: the work of a held call may end while its function returns or fails.
func TestCrossingAtOnce(t *testing.T) {
	boom := errors.New("boom")
	for n := range 2000 {
		l := &ledger{}
		x := NewCrossing(&Boundary{Kind: GuestToHost}, nil, context.Background())
		x.Enter(l)
		finish := x.Hold()
		var wg sync.WaitGroup
		wg.Go(func() { finish("v", nil) })
		wg.Go(func() { finish("v", nil) })
		var err error
		if n%2 == 1 {
			err = boom
		}
		x.Leave(Val{}, End{Err: err})
		wg.Wait()
		if len(l.ends) != 1 || l.ends[0].Err != err || err == nil && l.ends[0].Value != "v" {
			t.Fatalf("round %d: ended %+v", n, l.ends)
		}
	}
}

// TestWaitIsTheCallsOwn: what one call waits is no other's, and several goroutines may wait for one.
func TestWaitIsTheCallsOwn(t *testing.T) {
	outer := NewCrossing(&Boundary{Kind: HostToGuest}, nil, context.Background())
	inner := NewCrossing(&Boundary{Kind: GuestToHost}, &outer.Call, context.Background())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				inner.AddWait(1)
			}
		})
	}
	wg.Wait()
	if inner.Waited() != 4000 || outer.Waited() != 0 {
		t.Errorf("waited %d, and %d around it", inner.Waited(), outer.Waited())
	}
	(*Call)(nil).AddWait(1)
}
