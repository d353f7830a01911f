package component

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component/internal/pool"
)

// What a PoolConfig leaves open.
const (
	DefaultPoolMax         = 200
	DefaultPoolQueue       = 1000
	DefaultPoolIdle        = 5 * time.Second
	DefaultPoolConcurrency = 16
	DefaultPoolUses        = 1000
)

// PoolConfig configures a [Pool]. The zero value bounds how many instances there are and how many invocations wait, and nothing that
// guests do.
type PoolConfig struct {
	// Max is how many instances there are at most, and so, times Concurrency, how many invocations run at once; 0 is
	// DefaultPoolMax. An instance that gets no more invocations because of Uses, and still has some, does not count.
	Max int
	// Queue is how many invocations wait, in order, while Max run; 0 is DefaultPoolQueue, less than 0 is none. One more
	// fails at once, with a trap of code overload.
	Queue int
	// Ready is how many instances are kept however long they are idle, and made anew in the background where one is lost.
	// The first invocations find them if Prewarm is called before; Max at most.
	Ready int
	// Idle is how long another instance is kept that nobody uses; 0 is DefaultPoolIdle.
	Idle time.Duration
	// Deadline bounds an invocation, from when it begins to wait: guest code is interrupted then, and the context ends, with
	// a trap of code deadline. 0: there is none but that of the caller's context.
	Deadline time.Duration
	// Store are the options that each instance is made with: its limits, [WithMemory], [WithFuel] and so on. Limits are those
	// of one use: a reset gives all of them back.
	Store []StoreOption
	// Isolation is what an instance is set back to between two uses: Fresh (also when it is zero) or Initialised. Constant is
	// as in [WithReset]. Instances that cannot be reset, because of what the component does, are used once, which is logged.
	Isolation Isolation
	Constant  func(*cm.Boundary) bool
	// SingleUse makes a new instance for each invocation, whether one could be reset or not.
	SingleUse bool
	// Reuse gives an instance to one invocation after the other as they leave it: each sees what others have left in the guest's
	// memory, and what one has not dropped stays until the instance is closed. Isolation and Constant are ignored then. WithFuel
	// bounds each call; all other limits are those of the instance.
	Reuse bool
	// Concurrency, with Reuse, is how many invocations may be in one instance at once; 0 is DefaultPoolConcurrency. It is 1 for
	// a component that others cannot enter while a call is inside ([Linked.Concurrent]). Invocations wait where the guest asks for
	// backpressure; they are sent to other instances first.
	Concurrency int
	// Uses, with Reuse, is how many invocations an instance has in its life; 0 is DefaultPoolUses, less than 0 is any number.
	Uses int
	// Once makes one instance in the pool's life: when that has ended, or could not be made, invocations are refused, with a trap of
	// code overload. It is for Reuse, with a Max of 1.
	Once bool
	// Logger gets what is reported to no caller: instances that do not close, panics. Nil drops it.
	Logger *slog.Logger
}

// Pool keeps instances of one linked component for invocations that come again and again: it bounds them, has invocations
// wait in order, sets instances back between uses, so that no invocation sees what another has left, and closes those that are
// not needed. Safe for concurrent use.
//
// It has no telemetry of its own. The interceptor that the component was linked with sees what it sees of any instance, operations
// "pool wait", "instantiate", "reset" and "instances ready" (see [cm.Lifecycle]), and, where it is a [cm.Gauges], how many
// instances are busy, resetting or idle, and how many invocations wait.
type Pool struct {
	linked  *Linked
	pool    *pool.Pool
	config  PoolConfig
	single  atomic.Bool            // the next instance is for one use
	made    atomic.Bool            // with Once: an instance was made, or could not be
	refused atomic.Pointer[string] // why instances cannot be reset; nil: they can, as far as is known
	stacks  atomic.Int64           // bytes of deep stacks that its instances have
	short   atomic.Int64           // invocations that wait for memory for their instance
	fuel    uint64                 // of each call; 0: that of the store
	unwatch func()

	changing sync.Mutex
	settings atomic.Pointer[PoolSettings]

	close    sync.Once
	closeErr error
}

