package store

import (
	"encoding/hex"
	"fmt"
)

// TraceID and SpanID identify traces and spans. The zero values identify none.
type (
	TraceID [16]byte
	SpanID  [8]byte
)

// String is the identifier in hexadecimal.
func (id TraceID) String() string { return hex.EncodeToString(id[:]) }

// String is the identifier in hexadecimal.
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// ParseTraceID reads 32 hexadecimal digits.
func ParseTraceID(s string) (id TraceID, err error) {
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("%q is no trace id: want %d hexadecimal digits", s, 2*len(id))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, fmt.Errorf("%q is no trace id: want %d hexadecimal digits", s, 2*len(id))
	}
	return id, nil
}

// Source is what spans and records come from: a resource and a scope, as OTLP's messages Resource and InstrumentationScope.
type Source struct {
	Resource, Scope []byte
	Service         string // service.name of the resource
}

// Batch is what one call appends. All of its texts are valid UTF-8. The store does not keep its memory.
type Batch struct {
	Sources []Source
	Spans   []Span
	Logs    []Log
	Points  []Point
}

// Span is one span.
type Span struct {
	Source     int // index in Batch.Sources
	Trace      TraceID
	ID, Parent SpanID
	Start, End int64 // nanoseconds since 1970
	Name       string
	Failed     bool
	Status     int    // of an HTTP response; 0: none
	Encoded    []byte // OTLP's message Span
}

// Log is one log record.
type Log struct {
	Source   int
	Time     int64 // nanoseconds since 1970
	Severity int   // OTLP's number
	Trace    TraceID
	Span     SpanID
	Body     string // as text
	Encoded  []byte // OTLP's message LogRecord
}

// Point is what one collection says of one metric.
type Point struct {
	Source  int
	Time    int64 // nanoseconds since 1970
	Name    string
	Encoded []byte // OTLP's message Metric
}

// Record is an encoded span, record or metric, and what it comes from.
type Record struct {
	Source  *Source
	Encoded []byte
}

// Summary is what lists say of a trace.
type Summary struct {
	ID         TraceID
	Start, End int64 // nanoseconds since 1970, of all spans
	Spans      int
	Errors     int      // spans that failed
	Name       string   // of the root, or else of the span that began first
	Service    string   // of that span
	Status     int      // of that span's HTTP response; 0: none
	Rooted     bool     // the root is there
	Failed     bool     // that span failed
	Services   []string // sorted; not to be changed
	Run        int64    // the run of the process that it was stored by: when it began, in nanoseconds since 1970
	At         Cursor   // the place of its last change
}

// Duration is from the first span's start to the last one's end, in nanoseconds; never negative.
func (s *Summary) Duration() int64 { return max(s.End-s.Start, 0) }
