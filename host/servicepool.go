package host

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// servicePool has the pool of a service's run, of one instance: it is opened before a run, and closed when the next one is to have another
// instance.
type servicePool struct {
	linked *component.Linked
	config component.PoolConfig
	run    wit.InterfaceID              // by which the service runs; set before the first run
	state  func() workload.ServiceState // for messages; set before the first run

	mu     sync.Mutex
	pool   *component.Pool   // nil: there is no run
	live   bool              // the run has begun: others may be in the instance, too
	closed bool              // there will be no other
	stuck  []*component.Pool // which did not end when they were closed

	held    chan struct{}                                               // open while the service is being replaced; nil: it is not
	next    func(context.Context, *Invocation) (*component.Pool, error) // of the start that has replaced this one; nil: there is none
	waiting int                                                         // invocations that wait for held
}

func newServicePool(l *component.Linked, c component.PoolConfig) *servicePool {
	return &servicePool{linked: l, config: c, state: func() workload.ServiceState { return workload.ServiceStarting }}
}

// open makes the pool of the next run.
func (p *servicePool) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return cm.Trapf(cm.TrapOverload, "%w: %s takes no more", cm.ErrStopping, p.linked.Name())
	}
	pool, err := component.NewPool(p.linked, p.config)
	p.pool = pool
	return err
}

// begun says that the guest runs.
func (p *servicePool) begun() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = true
}

// shut closes the pool of a run, so that requests are refused, those under way ended when ctx does.
func (p *servicePool) shut(ctx context.Context) error {
	p.mu.Lock()
	pool := p.pool
	p.pool, p.live = nil, false
	p.mu.Unlock()
	if pool == nil {
		return nil
	}
	err := pool.Close(ctx)
	if err != nil {
		p.mu.Lock()
		p.stuck = append(p.stuck, pool)
		p.mu.Unlock()
	}
	return err
}

// close is shut for the last time.
func (p *servicePool) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	return p.shut(ctx)
}

// wait waits for what did not end when its pool was closed.
func (p *servicePool) wait() {
	p.mu.Lock()
	stuck := p.stuck
	p.mu.Unlock()
	for _, pool := range stuck {
		pool.Wait()
	}
}

// hold has what is sent to the service from now on wait for release, since the service is about to end.
func (p *servicePool) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

// release ends hold: what has waited, and what comes later, goes to next; nil: to the service itself, which has begun again. It does nothing
// where there was no hold.
func (p *servicePool) release(next func(context.Context, *Invocation) (*component.Pool, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		close(p.held)
		p.held, p.next = nil, next
	}
}

// current is the pool for inv. While the service is being replaced it waits, for as long as ctx and the component's deadline allow.
func (p *servicePool) current(ctx context.Context, inv *Invocation) (*component.Pool, error) {
	if inv.Trigger != serviceTrigger {
		if !p.shared() {
			return nil, noServiceTrap("%s is a service that runs by %s, which leaves nobody else into its instance: %s", p.linked.Name(), p.run, needs3)
		}
		if err := p.await(ctx, inv); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	pool, live, next := p.pool, p.live || inv.Trigger == serviceTrigger, p.next
	p.mu.Unlock()
	if next != nil && inv.Trigger != serviceTrigger {
		return next(ctx, inv)
	}
	if pool == nil || !live {
		return nil, noServiceTrap("service %s is %s", p.linked.Name(), p.state())
	}
	return pool, nil
}

// await waits until the service is not being replaced.
func (p *servicePool) await(ctx context.Context, inv *Invocation) error {
	p.mu.Lock()
	held := p.held
	full := p.waiting >= max(cmp.Or(p.config.Queue, component.DefaultPoolQueue), 0)
	if held == nil || inv.NoWait || full {
		p.mu.Unlock()
		if held != nil {
			return noServiceTrap("service %s is being replaced", p.linked.Name())
		}
		return nil
	}
	p.waiting++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.waiting--
		p.mu.Unlock()
	}()
	var late <-chan time.Time
	if d := p.config.Deadline; d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		late = t.C
	}
	_, end := cm.Begin(ctx, p.linked.Interceptor(), &cm.Operation{Name: "service wait", Component: cm.Path(p.linked.Name())})
	var err error
	select {
	case <-held:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-late:
		err = cm.Trapf(cm.TrapDeadline, "%s: the service is being replaced, which took longer than %s", p.linked.Name(), p.config.Deadline)
	}
	end(err)
	return err
}

// needs3 is what to do about a service that has to serve requests, too.
const needs3 = "a service that serves requests, too, has to be built for WASI 0.3, where run and handler are asynchronous"

// shared says whether requests can be in the instance while it runs.
func (p *servicePool) shared() bool {
	return p.linked.Concurrent() && wit.Compatible(serviceRuns[0].Version, p.run.Version)
}

// The entry's methods are its pool's, or those of its service's pool of the moment.

func (e *entry) linked() *component.Linked {
	if e.service != nil {
		return e.service.linked
	}
	if e.pool == nil {
		return nil
	}
	return e.pool.Linked()
}

func (e *entry) deadline() time.Duration {
	if e.service != nil {
		return e.service.config.Deadline
	}
	if e.pool == nil {
		return 0
	}
	return e.pool.Deadline()
}

func (e *entry) current(ctx context.Context, inv *Invocation) (*component.Pool, error) {
	if e.service != nil {
		return e.service.current(ctx, inv)
	}
	return e.pool, nil
}

func (e *entry) close(ctx context.Context) error {
	if e.service != nil {
		return e.service.close(ctx)
	}
	if e.pool == nil {
		return nil
	}
	return e.pool.Close(ctx)
}

func (e *entry) wait() {
	if e.service != nil {
		e.service.wait()
		return
	}
	if e.pool != nil {
		e.pool.Wait()
	}
}

// errTold is why a service's run ended that was told to end.
var errTold = errors.New("the workload is being stopped")
