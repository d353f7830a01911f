package host

import (
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

// begun says that the guest is about to run.
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

// current is the pool for inv.
func (p *servicePool) current(inv *Invocation) (*component.Pool, error) {
	if inv.Trigger != serviceTrigger && !p.shared() {
		return nil, noServiceTrap("%s is a service that runs by %s, which leaves nobody else into its instance: %s", p.linked.Name(), p.run, needs3)
	}
	p.mu.Lock()
	pool, live := p.pool, p.live || inv.Trigger == serviceTrigger
	p.mu.Unlock()
	if pool == nil || !live {
		return nil, noServiceTrap("service %s is %s", p.linked.Name(), p.state())
	}
	return pool, nil
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

func (e *entry) current(inv *Invocation) (*component.Pool, error) {
	if e.service != nil {
		return e.service.current(inv)
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
