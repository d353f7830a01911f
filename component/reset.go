package component

import (
	"context"
	"errors"
	"fmt"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/internal/cm/instance"
	"github.com/vitrine-wasm/vitrine/internal/core"
)

// Isolation is the state that a reset instance is set back to.
type Isolation uint8

// The kinds of isolation.
const (
	// NoReset: the instance is for one use.
	NoReset = Isolation(instance.NoReset)
	// Fresh: the state of a new instance. Initialisation runs again at each reset if it asks the host for anything that may be
	// answered differently.
	Fresh = Isolation(instance.Fresh)
	// Initialised: the state after its initialisation. Random numbers and times that initialisation has read are the same for all
	// uses.
	Initialised = Isolation(instance.Initialised)
)

// ResetError says why an instance cannot be reset.
type ResetError struct {
	Reason string // in one word: "table-changed", "memory-grown", "trapped", "live-resources", "start-order" …
	Detail string // for people; may be empty

	cause error
}

// Error is the text of the cause, or else the reason with its detail.
func (e *ResetError) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	return (&core.ResetError{Reason: e.Reason, Detail: e.Detail}).Error()
}

// Unwrap is the cause; may be nil.
func (e *ResetError) Unwrap() error { return e.cause }

// resetError is err, as a *ResetError if the engine's is in it.
func resetError(err error) error {
	if err == nil { // the usual case: errors.As allocates its target
		return nil
	}
	var why *core.ResetError
	if !errors.As(err, &why) {
		return err
	}
	return &ResetError{Reason: why.Reason, Detail: why.Detail, cause: err}
}

// WithReset makes an instance that can be reset. constant says of a host function that every instance is given the same
// answer to the same arguments and that calling it changes nothing; nil: of none.
func WithReset(i Isolation, constant func(*cm.Boundary) bool) StoreOption {
	return func(o *storeOptions) {
		o.store.Reset = instance.ResetOptions{Isolation: instance.Isolation(i), Constant: constant}
	}
}

// WithoutReset makes an instance that is not to be reset, for a reason that another instance of the same component has given.
func WithoutReset(reason string) StoreOption {
	return func(o *storeOptions) { o.store.Reset = instance.ResetOptions{Refused: reason} }
}

// Resettable says why no instance can be reset, as far as the component's code shows it: a *ResetError, or nil.
func (l *Linked) Resettable() error { return resetError(l.linked.Resettable()) }

// Resettable is [Linked.Resettable] for a component that is not linked.
func (c *Component) Resettable() error {
	p, err := c.plan(nil)
	if err != nil {
		return err
	}
	for i := range p.Modules {
		m := &p.Modules[i]
		info, err := core.Inspect(m.Bytes)
		if err != nil {
			return codeError(c.name, c.position(m.Bytes), fmt.Errorf("core module %d %q: %w", i, m.Name, err))
		}
		if len(info.NotResettable) > 0 {
			return &ResetError{Reason: info.NotResettable[0], Detail: "core module " + m.Name}
		}
	}
	return nil
}

// Resettable says why the instance cannot be reset, with a *ResetError; nil if it can, as far as is known before it
// is tried.
func (i *Instance) Resettable() error { return resetError(i.store.Resettable()) }

// Release ends what an invocation has left: host resources that the guest still owns are dropped, values of the store are
// closed. Then the instance has to be Reset or Closed.
func (i *Instance) Release(ctx context.Context) error { return i.store.Release(ctx) }

// Reset releases the instance and sets it back, for the invocation of info. ctx is seen by host functions that
// initialisation calls, if it has to run again, and bounds it. Resources of the guest that the host has kept are invalid
// afterwards. After an error the instance can only be closed; a *ResetError says why it could not be reset.
func (i *Instance) Reset(ctx context.Context, info cm.InstanceInfo) error {
	if i.linked.interceptor == nil { // an operation that nobody sees is not made: there is a reset for each use of an instance in a pool
		return resetError(i.store.Reset(ctx, info))
	}
	op := &i.linked.resets.plain
	if i.store.Reinitialised() {
		op = &i.linked.resets.initialising
	}
	ctx, end := cm.Begin(ctx, i.linked.interceptor, op)
	err := resetError(i.store.Reset(ctx, info))
	end(err)
	return err
}

// resetOperations are the operations of resets, which are all alike: no reset allocates one.
type resetOperations struct{ plain, initialising cm.Operation }

func resetsOf(component string) *resetOperations {
	of := func(initialises bool) cm.Operation {
		return cm.Operation{Name: "reset", Component: cm.Path(component), Attrs: []cm.Attr{{Key: "reset.initialises", Value: initialises}}}
	}
	return &resetOperations{of(false), of(true)}
}

// Initialises says whether Reset runs initialisation again.
func (i *Instance) Initialises() bool { return i.store.Reinitialised() }

// Info is the InstanceInfo of calls.
func (i *Instance) Info() cm.InstanceInfo { return i.invocation.Info() }
