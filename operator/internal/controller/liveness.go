package controller

import (
	"context"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/vitrine-wasm/vitrine/operator/internal/agent"
)

// confirmTime is how long a host whose Lease has run out has to renew it after all, from when the API server answers: a host that lives tries to, with
// what agent.RetryTime and the time that a call may take leave it. Where the API server does not answer, it is asked again after retryTime.
const (
	confirmTime = 3 * time.Second
	retryTime   = time.Second
)

// longAgo is the age of a Lease that a new operator takes for that of a dead host. Others have the time of a Lease: clocks differ.
const longAgo = time.Minute

// liveness knows which hosts live, by the changes of their Leases as this process has seen them, and by its own clock.
type liveness struct {
	mu    sync.Mutex
	beats map[string]*beat
}

type beat struct {
	renewed string    // the Lease's own time of its last renewal
	seen    time.Time // when this process saw it first
	suspect time.Time // when it was found to have run out; zero: it has not
	alive   bool
}

// alive says whether a host lives, as far as it is known.
func (l *liveness) alive(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.beats[host]
	return b != nil && b.alive
}

func (l *liveness) forget(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.beats, host)
}

// see notes a host's Lease, nil if there is none.
func (l *liveness) see(host string, lease *coordinationv1.Lease, now time.Time) {
	if lease == nil || lease.Spec.RenewTime == nil {
		l.forget(host)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := lease.Spec.RenewTime.Time
	b := l.beats[host]
	switch {
	case b == nil:
		l.beats[host] = &beat{renewed: at.String(), seen: now, alive: now.Sub(at) < longAgo}
	case b.renewed != at.String():
		*b = beat{renewed: at.String(), seen: now, alive: true}
	}
}

// judge decides whether a host still lives; next is when to ask again, 0: when its Lease changes. live asks the API server for the Lease.
func (l *liveness) judge(ctx context.Context, host string, now time.Time, live func(context.Context) (*coordinationv1.Lease, error)) (next time.Duration) {
	l.mu.Lock()
	b := l.beats[host]
	if b == nil || !b.alive {
		l.mu.Unlock()
		return 0
	}
	rest := agent.LeaseTime - now.Sub(b.seen)
	if !b.suspect.IsZero() {
		rest = confirmTime - now.Sub(b.suspect)
	}
	l.mu.Unlock()
	if rest > 0 {
		return rest
	}
	lease, err := live(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil: // the API server is away: no host could renew anything
		b.suspect = time.Time{}
		return retryTime
	case lease != nil && lease.Spec.RenewTime != nil && lease.Spec.RenewTime.Time.String() != b.renewed:
		*b = beat{renewed: lease.Spec.RenewTime.Time.String(), seen: now, alive: true}
		return agent.LeaseTime
	case b.suspect.IsZero():
		b.suspect = now
		return confirmTime
	}
	b.alive = false
	return 0
}
