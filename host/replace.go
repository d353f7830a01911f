package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Replacer is an optional power of triggers: they pass from one start of a workload to the next without an event that is refused or that
// reaches both.
type Replacer interface {
	// Replace is Attach for a workload of which an earlier start is attached: from its return on, new events go to inv. Events that
	// have come before go on as they are; the earlier start's detach is called later, and waits for them. After an error the earlier start
	// is attached as it was.
	Replace(ctx context.Context, w *workload.Spec, inv Invoker) (detach func(context.Context) error, err error)
}

// Replace replaces the running workload of w's ID by a new start: when it returns without error, new events go to the new
// one. Those under way end in the old one, which is released when they have, or cut when the time of Config.Drain is over. After an
// error, in the new components or in what w says, the old one serves as before. ctx bounds the start, not the workload.
//
// Triggers that are no Replacer have both starts attached for a moment, in which an event may reach both; those that Vitrine ships with are. Services of the old start end before
// those of the new one begin, since they may have the same ports: they are told to end, and ended when the time of Config.Drain is over. Events that they are sent meanwhile
// wait for the new ones, for as long as the component's deadline. If the new start fails, the old services are begun again. What components keep outside of their instances is kept as between two instances: a store that both starts are
// granted is the same. The host keeps w, which must not be changed.
func (h *Local) Replace(ctx context.Context, w *workload.Spec) (workload.ID, error) {
	id := w.ID()
	old, err := h.settled(ctx, id)
	if old == nil {
		return id, err
	}
	if old.status.State != workload.Running {
		defer h.mu.Unlock()
		return id, fmt.Errorf("workload %s is %s: only one that is running can be replaced", id, old.status.State)
	}
	changed := make(chan struct{})
	old.changing = changed
	h.mu.Unlock()
	defer close(changed)

	sctx, end := cm.Begin(ctx, h.own(), starting("workload replace", w))
	r := &running{}
	err = h.start(sctx, w, r, old)
	end(err)
	if err != nil {
		if undone := h.undo(ctx, r); undone != nil {
			h.log.Warn("not everything that a failed start had made could be released", "workload", id, "error", undone)
		}
		h.resume(ctx, id, old)
		h.mu.Lock()
		old.status.Backends = old.made.used(old.status.Backends)
		h.mu.Unlock()
		return id, err
	}
	old.services = nil // they have ended
	old.release(r.invoker)
	r.before = h.retire(ctx, id, old)
	h.mu.Lock()
	defer h.mu.Unlock()
	old.changing = nil
	h.workloads[id] = r
	r.pools, r.status.Backends, r.status.Images = r.invoker.pools(), r.made.used(old.status.Backends), r.made.images
	h.setLocked(r, id, workload.Running, "")
	return id, nil
}

// settled returns the workload of an ID that no Replace is changing, with h.mu held; nil, and h.mu not held, with an error where there is
// none.
func (h *Local) settled(ctx context.Context, id workload.ID) (*running, error) {
	for {
		h.mu.Lock()
		r := h.workloads[id]
		if r == nil {
			h.mu.Unlock()
			return nil, unknown(id)
		}
		if r.changing == nil {
			return r, nil
		}
		wait := r.changing
		h.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// attach attaches the workload's triggers, in place of old where that is not nil. Those that can refuse without a trace come first.
func (h *Local) attach(ctx context.Context, w *workload.Spec, r, old *running) error {
	var last []Replacer
	for _, t := range h.cfg.Triggers {
		if p, ok := t.(Replacer); ok && old != nil {
			last = append(last, p)
			continue
		}
		if err := h.ready(ctx, t.Type(), r, func(ctx context.Context) (func(context.Context) error, error) { return t.Attach(ctx, w, r.invoker) }); err != nil {
			return err
		}
	}
	for i, p := range last {
		err := h.ready(ctx, p.(Trigger).Type(), r, func(ctx context.Context) (func(context.Context) error, error) { return p.Replace(ctx, w, r.invoker) })
		if err == nil {
			continue
		}
		for _, done := range last[:i] { // the old start has its events back
			detach, back := done.Replace(context.WithoutCancel(ctx), old.spec, old.invoker)
			if back != nil {
				return errors.Join(err, back)
			}
			old.detach = append(old.detach, detach)
		}
		return err
	}
	return nil
}

// ready attaches one trigger.
func (h *Local) ready(ctx context.Context, kind string, r *running, attach func(context.Context) (func(context.Context) error, error)) error {
	op := &cm.Operation{Name: "trigger ready"}
	op.Set("trigger", kind)
	tctx, end := cm.Begin(ctx, h.own(), op)
	detach, err := attach(tctx)
	end(err)
	if err == nil {
		r.detach = append(r.detach, detach)
	}
	return err
}

// pause ends the services of a start that is about to be replaced. What they are sent from now on waits for release.
func (h *Local) pause(ctx context.Context, old *running) error {
	for _, s := range old.services {
		old.invoker.entries[s.spec.Component].service.hold()
	}
	ctx, cancel := context.WithTimeout(ctx, h.drain(old))
	defer cancel()
	return errors.Join(stopServices(ctx, old.services)...)
}

// resume has a start that was to be replaced go on: services that were ended are begun again.
func (h *Local) resume(ctx context.Context, id workload.ID, old *running) {
	for _, s := range old.services {
		if s.over != nil && s.told() {
			s.discard()
			s.again()
		}
	}
	for _, s := range old.services {
		select {
		case <-s.ready:
		case <-ctx.Done():
			h.log.Warn("a service of the workload that goes on has not begun again yet", "workload", id, "component", s.spec.Component)
		}
	}
	old.release(nil)
	h.mu.Lock()
	old.changing = nil
	h.mu.Unlock()
}

// release has the events that wait for services of a start go on: to what they call in next, or, where that is nil, to the services themselves.
func (r *running) release(next *invoker) {
	for name, e := range r.invoker.entries {
		if e.service == nil {
			continue
		}
		var current func(context.Context, *Invocation) (*component.Pool, error)
		if next != nil {
			current = func(context.Context, *Invocation) (*component.Pool, error) {
				return nil, noServiceTrap("the workload that has replaced this one has no component %s that events can reach", name)
			}
			if n := next.entries[name]; n != nil {
				current = n.current
			}
		}
		e.service.release(current)
	}
}

// retirement is the end of a start that was replaced.
type retirement struct {
	cut  context.CancelFunc // ends its invocations
	done chan struct{}
}

// finish waits for the end, which it brings about when ctx ends. Nil-safe.
func (t *retirement) finish(ctx context.Context) {
	if t == nil {
		return
	}
	select {
	case <-t.done:
		return
	case <-ctx.Done():
	}
	t.cut()
	<-t.done
}

// retire releases a start that was replaced, in the background: when its invocations have ended, or the time to drain is over.
func (h *Local) retire(ctx context.Context, id workload.ID, old *running) *retirement {
	ctx, cut := context.WithTimeout(context.WithoutCancel(ctx), h.drain(old))
	t := &retirement{cut, make(chan struct{})}
	go func() {
		defer close(t.done)
		defer cut()
		if err := h.undo(ctx, old); err != nil {
			h.log.Warn("the start that was replaced has not ended as it should", "workload", id, "error", err)
		}
		old.before.finish(ctx)
		h.mu.Lock()
		defer h.mu.Unlock()
		old.clear()
	}()
	return t
}

// clear forgets everything but the status. Local.mu is held.
func (r *running) clear() {
	r.before, r.spec, r.made, r.invoker, r.detach, r.services, r.pools = nil, nil, nil, nil, nil, nil, nil
}
