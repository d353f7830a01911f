package clocksp3

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestSystemClock(t *testing.T) {
	before := time.Now().Truncate(0)
	i, err := system{}.Now(t.Context())
	at, ok := i.Time()
	if err != nil || !ok || at.Before(before) || at.After(time.Now()) {
		t.Error(i, err)
	}
	if r, err := (system{}).GetResolution(t.Context()); r == 0 || err != nil {
		t.Error(r, err)
	}
}

// TestInstant: moments before the epoch count forward within their second; what is none is no moment.
func TestInstant(t *testing.T) {
	if got := FromTime(time.Unix(0, -1)); got != (Instant{Seconds: -1, Nanoseconds: 999_999_999}) {
		t.Error(got)
	}
	for _, bad := range []Instant{{Nanoseconds: 1e9}, {Seconds: math.MaxInt64}, {Seconds: math.MinInt64}} {
		if at, ok := bad.Time(); ok {
			t.Errorf("%+v is %v", bad, at)
		}
	}
}

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := monotonic{}
		start := time.Now()
		if err := m.WaitFor(t.Context(), Duration(time.Second)); err != nil || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
		if err := m.WaitUntil(t.Context(), 0); err != nil || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("cancelled")
		time.AfterFunc(time.Second, func() { cancel(why) })
		for range 2 {
			if err := m.WaitUntil(ctx, math.MaxUint64); err != why || time.Since(start) != 2*time.Second {
				t.Error(err, time.Since(start))
			}
		}
	})
}

func TestTimezone(t *testing.T) {
	ctx := t.Context()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		loc    *time.Location
		iana   string
		when   Instant
		offset any
	}{
		{time.UTC, "UTC", Instant{}, int64(0)},
		{berlin, "Europe/Berlin", Instant{Seconds: 1_800_000_000}, int64(time.Hour)},
		{time.FixedZone("TST", -3*3600), "", Instant{Seconds: -1}, -3 * int64(time.Hour)},
		{time.FixedZone("TST", 90000), "", Instant{}, nil},
		{berlin, "Europe/Berlin", Instant{Seconds: math.MaxInt64}, nil},
		{time.Local, "", Instant{Nanoseconds: 1e9}, nil},
	} {
		z := timezone{c.loc}
		name, err := z.IanaID(ctx)
		if err != nil || c.iana == "" && name != nil && c.loc != time.Local || c.iana != "" && (name == nil || *name != c.iana) {
			t.Errorf("%v: %v, %v", c.loc, name, err)
		}
		offset, err := z.UTCOffset(ctx, c.when)
		if err != nil || (offset == nil) != (c.offset == nil) || offset != nil && *offset != c.offset {
			t.Errorf("%v at %v: %v, %v", c.loc, c.when, offset, err)
		}
		if s, err := z.ToDebugString(ctx); s == "" || err != nil {
			t.Errorf("%v: %q, %v", c.loc, s, err)
		}
	}
}
