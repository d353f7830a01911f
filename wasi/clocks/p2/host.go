package clocksp2

import (
	"context"
	"time"

	"github.com/vitrine-wasm/vitrine/component"
	"github.com/vitrine-wasm/vitrine/wasi/clocks"
	iop2 "github.com/vitrine-wasm/vitrine/wasi/io/p2"
)

// Add defines wasi:clocks. zone is the guests' time zone; nil is UTC.
func Add(l *component.Linker, zone *time.Location) {
	if zone == nil {
		zone = time.UTC
	}
	AddWallClock(l, wall{})
	AddMonotonicClock(l, monotonic{})
	AddTimezone(l, timezone{zone})
}

type wall struct{}

func (wall) Now(context.Context) (Datetime, error) { return Datetime(clocks.Now()), nil }

func (wall) Resolution(context.Context) (Datetime, error) {
	return Datetime{Nanoseconds: uint32(clocks.Resolution)}, nil
}

// monotonic gives each store a clock of its own, so that guests cannot read the host's uptime.
type monotonic struct{}

func (monotonic) clock(ctx context.Context) *clocks.Monotonic {
	return component.StoreValue(ctx, clocks.StoreKey{}, func() any { return clocks.NewMonotonic() }).(*clocks.Monotonic)
}

func (m monotonic) Now(ctx context.Context) (Instant, error) { return m.clock(ctx).Now(), nil }

func (monotonic) Resolution(context.Context) (Duration, error) {
	return uint64(clocks.Resolution), nil
}

func (m monotonic) SubscribeInstant(ctx context.Context, when Instant) (iop2.Pollable, error) {
	return iop2.NewPollable(m.clock(ctx).At(when)), nil
}

func (m monotonic) SubscribeDuration(ctx context.Context, when Duration) (iop2.Pollable, error) {
	return iop2.NewPollable(m.clock(ctx).After(when)), nil
}

type timezone struct{ loc *time.Location }

func (z timezone) Display(_ context.Context, when Datetime) (TimezoneDisplay, error) {
	at := clocks.ZoneAt(z.loc, clocks.Datetime(when))
	return TimezoneDisplay{UTCOffset: at.Offset, Name: at.Name, InDaylightSavingTime: at.DST}, nil
}

func (z timezone) UTCOffset(_ context.Context, when Datetime) (int32, error) {
	return clocks.ZoneAt(z.loc, clocks.Datetime(when)).Offset, nil
}
