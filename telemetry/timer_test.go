package telemetry

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-wasm/vitrine/cm"
)

type tick struct {
	due    time.Time
	missed int
}

func (t tick) Scheduled() time.Time { return t.due }
func (t tick) Missed() int          { return t.missed }

// TestTimerEvent: the event of a timer is the root of a trace, says when it was due and what was missed before it, and what was missed is counted.
func TestTimerEvent(t *testing.T) {
	b := newHarness(t, nil)
	e := b.bind(&cm.Boundary{Kind: cm.Event, Caller: "timer", Callee: "shop", Func: "every 1m0s"})
	due := time.Now().Add(-time.Second)
	for _, missed := range []int{0, 3} {
		c := cm.NewCrossing(e.b, nil, context.Background())
		c.Subject = tick{due, missed}
		c.Enter(e.h)
		c.Leave(cm.Val{}, cm.End{})
	}
	spans := b.ended()
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	for i, s := range spans {
		attrs := map[string]string{}
		for _, a := range s.Attributes {
			attrs[string(a.Key)] = a.Value.String()
		}
		if s.Name != "timer every 1m0s" || s.SpanKind.String() != "internal" || s.Parent.IsValid() {
			t.Errorf("%s %s, parent %v", s.SpanKind, s.Name, s.Parent)
		}
		if attrs["vitrine.timer.scheduled"] != due.UTC().Format(time.RFC3339Nano) || attrs["vitrine.timer.delay"] < "1" || attrs["vitrine.timer.missed"] != []string{"", "3"}[i] {
			t.Errorf("%v", attrs)
		}
	}
	if lines := formatMetric(b.collect()["vitrine.timer.missed"]); len(lines) != 1 || !strings.HasSuffix(lines[0], " 3") {
		t.Errorf("%q", lines)
	}
}
