package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/reqctx"
)

// Config configures a pool. There are no defaults here. The fields that [Limits] has can be changed later.
type Config struct {
	Name     string        // in messages
	Max      int           // members at once; more than 0
	Seats    int           // invocations at once in one member; more than 0, and 1 without Reuse
	Queue    int           // invocations that may wait
	Ready    int           // members that are made ahead and stay, however long they are idle; Max at most
	Idle     time.Duration // how long other members are kept while idle
	Deadline time.Duration // of an invocation, from Enter on, and of guest code that runs ahead; 0: none
	// Reuse: an invocation finds a member as those before it have left it. Then Uses is the number of invocations after which a member
	// is retired; 0: none.
	Reuse bool
	Uses  uint64
	// Processors is the number of invocations under way up to which there is a processor for work ahead.
	Processors int

	// Make makes an instance.
	Make func(ctx context.Context) (Instance, error)
	// Idles is called after a member has become idle. May be nil.
	Idles func()
	// Crowded says that no members are to be made ahead in the place of others for now. May be nil.
	Crowded func() bool
	// Wait is called where an invocation has to wait, with how many wait before it; what it returns is called when the wait
	// has ended. May be nil.
	Wait func(ctx context.Context, before int64) (context.Context, func(error))
	// Retire is called where a member is closed, with its instance and why; what it returns is called when it has been. May be nil.
	Retire func(ctx context.Context, i Instance, why string) (context.Context, func(error))
	Logger *slog.Logger
}

// Pool is the pool of one component. Safe for concurrent use.
type Pool struct {
	cfg       Config
	limits    atomic.Pointer[Limits]
	seats     seats
	waiting   atomic.Int64
	idle      idleList
	crew      crew
	refilling atomic.Bool  // see refill
	resetting atomic.Int64 // members that are reset ahead
	retiring  atomic.Int64 // members that are retired for their age; each holds a seat

	// pastDeadline is why an invocation ended at its deadline. Each has its own: a trap is filled in on its way out.
	pastDeadline func() error

	stop        reqctx.Context  // ends when invocations must not go on
	prewarmCtx  context.Context // ends when nothing is to be done ahead any more
	stopPrewarm context.CancelFunc

	mu     sync.Mutex
	closed bool
	under  sync.WaitGroup // invocations, and what is done in the background
	count  atomic.Int64   // of them
}

// New makes a pool without members.
func New(c Config) *Pool {
	p := &Pool{cfg: c}
	p.limits.Store(&Limits{Max: c.Max, Seats: c.Seats, Queue: c.Queue, Uses: c.Uses, Idle: c.Idle})
	p.seats.resize(c.Max * c.Seats)
	p.stop.Begin(context.Background())
	p.prewarmCtx, p.stopPrewarm = context.WithCancel(context.Background()) // work ahead belongs to no trace
	p.pastDeadline = func() error {
		return cm.Trapf(cm.TrapDeadline, "%s: the invocation took longer than %s", c.Name, c.Deadline)
	}
	p.idle.life, p.idle.floor, p.idle.idles = c.Idle, c.Ready, c.Idles
	p.idle.retire = func(m *Member, why string) { p.retire(&p.stop, m, why) }
	p.idle.hold = func() bool {
		held := p.seats.try()
		if held {
			p.retiring.Add(1)
		}
		return held
	}
	p.idle.free = func() {
		p.retiring.Add(-1)
		p.seats.give()
	}
	return p
}

// Counts is the state of a pool.
type Counts struct {
	Busy, Resetting, Idle, Leaving int // members; Busy are those with a seat that is taken, but for those that are leaving
	Running, Waiting               int // invocations
	Fullest                        int // seats that are taken in the member with the most
}

// Counts returns its state.
func (p *Pool) Counts() Counts {
	resetting, running := int(p.resetting.Load()), max(p.seats.len()-int(p.retiring.Load()), 0)
	c := Counts{Busy: max(running-resetting, 0), Resetting: resetting, Idle: p.idle.len(), Waiting: int(p.waiting.Load())}
	c.Running, c.Fullest = c.Busy, min(c.Busy, 1)
	if p.cfg.Reuse {
		c.Running = running
		c.Busy, c.Leaving, c.Fullest = p.crew.counts()
	}
	return c
}

// admit counts an activity that Close waits for, unless the pool is closed.
func (p *Pool) admit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.under.Add(1)
	p.count.Add(1)
	return true
}

// discharge ends an activity that admit has counted.
func (p *Pool) discharge() {
	p.count.Add(-1)
	p.under.Done()
}

// takeSeat waits for a seat, behind those that wait already. It fails at once with an overload trap when the queue is full, or if it must not
// wait, and with ctx's own trap when ctx ends first.
func (p *Pool) takeSeat(ctx context.Context, wait bool) (err error) {
	if p.seats.try() {
		return nil
	}
	if p.cfg.Wait != nil {
		var end func(error)
		ctx, end = p.cfg.Wait(ctx, p.waiting.Load())
		defer func() { end(err) }()
	}
	// Seats that are held to reset, to retire or to make a member ahead are about to be free: whoever finds none but those does not find the
	// pool busy.
	ahead := p.resetting.Load() + p.retiring.Load()
	if p.refilling.Load() {
		ahead++
	}
	limits, queue := p.limits.Load(), 0
	if wait {
		queue = max(limits.Queue, 0)
	}
	if p.waiting.Add(1) > int64(queue)+int64(ahead) {
		p.waiting.Add(-1)
		what := "instances"
		if limits.Seats > 1 {
			what = "invocations"
		}
		if !wait {
			return cm.Trapf(cm.TrapOverload, "%s: %d %s run, and this one must not wait: they might wait for what has led to it", p.cfg.Name, p.seats.cap(), what)
		}
		return cm.Trapf(cm.TrapOverload, "%s: %d %s run and %d invocations wait", p.cfg.Name, p.seats.cap(), what, limits.Queue)
	}
	defer p.waiting.Add(-1)
	if p.seats.wait(ctx) {
		if ctx.Err() == nil {
			return nil
		}
		p.seats.give() // both happened at once
	}
	t := cm.EndedTrap(ctx)
	t.Detail += " while waiting for an instance"
	return t
}

