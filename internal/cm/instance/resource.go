package instance

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/cm/task"
)

// resourceNew is canon resource.new.
func (b *builtIn) resourceNew(a *activation, stack []uint64) error {
	h, err := b.in(a).table.Add(handle.Own(&cm.Resource{Type: a.store.resources[b.Resource], Rep: uint32(stack[0])}))
	stack[0] = uint64(h)
	return err
}

// resourceRep is canon resource.rep.
func (b *builtIn) resourceRep(a *activation, stack []uint64) error {
	e, err := b.in(a).table.Get(uint32(stack[0]), a.store.resources[b.Resource])
	if err != nil {
		return err
	}
	stack[0] = uint64(e.Resource.Rep)
	return nil
}

// resourceDrop is canon resource.drop.
func (b *builtIn) resourceDrop(a *activation, stack []uint64) error {
	s, ci, h := a.store, b.in(a), uint32(stack[0])
	if e, err := ci.table.Get(h, s.resources[b.Resource]); err == nil && e.Own && e.Lends == 0 {
		if err := e.Resource.CheckNoChildren("dropped"); err != nil {
			return err // it stays in the table, so that it ends with the store
		}
	}
	e, err := ci.table.Remove(h, s.resources[b.Resource])
	if err != nil {
		return err
	}
	if !e.Own {
		if e.Scope != nil {
			e.Scope.Dropped()
		}
		return nil
	}
	return s.destroy(a, b.Resource, e.Resource, ci)
}

// destroy runs the destructor of a resource whose owner has dropped it.
func (s *Store) destroy(a *activation, slot int, r *cm.Resource, dropper *componentInstance) error {
	def := &s.linked.Program.Resources[slot]
	if other, ok := r.Type.Owner.(*componentInstance); ok && other.store != s {
		return other.store.Drop(a, r) // a component of another store serves this one's import
	}
	r.End()
	if def.Imported {
		if r.Type.Drop == nil {
			return nil
		}
		if err := s.dropHost(a, r); err != nil {
			return err
		}
		return a.resume()
	}
	owner := &s.instances[def.Instance]
	if dropper != nil && dropper != owner && s.linked.Program.Nested(def.Instance, dropper.index) {
		return cm.Trapf(cm.TrapCannotEnter, "who drops %s stands in the one that defines it, or around it", r.Type)
	}
	if def.Dtor < 0 {
		return nil
	}
	f, err := s.fn(def.Dtor)
	if err != nil {
		return err
	}
	next := a.calls(def.Instance)
	if err := next.tooDeep(nil); err != nil {
		return err
	}
	if owner != dropper {
		if err := a.awaits(owner); err != nil {
			return err
		}
	}
	stack := s.takeStack(1)
	stack[0] = uint64(r.Rep)
	err = f.CallOn(next.core, next, stack)
	s.giveStack(stack)
	if err != nil {
		return err
	}
	return next.done()
}

// dropHost runs the destructor of a resource of the host's. Its error and its panic are traps.
func (s *Store) dropHost(ctx context.Context, r *cm.Resource) (err error) {
	ended := false
	defer func() {
		if !ended {
			err = s.panicked(recover(), nil, "drop of "+r.Type.String())
		}
	}()
	err = r.Type.Drop(ctx, r)
	ended = true
	if err != nil {
		return &cm.Trap{Code: cm.TrapHost, Detail: "drop of " + r.Type.String() + ": " + err.Error(), Err: err}
	}
	return nil
}

// handles are the handles of one component instance as package canon sees them, for one side of one call.
type handles struct {
	store    *Store
	instance *componentInstance
	task     *activation
	loan     *task.Loan     // of the call that borrows; nil where nothing can be lent
	moved    []*cm.Resource // that were lifted with this
}

// LiftOwn takes an own handle out of the table.
func (h *handles) LiftOwn(t *cm.ResourceType, i uint32) (*cm.Resource, error) {
	e, err := h.instance.table.Get(i, h.store.resources[t.Slot])
	if err != nil {
		return nil, err
	}
	if !e.Own {
		return nil, cm.Trapf(cm.TrapHandleType, "handle %d: wanted an own handle of %s, had a borrow handle", i, e.Resource.Type)
	}
	out, err := h.instance.table.Remove(i, h.store.resources[t.Slot])
	if err == nil {
		h.moved = append(h.moved, out.Resource)
	}
	return out.Resource, err
}

// LiftBorrow lends a handle until the call that it is an argument of has returned.
func (h *handles) LiftBorrow(t *cm.ResourceType, i uint32) (*cm.Resource, error) {
	e, err := h.instance.table.Lend(i, h.store.resources[t.Slot])
	if err != nil {
		return nil, err
	}
	h.loan.Lend(i)
	return e.Resource, nil
}

// LowerOwn puts a resource into the table.
func (h *handles) LowerOwn(t *cm.ResourceType, r *cm.Resource) (uint32, error) {
	if err := h.fits(t, r); err != nil {
		return 0, err
	}
	return h.instance.table.Add(handle.Own(r))
}

// LowerBorrow gives a borrow handle, or the bare representation to the component instance that defines the type.
func (h *handles) LowerBorrow(t *cm.ResourceType, r *cm.Resource) (uint32, error) {
	if err := h.fits(t, r); err != nil {
		return 0, err
	}
	if r.Type.Owner == any(h.instance) {
		return r.Rep, nil
	}
	scope := h.task.borrows()
	scope.Borrowed()
	return h.instance.table.Add(handle.Borrow(r, scope))
}

// fits checks a resource that comes from the host or from another component instance.
func (h *handles) fits(t *cm.ResourceType, r *cm.Resource) error {
	want := h.store.resources[t.Slot]
	switch {
	case r == nil:
		return cm.Trapf(cm.TrapHost, "no resource given where %s is wanted", want)
	case r.Type != want:
		return cm.Trapf(cm.TrapHandleType, "wanted a resource of type %s, had %s", want, r.Type)
	case r.Dropped:
		return cm.Trapf(cm.TrapBadHandle, "%s was dropped before", r.Type)
	}
	return nil
}

// Drop destroys a resource that the host owns.
func (s *Store) Drop(ctx context.Context, r *cm.Resource) error { return s.drop(ctx, &s.own, r) }

func (s *Store) drop(ctx context.Context, i *Invocation, r *cm.Resource) error {
	switch {
	case r.Dropped:
		return fmt.Errorf("%s was dropped before", r.Type)
	case r.Type.Owner == nil:
		r.End()
		if r.Type.Drop == nil {
			return nil
		}
		return s.dropHost(ctx, r)
	case s.dead != nil:
		return s.deadTrap()
	case s.stale(r):
		return fmt.Errorf("%s is of the time before the instance was reset", r.Type)
	}
	root := &root{}
	root.init(s, ctx, i, -1)
	if err := root.enter(); err != nil {
		return err
	}
	root.begin()
	defer root.leave()
	if s.dead != nil {
		return s.deadTrap()
	}
	if err := s.destroy(&root.activation, r.Type.Slot, r, nil); err != nil {
		return s.fail(err)
	}
	return nil
}
