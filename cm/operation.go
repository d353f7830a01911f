package cm

import "context"

// Operation is one step in the life of a component or an instance: artifact read, decode, validate, compile, plan, link,
// instantiate, trigger ready. The code that performs it may Set attributes until it ends.
type Operation struct {
	Name      string // "compile"
	Component Path   // empty for the host's own
	Attrs     []Attr
}

// Attr is one fact about an operation; Value is a string, bool, int64 or float64.
type Attr struct {
	Key   string
	Value any
}

// Set adds a fact. Nil-safe.
func (o *Operation) Set(key string, value any) {
	if o != nil {
		o.Attrs = append(o.Attrs, Attr{key, value})
	}
}

// Lifecycle is an optional interface of an Interceptor: Begin is called when an operation starts, and the function it
// returns exactly once when it ends.
type Lifecycle interface {
	Begin(ctx context.Context, op *Operation) (context.Context, func(err error))
}

// Begin starts an operation with i if it implements Lifecycle, and does nothing otherwise; i may be nil.
func Begin(ctx context.Context, i Interceptor, op *Operation) (context.Context, func(err error)) {
	if l, ok := i.(Lifecycle); ok {
		return l.Begin(ctx, op)
	}
	return ctx, func(error) {}
}

// Gauge is a measurement that is read when telemetry is exported, not when the value changes.
type Gauge struct {
	Name string // "instances"; telemetry puts its own prefix before it
	Unit string // "{instance}", "By"
	Help string
	// Read calls observe for each combination of attributes, the same combinations each time. It is called from any goroutine, and
	// must not block.
	Read func(observe func(value int64, attrs ...Attr))
}

// Gauges is an optional interface of an Interceptor: Gauge exports a gauge of a component until stop is called.
type Gauges interface {
	Gauge(component Path, g Gauge) (stop func())
}

// AddGauge adds a gauge to i if it implements Gauges, and does nothing otherwise; i may be nil.
func AddGauge(i Interceptor, component Path, g Gauge) (stop func()) {
	if w, ok := i.(Gauges); ok {
		return w.Gauge(component, g)
	}
	return func() {}
}
