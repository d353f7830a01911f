// Package clocks has WASI's wall clock, a monotonic clock, timers that can be polled, and time zones.
package clocks

import (
	"math"
	"sync"
	"time"

	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Resolution is the resolution of both clocks.
const Resolution = time.Nanosecond

// Datetime is a moment as seconds and nanoseconds since the epoch.
type Datetime struct {
	Seconds     uint64
	Nanoseconds uint32
}

// FromTime turns t into a Datetime; times before the epoch become the epoch.
func FromTime(t time.Time) Datetime {
	if s := t.Unix(); s >= 0 {
		return Datetime{uint64(s), uint32(t.Nanosecond())}
	}
	return Datetime{}
}

// Time turns d into a time.Time; false if d is no valid time.
func (d Datetime) Time() (time.Time, bool) {
	if d.Seconds > math.MaxInt64 || d.Nanoseconds >= 1e9 {
		return time.Time{}, false
	}
	return time.Unix(int64(d.Seconds), int64(d.Nanoseconds)), true
}

// Now is the wall clock.
func Now() Datetime { return FromTime(time.Now()) }

// Start is the reading of a new Monotonic. It is not 0: Go's runtime treats a clock at 0 as broken, and programs subtract
// minutes and hours from now.
const Start = 24 * time.Hour

// StoreKey is the key of the [Monotonic] that the guests of a store share, whatever version of WASI they speak.
type StoreKey struct{}

// Monotonic is a clock that only goes forward.
type Monotonic struct{ zero time.Time }

// NewMonotonic starts a clock, at [Start].
func NewMonotonic() *Monotonic { return &Monotonic{zero: time.Now().Add(-Start)} }

// Now is the time since the clock's zero, in nanoseconds.
func (m *Monotonic) Now() uint64 { return uint64(max(time.Since(m.zero), Start)) }

// At is an event at an instant of this clock.
func (m *Monotonic) At(when uint64) wasiio.Pollable {
	if when > math.MaxInt64 {
		return new(wasiio.Flag) // in 292 years
	}
	return &timer{at: m.zero.Add(time.Duration(when))}
}

// After is an event when d nanoseconds have passed from now.
func (m *Monotonic) After(d uint64) wasiio.Pollable {
	now := m.Now()
	if d > math.MaxInt64-now {
		return new(wasiio.Flag)
	}
	return m.At(now + d)
}

// timer is ready from at on. It has a timer of the runtime only while it is watched.
type timer struct{ at time.Time }

func (t *timer) Ready() bool { return time.Until(t.at) <= 0 }

func (t *timer) Watch(wake chan<- struct{}) (stop func()) {
	var once sync.Once
	rt := time.AfterFunc(time.Until(t.at), func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	return func() { once.Do(func() { rt.Stop() }) }
}

// Zone is a time zone at one moment.
type Zone struct {
	Offset int32 // seconds east of UTC, less than a day either way
	Name   string
	DST    bool
}

// ZoneAt is the zone of loc at the moment d, or UTC if d is not representable.
func ZoneAt(loc *time.Location, d Datetime) Zone {
	t, ok := d.Time()
	if !ok {
		return Zone{Name: "UTC"}
	}
	z, ok := ZoneOf(loc, t)
	if !ok {
		return Zone{Name: "UTC"}
	}
	return z
}

// ZoneOf returns the zone of loc at the moment t; ok is false if it is not known.
func ZoneOf(loc *time.Location, t time.Time) (z Zone, ok bool) {
	if t.Year() > 9999 || t.Year() < 0 {
		return Zone{}, false
	}
	t = t.In(loc)
	name, offset := t.Zone()
	if offset <= -86400 || offset >= 86400 {
		return Zone{}, false
	}
	return Zone{Offset: int32(offset), Name: name, DST: t.IsDST()}, true
}

// IANA is the name of loc in the IANA time zone database, empty if it has none or, as for the system's own zone, that is not known.
func IANA(loc *time.Location) string {
	name := loc.String()
	if name == "Local" {
		return ""
	}
	if _, err := time.LoadLocation(name); err != nil {
		return ""
	}
	return name
}
