package cm

import "context"

// Operation is one step in the life of a component or an instance: artifact read, decode, validate, compile, plan, link,
// instantiate, trigger ready. Whoever performs it may Set attributes until it ends.
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
