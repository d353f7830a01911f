package host

import (
	"context"

	"github.com/vitrine-wasm/vitrine/cm"
)

// watch shows the state of a component's pool to its interceptor, until the function that it returns is called.
func (e *entry) watch() (stop func()) {
	name := cm.Path(e.spec.Name)
	stops := []func(){
		cm.Watch(e.interceptor, name, cm.Gauge{
			Name: "instances", Unit: "{instance}",
			Help: "Instances, by state: busy with an invocation, resetting behind one, or idle.",
			Read: func(observe func(int64, ...cm.Attr)) {
				resetting := e.resetting.Load()
				observe(max(int64(len(e.pool.slots))-resetting, 0), cm.Attr{Key: "instance.state", Value: "busy"})
				observe(resetting, cm.Attr{Key: "instance.state", Value: "resetting"})
				observe(int64(e.reuse.idle.len()), cm.Attr{Key: "instance.state", Value: "idle"})
			},
		}),
		cm.Watch(e.interceptor, name, cm.Gauge{
			Name: "instances.ready", Unit: "{instance}", Help: "How many instances are kept, however long they are idle.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(int64(e.ready)) },
		}),
		cm.Watch(e.interceptor, name, cm.Gauge{
			Name: "instances.limit", Unit: "{instance}", Help: "How many instances may be busy at once.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(int64(cap(e.pool.slots))) },
		}),
		cm.Watch(e.interceptor, name, cm.Gauge{
			Name: "invocations.waiting", Unit: "{invocation}", Help: "Invocations that wait for an instance.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(e.pool.waiting.Load()) },
		}),
		cm.Watch(e.interceptor, name, cm.Gauge{
			Name: "invocations.waiting.limit", Unit: "{invocation}", Help: "How many invocations may wait; others are refused.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(e.pool.queue) },
		}),
		cm.Watch(e.interceptor, name, cm.Gauge{
			Name: "memory.limit", Unit: "By", Help: "How much memory an instance may have.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(int64(e.limits.Memory)) },
		}),
		cm.Watch(e.interceptor, name, cm.Gauge{
			Name: "stack.usage", Unit: "By", Help: "Stack of calls that are more than 2 MiB deep, beyond those 2 MiB, of all instances together.",
			Read: func(observe func(int64, ...cm.Attr)) { observe(e.stacks.Load()) },
		}),
	}
	return func() {
		for _, s := range stops {
			s()
		}
	}
}

// acquire waits for the entry's turn. A wait is an operation of its own, so that a queue can be seen in the trace.
func (v *invoker) acquire(ctx context.Context, e *entry) error {
	if e.pool.try() {
		return nil
	}
	op := &cm.Operation{Name: "pool wait", Component: cm.Path(e.spec.Name)}
	op.Set("invocations.waiting", e.pool.waiting.Load()) // before this one
	wctx, end := cm.Begin(ctx, e.interceptor, op)
	err := e.pool.acquire(wctx)
	end(err)
	return err
}
