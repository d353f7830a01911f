package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wit"
	"github.com/vitrine-wasm/vitrine/workload"
)

// serviceTrigger is the trigger of the events that are runs of services.
const serviceTrigger = "service"

// serviceRuns are the exports by which a service runs, the preferred first.
var serviceRuns = []wit.InterfaceID{wit.MustParseID("wasi:cli/run@0.3.0"), wit.MustParseID("wasi:cli/run@0.2.12")}

// ServiceError says that a component cannot be the service that the workload wants.
type ServiceError struct {
	Service int // its index in the workload
	Err     error
}

// Error is that of what is wrong.
func (e *ServiceError) Error() string { return e.Err.Error() }

// Unwrap is Err.
func (e *ServiceError) Unwrap() error { return e.Err }

// checkServices finds services that cannot run, before anything does.
func checkServices(w *workload.Spec, entries map[string]*entry) error {
	for i, s := range w.Services {
		refuse := func(err error) error { return &ServiceError{Service: i, Err: err} }
		e := entries[s.Component]
		if e == nil {
			return refuse(fmt.Errorf("there is no component %s", s.Component))
		}
		n, err := FirstExport(s.Component, e.linked(), serviceRuns...)
		if err != nil {
			return refuse(err)
		}
		e.service.run = serviceRuns[n]
		if by := calledBy(w, s.Component); by != "" && !e.service.shared() {
			return refuse(fmt.Errorf("component %s is a service that runs by %s, which leaves nobody else into its instance, and %s calls it: %s",
				s.Component, e.service.run, by, needs3))
		}
	}
	return nil
}

// calledBy is what calls a component besides its service; empty if nothing does.
func calledBy(w *workload.Spec, component string) string {
	for _, t := range w.Triggers {
		if t.Component == component {
			return "a trigger of type " + t.Type
		}
	}
	for _, c := range w.Components {
		if slices.Contains(c.Grants.Internal(), component) {
			return "component " + c.Name
		}
	}
	return ""
}

