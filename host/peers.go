package host

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/component"
)

// ErrNotStarted says that the components of a workload cannot be called yet, or any more.
var ErrNotStarted = errors.New("the workload has not started yet, or has been stopped")

// peers is the Invoker by which components of a workload call each other. Plugins are bound to it before the workload's own is there, and may
// keep it when that is no more.
type peers struct{ invoker atomic.Pointer[invoker] }

var _ Invoker = (*peers)(nil)

// Invoke is Invoker's.
func (p *peers) Invoke(ctx context.Context, inv *Invocation) error {
	if v := p.invoker.Load(); v != nil {
		return v.Invoke(ctx, inv)
	}
	if inv.Settle != nil {
		inv.Settle(ctx, ErrNotStarted)
	}
	return ErrNotStarted
}

// Linked is Invoker's.
func (p *peers) Linked(target string) (*component.Linked, error) {
	if v := p.invoker.Load(); v != nil {
		return v.Linked(target)
	}
	return nil, ErrNotStarted
}
