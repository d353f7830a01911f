package otel

import (
	"encoding/hex"
	"math"
	"time"
)

// TraceID and SpanID identify traces and spans. All zeros is no identifier: what a guest sent was none, or said nothing.
type (
	TraceID [16]byte
	SpanID  [8]byte
)

// String is the identifier in lower-case hexadecimal digits, leading zeros too.
func (id TraceID) String() string { return hex.EncodeToString(id[:]) }

// String is the identifier in lower-case hexadecimal digits, leading zeros too.
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// Time is wasi:clocks' datetime as the guest gave it: seconds since 1970, and nanoseconds, which may be more than a second has.
type Time struct {
	Seconds     uint64
	Nanoseconds uint32
}

// Unix is the nanoseconds since 1970, and whether they say what t says: what lies beyond 64 signed bits is the last time that
// they can say, nanoseconds of more than a second are its last one. A time before 1970, which some guests send as a negative
// number of seconds, is 0.
func (t Time) Unix() (ns uint64, exact bool) {
	const second = uint64(time.Second)
	switch {
	case t.Seconds > math.MaxInt64:
		return 0, false
	case t.Seconds > (math.MaxInt64-second)/second:
		return math.MaxInt64, false
	case uint64(t.Nanoseconds) >= second:
		return t.Seconds*second + second - 1, false
	}
	return t.Seconds*second + uint64(t.Nanoseconds), true
}

// Value is an attribute's value, OpenTelemetry's AnyValue: nil, bool, int64, float64, string, []byte, []Value or []KeyValue.
// A value of any other type is taken for nil.
type Value any

// KeyValue is one attribute.
type KeyValue struct {
	Key   string
	Value Value
}

// Scope is the instrumentation scope of a record. An empty text says nothing.
type Scope struct {
	Name, Version, SchemaURL string
	Attributes               []KeyValue
}

// Resource is what a guest says of the entity that its logs and metrics come from.
type Resource struct {
	Attributes []KeyValue
	SchemaURL  string
}

// TraceState is the entries of a W3C tracestate, the newest first. One entry that is not valid makes all of it empty.
type TraceState []StateEntry

// StateEntry is one of them.
type StateEntry struct{ Key, Value string }

// SpanContext identifies a span across processes.
type SpanContext struct {
	TraceID  TraceID
	SpanID   SpanID
	Sampled  bool
	IsRemote bool
	State    TraceState
}

// IsValid says whether both identifiers are there.
func (c *SpanContext) IsValid() bool { return c.TraceID != TraceID{} && c.SpanID != SpanID{} }

// SpanKind says what a span is to others.
type SpanKind uint8

// The kinds, in the order of the WIT. The zero kind is internal, which is what is meant where nothing is said.
const (
	KindInternal SpanKind = iota
	KindClient
	KindServer
	KindProducer
	KindConsumer
)

// StatusCode is how a span ended.
type StatusCode uint8

// The codes.
const (
	StatusUnset StatusCode = iota
	StatusOK
	StatusError
)

// Status is how a span ended; only an error has a description.
type Status struct {
	Code        StatusCode
	Description string
}

// Span is a span that has ended.
type Span struct {
	Context    SpanContext
	ParentID   SpanID // of the same trace; zero for a root
	Kind       SpanKind
	Name       string
	Start, End Time
	Attributes []KeyValue
	Events     []Event
	Links      []Link
	Status     Status
	Scope      Scope
	Resource   *Resource // nil: nothing but what the host knows

	// What the guest's SDK has left out already.
	DroppedAttributes, DroppedEvents, DroppedLinks uint32
}

// Event is something that happened at a moment of a span.
type Event struct {
	Name       string
	Time       Time
	Attributes []KeyValue
}

// Link relates a span to another one.
type Link struct {
	Context    SpanContext
	Attributes []KeyValue
}

// LogRecord is one log record.
type LogRecord struct {
	Time, Observed *Time  // nil: unknown
	Severity       uint8  // 1 to 24; anything else is none
	SeverityText   string // "" for none
	Body           Value
	Attributes     []KeyValue
	EventName      string
	Resource       *Resource // nil: nothing but what the host knows
	Scope          *Scope
	TraceID        TraceID // counts with SpanID only
	SpanID         SpanID
	Sampled        bool
}
