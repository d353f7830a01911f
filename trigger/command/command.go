// Package command runs a command component: it calls its wasi:cli/run once.
package command

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Type is the trigger's type.
const Type = "command"

// runs are the exports by which a command runs, the preferred first.
var runs = []wit.InterfaceID{wit.MustParseID("wasi:cli/run@0.3.0"), wit.MustParseID("wasi:cli/run@0.2.12")}

// Trigger starts one component of one workload.
type Trigger struct {
	component string

	mu       sync.Mutex
	invoker  host.Invoker
	attached chan struct{}
	run      wit.InterfaceID // by which the component is run; set before attached is closed
}

var _ host.Trigger = (*Trigger)(nil)

// New makes a trigger that starts the named component, or the workload's only one if the name is empty.
func New(component string) *Trigger {
	return &Trigger{component: component, attached: make(chan struct{})}
}

// Export is the export by which a component runs: wasi:cli/run, of WASI 0.3 if it has that. The error of a component without one is a
// *host.NoExportError.
func Export(linked *component.Linked) (wit.InterfaceID, error) {
	i, err := host.FirstExport(linked.Name(), linked, runs...)
	if err != nil {
		return wit.InterfaceID{}, err
	}
	return runs[i], nil
}

// Type implements host.Trigger.
func (t *Trigger) Type() string { return Type }

// Attach implements host.Trigger. A component that exports no wasi:cli/run is refused.
func (t *Trigger) Attach(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.invoker != nil {
		return nil, errors.New("a command is already attached")
	}
	if t.component == "" {
		if len(w.Components) != 1 {
			return nil, fmt.Errorf("workload %s has %d components; say which one is the command", w.ID(), len(w.Components))
		}
		t.component = w.Components[0].Name
	}
	linked, err := inv.Linked(t.component)
	if err != nil {
		return nil, err
	}
	if t.run, err = Export(linked); err != nil {
		return nil, err
	}
	t.invoker = inv
	close(t.attached)
	return func(context.Context) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.invoker = stoppedInvoker{}
		return nil
	}, nil
}

// stoppedInvoker replaces the invoker of a stopped workload, so that the trigger does not keep that alive.
type stoppedInvoker struct{ host.Invoker }

// Invoke fails with the error of a stopping workload.
func (stoppedInvoker) Invoke(context.Context, *host.Invocation) error {
	return cm.Trapf(cm.TrapOverload, "%w: the command was stopped", cm.ErrStopping)
}

// Run waits until the component is attached and runs it once. The error wraps a *cm.ExitError when the command ended by
// itself with a status other than 0: that of wasi:cli/exit, or 1 when run returned an error. It is nil if ctx ends before a
// component is attached.
func (t *Trigger) Run(ctx context.Context) error {
	select {
	case <-t.attached:
	case <-ctx.Done():
		return nil
	}
	t.mu.Lock()
	invoker := t.invoker
	t.mu.Unlock()
	err := invoker.Invoke(ctx, &host.Invocation{
		Component: t.component,
		Trigger:   Type,
		Name:      "run",
		Run:       func(ctx context.Context, inst *component.Instance) error { return Call(ctx, inst, t.run) },
	})
	var exit *cm.ExitError
	if errors.As(err, &exit) && exit.Code == 0 {
		return nil
	}
	return err
}

// Call runs the component in inst once, by the export that Export has returned. The error wraps a *cm.ExitError where the guest called
// wasi:cli/exit, with the status 0, too; a run that returns WIT's error is an exit with status 1.
func Call(ctx context.Context, inst *component.Instance, export wit.InterfaceID) error {
	f, err := inst.Func(export, "run")
	if err != nil {
		return err
	}
	v, err := f.Call(ctx)
	if err != nil {
		return err
	}
	if v.Case() != 0 {
		return &cm.ExitError{Code: 1}
	}
	return nil
}