// NewPool makes a pool without instances. Close it before linked. An error says which parts of the config contradict each other.
func NewPool(linked *Linked, c PoolConfig) (*Pool, error) {
	c.Max = cmp.Or(c.Max, DefaultPoolMax)
	c.Queue = max(cmp.Or(c.Queue, DefaultPoolQueue), 0)
	c.Idle = cmp.Or(c.Idle, DefaultPoolIdle)
	if c.Isolation == NoReset {
		c.Isolation = Fresh
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case !c.Reuse && (c.Concurrency != 0 || c.Uses != 0):
		return nil, fmt.Errorf("component %s: Concurrency and Uses of a pool say something with Reuse only", linked.name)
	case c.Once && (!c.Reuse || c.Max != 1 || c.Ready != 0):
		return nil, fmt.Errorf("component %s: a pool with Once needs Reuse, a Max of 1, and no Ready", linked.name)
	case c.Reuse && c.SingleUse:
		return nil, fmt.Errorf("component %s: a pool cannot have both Reuse and SingleUse", linked.name)
	case c.Max < 0 || c.Concurrency < 0 || c.Ready < 0 || c.Idle < 0 || c.Deadline < 0:
		return nil, fmt.Errorf("component %s: a pool cannot have less than nothing: Max %d, Ready %d, Idle %s, Deadline %s", linked.name, c.Max, c.Ready, c.Idle, c.Deadline)
	case c.Ready > c.Max:
		return nil, fmt.Errorf("component %s: a pool of %d instances at most cannot keep %d ready; let more run or ask for fewer", linked.name, c.Max, c.Ready)
	case c.Isolation != Fresh && c.Isolation != Initialised:
		return nil, fmt.Errorf("component %s: a pool's Isolation is Fresh or Initialised", linked.name)
	}
	c.Concurrency = cmp.Or(c.Concurrency, DefaultPoolConcurrency)
	if !c.Reuse || !linked.Concurrent() {
		c.Concurrency = 1
	}
	c.Uses = max(cmp.Or(c.Uses, DefaultPoolUses), 0)
	p := &Pool{linked: linked, config: c}
	p.settings.Store(&PoolSettings{Max: c.Max, Queue: c.Queue, Concurrency: c.Concurrency, Uses: c.Uses, Idle: c.Idle})
	p.single.Store(c.Ready == 0) // the component may be run only once
	if c.Reuse {
		p.fuel = optionsOf(c.Store).store.Limits.Fuel
	} else {
		p.learn(context.Background(), linked.Resettable())
	}
	pc := pool.Config{Name: linked.name, Max: c.Max, Queue: c.Queue, Ready: c.Ready, Idle: c.Idle, Deadline: c.Deadline,
		Seats: c.Concurrency, Reuse: c.Reuse, Uses: uint64(c.Uses),
		Processors: runtime.GOMAXPROCS(0), Make: p.instantiate, Crowded: p.crowded, Idles: linked.engine.core.Budget().Reclaimable, Logger: c.Logger}
	if linked.interceptor != nil {
		pc.Wait = p.observeWait
	}
	if c.Reuse {
		pc.Retire = p.observeRetire // without reuse, members are retired too often for an operation each
	}
	p.pool = pool.New(pc)
	p.unwatch = p.watch()
	linked.engine.pools.add(p)
	return p, nil
}

// Linked is what its instances are made from.
func (p *Pool) Linked() *Linked { return p.linked }

// Deadline is that of each invocation; 0 if there is none.
func (p *Pool) Deadline() time.Duration { return p.config.Deadline }

// Prewarm makes the instances that are to be ready, and waits for them. It is to be called once, before invocations. The error says
// why one could not be made: a *cm.Trap where the guest or a limit ended its initialisation, or ctx's.
func (p *Pool) Prewarm(ctx context.Context) error {
	if p.config.Ready == 0 {
		return nil
	}
	op := &cm.Operation{Name: "instances ready", Component: cm.Path(p.linked.name)}
	op.Set("instances.ready", int64(p.config.Ready))
	ctx, end := cm.Begin(ctx, p.linked.interceptor, op)
	err := p.pool.Prewarm(ctx)
	end(err)
	return err
}

// StopPrewarm ends work ahead of invocations (resets, new instances), and begins no more; invocations go on. Close does this, too.
func (p *Pool) StopPrewarm() { p.pool.StopPrewarm() }

// Run runs f in an instance that is as new, and that f has for itself until it returns; in a pool that reuses its instances, in one as
// others have left it, which others may be in. f gets a context that also ends at the deadline, and when Close ends running
// invocations; it must make its calls with that.
//
// The error is f's own; that of making or resetting an instance; a trap of code overload where the queue is full or the pool
// is closed (below that is cm.ErrStopping); or, where ctx or the deadline ends while it waits, a trap of code cancelled or
// deadline. An instance whose guest has trapped or exited is closed; after any other error of f, also one that the guest
// returned, it is used again. Other invocations in a closed instance end with a trap of code instance-trapped-before. A panic of f
// goes on to the caller, and closes the instance.
func (p *Pool) Run(ctx context.Context, f func(ctx context.Context, inst *Instance) error) error {
	var s Seat
	defer s.Return()
	if err := s.Enter(ctx, p); err != nil {
		return err
	}
	well := false
	defer func() { s.Leave(well) }()
	inst, err := s.Sit()
	if err != nil {
		return err
	}
	err = f(s.Context(), inst)
	var trap *cm.Trap
	var exit *cm.ExitError
	well = !errors.As(err, &trap) && !errors.As(err, &exit)
	return err
}

