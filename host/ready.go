package host

import (
	"context"
	"fmt"

	"github.com/vitrine-wasm/vitrine/workload"
)

// DefaultReady is how many instances are made before events come, of a component that a trigger of its workload names.
const DefaultReady = 1

// ReadyError says that no instance of a component could be made, so that its workload does not start.
// Err holds a *cm.Trap where the guest or a limit ended its initialisation.
type ReadyError struct {
	Component string
	Err       error
}

// Error names the component and what happened.
func (e *ReadyError) Error() string {
	return fmt.Sprintf("component %s: no instance can be made: %v", e.Component, e.Err)
}

// Unwrap is Err.
func (e *ReadyError) Unwrap() error { return e.Err }

// readyOf is how many instances of c are to be ready: as many as it asks for, else the default if a trigger of w names it, else none.
func readyOf(w *workload.Spec, c *workload.Component) int {
	if c.Instances.Ready != nil {
		return max(*c.Instances.Ready, 0)
	}
	for _, t := range w.Triggers {
		if t.Component == c.Name {
			return DefaultReady
		}
	}
	return 0
}

// prewarm makes the instances that are to be ready before events come. An error is a *ReadyError, or ctx's own.
func (e *entry) prewarm(ctx context.Context) error {
	err := e.pool.Prewarm(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return &ReadyError{Component: e.name, Err: err}
}
