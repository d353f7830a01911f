package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
)

// fake is an instance that notes what is done to it, and fails where it is told to.
type fake struct {
	id    int
	inner atomic.Int32 // goroutines inside
	clean atomic.Bool
	ended atomic.Bool

	dead, barred atomic.Bool // of those that are reused

	resettable, release, reset, close error
	panics                            string
}

func (f *fake) enter(what string) func() {
	if f.inner.Add(1) != 1 {
		panic("two goroutines are inside an instance")
	}
	if f.ended.Load() {
		panic("an instance is used after its end")
	}
	if f.panics == what {
		f.inner.Add(-1)
		panic("fake: " + what)
	}
	return func() { f.inner.Add(-1) }
}

func (f *fake) Alive() bool       { return !f.dead.Load() }
func (f *fake) Barred() bool      { return f.barred.Load() }
func (f *fake) Resettable() error { return f.resettable }
func (f *fake) Initialises() bool { return false }
func (f *fake) Release(context.Context) error {
	defer f.enter("release")()
	return f.release
}
func (f *fake) Reset(context.Context) error {
	defer f.enter("reset")()
	f.clean.Store(f.reset == nil)
	return f.reset
}
func (f *fake) Close(context.Context) error {
	defer f.enter("close")()
	f.ended.Store(true)
	return f.close
}

// makes is a pool of fakes; each is changed by change, which may be nil.
type makes struct {
	*Pool
	log    strings.Builder
	mu     sync.Mutex
	all    []*fake
	change func(*fake) error
}

func newPool(c Config, change func(*fake) error) *makes {
	m := &makes{change: change}
	c.Name = "c"
	c.Logger = slog.New(slog.NewTextHandler(&m.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Seats = max(c.Seats, 1)
	if c.Processors == 0 {
		c.Processors = 1
	}
	if c.Idle == 0 {
		c.Idle = time.Hour
	}
	c.Make = func(context.Context) (Instance, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		f := &fake{id: len(m.all)}
		f.clean.Store(true)
		if m.change != nil {
			if err := m.change(f); err != nil {
				return nil, err
			}
		}
		m.all = append(m.all, f)
		return f, nil
	}
	m.Pool = New(c)
	return m
}

// use is one invocation.
func (m *makes) use(ctx context.Context, well bool, work func(*fake)) (*fake, error) {
	var s Seat
	defer s.Return()
	if err := s.Enter(ctx, m.Pool, false); err != nil {
		return nil, err
	}
	defer func() { s.Leave(well, nil) }()
	member, err := s.Sit()
	if err != nil {
		return nil, err
	}
	f := member.Instance.(*fake)
	if !f.clean.Swap(false) {
		panic("an instance is as another invocation left it")
	}
	if work != nil {
		defer f.enter("work")()
		work(f)
	}
	return f, nil
}

func code(err error) cm.TrapCode {
	var t *cm.Trap
	if errors.As(err, &t) {
		return t.Code
	}
	return ""
}

// TestTransitions: the ways that the package comment draws are those that are allowed, and each other one is refused.
func TestTransitions(t *testing.T) {
	for from := range retired + 1 {
		for to := range retired + 1 {
			m := &Member{state: from}
			panicked := func() (p any) {
				defer func() { p = recover() }()
				m.become(to)
				return nil
			}()
			if allowed := slices.Contains(next[from], to); allowed != (panicked == nil) || allowed != (m.state == to && from != to) && from != to {
				t.Errorf("%s → %s: allowed %t, panic %v", from, to, allowed, panicked)
			}
		}
	}
	if len(next) != len(names) || len(next[retired]) != 0 {
		t.Error("a retired member has a way on, or a state has no name")
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(doc), " "+name) {
			t.Errorf("the package comment does not draw %s", name)
		}
	}
}

// TestSeats: members with several seats would be settled with the last one; a full one cannot be sat in.
func TestSeats(t *testing.T) {
	m := &Member{state: ready, seats: 1}
	m.sit()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a full member was sat in")
			}
		}()
		m.sit()
	}()
	if m.uses != 1 || m.taken != 1 {
		t.Errorf("%+v", m)
	}
	m.taken++ // as if it had two
	end := &ender{}
	if empty, err := m.leave(end); empty || err == nil || end.n != 1 || m.state != busy {
		t.Errorf("the first of two leaves: empty %t, %v, %d ends, %s", empty, err, end.n, m.state)
	}
	if empty, err := m.leave(end); !empty || err != nil || end.n != 1 || m.state != settling {
		t.Errorf("the last leaves: empty %t, %v, %d ends, %s", empty, err, end.n, m.state)
	}
}