// ErrPoolStuck is the error of Close when an invocation goes on though its context has ended.
var ErrPoolStuck = pool.ErrStuck

// Close admits no more invocations, waits for those that run or wait until ctx ends, then ends them (guests are interrupted, with a
// trap below which is cm.ErrStopping), and closes all instances. Nil says that nothing is left. ErrPoolStuck says that a host function
// ignores the end of its context: [Pool.Wait] waits for it, and the component must not be closed before. A second Close waits for the
// first and returns the same.
func (p *Pool) Close(ctx context.Context) error {
	p.close.Do(func() {
		p.linked.engine.pools.remove(p)
		var cut bool
		cut, p.closeErr = p.pool.Close(ctx)
		if cut && p.closeErr == nil {
			p.config.Logger.Warn("invocations were ended because they took longer than the time to drain", "component", p.linked.name)
		}
		p.unwatch()
	})
	return p.closeErr
}

// Wait waits, after Close, until nothing is under way any more.
func (p *Pool) Wait() { p.pool.Wait() }

// PoolStats is the state of a pool at a moment. Busy instances have an invocation, resetting ones are being reset after one, idle ones
// wait for one; leaving ones have some, and get no more. Fullest is the number of invocations in the busy instance with the most.
type PoolStats struct {
	Busy, Resetting, Idle, Leaving int // instances
	Running, Waiting               int // invocations
	Fullest                        int
}

// Stats returns the pool's state.
func (p *Pool) Stats() PoolStats { return PoolStats(p.pool.Counts()) }

// Seat is [Pool.Run] in steps, for callers with work to do between them: Enter, Sit, Leave, Return, in this order and each
// once at most. The zero Seat is ready. It must not be copied, and one goroutine at a time may use it. If Enter or
// Sit fails, Leave and Return still have to be called; if Enter failed, they do nothing.
type Seat struct {
	// Unbounded, set before Enter, exempts the invocation from the pool's Deadline, and with Reuse from the bound of its calls' fuel.
	Unbounded bool

	seat pool.Seat
	pool *Pool
	use  Use
	inst *Instance
}

// Enter begins an invocation in a pool: its deadline runs. An error is a trap of code overload: the pool is closed.
func (s *Seat) Enter(ctx context.Context, p *Pool) error {
	s.pool = p
	return s.seat.Enter(ctx, p.pool, s.Unbounded)
}

// Context is that of the invocation, from Enter until Leave.
func (s *Seat) Context() context.Context { return s.seat.Context() }

// Sit waits for an instance, and returns it for this invocation, until Leave. Errors are those of
// [Pool.Run].
func (s *Seat) Sit() (*Instance, error) { return s.sat(s.seat.Sit()) }

// TrySit is Sit for an invocation that others of the same pool might wait for: where no instance is free it fails at once, with a trap
// of code overload.
func (s *Seat) TrySit() (*Instance, error) { return s.sat(s.seat.TrySit()) }

// sat is the instance as the invocation has it.
func (s *Seat) sat(m *pool.Member, err error) (*Instance, error) {
	if err != nil {
		return nil, err
	}
	inst := m.Instance.(*member).inst
	s.use.Info = inst.Info()
	s.use.Info.Use = s.seat.Use()
	if s.pool.config.Reuse {
		s.use.Info.Reuse, s.use.Fuel = s.pool.reuse(s.seat.Use()), s.pool.fuel
		if s.Unbounded {
			s.use.Fuel = 0
		}
	}
	s.inst = inst.Use(&s.use)
	return s.inst, nil
}

// Leave ends the use of the instance, and what the guest has left open. well says that the guest came back by itself,
// without a trap or an exit; otherwise the instance is closed. A pool that reuses its instances closes those that have ended, whatever
// well says.
func (s *Seat) Leave(well bool) { s.seat.Leave(well, s.inst) }

// Return gives the place to the next invocation. It may reset the instance first, for which the caller of the invocation should not have
// to wait.
func (s *Seat) Return() { s.seat.Return() }
