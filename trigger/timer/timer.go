package timer

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vitrine-wasm/vitrine/host"
	"github.com/vitrine-wasm/vitrine/trigger/internal/loop"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Config configures a Trigger. The zero value will do.
type Config struct {
	// Logger is told of missed ticks; nil drops that.
	Logger *slog.Logger
	// Grace is how long runs may go on after Run's context has ended; 0 is the longest deadline of the attached workloads.
	Grace time.Duration
}

// Trigger runs the timers of any number of workloads. Safe for concurrent use.
type Trigger struct {
	config   Config
	loops    *loop.Group
	attached loop.Attached[*job]
}

var (
	_ host.Trigger  = (*Trigger)(nil)
	_ host.Checker  = (*Trigger)(nil)
	_ host.Replacer = (*Trigger)(nil)
)

// New makes a trigger. Its timers begin when Run is called.
func New(c Config) *Trigger {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Trigger{config: c, loops: loop.NewGroup()}
}

// Type implements host.Trigger: it is "timer".
func (*Trigger) Type() string { return TypeName }

// Check is host.Checker's.
func (t *Trigger) Check(w *workload.Spec, inv host.Invoker) error {
	_, err := t.newJobs(w, inv)
	return err
}

// Attach implements host.Trigger. The timers begin with Run, or at once if that was called. Detaching waits for the runs that are under
// way, and cuts them when its context ends; queued ticks are dropped.
func (t *Trigger) Attach(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	return t.start(w, inv, nil)
}

// Replace implements host.Replacer: a timer that w has as before goes on, with the ticks that wait, and each tick is a run of one of the
// two starts. Other timers of w begin, and those that it has no more end.
func (t *Trigger) Replace(_ context.Context, w *workload.Spec, inv host.Invoker) (func(context.Context) error, error) {
	return t.start(w, inv, t.attached.Of(w.ID()))
}

// start starts the timers of w, in place of those of an earlier start.
func (t *Trigger) start(w *workload.Spec, inv host.Invoker, before []*job) (func(context.Context) error, error) {
	jobs, err := t.newJobs(w, inv)
	if err != nil {
		return nil, err
	}
	rest := slices.Clone(before)
	for _, j := range jobs {
		if i := slices.IndexFunc(rest, j.sameTimer); i >= 0 {
			j.takeOver(rest[i])
			rest = slices.Delete(rest, i, i+1)
		}
	}
	for _, j := range rest {
		j.Stop()
	}
	var loops []*loop.Loop
	for _, j := range jobs {
		t.loops.Start(j.Loop, j.run, nil)
		loops = append(loops, j.Loop)
	}
	forget := t.attached.Set(w.ID(), jobs)
	return func(ctx context.Context) error {
		forget()
		return t.loops.Drain(ctx, loops)
	}, nil
}

func (t *Trigger) newJobs(w *workload.Spec, inv host.Invoker) ([]*job, error) {
	return loop.Each(w, TypeName, func(spec *workload.TriggerSpec, config Schedule) (*job, error) { return t.newJob(w, spec, config, inv) })
}

func (t *Trigger) newJob(w *workload.Spec, spec *workload.TriggerSpec, config Schedule, inv host.Invoker) (*job, error) {
	ticks, key, err := config.ticks()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmp.Or(key, "schedule"), err)
	}
	linked, err := inv.Linked(spec.Target())
	if err != nil {
		return nil, err
	}
	call, err := function(linked, config.Function)
	if err != nil {
		return nil, err
	}
	return &job{
		Loop:    loop.New("timer: "+config.name(), w, spec.Component),
		log:     t.config.Logger.With("workload", string(w.ID()), "component", spec.Component, "timer", config.name()),
		source:  spec.Component,
		config:  config,
		plan:    &plan{ticks: ticks, queue: config.Queue},
		invoker: inv,
		target:  spec.Target(),
		name:    config.name(),
		call:    call,
	}, nil
}

// Run implements host.Trigger: the timers go until ctx ends. Then it waits for runs that are under way for Config.Grace, cuts the rest and
// returns nil.
func (t *Trigger) Run(ctx context.Context) error {
	t.loops.Run(ctx, t.config.Grace)
	return nil
}
