package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/handle"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// Isolation is the state that a reset store is set back to.
type Isolation uint8

const (
	// NoReset: the store is for one use, and no snapshot is made.
	NoReset Isolation = iota
	// Fresh: the state of a new store. The snapshot is taken after initialisation if that asked the host for nothing that may be
	// answered differently, else before it, and initialisation runs again at each reset.
	Fresh
	// Initialised: always the state after initialisation, including random numbers and times that it has read.
	Initialised
)

// ResetOptions say whether a store can be used again.
type ResetOptions struct {
	Isolation Isolation
	// Constant says of a host function that every store of the program is given the same answer to the same arguments, and
	// that calling it changes nothing; nil: of none.
	Constant func(*cm.Boundary) bool
	// Refused is why no store of the program can be reset, if that is known; empty if resets are only not wanted.
	Refused string
}

// The points in the life of a program's stores at which snapshots lie.
const (
	pointUnknown int32 = iota // no store has been made yet that could say
	pointBefore               // before the first start function
	pointAfter                // behind initialisation
)

// resetting is a store's state for resets.
type resetting struct {
	opts   ResetOptions
	why    error            // that it cannot; the rest is not set then
	snap   *core.Snapshot   // nil: none
	starts []*core.Instance // whose start functions run again behind the snapshot
	tables []handle.Table   // by component instance
	values map[any]any      // those that stay: see keep

	// While the store is initialised:
	running   bool           // host functions are noted
	varied    *cm.Boundary   // the first one that was called and is not Constant
	before    *core.Snapshot // nil: none, or given up
	abandoned error          // why it was given up
}

// errOrder is for programs whose parts are initialised in turn, in such a way that what comes later changes what the
// snapshot of what came first would have to hold.
var errOrder = &core.ResetError{Reason: "start-order", Detail: "initialisation asks the host, and a later module fills a memory or table of an earlier one"}

// errVaries is for the one store whose initialisation was the first to ask.
var errVaries = &core.ResetError{Reason: "initialisation-varies", Detail: "initialisation of this instance asked the host, of others before it did not"}

// errBusy is for stores in which something goes on that no snapshot has.
var errBusy = &core.ResetError{Reason: "live-tasks", Detail: "a subtask, stream or future is still there"}

// begin runs the start function of a core instance that has been made, and takes what a snapshot before it needs.
func (s *Store) begin(a *activation, inst *core.Instance, fillsImports bool) error {
	r := &s.reset
	if r.opts.Isolation == Fresh && (inst.HasStart() || len(r.starts) > 0) {
		r.ahead(s, inst, fillsImports)
	}
	if !inst.HasStart() {
		return nil
	}
	r.starts = append(r.starts, inst)
	r.running = r.opts.Isolation == Fresh
	err := inst.Start(a)
	r.running = false
	if err == nil {
		err = a.done()
	}
	return err
}

// ahead keeps the snapshot before initialisation complete. At the first start function it takes everything that is there.
// What is made later did not exist then, and nothing that ran could reach it: it is taken as it is made. That does not hold
// for segments that a later module writes into what is not its own.
func (r *resetting) ahead(s *Store, inst *core.Instance, fillsImports bool) {
	if s.linked.point.Load() == pointAfter || r.abandoned != nil {
		return
	}
	var err error
	switch {
	case len(r.starts) == 0:
		r.before, err = s.group.Snapshot(&s.linked.imagesBefore)
	case fillsImports:
		err = errOrder
	default:
		err = r.before.Add(inst)
	}
	if err != nil {
		r.before, r.abandoned = nil, err
	}
}

// note records a host function that a guest calls.
func (r *resetting) note(b *cm.Boundary) {
	if r.running && r.varied == nil && (r.opts.Constant == nil || !r.opts.Constant(b)) {
		r.varied = b
	}
}

