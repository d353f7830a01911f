package clocksp2

import (
	"math"
	"testing"
	"time"
)

func TestWallClock(t *testing.T) {
	before := time.Now()
	d, err := wall{}.Now(t.Context())
	if at := time.Unix(int64(d.Seconds), int64(d.Nanoseconds)); err != nil || at.Before(before) || at.After(time.Now()) || d.Nanoseconds >= 1e9 {
		t.Error(d, err)
	}
	if r, err := (wall{}).Resolution(t.Context()); err != nil || r.Seconds != 0 || r.Nanoseconds == 0 || r.Nanoseconds >= 1e9 {
		t.Error(r, err)
	}
}

func TestMonotonicClock(t *testing.T) {
	ctx := t.Context()
	m := monotonic{}
	if r, err := m.Resolution(ctx); r == 0 || err != nil {
		t.Error(r, err)
	}
	p, err := m.SubscribeDuration(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Block(ctx); err != nil {
		t.Error(err)
	}
	p, _ = m.SubscribeInstant(ctx, math.MaxUint64)
	if ready, err := p.Ready(ctx); ready || err != nil {
		t.Error("the end of time has come", err)
	}
}

func TestTimezone(t *testing.T) {
	zone := timezone{time.FixedZone("TST", -3*3600)}
	d, err := zone.Display(t.Context(), Datetime{Seconds: 1_800_000_000})
	if err != nil || d != (TimezoneDisplay{UTCOffset: -10800, Name: "TST"}) {
		t.Error(d, err)
	}
	if o, err := zone.UTCOffset(t.Context(), Datetime{}); o != -10800 || err != nil {
		t.Error(o, err)
	}
	if d, _ := zone.Display(t.Context(), Datetime{Seconds: math.MaxUint64}); d.Name != "UTC" || d.UTCOffset != 0 {
		t.Error("a moment that is none", d)
	}
}
