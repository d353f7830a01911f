package instance

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/plan"
)

// Export finds an exported function by the names as the component writes them; nil if there is none that can be called.
func (l *Linked) Export(iface, name string) *plan.ExportFunc { return l.exports[iface+"#"+name] }

// Call calls an exported function of the program from the host. When ctx ends, guest code is interrupted. A trap or an
// exit leaves the store dead.
func (s *Store) Call(ctx context.Context, f *plan.ExportFunc, args []cm.Val) (cm.Val, error) {
	return s.call(ctx, &s.own, f, args)
}

func (s *Store) call(ctx context.Context, i *Invocation, f *plan.ExportFunc, args []cm.Val) (cm.Val, error) {
	if want := len(f.Type.Params); len(args) != want {
		return cm.Val{}, fmt.Errorf("%s: wanted %d arguments, had %d", f.Name, want, len(args))
	}
	if f.Lift < 0 {
		return s.callHost(ctx, i, f, args)
	}
	l := &s.linked.lifts[f.Lift]
	r := s.newRoot(ctx, i, l.Instance)
	defer r.end()
	h := s.linked.hooks[f.Boundary.ID]
	if h == nil {
		return r.run(l, f.Boundary, args)
	}
	c := r.enterGuest(ctx, h, f.Boundary, args)
	defer c.abandon()
	r.observe(c)
	result, err := r.run(l, f.Boundary, args)
	c.leftGuest(c.Elapsed(), result, err)
	return result, err
}

// run is the call, if it can be made. One that is refused leaves the store as it was.
func (r *root) run(l *lift, b *cm.Boundary, args []cm.Val) (cm.Val, error) {
	s := r.store
	switch {
	case s.dead != nil:
		return cm.Val{}, s.at(s.deadTrap(), b)
	case r.recursive():
		return cm.Val{}, s.trap(cm.TrapCannotEnter, b, "a call is already inside the component")
	case s.instances[l.Instance].entry.Busy(): // there is nobody yet who could have it wait
		return cm.Val{}, s.trap(cm.TrapCannotEnter, b, "another call is inside it")
	}
	result, err := s.callLift(&r.activation, l, b, args)
	if err != nil {
		return cm.Val{}, s.fail(err)
	}
	return result, nil
}

// callHost calls a function of the host that the component hands on: no border is crossed.
func (s *Store) callHost(ctx context.Context, i *Invocation, f *plan.ExportFunc, args []cm.Val) (result cm.Val, err error) {
	if s.dead != nil {
		return cm.Val{}, s.deadTrap()
	}
	r := s.newRoot(ctx, i, -1)
	defer r.end()
	ended := false
	defer func() {
		if !ended {
			err = s.panicked(recover(), nil, f.Name)
		}
	}()
	result, err = s.linked.hostFunc(f.Import).Call(&r.activation, args)
	ended = true
	return result, err
}