// initialised chooses the point of the snapshot, once the store is complete.
func (s *Store) initialised() {
	r := &s.reset
	if r.opts.Isolation == NoReset {
		r.why = &core.ResetError{Reason: cmp.Or(r.opts.Refused, "not-wanted")}
		return
	}
	r.tables = make([]handle.Table, len(s.instances))
	if r.varied != nil {
		if s.linked.point.Swap(pointBefore) == pointAfter && r.abandoned == nil {
			r.abandoned = errVaries
		}
		r.snap, r.why = r.before, r.abandoned
		r.before = nil
		if r.snap == nil && r.why == nil {
			r.why = errVaries
		}
		return
	}
	if r.opts.Isolation == Fresh && len(r.starts) > 0 {
		s.linked.point.CompareAndSwap(pointUnknown, pointAfter)
	}
	r.before, r.starts = nil, nil
	if r.snap, r.why = s.group.Snapshot(&s.linked.imagesAfter); r.why != nil {
		return
	}
	for i := range s.instances {
		if !s.instances[i].table.Plain() {
			r.snap, r.why = nil, errBusy
			return
		}
		r.tables[i] = s.instances[i].table.Copy()
	}
	r.values = maps.Clone(s.values.all)
	maps.DeleteFunc(r.values, ends)
}

// Resettable says why no store can be reset, as far as the code tells: a *core.ResetError, or nil.
func (l *Linked) Resettable() error {
	for i, m := range l.modules {
		if why := m.Info().NotResettable; len(why) > 0 {
			return &core.ResetError{Reason: why[0], Detail: "core module " + l.Program.Modules[i].Name}
		}
	}
	return nil
}

// Resettable says why the store cannot be reset, as a *core.ResetError or an error of the system's; nil if it can, as far
// as can be said now.
func (s *Store) Resettable() error {
	switch {
	case s.closed:
		return &core.ResetError{Reason: "closed"}
	case s.dead != nil:
		return &core.ResetError{Reason: "trapped", Detail: s.dead.Detail}
	case s.reset.why == nil:
		return nil
	}
	var r *core.ResetError
	if errors.As(s.reset.why, &r) {
		return s.reset.why
	}
	return &core.ResetError{Reason: "system", Detail: s.reset.why.Error()}
}

// Release ends what invocations have left in the store: host resources that it still owned are dropped, and values of theirs
// and of the store that are io.Closers are closed, in reverse order, also those that were there at the snapshot. It is for a store
// that is to be reset, or closed: guest code must not run before that. Guest destructors are not run.
func (s *Store) Release(ctx context.Context) error {
	var errs []error
	for i := range s.instances {
		t := &s.instances[i].table
		t.All(func(h uint32, e *handle.Entry) {
			r := e.Resource
			if !e.Own || r.Type.Owner != nil || r.Dropped || s.reset.holds(i, h, r) {
				return
			}
			r.End()
			if r.Type.Drop == nil {
				return
			}
			if err := s.dropHost(ctx, r); err != nil {
				errs = append(errs, err)
			}
		})
	}
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for i := s.lastInvocation(); i != nil; i = s.lastInvocation() {
		note(i.End())
	}
	note(s.own.End())
	note(s.values.end())
	return errors.Join(errs...)
}

// holds says whether the snapshot has the handle, with the same resource.
func (r *resetting) holds(instance int, h uint32, res *cm.Resource) bool {
	return r.snap != nil && r.tables[instance].Has(h, res, true)
}

// Info is the InstanceInfo of calls.
func (s *Store) Info() cm.InstanceInfo { return s.ownInfo }

