package component

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component/internal/pool"
)

// observeWait makes a wait an operation of its own, so that a queue can be seen in a trace.
func (p *Pool) observeWait(ctx context.Context, before int64) (context.Context, func(error)) {
	op := &cm.Operation{Name: "pool wait", Component: cm.Path(p.linked.name)}
	op.Set("invocations.waiting", before)
	return cm.Begin(ctx, p.linked.interceptor, op)
}

// observeRetire makes the end of an instance an operation of its own, which tells what the guest has left behind.
func (p *Pool) observeRetire(ctx context.Context, i pool.Instance, why string) (context.Context, func(error)) {
	op := &cm.Operation{Name: "retire", Component: cm.Path(p.linked.name)}
	op.Set("retire.reason", why)
	if inst := i.(*member).inst; inst.store.Alive() {
		c := inst.Contents()
		for _, left := range []struct {
			what string
			n    int
		}{{"resources", c.Resources}, {"streams", c.Streams}, {"futures", c.Futures}, {"waitables", c.Waitables}, {"calls", c.Calls}} {
			op.Set("retire.left."+left.what, int64(left.n))
		}
		p.config.Logger.DebugContext(ctx, "an instance is retired", "component", p.linked.name, "instance", inst.Info().ID, "reason", why,
			"resources", c.Resources, "streams", c.Streams, "futures", c.Futures, "waitables", c.Waitables, "calls", c.Calls)
	}
	return cm.Begin(ctx, p.linked.interceptor, op)
}

// watch exports the state of the pool by gauges of the interceptor, until the function that it returns is called.
func (p *Pool) watch() (stop func()) {
	store := optionsOf(p.config.Store)
	fixed := func(n int64) func(func(int64, ...cm.Attr)) {
		return func(observe func(int64, ...cm.Attr)) { observe(n) }
	}
	var stops []func()
	for _, g := range []cm.Gauge{
		{Name: "instances", Unit: "{instance}", Help: "Instances, by state: busy with invocations, resetting behind one, idle, or leaving: they get no more.",
			Read: func(observe func(int64, ...cm.Attr)) {
				s := p.Stats()
				observe(int64(s.Busy), cm.Attr{Key: "instance.state", Value: "busy"})
				observe(int64(s.Resetting), cm.Attr{Key: "instance.state", Value: "resetting"})
				observe(int64(s.Idle), cm.Attr{Key: "instance.state", Value: "idle"})
				observe(int64(s.Leaving), cm.Attr{Key: "instance.state", Value: "leaving"})
			}},
		{Name: "instances.ready", Unit: "{instance}", Help: "How many instances are kept, however long they are idle.", Read: fixed(int64(p.config.Ready))},
		{Name: "instances.limit", Unit: "{instance}", Help: "How many instances may be busy at once.", Read: func(observe func(int64, ...cm.Attr)) { observe(int64(p.Settings().Max)) }},
		{Name: "instances.concurrency", Unit: "{invocation}", Help: "Invocations in the instance that has the most.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(int64(p.Stats().Fullest)) }},
		{Name: "instances.concurrency.limit", Unit: "{invocation}", Help: "How many invocations may be in one instance at once.", Read: func(observe func(int64, ...cm.Attr)) { observe(int64(p.Settings().Concurrency)) }},
		{Name: "invocations.running", Unit: "{invocation}", Help: "Invocations that have an instance.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(int64(p.Stats().Running)) }},
		{Name: "invocations.waiting", Unit: "{invocation}", Help: "Invocations that wait for an instance.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(int64(p.Stats().Waiting)) }},
		{Name: "invocations.waiting.limit", Unit: "{invocation}", Help: "How many invocations may wait; others are refused.", Read: func(observe func(int64, ...cm.Attr)) { observe(int64(p.Settings().Queue)) }},
		{Name: "memory.limit", Unit: "By", Help: "How much memory an instance may have.", Read: fixed(int64(store.store.Limits.Memory))},
		{Name: "stack.usage", Unit: "By", Help: "Stack of calls that are more than 2 MiB deep, beyond those 2 MiB, of all instances together.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(p.stacks.Load()) }},
	} {
		stops = append(stops, cm.AddGauge(p.linked.interceptor, cm.Path(p.linked.name), g))
	}
	return func() {
		for _, s := range stops {
			s()
		}
	}
}
