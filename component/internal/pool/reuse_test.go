package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
)

// shared is one invocation in a pool that reuses its members; work may be nil.
func (m *makes) shared(ctx context.Context, work func(f *fake, use uint64)) (*fake, error) {
	var s Seat
	defer s.Return()
	if err := s.Enter(ctx, m.Pool, false); err != nil {
		return nil, err
	}
	defer func() { s.Leave(true, nil) }()
	member, err := s.Sit()
	if err != nil {
		return nil, err
	}
	f := member.Instance.(*fake)
	if work != nil {
		work(f, s.Use())
	}
	return f, nil
}

// parked is an invocation that stays in its member until it is let go.
type parked struct {
	f    *fake
	use  uint64
	err  error
	free chan struct{}
	done chan struct{}
}

func (m *makes) park(ctx context.Context) *parked {
	p := &parked{free: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_, p.err = m.shared(ctx, func(f *fake, use uint64) {
			p.f, p.use = f, use
			<-p.free
		})
	}()
	synctest.Wait()
	return p
}

func (p *parked) leave() {
	close(p.free)
	<-p.done
}

// TestReuse: an instance is given out as it was left, without a reset, until it has had its uses; then it leaves, is closed behind
// the last who is in it, and others have gone elsewhere meanwhile.
func TestReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(Config{Max: 1, Seats: 3, Queue: 10, Reuse: true, Uses: 4, Ready: 1}, nil)
		if err := p.Prewarm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Counts(); n != (Counts{Idle: 1}) {
			t.Errorf("%+v", n)
		}
		for use := range uint64(2) {
			if f, err := p.shared(t.Context(), func(_ *fake, n uint64) {
				if n != use+1 {
					t.Errorf("use %d is called %d", use+1, n)
				}
			}); err != nil || f != p.all[0] {
				t.Error(f, err)
			}
		}
		a, b := p.park(t.Context()), p.park(t.Context())
		c := p.park(t.Context()) // the first has had its uses
		if a.f != p.all[0] || b.f != p.all[0] || b.use != 4 || len(p.all) != 2 || c.f != p.all[1] || c.use != 1 {
			t.Errorf("%+v %+v %+v", a, b, c)
		}
		if n := p.Counts(); n != (Counts{Busy: 1, Leaving: 1, Running: 3, Fullest: 1}) {
			t.Errorf("%+v", n)
		}
		d := p.park(t.Context()) // there are no more than three seats, wherever they are taken
		if n := p.Counts(); d.f != nil || n.Waiting != 1 {
			t.Errorf("%+v", n)
		}
		a.leave()
		synctest.Wait()
		if d.f != p.all[1] || p.all[0].ended.Load() {
			t.Errorf("%+v, closed %t", d, p.all[0].ended.Load())
		}
		b.leave()
		if !p.all[0].ended.Load() {
			t.Error("it was not closed behind the last one")
		}
		c.leave()
		d.leave()
		if n := p.Counts(); n != (Counts{Idle: 1}) {
			t.Errorf("%+v", n)
		}
		if cut, err := p.Close(t.Context()); cut || err != nil || !p.all[1].ended.Load() || p.Counts() != (Counts{}) {
			t.Error(cut, err, p.Counts())
		}
	})
}

// TestReuseEnds: who comes after an instance has ended goes elsewhere at once, while others are still on their way out of it; one that
// has ended while nobody was in it is not given out.
func TestReuseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(Config{Max: 1, Seats: 4, Reuse: true}, nil)
		a, b := p.park(t.Context()), p.park(t.Context())
		a.f.dead.Store(true)
		c := p.park(t.Context())
		if a.f != b.f || c.f == a.f || c.f == nil {
			t.Fatalf("%+v %+v %+v", a, b, c)
		}
		a.leave()
		if a.f.ended.Load() {
			t.Error("it was closed while somebody was in it")
		}
		b.leave()
		if !a.f.ended.Load() {
			t.Error("it was not closed")
		}
		c.leave()
		c.f.dead.Store(true)
		if f, err := p.shared(t.Context(), nil); err != nil || f == c.f || !c.f.ended.Load() {
			t.Errorf("%v, %v", f == c.f, err)
		}
		if _, err := p.Close(t.Context()); err != nil || p.Counts() != (Counts{}) {
			t.Error(err, p.Counts())
		}
	})
}

