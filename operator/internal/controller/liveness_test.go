package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func lease(at time.Time) *coordinationv1.Lease {
	renewed := metav1.NewMicroTime(at)
	return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}}
}

// TestLiveness: a host is dead within 15 s of its end, and not because the API server was away.
func TestLiveness(t *testing.T) {
	ctx, start := context.Background(), time.Now()
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	unchanged := func(context.Context) (*coordinationv1.Lease, error) { return lease(start), nil }
	away := func(context.Context) (*coordinationv1.Lease, error) { return nil, errors.New("connection refused") }
	fresh := func() *liveness {
		l := &liveness{beats: map[string]*beat{}}
		l.see("h", lease(start), start)
		return l
	}

	l := fresh()
	var died time.Time
	for now := start; died.IsZero() && now.Before(at(60)); {
		next := l.judge(ctx, "h", now, unchanged)
		if !l.alive("h") {
			died = now
		}
		now = now.Add(max(next, time.Millisecond))
	}
	if took := died.Sub(start); took <= 10*time.Second || took > 15*time.Second {
		t.Errorf("dead after %v", took)
	}
	l.see("h", lease(at(20)), at(20))
	if !l.alive("h") {
		t.Error("a host that is heard again does not live")
	}

	// The API server is away from before the Lease has run out, comes back at 30 s, and the host is heard 2 s later.
	l = fresh()
	for now := at(11); now.Before(at(30)); {
		now = now.Add(max(l.judge(ctx, "h", now, away), time.Millisecond))
	}
	l.judge(ctx, "h", at(30), unchanged)
	if l.judge(ctx, "h", at(32), unchanged); !l.alive("h") {
		t.Error("dead because the API server was away")
	}
	l.judge(ctx, "h", at(33), func(context.Context) (*coordinationv1.Lease, error) { return lease(at(32)), nil })
	if !l.alive("h") {
		t.Error("dead although its Lease was renewed")
	}
	// One that does not answer once costs that time, and no more.
	l = fresh()
	l.judge(ctx, "h", at(11), away)
	l.judge(ctx, "h", at(12), unchanged)
	if l.judge(ctx, "h", at(15), unchanged); l.alive("h") {
		t.Error("it lives on because a question failed")
	}
	l = &liveness{beats: map[string]*beat{}}
	if l.see("h", lease(start.Add(-time.Hour)), start); l.alive("h") {
		t.Error("a Lease of an hour ago counts")
	}
	if l.see("h", nil, start); l.alive("h") || l.judge(ctx, "h", start, away) != 0 {
		t.Error("a host without a Lease lives")
	}
}
