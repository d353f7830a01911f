package clocksp3

import (
	"context"
	"math"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/clocks"
	wasiio "github.com/vitrine-wasm/vitrine/wasi/io"
)

// Add defines wasi:clocks. zone is the time zone that guests are told; nil is UTC.
func Add(l *component.Linker, zone *time.Location) {
	if zone == nil {
		zone = time.UTC
	}
	AddTypes(l)
	AddSystemClock(l, system{})
	AddMonotonicClock(l, monotonic{})
	AddTimezone(l, timezone{zone})
}

type system struct{}

func (system) Now(context.Context) (Instant, error) { return FromTime(time.Now()), nil }

func (system) GetResolution(context.Context) (Duration, error) {
	return Duration(clocks.Resolution), nil
}

// FromTime is a moment as an instant.
func FromTime(t time.Time) Instant {
	return Instant{Seconds: t.Unix(), Nanoseconds: uint32(t.Nanosecond())}
}

// Time is an instant as a moment, and says whether it is one.
func (i Instant) Time() (time.Time, bool) {
	if i.Nanoseconds >= 1e9 || i.Seconds < math.MinInt64/2 || i.Seconds > math.MaxInt64/2 { // time.Time counts from the year 1 on
		return time.Time{}, false
	}
	return time.Unix(i.Seconds, int64(i.Nanoseconds)), true
}

// monotonic gives each store a clock of its own, which it shares with that of other versions.
type monotonic struct{}

func (monotonic) clock(ctx context.Context) *clocks.Monotonic {
	return component.StoreValue(ctx, clocks.StoreKey{}, func() any { return clocks.NewMonotonic() }).(*clocks.Monotonic)
}

func (m monotonic) Now(ctx context.Context) (Mark, error) { return m.clock(ctx).Now(), nil }

func (monotonic) GetResolution(context.Context) (Duration, error) {
	return Duration(clocks.Resolution), nil
}

func (m monotonic) WaitUntil(ctx context.Context, when Mark) error {
	return wasiio.Wait(ctx, m.clock(ctx).At(when))
}

func (m monotonic) WaitFor(ctx context.Context, howLong Duration) error {
	return wasiio.Wait(ctx, m.clock(ctx).After(howLong))
}

type timezone struct{ loc *time.Location }

func (z timezone) IanaID(context.Context) (*string, error) {
	name := clocks.IANA(z.loc)
	if name == "" {
		return nil, nil
	}
	return &name, nil
}

func (z timezone) UTCOffset(_ context.Context, when Instant) (*int64, error) {
	t, ok := when.Time()
	if !ok {
		return nil, nil
	}
	at, ok := clocks.ZoneOf(z.loc, t)
	if !ok {
		return nil, nil
	}
	ns := int64(at.Offset) * int64(time.Second)
	return &ns, nil
}

func (z timezone) ToDebugString(context.Context) (string, error) { return z.loc.String(), nil }