// Reset releases the store and sets it back to its snapshot, for an invocation with info. ctx is the context of initialisation, if it has
// to run again. After an error the store can only be closed; it is a *core.ResetError if the guest has caused it.
func (s *Store) Reset(ctx context.Context, info cm.InstanceInfo) error {
	if err := s.Resettable(); err != nil {
		return err
	}
	if err := s.Release(ctx); err != nil {
		return err
	}
	r := &s.reset
	for i := range s.instances {
		if err := s.instances[i].unchanged(&r.tables[i]); err != nil {
			return err
		}
	}
	if err := s.group.Reset(r.snap); err != nil {
		return err
	}
	s.renew()
	if s.account.Used() != 0 {
		// Work that outlives its invocation gives back to the account that it took from. What the snapshot holds keeps its own.
		s.account = cm.NewAccount(s.account.Limit())
		s.fund()
	}
	for i := range s.instances {
		ci := &s.instances[i]
		ci.table.Account = s.account
		s.adopt(&r.tables[i])
		ci.table.Restore(&r.tables[i])
		ci.entry.Reset()
	}
	s.values.all = maps.Clone(r.values)
	s.ownInfo = info
	return s.initialiseAgain(ctx)
}

// unchanged finds what keeps a component instance from being what it was: host resources of the snapshot that are gone,
// and calls that are still inside, which only a bug could leave there.
func (ci *componentInstance) unchanged(then *handle.Table) (err error) {
	if !ci.entry.Idle() {
		return errBusy
	}
	if !ci.table.Plain() {
		return errBusy
	}
	then.All(func(h uint32, e *handle.Entry) {
		if e.Resource.Dropped || !ci.table.Has(h, e.Resource, e.Own) {
			err = &core.ResetError{Reason: "live-resources", Detail: "a resource that initialisation had opened is not there any more: " + e.Resource.Type.String()}
		}
	})
	return err
}

// renew gives the guest's own resource types new identities: what the host still holds of them is of no use any more.
func (s *Store) renew() {
	for slot, rt := range s.linked.resources {
		if rt == nil {
			next := *s.resources[slot]
			s.resources[slot] = &next
		}
	}
}

// adopt moves the guest's own resources of a snapshot to the types that are theirs now.
func (s *Store) adopt(t *handle.Table) {
	t.All(func(_ uint32, e *handle.Entry) {
		if slot := e.Resource.Type.Slot; e.Resource.Type.Owner != nil && s.linked.resources[slot] == nil {
			e.Resource = &cm.Resource{Type: s.resources[slot], Rep: e.Resource.Rep}
		}
	})
}

func (s *Store) initialiseAgain(ctx context.Context) error {
	if len(s.reset.starts) == 0 {
		return nil
	}
	r := s.newRoot(ctx, &s.own, -1)
	defer r.finish(true)
	for _, inst := range s.reset.starts {
		a := r.again()
		err := inst.Start(a)
		if err == nil {
			err = a.done()
		}
		if err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// CheckSnapshot compares memories and globals with the snapshot, for tests; nil if they are equal or initialisation has
// run again.
func (s *Store) CheckSnapshot() error {
	if s.reset.snap == nil || len(s.reset.starts) > 0 {
		return nil
	}
	return s.reset.snap.Check()
}

// State is what the core instances are, for tests.
func (s *Store) State() *core.State { return s.group.State() }

// Held tells what the store holds beside its core instances, for tests: which handle numbers, in use and next ones, and for
// what it keeps values.
func (s *Store) Held() string {
	var b strings.Builder
	for i := range s.instances {
		t := s.instances[i].table.Copy()
		fmt.Fprintf(&b, "component instance %d:", i)
		t.All(func(h uint32, e *handle.Entry) {
			fmt.Fprintf(&b, " %d is %s", h, e.Resource.Type)
		})
		next, err := t.Add(handle.Own(&cm.Resource{}))
		fmt.Fprintf(&b, " next %d %v\n", next, err)
	}
	var keys []string
	for k := range s.values.all {
		keys = append(keys, fmt.Sprintf("%T", k))
	}
	slices.Sort(keys)
	fmt.Fprintf(&b, "values %q", keys)
	return b.String()
}

// Reinitialised says whether a reset runs initialisation again.
func (s *Store) Reinitialised() bool { return len(s.reset.starts) > 0 }

// stale says whether r is a resource of the guest's own from before a reset.
func (s *Store) stale(r *cm.Resource) bool {
	ci, ok := r.Type.Owner.(*componentInstance)
	return ok && ci.store == s && r.Type != s.resources[r.Type.Slot]
}