// member returns a member that is as new: one that is ready, one that was used and is reset now, or one that is made. The
// caller has a seat, and takes the member's.
func (p *Pool) member(ctx context.Context) (*Member, error) {
	for m := p.idle.take(); m != nil; m = p.idle.take() {
		if m.state == ready {
			return m, nil
		}
		err := p.reset(ctx, m)
		if err == nil {
			m.become(ready)
			return m, nil
		}
		var trap *cm.Trap
		if ctx.Err() != nil && errors.As(err, &trap) { // it failed because ctx has ended
			return nil, err
		}
	}
	return p.make(ctx)
}

func (p *Pool) make(ctx context.Context) (m *Member, err error) {
	err = p.guard("instantiation", func() error {
		i, err := p.cfg.Make(ctx)
		if err == nil {
			m = &Member{Instance: i, seats: p.limits.Load().Seats}
		}
		return err
	})
	return m, err
}

// reset sets a member back, or retires it.
func (p *Pool) reset(ctx context.Context, m *Member) error {
	m.become(resetting)
	err := p.guard("reset", func() error { return m.Instance.Reset(ctx) })
	if err != nil {
		p.cfg.Logger.DebugContext(ctx, "an instance was not used again", "component", p.cfg.Name, "reason", err)
		p.retire(ctx, m, RetiredReset)
	}
	return err
}

// settle ends what the last invocation of a member has left open, also when its time is over: that flushes what it wrote last.
// It gives the member back if it can be used again, and nil where it has retired it.
func (p *Pool) settle(ctx context.Context, m *Member, well bool) *Member {
	if !well {
		p.retire(ctx, m, RetiredEnded)
		return nil
	}
	if m.Instance.Resettable() != nil {
		p.retire(ctx, m, RetiredUsed)
		return nil
	}
	if err := p.guard("release", func() error { return m.Instance.Release(ctx) }); err != nil {
		p.cfg.Logger.ErrorContext(ctx, "an instance could not be released", "component", p.cfg.Name, "error", err)
		p.retire(ctx, m, RetiredRelease)
		return nil
	}
	return m
}

// keep makes a member idle, as s.
func (p *Pool) keep(m *Member, s state) {
	if !p.idle.keep(m, s) {
		p.retire(&p.stop, m, RetiredClosed)
	}
}

// Why a member has been retired.
const (
	RetiredIdle    = "idle"    // it was idle for too long
	RetiredUsed    = "used"    // it has had its uses, or cannot be reset
	RetiredEnded   = "ended"   // its guest trapped or exited, or had to be ended
	RetiredReset   = "reset"   // it could not be set back
	RetiredRelease = "release" // it could not release what an invocation had
	RetiredBarred  = "barred"  // its guest asks for backpressure, and no call is left in it that could end that
	RetiredClosed  = "closed"  // the pool was closed
	RetiredMemory  = "memory"  // it was idle, and its memory was needed elsewhere
)

func (p *Pool) retire(ctx context.Context, m *Member, why string) {
	m.become(retired)
	p.crew.discount(m)
	var err error
	if p.cfg.Retire != nil {
		var end func(error)
		ctx, end = p.cfg.Retire(ctx, m.Instance, why)
		defer func() { end(err) }()
	}
	err = p.guard("close", func() error { return m.Instance.Close(context.WithoutCancel(ctx)) })
	if err != nil {
		p.cfg.Logger.ErrorContext(ctx, "an instance did not close", "component", p.cfg.Name, "error", err)
	}
}

// guard runs f and makes a panic in it a trap: what is done for one invocation must not end the process.
func (p *Pool) guard(what string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.cfg.Logger.Error("panic in "+what+"; please report this", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = cm.Trapf(cm.TrapBug, "%s: %v; please report this", what, r)
		}
	}()
	return f()
}

// lastWait is how long Close waits for invocations that it has cancelled: guests end at their next check, host functions
// when they see their context; neither takes long.
const lastWait = 2 * time.Second

// StopPrewarm ends work ahead, and begins no more.
func (p *Pool) StopPrewarm() { p.stopPrewarm() }

// ErrStuck is the error of Close when an invocation goes on though its context has ended.
var ErrStuck = errors.New("some invocations did not end")

// Close admits nothing more, waits for invocations until ctx ends, cancels those that are left, and retires the members. cut says that it
// had to cancel some. It is called once.
func (p *Pool) Close(ctx context.Context) (cut bool, err error) {
	p.stopPrewarm()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	defer p.idle.end()
	ended := make(chan struct{})
	go func() {
		p.under.Wait()
		close(ended)
	}()
	defer p.stop.Cancel(nil)
	select {
	case <-ended:
		return false, nil
	case <-ctx.Done():
	}
	cut = p.count.Load() > 0
	p.stop.Cancel(nil)
	late := time.NewTimer(lastWait)
	defer late.Stop()
	select {
	case <-ended:
		return cut, nil
	case <-late.C:
		return true, ErrStuck
	}
}

// Wait waits until nothing is under way any more. It is for after Close.
func (p *Pool) Wait() { p.under.Wait() }