type ender struct{ n int }

func (e *ender) End() error { e.n++; return errors.New("it does not end") }

// TestFates: what becomes of a member after its use.
func TestFates(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		well   bool
		change func(*fake)
		again  bool   // the same instance serves the next invocation
		log    string // part of what is said
	}{
		{"it went well", true, nil, true, ""},
		{"it did not", false, nil, false, ""},
		{"it cannot be reset", true, func(f *fake) { f.resettable = broken }, false, ""},
		{"a reset fails", true, func(f *fake) { f.reset = broken }, false, "an instance was not used again"},
		{"a reset panics", true, func(f *fake) { f.panics = "reset" }, false, "panic in reset"},
		{"a release fails", true, func(f *fake) { f.release = broken }, false, "could not be released"},
		{"a release panics", true, func(f *fake) { f.panics = "release" }, false, "panic in release"},
		{"a close fails", false, func(f *fake) { f.close = broken }, false, "an instance did not close"},
		{"a close panics", false, func(f *fake) { f.panics = "close" }, false, "panic in close"},
	} {
		for _, processors := range []int{-1, 1} { // reset by the next one, and ahead
			p := newPool(Config{Max: 1, Processors: processors}, func(f *fake) error {
				if c.change != nil && f.id == 0 {
					c.change(f)
				}
				return nil
			})
			first, err := p.use(t.Context(), c.well, nil)
			if err != nil {
				t.Fatal(err)
			}
			second, err := p.use(t.Context(), true, nil)
			if err != nil || (first == second) != c.again || first.ended.Load() == c.again && c.log != "panic in close" && !strings.Contains(c.name, "close panics") {
				t.Errorf("%s: %v; again %t, ended %t", c.name, err, first == second, first.ended.Load())
			}
			if cut, err := p.Close(t.Context()); cut || err != nil || !second.ended.Load() {
				t.Errorf("%s: closed: %t, %v", c.name, cut, err)
			}
			if got := p.log.String(); !strings.Contains(got, c.log) || c.log == "" && got != "" {
				t.Errorf("%s: said %q", c.name, got)
			}
			if n := p.Counts(); n != (Counts{}) {
				t.Errorf("%s: %+v at the end", c.name, n)
			}
		}
	}
}

// TestMakeFails: a seat whose member cannot be made is free again, also where Make panics.
func TestMakeFails(t *testing.T) {
	broken, fail := errors.New("broken"), true
	p := newPool(Config{Max: 1}, func(f *fake) error {
		if fail && f.id == 0 {
			return broken
		}
		if fail {
			panic("make")
		}
		return nil
	})
	if _, err := p.use(t.Context(), true, nil); !errors.Is(err, broken) {
		t.Error(err)
	}
	p.all = append(p.all, &fake{})
	if _, err := p.use(t.Context(), true, nil); code(err) != cm.TrapBug {
		t.Error(err)
	}
	fail = false
	if _, err := p.use(t.Context(), true, nil); err != nil || p.Counts().Busy != 0 {
		t.Error(err, p.Counts())
	}
}

