package instance

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
)

// Export finds an exported function by the names as the component writes them; nil if there is none that can be called.
func (l *Linked) Export(iface, name string) *plan.ExportFunc { return l.exports[iface+"#"+name] }

// Call calls an exported function of the program from the host, and waits until the call has ended. When ctx ends, the task is
// cancelled, or guest code is interrupted. A trap or an exit leaves the store dead.
func (s *Store) Call(ctx context.Context, f *plan.ExportFunc, args []cm.Val) (cm.Val, error) {
	return s.call(ctx, &s.own, f, args)
}

func (s *Store) call(ctx context.Context, i *Invocation, f *plan.ExportFunc, args []cm.Val) (cm.Val, error) {
	if f.Type.Async && f.Lift >= 0 {
		r, err := s.start(ctx, i, f, args)
		if err != nil {
			return cm.Val{}, err
		}
		return r.call()
	}
	if err := wantArgs(f, args); err != nil {
		return cm.Val{}, err
	}
	if f.Lift < 0 {
		return s.callHost(ctx, i, f, args)
	}
	l := &s.linked.lifts[f.Lift]
	r := &root{}
	r.init(s, ctx, i, l.Instance)
	if err := r.enter(); err != nil {
		return cm.Val{}, s.at(err, f.Boundary)
	}
	r.begin()
	defer r.leave()
	if h := s.linked.hooks[f.Boundary.ID]; h != nil {
		if skips(h, ctx) {
			return r.unobserved(h, l, f.Boundary, args)
		}
		return r.observed(h, l, f.Boundary, args)
	}
	return r.run(l, f.Boundary, args)
}

// skips says whether hooks have nothing to do with a call while it succeeds.
func skips(h cm.Hooks, ctx context.Context) bool {
	s, ok := h.(cm.Skipper)
	return ok && s.Skip(ctx)
}

// unobserved is run for a boundary whose hooks skip the call.
func (r *root) unobserved(h cm.Hooks, l *lift, b *cm.Boundary, args []cm.Val) (cm.Val, error) {
	r.skipped = true
	result, err := r.run(l, b, args)
	if err != nil || r.core.HasRefused() {
		r.enterGuest(r.caller, h, b, nil).leftGuest(0, result, err)
	}
	return result, err
}

// observed is run for a boundary with hooks.
func (r *root) observed(h cm.Hooks, l *lift, b *cm.Boundary, args []cm.Val) (cm.Val, error) {
	c := r.enterGuest(r.caller, h, b, args)
	defer c.abandon()
	r.observe(c)
	result, err := r.run(l, b, args)
	c.leftGuest(c.Elapsed(), result, err)
	return result, err
}

func wantArgs(f *plan.ExportFunc, args []cm.Val) error {
	if want := len(f.Type.Params); len(args) != want {
		return fmt.Errorf("%s: wanted %d arguments, had %d", f.Name, want, len(args))
	}
	return nil
}

// mayRun returns the trap of a call from the host that cannot be made; nil if it can. A refused call does not change the store.
func (r *root) mayRun(b *cm.Boundary) error {
	s := r.store
	switch {
	case s.dead != nil:
		return s.at(s.deadTrap(), b)
	case r.recursive():
		return s.trap(cm.TrapCannotEnter, b, "a call is already inside the component")
	}
	return nil
}

// run is a synchronous call, if it can be made.
func (r *root) run(l *lift, b *cm.Boundary, args []cm.Val) (cm.Val, error) {
	s := r.store
	if err := r.mayRun(b); err != nil {
		dropVals(&r.activation, l.fn.Type.Params, args)
		return cm.Val{}, err
	}
	if err := r.awaits(&s.instances[l.Instance]); err != nil {
		return cm.Val{}, s.fail(s.at(err, b))
	}
	result, err := s.callLift(&r.activation, l, b, args)
	if err != nil {
		return cm.Val{}, s.fail(err)
	}
	return result, nil
}

// callHost calls a function of the host that the component re-exports: no boundary is crossed.
func (s *Store) callHost(ctx context.Context, i *Invocation, f *plan.ExportFunc, args []cm.Val) (result cm.Val, err error) {
	r := &root{}
	r.init(s, ctx, i, -1)
	if err := r.enter(); err != nil {
		return cm.Val{}, err
	}
	r.begin()
	defer r.leave()
	if s.dead != nil {
		return cm.Val{}, s.deadTrap()
	}
	ended := false
	defer func() {
		if !ended {
			err = s.panicked(recover(), nil, f.Name)
		}
	}()
	result, err = s.linked.hostFunc(f.Import).Sync()(&r.activation, args)
	ended = true
	return result, err
}
