package component_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/cm/bind"
)

// recorder hooks host functions and remembers how each call ended.
type recorder struct {
	countOnly bool
	see       bool // what Count says

	mu       sync.Mutex
	entered  int
	returned int
	counted  int
	ends     []cm.End
	ended    chan struct{}
}

func (r *recorder) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind == cm.GuestToHost {
		return r
	}
	return hooksOn{}
}

func (r *recorder) CountOnly() bool { return r.countOnly }

func (r *recorder) Count(context.Context, time.Time, time.Duration) bool {
	r.counted++
	return r.see
}

func (r *recorder) Enter(c *cm.Call) context.Context {
	r.entered++
	return c.Context
}

func (r *recorder) Returned(*cm.Call) { r.returned++ }

func (r *recorder) Exit(_ *cm.Call, end cm.End) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends = append(r.ends, end)
	r.ended <- struct{}{}
}

// TestLimitsThatAreToldByAResult: a limit that a host function tells its guest of by a result is in the End of the call,
// also where hooks count most calls only; the next call has none.
func TestLimitsThatAreToldByAResult(t *testing.T) {
	for _, countOnly := range []bool{false, true} {
		r := &recorder{countOnly: countOnly}
		n := 0
		err := observed(t, r, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
			if n++; n > 1 {
				return cm.Val{}, nil
			}
			_, err := bind.LowerError(ctx, cm.FailFor(uint32(7), fmt.Errorf("open: %w", &cm.LimitError{Limit: "files", Detail: "5 are open"})), cm.U32Val)
			return cm.Val{}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.ends) == 0 || r.ends[0].Limit == nil || r.ends[0].Limit.Limit != "files" || r.ends[0].Outcome != cm.OK || r.ends[0].Err != nil {
			t.Errorf("countOnly %t: %+v, wanted a call that went well at the limit of files", countOnly, r.ends)
		}
		if countOnly && (len(r.ends) != 1 || r.counted != 0) {
			t.Errorf("countOnly: %d ends, %d counted", len(r.ends), r.counted)
		}
	}
}

// observed calls testdata/hostile's export "back", whose import is back, under r.
func observed(t *testing.T, r *recorder, back cm.HostFunc) error {
	t.Helper()
	r.ended = make(chan struct{}, 10)
	e := engine(t)
	l := e.NewLinker(r)
	l.Instance(root).Func("call-me-back", &cm.FuncType{}, back)
	wasm, err := os.ReadFile("../testdata/hostile/hostile.wasm")
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.Load(t.Context(), "hostile", wasm)
	if err != nil {
		t.Fatal(err)
	}
	_, err = call(t, start(t, l, c), root, "back")
	return err
}

// TestTrapsOfOthers: a trap that a host function hands on may be another's too, such as the cause of a context. What is known
// of it here is noted in a trap of the call's own.
func TestTrapsOfOthers(t *testing.T) {
	for _, wrap := range []func(error) error{
		func(err error) error { return err },
		func(err error) error { return fmt.Errorf("asked in vain: %w", err) },
	} {
		theirs := &cm.Trap{Code: cm.TrapDeadline, Detail: "late"}
		r := &recorder{}
		err := observed(t, r, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, wrap(theirs) })
		var ours, seen *cm.Trap
		if !errors.As(err, &ours) || ours.Code != cm.TrapDeadline || ours.Boundary == nil || ours.Boundary.Func != "call-me-back" {
			t.Errorf("the caller gets %v of %+v", err, ours)
		}
		if !strings.Contains(err.Error(), wrap(theirs).Error()) {
			t.Errorf("%q does not say %q", err, wrap(theirs))
		}
		if len(r.ends) == 0 || !errors.As(r.ends[0].Err, &seen) || seen.Code != ours.Code || seen.Boundary != ours.Boundary {
			t.Errorf("who watches sees %+v", r.ends)
		}
		if !errors.Is(err, theirs) && wrap(theirs) != error(theirs) {
			t.Errorf("%v is not what the host function said", err)
		}
		if theirs.Boundary != nil || theirs.Stack != nil {
			t.Errorf("the trap of another has become %+v", theirs)
		}
	}
}

