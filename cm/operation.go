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

// Lifecycle is an optional power of an Interceptor: Begin is called when an operation starts, and the function it
// returns exactly once when it ends.
type Lifecycle interface {
	Begin(ctx context.Context, op *Operation) (context.Context, func(err error))
}

// Begin starts an operation with i if it has the power, and is a no-op otherwise; i may be nil.
func Begin(ctx context.Context, i Interceptor, op *Operation) (context.Context, func(err error)) {
	if l, ok := i.(Lifecycle); ok {
		return l.Begin(ctx, op)
	}
	return ctx, func(error) {}
}

// Gauge is a measurement of a state, read when telemetry is exported and not when the state changes.
type Gauge struct {
	Name string // "instances"; telemetry puts its own prefix before it
	Unit string // "{instance}", "By"
	Help string
	// Read calls observe for each combination of attributes, of which there are the same at each call. It is called from any goroutine,
	// and must not block.
	Read func(observe func(value int64, attrs ...Attr))
}

// Gauges is an optional power of an Interceptor: to export gauges of a component, each until its stop is called.
type Gauges interface {
	Gauge(component Path, g Gauge) (stop func())
}

// AddGauge adds a gauge to i if it has the power, and does nothing otherwise; i may be nil.
func AddGauge(i Interceptor, component Path, g Gauge) (stop func()) {
	if w, ok := i.(Gauges); ok {
		return w.Gauge(component, g)
	}
	return func() {}
}
