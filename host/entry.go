package host

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// entry is what an event can call: a linked component, or chain of components, with the pool that its invocations run in.
type entry struct {
	name        string // of the component; of a chain, that of its last
	interceptor cm.Interceptor
	pool        *component.Pool // nil for a service, and where there is no component
	service     *servicePool    // nil for another component
	line        LogLine         // without a text; the host's own lines about the component are copies of it

	mu         sync.Mutex                                // held to replace boundaries
	boundaries atomic.Pointer[map[boundaryKey]*boundary] // read for each event, replaced for each kind of event; nil: none
}

type boundaryKey struct{ trigger, name string }

// boundary is the Event boundary of one kind of event, bound once.
type boundary struct {
	cm    *cm.Boundary
	hooks cm.Hooks
}

func (e *entry) boundary(trigger, name string) *boundary {
	key := boundaryKey{trigger, name}
	if bound := e.boundaries.Load(); bound != nil {
		if b := (*bound)[key]; b != nil {
			return b
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[boundaryKey]*boundary{}
	if bound := e.boundaries.Load(); bound != nil {
		if b := (*bound)[key]; b != nil {
			return b
		}
		maps.Copy(all, *bound)
	}
	b := &boundary{cm: &cm.Boundary{Kind: cm.Event, Caller: cm.Path(trigger), Callee: cm.Path(e.name), Func: name}}
	if e.interceptor != nil {
		b.hooks = e.interceptor.Bind(b.cm)
	}
	all[key] = b
	e.boundaries.Store(&all)
	return b
}

// The kinds of isolation in a workload.
const (
	isolationFresh    = "fresh"
	isolationSnapshot = "snapshot"
	isolationReuse    = "reuse"
)

// DefaultReuseMax is how many instances of a component there are at once that are reused concurrently, where its workload
// does not say: each of them has several invocations.
const DefaultReuseMax = 8

// isolations are those kinds for instances that are reset; reused ones are not.
var isolations = map[string]component.Isolation{
	"": component.Fresh, isolationFresh: component.Fresh, isolationSnapshot: component.Initialised, isolationReuse: component.NoReset,
}

// constant are the functions whose results are the same for each instance of a workload's component. All others may return something
// else to the next instance, so that initialisation that calls them runs again.
var constant = map[string][]string{
	"wasi:cli/environment": {"get-environment", "get-arguments", "initial-cwd"},
}

// serviceConfig is the config of the pool of a service: see [service].
func (h *Local) serviceConfig(c *workload.Component) component.PoolConfig {
	limits := c.Limits.Filled()
	limits.HostMemory = c.Limits.HostMemory
	concurrency := cmp.Or(c.Instances.Concurrency, component.DefaultPoolConcurrency)
	return component.PoolConfig{
		Max: 1, Once: true, Reuse: true, Uses: -1, Idle: forever, Queue: c.Instances.Queue, Concurrency: concurrency + 1, // one of them is the run
		Deadline: cmp.Or(c.Limits.Deadline, max(h.cfg.Deadline, 0)), Logger: h.log, Store: StoreLimits(limits),
	}
}

// forever is longer than any workload runs.
const forever = 100 * 365 * 24 * time.Hour

func isConstant(b *cm.Boundary) bool {
	return slices.Contains(constant[b.Interface.Unversioned().String()], b.Func)
}

// poolConfig is the config of the pool of a component of w. Unless the workload says otherwise, instances are reused if several calls
// can be in one at once, and reset after each invocation if not.
func (h *Local) poolConfig(w *workload.Spec, c *workload.Component, concurrent bool) (component.PoolConfig, error) {
	in := c.Instances
	reuse := in.Isolation == isolationReuse || in.Isolation == "" && concurrent
	if !reuse && (in.Concurrency != 0 || in.Uses != 0) {
		return component.PoolConfig{}, fmt.Errorf("component %s: concurrency and uses of its instances say something with isolation %s only; add that, or take them away", c.Name, isolationReuse)
	}
	if in.Max == 0 && reuse && concurrent && in.Concurrency != 1 {
		in.Max = max(DefaultReuseMax, readyOf(w, c))
	}
	limits := c.Limits.Filled()
	limits.HostMemory = c.Limits.HostMemory // the default is the store's: it does not bound stacks
	if h.cfg.Deadline < 0 {
		limits.Fuel = c.Limits.Fuel
	}
	return component.PoolConfig{
		Max: in.Max, Queue: in.Queue, Ready: readyOf(w, c), Idle: in.Idle,
		Reuse: reuse, Concurrency: in.Concurrency, Uses: in.Uses,
		Deadline:  cmp.Or(c.Limits.Deadline, max(h.cfg.Deadline, 0)),
		Isolation: isolations[in.Isolation], Constant: isConstant, Logger: h.log,
		Store: StoreLimits(limits),
	}, nil
}

// StoreLimits are the limits of l that are a store's, for [component.PoolConfig] and [component.Linked.Instantiate]. What is
// zero in l is left to the engine: [workload.Limits.Filled] has the defaults of workloads.
func StoreLimits(l workload.Limits) []component.StoreOption {
	return []component.StoreOption{
		component.WithMemory(l.Memory), component.WithTables(l.Tables), component.WithFuel(l.Fuel),
		component.WithStack(l.Stack), component.WithHandles(l.Handles), component.WithCallDepth(l.CallDepth),
		component.WithHostMemory(l.HostMemory),
	}
}

// entry links what a target calls together with everything that it is linked to, and makes its pool.
func (m *making) entry(ctx context.Context, t *target) (*entry, error) {
	h, w, spec := m.h, m.w, t.root
	if spec == nil {
		return nil, fmt.Errorf("workload %s: there is no component %s", w.ID(), t.spec.Component)
	}
	icept := m.part(spec).interceptor()
	linker := h.cfg.Engine.NewLinker(icept)
	c, err := m.group(ctx, t, linker)
	if err != nil {
		return nil, err
	}
	linked, err := linker.Link(ctx, c)
	if err != nil {
		return nil, err
	}
	m.linked = append(m.linked, linked)
	e := &entry{name: spec.Name, interceptor: icept, line: lineOf(w, spec.Name)}
	if t.spec.Chain == nil && w.Service(spec.Name) != nil {
		e.service = newServicePool(linked, h.serviceConfig(spec))
		m.onRelease(func() { _ = e.service.close(ctx) }) // as below
		return e, nil
	}
	config, err := h.poolConfig(w, spec, linked.Concurrent())
	if err != nil {
		return nil, err
	}
	pool, err := component.NewPool(linked, config)
	if err != nil {
		return nil, err
	}
	m.onRelease(func() { _ = pool.Close(ctx) }) // for a start that fails; otherwise it is closed by then, and that Close has reported the error
	e.pool = pool
	return e, nil
}
