package component

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component/internal/pool"
)

// instanceIDs numbers the uses of instances in pools, in the whole process.
var instanceIDs atomic.Uint64

// What cm.InstanceInfo.Reuse says of an instance in a pool.
const (
	reuseFresh      = "fresh"      // it has not been used before
	reuseReset      = "reset"      // it was used, and has been set back
	reuseSerial     = "serial"     // as earlier invocations have left it
	reuseConcurrent = "concurrent" // likewise, and other invocations may be in it at the same time
)

// member is an instance as its pool uses it.
type member struct {
	pool *Pool
	inst *Instance
}

var _ pool.Instance = (*member)(nil)

func (m *member) Alive() bool                       { return m.inst.store.Alive() }
func (m *member) Barred() bool                      { return m.inst.store.Barred() }
func (m *member) Resettable() error                 { return m.inst.Resettable() }
func (m *member) Initialises() bool                 { return m.inst.Initialises() }
func (m *member) Release(ctx context.Context) error { return m.inst.Release(ctx) }
func (m *member) Close(ctx context.Context) error   { return m.inst.Close(ctx) }
func (m *member) Reset(ctx context.Context) error   { return m.inst.Reset(ctx, m.pool.info(reuseReset)) }

// instantiate is the pool's Make.
func (p *Pool) instantiate(ctx context.Context) (pool.Instance, error) {
	if p.config.Once && p.made.Swap(true) {
		return nil, cm.Trapf(cm.TrapOverload, "%s: its instance has ended, and there will be no other", p.linked.name)
	}
	opts := append(p.config.Store[:len(p.config.Store):len(p.config.Store)], WithStackHeld(&p.stacks), WithInfo(p.info(reuseFresh)), p.resetOption())
	if p.config.Reuse {
		opts = append(opts, WithFuel(0)) // it is bounded for each call
	}
	inst, err := p.withMemory(ctx, func(ctx context.Context) (*Instance, error) { return p.linked.Instantiate(ctx, opts...) })
	if err != nil {
		return nil, err
	}
	switch {
	case !p.config.Reuse:
		p.learn(ctx, inst.Resettable())
	case p.config.Concurrency > 1 && p.linked.Concurrent():
		_ = inst.Expect() // an invocation may wait for what another one does, which need not have come yet
	}
	return &member{p, inst}, nil
}

// resetOption is the option by which the next instance is made. The first one is for one use: many components are only run once, and
// a snapshot costs more than it saves then.
func (p *Pool) resetOption() StoreOption {
	if why := p.refused.Load(); why != nil {
		return WithoutReset(*why)
	}
	if p.config.SingleUse || p.config.Reuse || p.single.Swap(false) {
		return WithReset(NoReset, nil)
	}
	return WithReset(p.config.Isolation, p.config.Constant)
}

// info describes one use of an instance; in a pool that reuses instances, the instance.
func (p *Pool) info(reuse string) cm.InstanceInfo {
	i := cm.InstanceInfo{ID: instanceIDs.Add(1), Reuse: reuse, Isolation: "fresh"}
	if p.config.Isolation == Initialised {
		i.Isolation = "snapshot"
	}
	if p.config.Reuse {
		i.Isolation = "reuse"
		return i
	}
	if why := p.refused.Load(); why != nil {
		i.NotResettable = *why
	}
	return i
}

// reuse is what a use of an instance is called that others have used before, or are in.
func (p *Pool) reuse(use uint64) string {
	switch {
	case p.Settings().Concurrency > 1:
		return reuseConcurrent
	case use > 1:
		return reuseSerial
	}
	return reuseFresh
}

// learn notes that instances cannot be reset, if err says so, and logs it once.
func (p *Pool) learn(ctx context.Context, err error) {
	var why *ResetError
	if !errors.As(err, &why) {
		return
	}
	switch why.Reason {
	case "not-wanted", "initialisation-varies", "trapped":
		return
	}
	if p.refused.CompareAndSwap(nil, &why.Reason) {
		p.config.Logger.InfoContext(ctx, "each invocation has a new instance: they cannot be reset", "component", p.linked.name,
			"reason", why.Reason, "detail", why.Detail)
	}
}
