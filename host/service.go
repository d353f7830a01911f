package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A service is a component that runs for as long as its workload. Its goroutine, from start to stop, is the only one that changes its state:
//
//	          ┌────────────── restart ─────────────┐
//	          ▼                                    │
//	starting ──▶ running ──▶ (the run ends) ──▶ backing off
//	   │            │               ├──▶ completed    no other run: it ended well
//	   └── failed ──┘               └──▶ failed       no other run: it failed too often
//
//	any of them ──stop──▶ stopping ──▶ stopped
//
// A run is one invocation: an event of the trigger "service" with a span of its own, in a new instance. The instance is the only one of a
// [component.Pool] that is made for the run (servicePool in servicepool.go); what triggers send to the component goes to the same pool, so to
// the same instance. Between two runs, and when the service has failed, there is no pool, and such events are refused with an overload trap.
// A service that has completed keeps its instance, which goes on serving.
//
// Neither the deadline nor the fuel of the component's limits bounds a run, so that its connections live as long as it does. The deadline
// bounds how long an instance may take to be made.
type service struct {
	spec workload.Service
	log  *slog.Logger
	// once runs it once: it calls running when the guest is about to run. Its context ends when the service is to be ended at once; tell is
	// closed when the guest is to be told to end.
	once func(ctx context.Context, tell <-chan struct{}, running func()) error
	// discard ends what a run has left, after a run that is not the last or has failed.
	discard func()
	changed func(workload.ServiceStatus) // gets each new status

	tell  chan struct{} // closed when it is to stop
	kill  context.CancelCauseFunc
	ready chan struct{} // closed when the first run has begun, or failed to
	over  chan struct{} // closed when its goroutine has ended
	begun sync.Once

	mu     sync.Mutex
	status workload.ServiceStatus
}

// start begins to run it. Each run is a trace of its own.
func (s *service) start() {
	s.spec = s.spec.Filled()
	s.tell, s.ready, s.over = make(chan struct{}), make(chan struct{}), make(chan struct{})
	ctx, kill := context.WithCancelCause(context.Background())
	s.kill = kill
	s.mu.Lock() // gauges read it
	s.status = workload.ServiceStatus{Component: s.spec.Component, State: workload.ServiceStarting, Since: time.Now()}
	s.mu.Unlock()
	go func() {
		defer close(s.over)
		defer s.kill(nil)
		defer s.noteReady()
		s.run(ctx)
	}()
}

// again begins to run a service that has stopped.
func (s *service) again() {
	s.begun = sync.Once{}
	s.start()
}

// run runs it until there is no other run.
func (s *service) run(ctx context.Context) {
	in := backoff{first: s.spec.Backoff, most: s.spec.MaxBackoff, random: rand.Float64}
	for {
		s.become(workload.ServiceStarting, nil)
		var began time.Time
		err := s.once(ctx, s.tell, func() {
			began = time.Now()
			s.become(workload.ServiceRunning, nil)
			s.noteReady()
		})
		s.noteReady()
		good := !began.IsZero() && time.Since(began) >= s.spec.GoodRun
		switch {
		case s.told():
			s.become(workload.ServiceStopped, stopReason(err))
			return
		case s.spec.Restart == workload.RestartNever && err == nil, s.spec.Restart == workload.RestartOnFailure && err == nil:
			s.become(workload.ServiceCompleted, nil)
			s.log.InfoContext(ctx, "the service has completed", "component", s.spec.Component)
			return
		}
		if good {
			in.reset()
		}
		s.discard()
		if s.spec.Restart == workload.RestartNever || s.spec.MaxRestarts != nil && in.n >= *s.spec.MaxRestarts {
			s.giveUp(ctx, in.n, err)
			return
		}
		if !s.wait(ctx, &in, err) {
			s.become(workload.ServiceStopped, nil)
			return
		}
	}
}