func TestHeldCalls(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name   string
		before bool // the work ends before the host function returns
		fail   error
		value  any
		trap   bool // the host function fails though it holds
	}{
		{name: "work ends later", value: "v"},
		{name: "work ends first", before: true, value: "v"},
		{name: "work fails later", fail: boom},
		{name: "work fails first", before: true, fail: boom},
		{name: "host function fails", trap: true},
		{name: "host function fails after its work has ended", before: true, trap: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{}
			release := make(chan struct{})
			var work sync.WaitGroup
			err := observed(t, r, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
				finish := cm.CallFrom(ctx).Hold()
				if c.before {
					finish(c.value, c.fail)
				} else {
					work.Go(func() { <-release; finish(c.value, c.fail) })
				}
				if c.trap {
					return cm.Val{}, boom
				}
				return cm.Val{}, nil
			})
			close(release)
			work.Wait()
			<-r.ended
			if (err != nil) != c.trap {
				t.Errorf("the call: %v", err)
			}
			if len(r.ends) != 1 || r.entered != 1 {
				t.Fatalf("%d times entered, %d times left", r.entered, len(r.ends))
			}
			end, returned := r.ends[0], 1
			if c.trap {
				returned = 0
			}
			if r.returned != returned {
				t.Errorf("returned %d times, wanted %d", r.returned, returned)
			}
			switch {
			case c.trap:
				if !errors.Is(end.Err, boom) || end.Outcome != cm.Aborted {
					t.Errorf("ended %+v", end)
				}
			case end.Value != c.value || !errors.Is(end.Err, c.fail) || (end.Outcome == cm.OK) != (c.fail == nil):
				t.Errorf("ended %+v, wanted value %v and error %v", end, c.value, c.fail)
			}
		})
	}
}

func TestLightHooks(t *testing.T) {
	r := &recorder{countOnly: true}
	if err := observed(t, r, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, nil }); err != nil {
		t.Fatal(err)
	}
	if r.counted != 1 || r.entered != 0 {
		t.Errorf("a call that went well: counted %d times, entered %d times", r.counted, r.entered)
	}
	r = &recorder{countOnly: true}
	if err := observed(t, r, func(context.Context, []cm.Val) (cm.Val, error) { return cm.Val{}, errors.New("boom") }); err == nil {
		t.Fatal("no error")
	}
	if r.counted != 0 || r.entered != 1 || len(r.ends) != 1 || r.ends[0].Err == nil {
		t.Errorf("a call that failed: counted %d times, entered %d times, ended %+v", r.counted, r.entered, r.ends)
	}
}

// exportsOnly hooks exports and no host function.
type exportsOnly struct{}

func (exportsOnly) Bind(b *cm.Boundary) cm.Hooks {
	if b.Kind == cm.GuestToHost {
		return nil
	}
	return hooksOn{}
}

// TestHoldWithoutHooks: a host function that holds its call does not hold the call around it when nobody watches its own.
func TestHoldWithoutHooks(t *testing.T) {
	for _, i := range []cm.Interceptor{nil, exportsOnly{}} {
		e := engine(t)
		l := e.NewLinker(i)
		l.Instance(root).Func("call-me-back", &cm.FuncType{}, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
			cm.CallFrom(ctx).Hold()(nil, nil)
			return cm.Val{}, nil
		})
		mustCall(t, instantiate(t, l, e, "hostile", "../testdata/hostile/hostile.wasm"), root, "back")
	}
}

// TestCallsThatAreSeenAtTheirEnd: a call that was only counted is entered and left at its end where the hooks ask for it, with the begin and the
// wait that it had, and adds to its caller's times what it took.
func TestCallsThatAreSeenAtTheirEnd(t *testing.T) {
	r := &recorder{countOnly: true, see: true}
	err := observed(t, r, func(ctx context.Context, _ []cm.Val) (cm.Val, error) {
		time.Sleep(2 * time.Millisecond)
		cm.CallFrom(ctx).AddWait(time.Millisecond)
		return cm.Val{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.counted != 1 || r.entered != 1 || len(r.ends) != 1 {
		t.Fatalf("counted %d times, entered %d times, left %d times", r.counted, r.entered, len(r.ends))
	}
	if end := r.ends[0]; end.Wait != time.Millisecond || end.Host < time.Millisecond || end.Outcome != cm.OK {
		t.Errorf("ended %+v", end)
	}
}
