// Package loop is what triggers share whose workloads wait for something and call a component each time: one goroutine for each thing that is
// waited for, which begins when the trigger runs and ends when the workload does.
package loop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// Loop is one such goroutine. Make it with [New].
type Loop struct {
	name     string
	deadline time.Duration

	calls context.Context
	cut   context.CancelCauseFunc
	open  context.Context
	stop  context.CancelFunc
	done  chan struct{} // closed: the goroutine has ended
}

// New makes a loop that calls a component of a workload. name tells it from others, in errors.
func New(name string, w *workload.Spec, component string) *Loop {
	l := &Loop{name: name, deadline: workload.DefaultLimits().Deadline, done: make(chan struct{})}
	if c := w.Component(component); c != nil {
		l.deadline = c.Limits.Filled().Deadline
	}
	l.calls, l.cut = context.WithCancelCause(context.Background())
	l.open, l.stop = context.WithCancel(context.Background())
	return l
}

// Deadline is the longest that one call takes.
func (l *Loop) Deadline() time.Duration { return l.deadline }

// Calls is the context of calls. It ends when calls that are under way are cut.
func (l *Loop) Calls() context.Context { return l.calls }

// Open is the context of waiting. It ends when no more calls are to begin.
func (l *Loop) Open() context.Context { return l.open }

// Stopped says that Open has ended.
func (l *Loop) Stopped() bool { return l.open.Err() != nil }

// Stop ends Open. Calls that are under way go on.
func (l *Loop) Stop() { l.stop() }

// Sleep waits for d, or until Open ends.
func (l *Loop) Sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.open.Done():
	}
}

// cutTime is how long calls that were cut may take to end.
const cutTime = time.Second

// drain begins no more calls and waits for those under way, which are cut when ctx ends.
func (l *Loop) drain(ctx context.Context) error {
	l.stop()
	select {
	case <-l.done:
		return nil
	default:
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
	}
	l.cut(cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping))
	late := time.NewTimer(cutTime)
	defer late.Stop()
	select {
	case <-l.done:
		return fmt.Errorf("trigger %s: calls were cut: %w", l.name, context.Cause(ctx))
	case <-late.C: // a host function ignores the end of its context
		return fmt.Errorf("trigger %s: calls that were cut did not end", l.name)
	}
}

// Group are the loops of one trigger, of any number of workloads. Make it with [NewGroup]. Safe for concurrent use.
type Group struct {
	running chan struct{} // closed when Run is called
	once    sync.Once

	mu    sync.Mutex
	loops map[*Loop]struct{}
}

// NewGroup makes an empty group.
func NewGroup() *Group { return &Group{running: make(chan struct{}), loops: map[*Loop]struct{}{}} }

// Start starts the goroutine of a loop: body runs once Run was called. It returns when Open ends and its calls have ended. clean, which may be nil, is
// called at the end, also where body never ran.
func (g *Group) Start(l *Loop, body, clean func()) {
	g.mu.Lock()
	g.loops[l] = struct{}{}
	g.mu.Unlock()
	go func() {
		defer close(l.done)
		defer l.cut(nil)
		if clean != nil {
			defer clean()
		}
		select {
		case <-g.running:
			body()
		case <-l.open.Done():
		}
	}()
}

// Drain stops loops that were started and waits until their calls have ended. Those under way are cut when ctx ends.
func (g *Group) Drain(ctx context.Context, loops []*Loop) error {
	errs := make([]error, len(loops))
	var all sync.WaitGroup
	for i, l := range loops {
		all.Go(func() { errs[i] = l.drain(ctx) })
	}
	all.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range loops {
		delete(g.loops, l)
	}
	return errors.Join(errs...)
}

// Run has the loops go until ctx ends. Then it waits for calls for grace, 0 for the longest deadline of any loop, and cuts the rest.
func (g *Group) Run(ctx context.Context, grace time.Duration) {
	g.once.Do(func() { close(g.running) })
	<-ctx.Done()
	g.mu.Lock()
	loops := slices.Collect(maps.Keys(g.loops))
	g.mu.Unlock()
	var longest time.Duration
	for _, l := range loops {
		longest = max(longest, l.deadline)
	}
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(grace, longest))
	defer cancel()
	_ = g.Drain(draining, loops) // that some were cut is no error of a trigger's Run
}