// giveUp ends a service that has had all the restarts that may be. A run that ended well, of a service that is always restarted,
// completes it.
func (s *service) giveUp(ctx context.Context, restarts int, err error) {
	if err == nil {
		s.become(workload.ServiceCompleted, nil)
		s.log.InfoContext(ctx, "the service has completed: there have been all the restarts that may be", "component", s.spec.Component, "restarts", restarts)
		return
	}
	s.become(workload.ServiceFailed, err)
	s.log.ErrorContext(ctx, "the service has failed, and is not restarted any more", "component", s.spec.Component, "restarts", restarts, "reason", err)
}

// wait waits before a restart; false if the service is told to stop meanwhile.
func (s *service) wait(ctx context.Context, in *backoff, err error) bool {
	d := in.next()
	s.backOff(d, err)
	level, ended := slog.LevelWarn, any(err)
	if err == nil {
		level, ended = slog.LevelInfo, "it has returned"
	}
	s.log.Log(ctx, level, "the service is restarted", "component", s.spec.Component, "in", d.Round(time.Millisecond).String(), "restart", in.n, "reason", ended)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.tell:
		return false
	}
	s.mu.Lock()
	s.status.Restarts++
	s.mu.Unlock()
	return true
}

// stop tells it to end, waits until ctx ends, and then ends it. It returns when the service's goroutine has, or when that ignores its end.
// It is called once.
func (s *service) stop(ctx context.Context) error {
	s.mu.Lock()
	close(s.tell)
	ended := s.status.State.Ended()
	s.mu.Unlock()
	if !ended {
		s.become(workload.ServiceStopping, nil)
	}
	select {
	case <-s.over:
		return nil
	case <-ctx.Done():
	}
	s.kill(cm.Trapf(cm.TrapCancel, "%w: the time to drain is over", cm.ErrStopping))
	late := time.NewTimer(lastStop)
	defer late.Stop()
	select {
	case <-s.over:
		return nil
	case <-late.C:
		return fmt.Errorf("service %s does not end", s.spec.Component)
	}
}

// lastStop is how long a service may take that was ended: guests end at their next check, host functions when they see their
// context.
const lastStop = 2 * time.Second

func (s *service) told() bool {
	select {
	case <-s.tell:
		return true
	default:
		return false
	}
}

func (s *service) noteReady() { s.begun.Do(func() { close(s.ready) }) }

// become notes a state; reason is why the last run has ended. Once the service is told to stop, it is stopping or stopped.
func (s *service) become(to workload.ServiceState, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State == workload.ServiceStopping && to != workload.ServiceStopped {
		return
	}
	st := workload.ServiceStatus{Component: s.spec.Component, State: to, Restarts: s.status.Restarts, Since: time.Now()}
	if to == workload.ServiceStarting || to == workload.ServiceStopping {
		st.Reason = s.status.Reason
	}
	if reason != nil {
		st.Reason = reason.Error()
	}
	s.set(st)
}

func (s *service) backOff(d time.Duration, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State == workload.ServiceStopping {
		return
	}
	now := time.Now()
	st := workload.ServiceStatus{Component: s.spec.Component, State: workload.ServiceBackingOff, Restarts: s.status.Restarts, Since: now, Next: now.Add(d)}
	if reason != nil {
		st.Reason = reason.Error()
	}
	s.set(st)
}

// set sets the status. s.mu is held, so that observers see the states in order.
func (s *service) set(st workload.ServiceStatus) {
	s.status = st
	s.changed(st)
}

// state is the state now.
func (s *service) state() workload.ServiceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.State
}

func (s *service) restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.Restarts
}

// stopReason is err, unless it says only that the service was stopped.
func stopReason(err error) error {
	var trap *cm.Trap
	if errors.As(err, &trap) && trap.Code == cm.TrapCancel {
		return nil
	}
	return err
}

// backoff gives how long to wait before each restart: half of a time that doubles, and up to another half of it at random, so that services that
// have failed together do not come back together.
type backoff struct {
	first, most time.Duration
	random      func() float64 // [0, 1)

	n int // restarts since the last reset
}

func (b *backoff) reset() { b.n = 0 }

func (b *backoff) next() time.Duration {
	d := b.first
	for i := 0; i < b.n && d < b.most; i++ {
		if d > b.most/2 {
			d = b.most
			break
		}
		d *= 2
	}
	b.n++
	return d/2 + time.Duration(b.random()*float64(d/2))
}