// TestReuseBarred: who comes is sent where no backpressure is asked for, to a new instance if need be, and to a barred one if
// there is no other; one that is left barred with nobody in it is not used again.
func TestReuseBarred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(Config{Max: 2, Seats: 3, Reuse: true}, nil)
		a := p.park(t.Context())
		a.f.barred.Store(true)
		b := p.park(t.Context())
		c := p.park(t.Context())
		if b.f == a.f || c.f != b.f {
			t.Fatalf("%+v %+v %+v", a, b, c)
		}
		b.f.barred.Store(true)
		d := p.park(t.Context()) // both are: the one with more room
		if d.f != a.f {
			t.Errorf("%+v", d)
		}
		for _, x := range []*parked{a, b, c, d} {
			x.leave()
		}
		if !a.f.ended.Load() || !b.f.ended.Load() || p.Counts() != (Counts{}) {
			t.Errorf("%+v", p.Counts())
		}
		if _, err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestReuseSpreads: instances are made for as many invocations as there are processors, and from then on only where no seat is free.
func TestReuseSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(Config{Max: 4, Seats: 2, Reuse: true, Processors: 2}, nil)
		in := map[*fake]int{}
		var all []*parked
		for n, want := range []int{1, 2, 2, 2, 3, 3, 4, 4} {
			x := p.park(t.Context())
			all = append(all, x)
			if in[x.f]++; len(in) != want || in[x.f] > 2 {
				t.Errorf("invocation %d: %d instances, %d in this one", n, len(in), in[x.f])
			}
		}
		for _, x := range all {
			x.leave()
		}
		if _, err := p.Close(t.Context()); err != nil || p.Counts() != (Counts{}) {
			t.Error(err, p.Counts())
		}
	})
}

// TestReuseWhileMade: who comes while the only instance is made waits for it; where it cannot be made, or its maker leaves, the next
// one makes it, and one that waits and goes away leaves no seat taken.
func TestReuseWhileMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, gate := errors.New("broken"), make(chan error)
		p := newPool(Config{Max: 1, Seats: 3, Reuse: true}, nil)
		inner := p.cfg.Make
		p.cfg.Make = func(ctx context.Context) (Instance, error) {
			if err := <-gate; err != nil {
				return nil, err
			}
			return inner(ctx)
		}
		ctx, cancel := context.WithCancel(t.Context())
		a, b, c := p.park(t.Context()), p.park(ctx), p.park(t.Context())
		cancel()
		<-b.done
		if code(b.err) != cm.TrapCancel {
			t.Error(b.err)
		}
		gate <- broken
		<-a.done
		if !errors.Is(a.err, broken) {
			t.Error(a.err)
		}
		synctest.Wait()
		gate <- nil
		synctest.Wait()
		if c.f == nil || c.use != 1 {
			t.Errorf("%+v", c)
		}
		c.leave()
		if n := p.Counts(); n != (Counts{Idle: 1}) {
			t.Errorf("%+v", n)
		}
		if _, err := p.Close(t.Context()); err != nil || p.Counts() != (Counts{}) {
			t.Error(err, p.Counts())
		}
	})
}

// TestReuseChance does everything at once, from a seed. No instance has more in it than seats, is used after its end, or is
// left open.
func TestReuseChance(t *testing.T) {
	for seed := range uint64(20) {
		const most, seats, uses = 2, 3, 7
		var alive atomic.Int64
		p := newPool(Config{Max: most, Seats: seats, Uses: uses, Reuse: true, Queue: 5, Ready: int(seed % 3), Idle: time.Millisecond, Deadline: time.Second, Processors: 2}, func(f *fake) error {
			if rand.New(rand.NewPCG(seed, uint64(f.id))).IntN(8) == 0 && f.id > 2 {
				return errors.New("broken")
			}
			return nil
		})
		inner := p.cfg.Make
		p.cfg.Make = func(ctx context.Context) (Instance, error) {
			i, err := inner(ctx)
			if err == nil {
				alive.Add(1)
				return &counted{i.(*fake), &alive}, nil
			}
			return i, err
		}
		if err := p.Prewarm(t.Context()); err != nil {
			t.Fatal(err)
		}
		var inside sync.Map // *fake → *atomic.Int32
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
							n, _ := inside.LoadOrStore(f, new(atomic.Int32))
							if n.(*atomic.Int32).Add(1) > seats || f.ended.Load() || s.Use() > uses {
								t.Errorf("%d are in it, closed %t, use %d", n.(*atomic.Int32).Load(), f.ended.Load(), s.Use())
							}
							time.Sleep(time.Duration(r.IntN(50)) * time.Microsecond)
							switch r.IntN(20) {
							case 0:
								f.dead.Store(true)
							case 1:
								f.barred.Store(true)
							case 2:
								f.barred.Store(false)
							}
							n.(*atomic.Int32).Add(-1)
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
		if n := p.Counts(); n != (Counts{}) || alive.Load() != 0 {
			t.Errorf("seed %d: %+v, %d instances are left", seed, n, alive.Load())
		}
	}
}
