package http

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

var (
	_ host.Trigger        = (*Apart)(nil)
	_ host.Chainer        = (*Apart)(nil)
	_ host.Replacer       = (*Apart)(nil)
	_ host.Checker        = (*Apart)(nil)
	_ host.InternalServer = (*Apart)(nil)
)

// Apart serves the HTTP triggers of any number of workloads, those of each at an address of its own, so that workloads that know nothing of
// each other may have the same routes. A workload keeps its address while its starts replace each other. Safe for concurrent use.
type Apart struct {
	config Config
	shared *Trigger // listens nowhere: what needs no address

	mu  sync.Mutex
	own map[workload.ID]*apart
	end bool           // Run has ended
	all sync.WaitGroup // of those that serve
}

// apart is the trigger of one workload.
type apart struct {
	*Trigger
	uses int // guarded by Apart.mu: starts that are attached
	end  context.CancelFunc
	done chan struct{}
}

// NewApart makes one. The addresses of c should have 0 as their port: each workload listens on all of them.
func NewApart(c Config) *Apart {
	return &Apart{config: c, shared: New(c), own: map[workload.ID]*apart{}}
}

// Type is "http".
func (a *Apart) Type() string { return TypeName }

// Handlers implements host.Chainer.
func (a *Apart) Handlers() []wit.InterfaceID { return a.shared.Handlers() }

// Check implements host.Checker.
func (a *Apart) Check(w *workload.Spec, inv host.Invoker) error { return a.shared.Check(w, inv) }

// Internal implements host.InternalServer.
func (a *Apart) Internal(w *workload.Spec, inv host.Invoker) http.Handler {
	return a.shared.Internal(w, inv)
}

// Attach is host.Trigger's. The workload answers when it returns. A workload without HTTP triggers listens nowhere.
func (a *Apart) Attach(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	return a.attach(ctx, w, inv, (*Trigger).Attach)
}

// Replace implements host.Replacer.
func (a *Apart) Replace(ctx context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	return a.attach(ctx, w, inv, (*Trigger).Replace)
}

func (a *Apart) attach(ctx context.Context, w *workload.Spec, inv host.Invoker, how func(*Trigger, context.Context, *workload.Spec, host.Invoker) (func(context.Context) error, error)) (func(context.Context) error, error) {
	if !slices.ContainsFunc(w.Triggers, func(t workload.TriggerSpec) bool { return t.Type == TypeName }) {
		return func(context.Context) error { return nil }, nil
	}
	t := a.take(w.ID())
	if t == nil {
		return nil, drainingTrap()
	}
	detach, err := how(t.Trigger, ctx, w, inv)
	if err != nil {
		a.leave(w.ID(), t)
		return nil, err
	}
	return func(ctx context.Context) error {
		defer a.leave(w.ID(), t)
		return detach(ctx)
	}, nil
}

// take returns the trigger of a workload, which serves from the first start on that is attached to it; nil after the end.
func (a *Apart) take(id workload.ID) *apart {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.end {
		return nil
	}
	t := a.own[id]
	if t == nil {
		ctx, cancel := context.WithCancel(context.Background())
		t = &apart{Trigger: New(a.config), end: cancel, done: make(chan struct{})}
		a.own[id] = t
		a.all.Go(func() {
			defer close(t.done)
			if err := t.Run(ctx); err != nil {
				t.config.Logger.Error("a workload's address is served no more", "workload", string(id), "error", err)
			}
		})
	}
	t.uses++
	return t
}

// leave gives the trigger of a workload back, and closes its address when no start has it any more.
func (a *Apart) leave(id workload.ID, t *apart) {
	a.mu.Lock()
	t.uses--
	last := t.uses == 0
	if last && a.own[id] == t {
		delete(a.own, id)
	}
	a.mu.Unlock()
	if last {
		t.end()
		<-t.done
	}
}

// Run is host.Trigger's: when ctx ends all addresses stop accepting, and what runs goes on for Config.Grace.
func (a *Apart) Run(ctx context.Context) error {
	<-ctx.Done()
	a.mu.Lock()
	a.end = true
	for _, t := range a.own {
		t.end()
	}
	a.mu.Unlock()
	a.all.Wait()
	return nil
}

// Endpoints are the addresses of a workload, as Trigger.Endpoints has them; none where it is not attached.
func (a *Apart) Endpoints(id workload.ID) []string {
	a.mu.Lock()
	t := a.own[id]
	a.mu.Unlock()
	if t == nil {
		return nil
	}
	return t.Endpoints()
}