// TestQueue: those who wait are served in order, one too many is refused at once, and a wait ends with its context, its
// deadline and the pool.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(Config{Max: 1, Queue: 3, Deadline: time.Minute}, nil)
		block := make(chan struct{})
		var order []int
		var wg sync.WaitGroup
		errs := make([]error, 4)
		ctx, cancel := context.WithCancel(t.Context())
		for i := range errs {
			wg.Go(func() {
				c := t.Context()
				if i == 2 {
					c = ctx
				}
				_, errs[i] = p.use(c, true, func(*fake) {
					order = append(order, i)
					if i == 0 {
						<-block
					}
				})
			})
			synctest.Wait()
		}
		if n := p.Counts(); n != (Counts{Busy: 1, Running: 1, Fullest: 1, Waiting: 3}) {
			t.Errorf("%+v", n)
		}
		if _, err := p.use(t.Context(), true, nil); code(err) != cm.TrapOverload || !strings.Contains(err.Error(), "c: 1 instances run and 3 invocations wait") {
			t.Errorf("one too many: %v", err)
		}
		var inner Seat
		if err := inner.Enter(t.Context(), p.Pool, false); err != nil {
			t.Fatal(err)
		}
		if _, err := inner.TrySit(); code(err) != cm.TrapOverload || !strings.Contains(err.Error(), "must not wait") {
			t.Errorf("one that must not wait: %v", err)
		}
		inner.Leave(true, nil)
		inner.Return()
		cancel()
		synctest.Wait()
		time.Sleep(59 * time.Second)
		block <- struct{}{}
		wg.Wait()
		if !slices.Equal(order, []int{0, 1, 3}) || errs[0] != nil || errs[1] != nil || errs[3] != nil {
			t.Errorf("%v, %v", order, errs)
		}
		if code(errs[2]) != cm.TrapCancel || !strings.Contains(errs[2].Error(), "while waiting for an instance") {
			t.Errorf("cancelled: %v", errs[2])
		}

		wg.Go(func() { _, _ = p.use(t.Context(), true, func(*fake) { <-block }) })
		synctest.Wait()
		if _, err := p.use(t.Context(), true, nil); code(err) != cm.TrapDeadline || !strings.Contains(err.Error(), "took longer than 1m0s while waiting") {
			t.Errorf("past the deadline: %v", err)
		}
		block <- struct{}{}
		wg.Wait()
	})
}

// TestClose: it waits for what is under way, cuts it when its time is over, says what it could not end, and lets nobody in.
func TestClose(t *testing.T) {
	for _, c := range []struct {
		name   string
		takes  time.Duration
		heeds  bool
		cut    bool
		err    error
		closed time.Duration
	}{
		{"what ends by itself", 30 * time.Second, false, false, nil, 30 * time.Second},
		{"what is cut", time.Hour, true, true, nil, time.Minute},
		{"what does not heed it", time.Hour, false, true, ErrStuck, time.Minute + lastWait},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(Config{Max: 2, Queue: 2, Ready: 1}, nil)
			if err := p.Prewarm(t.Context()); err != nil {
				t.Fatal(err)
			}
			var cause error
			begun := make(chan struct{})
			go func() {
				var s Seat
				defer s.Return()
				if err := s.Enter(t.Context(), p.Pool, false); err != nil {
					t.Error(err)
				}
				defer func() { s.Leave(true, nil) }()
				if _, err := s.Sit(); err != nil {
					t.Error(err)
				}
				close(begun)
				done := s.Context().Done()
				if !c.heeds {
					done = nil
				}
				select {
				case <-time.After(c.takes):
				case <-done:
				}
				cause = context.Cause(s.Context())
			}()
			<-begun
			from := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			go func() {
				synctest.Wait()
				if _, err := p.use(t.Context(), true, nil); code(err) != cm.TrapOverload || !errors.Is(err, cm.ErrStopping) {
					t.Errorf("%s: somebody was let in: %v", c.name, err)
				}
			}()
			cut, err := p.Close(ctx)
			if took := time.Since(from); cut != c.cut || err != c.err || took != c.closed {
				t.Errorf("%s: cut %t, %v, after %s", c.name, cut, err, took)
			}
			p.Wait()
			if errors.Is(cause, cm.ErrStopping) != c.cut {
				t.Errorf("%s: the invocation was ended by %v", c.name, cause)
			}
			for _, f := range p.all {
				if !f.ended.Load() {
					t.Errorf("%s: instance %d is left", c.name, f.id)
				}
			}
		})
	}
}