// startServices begins the services of a workload, and waits until each has begun its first run, or failed to.
func (h *Local) startServices(ctx context.Context, w *workload.Spec, r *running) error {
	for i := range w.Services {
		r.services = append(r.services, h.newService(w, r, i))
	}
	for _, s := range r.services {
		s.start()
	}
	for _, s := range r.services {
		select {
		case <-s.ready:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (h *Local) newService(w *workload.Spec, r *running, i int) *service {
	v, id := r.invoker, w.ID()
	e := v.entries[w.Services[i].Component]
	s := &service{spec: w.Services[i], log: h.log.With("workload", string(id))}
	h.mu.Lock()
	if i == 0 {
		r.status.Services = make([]workload.ServiceStatus, len(w.Services))
	}
	r.status.Services[i] = workload.ServiceStatus{Component: s.spec.Component, State: workload.ServiceStarting, Since: time.Now()}
	h.mu.Unlock()
	s.changed = func(st workload.ServiceStatus) {
		h.mu.Lock()
		defer h.mu.Unlock()
		r.status.Services = slices.Clone(r.status.Services)
		r.status.Services[i] = st
		h.tellLocked(r, st.Since)
	}
	e.service.state = s.state
	s.discard = func() {
		ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(e.service.config.Deadline, DefaultDrain))
		defer cancel()
		if err := e.service.shut(ctx); err != nil {
			s.log.Warn("the last run of a service did not end", "component", s.spec.Component, "error", err)
		}
	}
	s.once = func(ctx context.Context, tell <-chan struct{}, running func()) error {
		return v.runService(ctx, e, s, tell, running)
	}
	for _, g := range s.gauges() {
		r.made.onRelease(cm.AddGauge(e.interceptor, cm.Path(e.name), g))
	}
	return s
}

// gauges are the service's state, as the one of all states that is 1, and the number of its restarts.
func (s *service) gauges() []cm.Gauge {
	state := cm.Gauge{Name: "service.state", Unit: "1", Help: "The state of a service: 1 for the one that it is in, 0 for the others.",
		Read: func(observe func(int64, ...cm.Attr)) {
			now := s.state()
			for _, state := range serviceStates {
				is := int64(0)
				if state == now {
					is = 1
				}
				observe(is, cm.Attr{Key: "service.state", Value: string(state)})
			}
		}}
	restarts := cm.Gauge{Name: "service.restarts", Unit: "{restart}", Help: "How often a service was restarted since its workload has started.",
		Read: func(observe func(int64, ...cm.Attr)) { observe(int64(s.restarts())) }}
	return []cm.Gauge{state, restarts}
}

var serviceStates = []workload.ServiceState{workload.ServiceStarting, workload.ServiceRunning, workload.ServiceBackingOff, workload.ServiceStopping,
	workload.ServiceStopped, workload.ServiceCompleted, workload.ServiceFailed}

// stopServices stops services, all at once.
func stopServices(ctx context.Context, services []*service) []error {
	failed := make(chan error, len(services))
	n := 0
	for _, s := range services {
		if s.over == nil { // it was not started
			continue
		}
		n++
		go func() { failed <- s.stop(ctx) }()
	}
	var errs []error
	for range n {
		if err := <-failed; err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// serviceRun is the subject of a run.
type serviceRun int

var _ ServiceSubject = serviceRun(0)

// ServiceRestarts implements ServiceSubject.
func (r serviceRun) ServiceRestarts() int { return int(r) }

// runService runs a service once. The error is nil if it ended well: its run returned without an error, it exited with status 0, or it
// ended because it was told to.
func (v *invoker) runService(ctx context.Context, e *entry, s *service, tell <-chan struct{}, running func()) error {
	if err := e.service.open(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	made := func() bool { return true }
	if d := e.deadline(); d > 0 {
		t := time.AfterFunc(d, func() {
			cancel(cm.Trapf(cm.TrapDeadline, "%s: its instance took longer than %s to be made", e.name, d))
		})
		made = t.Stop
	}
	err := v.Invoke(ctx, &Invocation{
		Component: e.name, Trigger: serviceTrigger, Name: "run", Subject: serviceRun(s.restarts()), Unbounded: true,
		Run: func(ctx context.Context, inst *component.Instance) error {
			made()
			return callRun(ctx, inst, e.service.run, tell, func() {
				e.service.begun()
				running()
			})
		},
	})
	var exit *cm.ExitError
	if errors.As(err, &exit) && exit.Code == 0 {
		return nil
	}
	return err
}

// callRun calls run until it ends, and begun when it has begun: an asynchronous one has run to where it waits for the first time, so that requests meet
// what it has set up until then. When tell is closed, an asynchronous run is cancelled, which the guest sees and may take its time for; one
// of WASI 0.2 cannot be told, and is interrupted, as a command is.
func callRun(ctx context.Context, inst *component.Instance, id wit.InterfaceID, tell <-chan struct{}, begun func()) error {
	f, err := inst.Func(id, "run")
	if err != nil {
		return err
	}
	if !f.Type().Async {
		begun()
		return callSync(ctx, f, tell)
	}
	if len(inst.Linked().Exports()) > 1 {
		defer inst.Expect()() // a call of another export may be what it waits for
	}
	r, err := f.Start(ctx)
	if err != nil {
		return err
	}
	begun()
	over := make(chan struct{})
	defer close(over)
	told := make(chan struct{})
	go func() {
		select {
		case <-tell:
			close(told)
			r.Cancel()
		case <-over:
		}
	}()
	ended := context.WithoutCancel(ctx) // the call ends when ctx does
	if err := r.Wait(ended); err != nil {
		select {
		case <-told:
			if ctx.Err() == nil && isCancel(err) {
				return nil
			}
		default:
		}
		return err
	}
	result, err := r.Result(ended)
	return runResult(result, err)
}

// callSync calls a run of WASI 0.2.
func callSync(ctx context.Context, f *component.Func, tell <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-tell:
			cancel(cm.Trapf(cm.TrapCancel, "%w, and a component of WASI 0.2 cannot be told to end", errTold))
		case <-over:
		}
	}()
	return runResult(f.Call(ctx))
}

func runResult(v cm.Val, err error) error {
	if err == nil && v.Case() != 0 {
		return &cm.ExitError{Code: 1}
	}
	return err
}

func isCancel(err error) bool {
	var trap *cm.Trap
	return errors.As(err, &trap) && trap.Code == cm.TrapCancel
}
