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
	if s.dead != nil {
		t := *s.dead
		return cm.Val{}, s.at(&t, f.Boundary)
	}
	if want := len(f.Type.Params); len(args) != want {
		return cm.Val{}, fmt.Errorf("%s: wanted %d arguments, had %d", f.Name, want, len(args))
	}
	r := s.newRoot(ctx, cm.CallFrom(ctx))
	defer r.end()
	if f.Lift < 0 { // a function of the host that the component hands on: no border is crossed
		return s.linked.hostFunc(f.Import).Call(&r.activation, args)
	}
	l := &s.linked.lifts[f.Lift]
	if s.inside(l.Instance) {
		return cm.Val{}, s.trap(cm.TrapCannotEnter, f.Boundary, "a call is already inside the component")
	}
	h := s.linked.hooks[f.Boundary.ID]
	if h == nil {
		result, err := s.callLift(&r.activation, l, f.Boundary, args)
		if err != nil {
			return cm.Val{}, s.fail(ctx, err)
		}
		return result, nil
	}
	c := s.enter(&r.activation, ctx, h, f.Boundary, args)
	r.Context, r.Call, r.Clock = c.Context, &c.Call, c.clock
	result, err := s.callLift(&r.activation, l, f.Boundary, args)
	if err != nil {
		err = s.fail(ctx, err)
	}
	c.exit(result, err)
	return result, err
}

// inside says whether a call from the host into instance i could be recursive: whether one is under way in an instance of
// the same outermost component (CanonicalABI.md §Component Instances, call_might_be_recursive).
func (s *Store) inside(i int) bool {
	p := s.linked.Program
	for k := range s.instances {
		if s.instances[k].entered && p.Root(k) == p.Root(i) {
			return true
		}
	}
	return false
}
