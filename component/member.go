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
	reuseFresh = "fresh"
	reuseReset = "reset"
)

// member is an instance of a pool, as the pool has it.
type member struct {
	pool *Pool
	inst *Instance
}

var _ pool.Instance = (*member)(nil)

func (m *member) Resettable() error                 { return m.inst.Resettable() }
func (m *member) Initialises() bool                 { return m.inst.Initialises() }
func (m *member) Release(ctx context.Context) error { return m.inst.Release(ctx) }
func (m *member) Close(ctx context.Context) error   { return m.inst.Close(ctx) }
func (m *member) Reset(ctx context.Context) error   { return m.inst.Reset(ctx, m.pool.info(reuseReset)) }

// instantiate is the pool's Make.
func (p *Pool) instantiate(ctx context.Context) (pool.Instance, error) {
	opts := append(p.config.Store[:len(p.config.Store):len(p.config.Store)], WithStackHeld(&p.stacks), WithInfo(p.info(reuseFresh)), p.resetOption())
	inst, err := p.linked.Instantiate(ctx, opts...)
	if err != nil {
		return nil, err
	}
	p.learn(ctx, inst.Resettable())
	return &member{p, inst}, nil
}

// resetOption says how the next instance is to be made. The first one is for one use: many components are only run once, and
// a snapshot costs more than it saves then.
func (p *Pool) resetOption() StoreOption {
	if why := p.refused.Load(); why != nil {
		return WithoutReset(*why)
	}
	if p.config.SingleUse || p.single.Swap(false) {
		return WithReset(NoReset, nil)
	}
	return WithReset(p.config.Isolation, p.config.Constant)
}

// info tells of one use of an instance.
func (p *Pool) info(reuse string) cm.InstanceInfo {
	i := cm.InstanceInfo{ID: instanceIDs.Add(1), Reuse: reuse, Isolation: "fresh"}
	if p.config.Isolation == Initialised {
		i.Isolation = "snapshot"
	}
	if why := p.refused.Load(); why != nil {
		i.NotResettable = *why
	}
	return i
}

// learn notes that instances cannot be reset, if that is what err says, and says so once.
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
