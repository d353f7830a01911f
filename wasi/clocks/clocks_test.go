package clocks

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

func TestMonotonicCountsFromStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMonotonic()
		if m.Now() != uint64(Start) {
			t.Fatalf("starts at %d", m.Now())
		}
		time.Sleep(3 * time.Second)
		if got := m.Now() - uint64(Start); got != 3e9 {
			t.Fatalf("after 3 s: %d", got)
		}
	})
}

func TestTimers(t *testing.T) {
	for name, c := range map[string]struct {
		event func(*Monotonic) wasiio.Pollable
		after time.Duration
	}{
		"a duration of nothing is ready":   {func(m *Monotonic) wasiio.Pollable { return m.After(0) }, 0},
		"an instant that has passed":       {func(m *Monotonic) wasiio.Pollable { return m.At(5) }, 0},
		"a duration counts from now":       {func(m *Monotonic) wasiio.Pollable { return m.After(2e9) }, 2 * time.Second},
		"an instant counts from the start": {func(m *Monotonic) wasiio.Pollable { return m.At(uint64(Start) + 3e9) }, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := NewMonotonic()
				time.Sleep(time.Second)
				p, begin := c.event(m), time.Now()
				if ready := p.Ready(); ready != (c.after == 0) {
					t.Fatalf("ready at once: %v", ready)
				}
				if err := wasiio.Wait(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(begin); got != c.after {
					t.Fatalf("waited %v, want %v", got, c.after)
				}
			})
		})
	}
}

func TestTimersForEver(t *testing.T) {
	m := NewMonotonic()
	for _, p := range []wasiio.Pollable{m.At(math.MaxUint64), m.After(math.MaxUint64), m.After(math.MaxInt64)} {
		if p.Ready() {
			t.Error("ready 292 years early")
		}
	}
}

func TestDatetime(t *testing.T) {
	now := time.Unix(1_800_000_000, 42)
	if d := FromTime(now); d != (Datetime{1_800_000_000, 42}) {
		t.Error(d)
	}
	if d := FromTime(time.Unix(-5, 0)); d != (Datetime{}) {
		t.Errorf("before the epoch: %v", d)
	}
	for _, d := range []Datetime{{math.MaxUint64, 0}, {0, 1e9}} {
		if _, ok := d.Time(); ok {
			t.Errorf("%v taken for a moment", d)
		}
	}
}

func TestZoneAt(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone data here: ", err)
	}
	for name, c := range map[string]struct {
		at   Datetime
		want Zone
	}{
		"summer":           {FromTime(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)), Zone{7200, "CEST", true}},
		"winter":           {FromTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), Zone{3600, "CET", false}},
		"beyond the clock": {Datetime{Seconds: math.MaxUint64}, Zone{Name: "UTC"}},
	} {
		if got := ZoneAt(berlin, c.at); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