// TestCloseOfNothing: a pool in which nothing is under way has nothing to cut, also where there is no time to wait.
func TestCloseOfNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		p := newPool(Config{Max: 1, Ready: 1}, nil)
		if err := p.Prewarm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if cut, err := p.Close(ctx); cut || err != nil || !p.all[0].ended.Load() {
			t.Fatalf("%t, %v", cut, err)
		}
	}
}

// TestIdle: what was used last is used first; what is old goes away, down to what is to be ready.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(Config{Max: 4, Ready: 1, Idle: time.Minute, Processors: 9}, nil)
		if err := p.Prewarm(t.Context()); err != nil {
			t.Fatal(err)
		}
		var nest func(n int)
		nest = func(n int) {
			if n > 0 {
				if _, err := p.use(t.Context(), true, func(*fake) { nest(n - 1) }); err != nil {
					t.Error(err)
				}
			}
		}
		nest(4)
		if n := p.Counts(); n.Idle != 4 {
			t.Errorf("%+v", n)
		}
		time.Sleep(30 * time.Second)
		last, err := p.use(t.Context(), true, nil)
		if err != nil || last != p.all[0] { // the outermost one came back last
			t.Errorf("%d was used, %v", last.id, err)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := p.Counts(); n.Idle != 1 || last.ended.Load() {
			t.Errorf("%+v", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := p.Counts(); n.Idle != 1 {
			t.Errorf("an hour later: %+v", n)
		}
		if _, err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestChance does everything at once, from a seed: instances fail in every way, invocations come and are cancelled, and the
// pool is closed. No instance is entered twice, seen as another left it, or left open; no more than may are there.
func TestChance(t *testing.T) {
	for seed := range uint64(20) {
		const most, queue = 3, 5
		var alive, peak atomic.Int64
		p := newPool(Config{Max: most, Queue: queue, Ready: int(seed % 3), Idle: time.Millisecond, Deadline: time.Second, Processors: 2}, func(f *fake) error {
			r := rand.New(rand.NewPCG(seed, uint64(f.id)))
			broken := fmt.Errorf("broken %d", f.id)
			switch r.IntN(12) {
			case 0:
				f.resettable = broken
			case 1:
				f.reset = broken
			case 2:
				f.release = broken
			case 3:
				f.panics = "reset"
			case 4:
				f.panics = "release"
			}
			return nil
		})
		inner := p.cfg.Make
		p.cfg.Make = func(ctx context.Context) (Instance, error) {
			i, err := inner(ctx)
			if err == nil {
				peak.Store(max(peak.Load(), alive.Add(1)))
				return &counted{i.(*fake), &alive}, nil
			}
			return i, err
		}
		if err := p.Prewarm(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for g := range uint64(8) {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, 1000+g))
				for range 150 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(2000))*time.Microsecond)
					var s Seat
					if s.Enter(ctx, p.Pool, false) == nil {
						if m, err := s.Sit(); err == nil {
							f := m.Instance.(*counted).fake
							if !f.clean.Swap(false) {
								t.Error("an instance is as another invocation left it")
							}
							leave := f.enter("work")
							time.Sleep(time.Duration(r.IntN(50)) * time.Microsecond)
							leave()
						}
						s.Leave(r.IntN(5) > 0, nil)
					}
					s.Return()
					cancel()
				}
			})
		}
		wg.Wait()
		if _, err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := p.Counts(); n != (Counts{}) || alive.Load() != 0 || peak.Load() > most {
			t.Errorf("seed %d: %+v, %d instances are left, there were %d at once", seed, n, alive.Load(), peak.Load())
		}
	}
}

type counted struct {
	*fake
	alive *atomic.Int64
}

func (c *counted) Close(ctx context.Context) error {
	c.alive.Add(-1)
	return c.fake.Close(ctx)
}
