package telemetry

import (
	"cmp"
	"slices"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// ComponentDetail is the level of detail of a component that runs.
type ComponentDetail struct {
	Workload  workload.ID
	Component string
	Detail    Detail
}

// detailKey is what a change of detail is for: a component of a workload; empty parts are all.
type detailKey struct {
	workload  workload.ID
	component string
}

// covers says whether what is for k is for other, too.
func (k detailKey) covers(other detailKey) bool {
	return (k.workload == "" || k.workload == other.workload) && (k.component == "" || k.component == other.component)
}

// String is the level's word.
func (d Detail) String() string {
	switch d {
	case DetailInvocation:
		return "invocation"
	case DetailAll:
		return "all"
	}
	return "boundary"
}

// Details returns the levels of all components that run, by workload and name.
func (t *Telemetry) Details() (out []ComponentDetail) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for i := range t.observers {
		out = append(out, ComponentDetail{i.key().workload, i.key().component, Detail(i.detail.Load())})
	}
	slices.SortFunc(out, func(a, b ComponentDetail) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Component, b.Component))
	})
	return slices.Compact(out) // a component that is being replaced runs twice
}

// SetDetail changes the level of detail of the components of a workload with a name, of those that run and of those that are started later; an empty
// id is all workloads, an empty component all components. 0 is what each component's specification says. It reports how many components
// that run it is for. Calls under way go on as they have begun.
func (t *Telemetry) SetDetail(id workload.ID, component string, d Detail) (n int) {
	key := detailKey{id, component}
	t.mu.Lock()
	defer t.mu.Unlock()
	for other := range t.details {
		if key.covers(other) {
			delete(t.details, other)
		}
	}
	if t.details == nil {
		t.details = map[detailKey]Detail{}
	}
	t.details[key] = d
	for i := range t.observers {
		if key.covers(i.key()) {
			i.detail.Store(int32(cmp.Or(d, i.specified)))
			n++
		}
	}
	return n
}

// observe keeps an observer that runs, at the level that was last asked for; the narrowest change counts, as later wider ones have removed it.
func (t *Telemetry) observe(i *interceptor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.observers == nil {
		t.observers = map[*interceptor]struct{}{}
	}
	t.observers[i] = struct{}{}
	own := i.key()
	for _, key := range []detailKey{own, {own.workload, ""}, {"", own.component}, {}} {
		if d, ok := t.details[key]; ok {
			i.detail.Store(int32(cmp.Or(d, i.specified)))
			return
		}
	}
}

func (t *Telemetry) forget(i *interceptor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.observers, i)
}

func (i *interceptor) key() detailKey {
	spec := workload.Spec{Namespace: i.id.namespace, Name: i.id.workload}
	return detailKey{spec.ID(), i.id.component}
}

// SetDetail changes the level of detail of a running component, whose interceptor i is; "" is what its specification says, or else the host's default. It
// reports whether s is a level and i an interceptor of this package.
func SetDetail(i cm.Interceptor, s string) bool {
	it, ok := i.(*interceptor)
	if !ok {
		return false
	}
	d, ok := ParseDetail(s, it.specified)
	if ok {
		it.detail.Store(int32(d))
	}
	return ok
}
